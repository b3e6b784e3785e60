#pragma once

// A pack's lanes, which are whole numbers from 0 up to 2^24, as positions: `start` is added to each, and the
// first n of them are written.
//
// Overloads differ by register. They are `static`: what the linker cannot see it cannot mix up.

#include <cstdint>

#include "pack.hpp"

namespace xgrad::simd {

#if defined(__AVX512DQ__)

static inline void store_part(__m512i positions, std::int64_t* to, std::size_t n) {
  _mm512_mask_storeu_epi64(to, static_cast<__mmask8>(n < 8 ? (1u << n) - 1 : 0xff), positions);
}
static inline void store_positions(__m512d v, std::int64_t start, std::int64_t* to, std::size_t n) {
  store_part(_mm512_add_epi64(_mm512_cvttpd_epi64(v), _mm512_set1_epi64(start)), to, n);
}
static inline void store_positions(__m512 v, std::int64_t start, std::int64_t* to, std::size_t n) {
  const __m512i first = _mm512_cvttps_epi64(_mm512_castps512_ps256(v)),
                second = _mm512_cvttps_epi64(_mm512_extractf32x8_ps(v, 1)), base = _mm512_set1_epi64(start);
  store_part(_mm512_add_epi64(first, base), to, n);
  if (n > 8) store_part(_mm512_add_epi64(second, base), to + 8, n - 8);
}

#elif defined(__AVX2__)

static inline void store_part(__m128i lanes, std::int64_t start, std::int64_t* to, std::size_t n) {
  const __m256i positions = _mm256_add_epi64(_mm256_cvtepi32_epi64(lanes), _mm256_set1_epi64x(start));
  if (n >= 4)
    _mm256_storeu_si256(reinterpret_cast<__m256i*>(to), positions);
  else
    _mm256_maskstore_epi64(reinterpret_cast<long long*>(to), first_words(2 * n), positions);
}
static inline void store_positions(__m256d v, std::int64_t start, std::int64_t* to, std::size_t n) {
  store_part(_mm256_cvttpd_epi32(v), start, to, n);
}
static inline void store_positions(__m256 v, std::int64_t start, std::int64_t* to, std::size_t n) {
  const __m256i lanes = _mm256_cvttps_epi32(v);
  store_part(_mm256_castsi256_si128(lanes), start, to, n);
  if (n > 4) store_part(_mm256_extracti128_si256(lanes, 1), start, to + 4, n - 4);
}

#else

template <class Lanes>
static inline void store_positions(const Lanes& v, std::int64_t start, std::int64_t* to, std::size_t n) {
  using T = typename Lanes::value_type;
  alignas(64) T lanes[Lanes::size];
  v.store_aligned(lanes);
  for (std::size_t i = 0; i < n; ++i) to[i] = start + static_cast<std::int32_t>(lanes[i]);
}

#endif

}  // namespace xgrad::simd
