#include "update_kernels.hpp"

#include "../core/kernels/simd/pack.hpp"

namespace xgrad::kernels {
namespace {

using simd::Isa;
using simd::Pack;

/// Of every element: parameter p, gradient g and slots s become the rule's new parameter and slots. Slot k is
/// read and written if Rule::keeps[k].
template <class T, class Rule>
void update_all(const UpdateLoop& loop, const Rule& rule) {
  using P = Pack<T, Isa>;
  T* const p = static_cast<T*>(loop.parameter);
  const T* const g = static_cast<const T*>(loop.gradient);
  T* const s0 = static_cast<T*>(loop.slots[0]);
  T* const s1 = static_cast<T*>(loop.slots[1]);
  T* const s2 = static_cast<T*>(loop.slots[2]);
  std::size_t i = 0;
  P s[max_slots];
  for (; i + P::width <= loop.count; i += P::width) {
    if constexpr (Rule::keeps[0]) s[0] = P::load(s0 + i);
    if constexpr (Rule::keeps[1]) s[1] = P::load(s1 + i);
    if constexpr (Rule::keeps[2]) s[2] = P::load(s2 + i);
    rule(P::load(p + i), P::load(g + i), s).store(p + i);
    if constexpr (Rule::keeps[0]) s[0].store(s0 + i);
    if constexpr (Rule::keeps[1]) s[1].store(s1 + i);
    if constexpr (Rule::keeps[2]) s[2].store(s2 + i);
  }
  if (const std::size_t rest = loop.count - i; rest > 0) {
    if constexpr (Rule::keeps[0]) s[0] = P::load_first(s0 + i, rest);
    if constexpr (Rule::keeps[1]) s[1] = P::load_first(s1 + i, rest);
    if constexpr (Rule::keeps[2]) s[2] = P::load_first(s2 + i, rest);
    rule(P::load_first(p + i, rest), P::load_first(g + i, rest), s).store_first(p + i, rest);
    if constexpr (Rule::keeps[0]) s[0].store_first(s0 + i, rest);
    if constexpr (Rule::keeps[1]) s[1].store_first(s1 + i, rest);
    if constexpr (Rule::keeps[2]) s[2].store_first(s2 + i, rest);
  }
}

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

template <class P>
struct Scale {
  static constexpr bool keeps[max_slots] = {};
  P factor;
  explicit Scale(const ScaleStep& step) : factor(step.factor) {}
  P operator()(const P& p, const P&, P*) const { return p * factor; }
};

template <class T>
void update(const UpdateLoop& loop, const ScaleStep& step) {
  update_all<T>(loop, Scale<Pack<T, Isa>>(step));
}

template <class P>
struct Clamp {
  static constexpr bool keeps[max_slots] = {};
  P limit;
  explicit Clamp(const ClampStep& step) : limit(step.limit) {}
  P operator()(const P& p, const P&, P*) const { return maximum(minimum(p, limit), -limit); }
};

template <class T>
void update(const UpdateLoop& loop, const ClampStep& step) {
  update_all<T>(loop, Clamp<Pack<T, Isa>>(step));
}

template <class Step>
constexpr UpdateKernels<Step> both = {{&update<float>, &update<double>}};

}  // namespace

template <>
const UpdateKernels<SgdStep>* update_kernels<Isa, SgdStep>() {
  return &both<SgdStep>;
}
template <>
const UpdateKernels<AdagradStep>* update_kernels<Isa, AdagradStep>() {
  return &both<AdagradStep>;
}
template <>
const UpdateKernels<RmspropStep>* update_kernels<Isa, RmspropStep>() {
  return &both<RmspropStep>;
}
template <>
const UpdateKernels<AdamStep>* update_kernels<Isa, AdamStep>() {
  return &both<AdamStep>;
}
template <>
const UpdateKernels<ScaleStep>* update_kernels<Isa, ScaleStep>() {
  return &both<ScaleStep>;
}
template <>
const UpdateKernels<ClampStep>* update_kernels<Isa, ClampStep>() {
  return &both<ClampStep>;
}

}  // namespace xgrad::kernels
