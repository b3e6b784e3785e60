#include "adagrad_kernels.hpp"

#include "update_formula.hpp"

namespace xgrad::kernels {
namespace {

template <class P>
struct Adagrad {
  static constexpr bool keeps[max_slots] = {true};
  P rate, epsilon, decay;
  explicit Adagrad(const AdagradStep& step)
      : rate(-step.learning_rate), epsilon(step.epsilon), decay(step.weight_decay) {}

  P operator()(const P& p, const P& g0, P* s) const {
    const P g = fma(decay, p, g0);
    s[0] = fma(g, g, s[0]);
    return fma(rate, g / (sqrt(s[0]) + epsilon), p);
  }
};

template <class T>
void update(const UpdateLoop& loop, const AdagradStep& step) {
  update_all<T>(loop, Adagrad<Pack<T, Isa>>(step));
}

}  // namespace

template <>
const UpdateKernels<AdagradStep>* update_kernels<Isa, AdagradStep>() {
  static constexpr UpdateKernels<AdagradStep> kernels = {{&update<float>, &update<double>}};
  return &kernels;
}

}  // namespace xgrad::kernels
