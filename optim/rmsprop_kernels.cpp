#include "rmsprop_kernels.hpp"

#include "update_formula.hpp"

namespace xgrad::kernels {
namespace {

template <class P, bool centered, bool has_momentum>
struct Rmsprop {
  static constexpr bool keeps[max_slots] = {true, centered, has_momentum};
  P rate, kept, taken, epsilon, decay, momentum;
  explicit Rmsprop(const RmspropStep& step)
      : rate(-step.learning_rate),
        kept(step.alpha),
        taken(1 - step.alpha),
        epsilon(step.epsilon),
        decay(step.weight_decay),
        momentum(step.momentum) {}

  P operator()(const P& p, const P& g0, P* s) const {
    const P g = fma(decay, p, g0);
    s[0] = fma(kept, s[0], taken * g * g);
    P variance = s[0];
    if constexpr (centered) {
      s[1] = fma(kept, s[1], taken * g);
      variance = maximum(fma(-s[1], s[1], variance), P(0));
    }
    const P move = g / (sqrt(variance) + epsilon);
    if constexpr (!has_momentum) return fma(rate, move, p);
    s[2] = fma(momentum, s[2], move);
    return fma(rate, s[2], p);
  }
};

template <class T>
void update(const UpdateLoop& loop, const RmspropStep& step) {
  using P = Pack<T, Isa>;
  const bool has_momentum = step.momentum > 0;
  if (step.centered && has_momentum) return update_all<T>(loop, Rmsprop<P, true, true>(step));
  if (step.centered) return update_all<T>(loop, Rmsprop<P, true, false>(step));
  if (has_momentum) return update_all<T>(loop, Rmsprop<P, false, true>(step));
  update_all<T>(loop, Rmsprop<P, false, false>(step));
}

}  // namespace

template <>
const UpdateKernels<RmspropStep>* update_kernels<Isa, RmspropStep>() {
  static constexpr UpdateKernels<RmspropStep> kernels = {{&update<float>, &update<double>}};
  return &kernels;
}

}  // namespace xgrad::kernels
