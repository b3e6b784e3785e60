#pragma once

// Rounding to whole numbers, right for every number: NaN and infinities stay, and a zero keeps its number's
// sign. floor is in pack.hpp.

#include <cstdint>

#include "bits.hpp"

namespace xgrad::simd {

template <class T, class I>
Pack<T, I> ceil(const Pack<T, I>& x) {
  return -floor(-x);
}

// Towards zero.
template <class T, class I>
Pack<T, I> trunc(const Pack<T, I>& x) {
  return copysign(floor(abs(x)), x);
}

// To the nearest, ties to even. From 2^23 on (2^52 of double) every number is whole; below, the sum with that
// has no place for digits behind the point, and is rounded as sums are.
template <class T, class I>
Pack<T, I> round(const Pack<T, I>& x) {
  constexpr T whole = static_cast<T>(std::uint64_t(1) << Format<T>::fraction_bits);
  const Pack<T, I> size = abs(x);
  return select(size < whole, copysign((size + whole) - whole, x), x);
}

}  // namespace xgrad::simd
