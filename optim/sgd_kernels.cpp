#include "sgd_kernels.hpp"

#include "update_formula.hpp"

namespace xgrad::kernels {
namespace {

enum class Momentum { none, plain, nesterov };

template <class P, Momentum kind>
struct Sgd {
  static constexpr bool keeps[max_slots] = {kind != Momentum::none};
  P rate, momentum, decay;
  explicit Sgd(const SgdStep& step)
      : rate(-step.learning_rate), momentum(step.momentum), decay(step.weight_decay) {}

  P operator()(const P& p, const P& g0, P* s) const {
    const P g = fma(decay, p, g0);
    if constexpr (kind == Momentum::none) return fma(rate, g, p);
    s[0] = fma(momentum, s[0], g);
    return fma(rate, kind == Momentum::nesterov ? fma(momentum, s[0], g) : s[0], p);
  }
};

template <class T>
void update(const UpdateLoop& loop, const SgdStep& step) {
  using P = Pack<T, Isa>;
  if (step.momentum == 0) return update_all<T>(loop, Sgd<P, Momentum::none>(step));
  if (step.nesterov) return update_all<T>(loop, Sgd<P, Momentum::nesterov>(step));
  update_all<T>(loop, Sgd<P, Momentum::plain>(step));
}

}  // namespace

template <>
const UpdateKernels<SgdStep>* update_kernels<Isa, SgdStep>() {
  static constexpr UpdateKernels<SgdStep> kernels = {{&update<float>, &update<double>}};
  return &kernels;
}

}  // namespace xgrad::kernels
