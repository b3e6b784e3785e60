#pragma once

#include <cstddef>
#include <utility>

#include "pack.hpp"

namespace xgrad::simd {

// Neighbours of a row of N terms joined by the power of x between them, until one is left.
template <std::size_t N, class P>
struct Terms {
  P term[N];

  template <std::size_t K>
  [[gnu::always_inline]] P pair(const P& power) const {
    if constexpr (2 * K + 1 < N) {
      return fma(term[2 * K + 1], power, term[2 * K]);
    } else {
      return term[2 * K];
    }
  }
  template <std::size_t... K>
  [[gnu::always_inline]] P join(const P& power, std::index_sequence<K...>) const {
    return Terms<sizeof...(K), P>{{pair<K>(power)...}}.sum(power * power);
  }
  [[gnu::always_inline]] P sum(const P& power) const {
    if constexpr (N == 1) {
      return term[0];
    } else if constexpr (N == 2) {
      return pair<0>(power);
    } else {
      return join(power, std::make_index_sequence<(N + 1) / 2>{});
    }
  }
};

// c[0] + c[1] x + ... + c[n] x^n by Estrin's scheme (1960): its longest way is of log2(n) steps, where
// Horner's rule waits for each of n.
template <class T, class I, class... Numbers>
[[gnu::always_inline]] inline Pack<T, I> polynomial(Pack<T, I> x, Numbers... rising) {
  return Terms<sizeof...(Numbers), Pack<T, I>>{{Pack<T, I>(rising)...}}.sum(x);
}

}  // namespace xgrad::simd
