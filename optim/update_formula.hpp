// One pass of an optimizer's formula over parameter, gradient and slots, written once for packs. For kernel
// files only.
#pragma once

#include "../core/kernels/simd/pack.hpp"
#include "update_kernels.hpp"

namespace xgrad::kernels {

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

}  // namespace xgrad::kernels
