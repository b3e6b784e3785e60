#include "adam_kernels.hpp"

#include "update_formula.hpp"

namespace xgrad::kernels {
namespace {

template <class P, bool amsgrad>
struct Adam {
  static constexpr bool keeps[max_slots] = {true, true, amsgrad};
  P rate, kept1, taken1, kept2, taken2, root_factor, epsilon, decay, factor;
  explicit Adam(const AdamStep& step)
      : rate(-step.rate),
        kept1(step.beta1),
        taken1(1 - step.beta1),
        kept2(step.beta2),
        taken2(1 - step.beta2),
        root_factor(step.root_factor),
        epsilon(step.epsilon),
        decay(step.gradient_decay),
        factor(step.parameter_factor) {}

  P operator()(const P& p, const P& g0, P* s) const {
    const P g = fma(decay, p, g0);
    s[0] = fma(kept1, s[0], taken1 * g);
    s[1] = fma(kept2, s[1], taken2 * g * g);
    P square = s[1];
    if constexpr (amsgrad) square = s[2] = maximum(s[2], s[1]);
    return fma(rate, s[0] / fma(sqrt(square), root_factor, epsilon), factor * p);
  }
};

template <class T>
void update(const UpdateLoop& loop, const AdamStep& step) {
  using P = Pack<T, Isa>;
  if (step.amsgrad) return update_all<T>(loop, Adam<P, true>(step));
  update_all<T>(loop, Adam<P, false>(step));
}

}  // namespace

template <>
const UpdateKernels<AdamStep>* update_kernels<Isa, AdamStep>() {
  static constexpr UpdateKernels<AdamStep> kernels = {{&update<float>, &update<double>}};
  return &kernels;
}

}  // namespace xgrad::kernels
