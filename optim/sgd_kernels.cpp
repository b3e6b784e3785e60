#include "sgd_kernels.hpp"

#include "../core/simd/pack.hpp"

namespace xgrad::kernels {
namespace {

using simd::Isa;
using simd::Pack;

enum class Momentum { none, plain, nesterov };

template <class T, Momentum kind>
void update_all(T* parameter, const T* gradient, T* velocity, std::size_t count, const SgdStep& step) {
  using P = Pack<T, Isa>;
  const P rate(-step.learning_rate), momentum(step.momentum), decay(step.weight_decay);
  // The new parameter; `v` becomes the new velocity.
  const auto moved = [&](const P& p, const P& g0, P& v) {
    const P g = fma(decay, p, g0);
    if constexpr (kind == Momentum::none) return fma(rate, g, p);
    v = fma(momentum, v, g);
    return fma(rate, kind == Momentum::nesterov ? fma(momentum, v, g) : v, p);
  };
  std::size_t i = 0;
  for (; i + P::width <= count; i += P::width) {
    P v(0);
    if constexpr (kind != Momentum::none) v = P::load(velocity + i);
    moved(P::load(parameter + i), P::load(gradient + i), v).store(parameter + i);
    if constexpr (kind != Momentum::none) v.store(velocity + i);
  }
  if (const std::size_t rest = count - i; rest > 0) {
    P v(0);
    if constexpr (kind != Momentum::none) v = P::load_first(velocity + i, rest);
    moved(P::load_first(parameter + i, rest), P::load_first(gradient + i, rest), v)
        .store_first(parameter + i, rest);
    if constexpr (kind != Momentum::none) v.store_first(velocity + i, rest);
  }
}

template <class T>
void update(void* parameter, const void* gradient, void* velocity, std::size_t count, const SgdStep& step) {
  T* const p = static_cast<T*>(parameter);
  const T* const g = static_cast<const T*>(gradient);
  T* const v = static_cast<T*>(velocity);
  if (v == nullptr) return update_all<T, Momentum::none>(p, g, v, count, step);
  if (step.nesterov) return update_all<T, Momentum::nesterov>(p, g, v, count, step);
  update_all<T, Momentum::plain>(p, g, v, count, step);
}

}  // namespace

template <>
const SgdKernels* sgd_kernels<simd::Isa>() {
  static constexpr SgdKernels kernels = {{&update<float>, &update<double>}};
  return &kernels;
}

}  // namespace xgrad::kernels
