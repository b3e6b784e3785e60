#pragma once

// Every other lane of two packs that follow each other: those with even numbers, and those with odd ones. And
// the dual: two packs with each lane of one twice.
//
// Overloads differ by register. They are `static`: what the linker cannot see it cannot mix up.

#include "pack.hpp"

namespace xgrad::simd {

#if defined(__AVX512F__)

static inline __m512i even_lanes_of_16() {
  return _mm512_setr_epi32(0, 2, 4, 6, 8, 10, 12, 14, 16, 18, 20, 22, 24, 26, 28, 30);
}
static inline __m512i even_lanes_of_8() { return _mm512_setr_epi64(0, 2, 4, 6, 8, 10, 12, 14); }

static inline __m512 even_lanes(__m512 a, __m512 b) {
  return _mm512_permutex2var_ps(a, even_lanes_of_16(), b);
}
static inline __m512 odd_lanes(__m512 a, __m512 b) {
  return _mm512_permutex2var_ps(a, _mm512_add_epi32(even_lanes_of_16(), _mm512_set1_epi32(1)), b);
}
static inline __m512d even_lanes(__m512d a, __m512d b) {
  return _mm512_permutex2var_pd(a, even_lanes_of_8(), b);
}
static inline __m512d odd_lanes(__m512d a, __m512d b) {
  return _mm512_permutex2var_pd(a, _mm512_add_epi64(even_lanes_of_8(), _mm512_set1_epi64(1)), b);
}

static inline __m512 first_half_twice(__m512 v) {
  return _mm512_permutexvar_ps(_mm512_setr_epi32(0, 0, 1, 1, 2, 2, 3, 3, 4, 4, 5, 5, 6, 6, 7, 7), v);
}
static inline __m512 second_half_twice(__m512 v) {
  return _mm512_permutexvar_ps(_mm512_setr_epi32(8, 8, 9, 9, 10, 10, 11, 11, 12, 12, 13, 13, 14, 14, 15, 15),
                               v);
}
static inline __m512d first_half_twice(__m512d v) {
  return _mm512_permutexvar_pd(_mm512_setr_epi64(0, 0, 1, 1, 2, 2, 3, 3), v);
}
static inline __m512d second_half_twice(__m512d v) {
  return _mm512_permutexvar_pd(_mm512_setr_epi64(4, 4, 5, 5, 6, 6, 7, 7), v);
}

#elif defined(__AVX2__)

// Within halves of the registers first: then the second and the third quarter change places.
static inline __m256d in_order(__m256d v) { return _mm256_permute4x64_pd(v, 0xd8); }

static inline __m256 even_lanes(__m256 a, __m256 b) {
  return _mm256_castpd_ps(in_order(_mm256_castps_pd(_mm256_shuffle_ps(a, b, 0x88))));
}
static inline __m256 odd_lanes(__m256 a, __m256 b) {
  return _mm256_castpd_ps(in_order(_mm256_castps_pd(_mm256_shuffle_ps(a, b, 0xdd))));
}
static inline __m256d even_lanes(__m256d a, __m256d b) { return in_order(_mm256_unpacklo_pd(a, b)); }
static inline __m256d odd_lanes(__m256d a, __m256d b) { return in_order(_mm256_unpackhi_pd(a, b)); }

static inline __m256 first_half_twice(__m256 v) {
  return _mm256_permutevar8x32_ps(v, _mm256_setr_epi32(0, 0, 1, 1, 2, 2, 3, 3));
}
static inline __m256 second_half_twice(__m256 v) {
  return _mm256_permutevar8x32_ps(v, _mm256_setr_epi32(4, 4, 5, 5, 6, 6, 7, 7));
}
static inline __m256d first_half_twice(__m256d v) { return _mm256_permute4x64_pd(v, 0x50); }
static inline __m256d second_half_twice(__m256d v) { return _mm256_permute4x64_pd(v, 0xfa); }

#elif defined(__SSE2__)

static inline __m128 even_lanes(__m128 a, __m128 b) { return _mm_shuffle_ps(a, b, 0x88); }
static inline __m128 odd_lanes(__m128 a, __m128 b) { return _mm_shuffle_ps(a, b, 0xdd); }
static inline __m128d even_lanes(__m128d a, __m128d b) { return _mm_unpacklo_pd(a, b); }
static inline __m128d odd_lanes(__m128d a, __m128d b) { return _mm_unpackhi_pd(a, b); }

static inline __m128 first_half_twice(__m128 v) { return _mm_unpacklo_ps(v, v); }
static inline __m128 second_half_twice(__m128 v) { return _mm_unpackhi_ps(v, v); }
static inline __m128d first_half_twice(__m128d v) { return _mm_unpacklo_pd(v, v); }
static inline __m128d second_half_twice(__m128d v) { return _mm_unpackhi_pd(v, v); }

#else

template <class T>
static inline xsimd::batch<T> lanes_from(const xsimd::batch<T>& a, const xsimd::batch<T>& b,
                                         std::size_t first) {
  constexpr std::size_t width = xsimd::batch<T>::size;
  alignas(64) T lanes[2 * width], chosen[width];
  a.store_aligned(lanes);
  b.store_unaligned(lanes + width);
  for (std::size_t i = 0; i < width; ++i) chosen[i] = lanes[2 * i + first];
  return xsimd::batch<T>::load_aligned(chosen);
}
template <class T>
static inline xsimd::batch<T> even_lanes(const xsimd::batch<T>& a, const xsimd::batch<T>& b) {
  return lanes_from(a, b, 0);
}
template <class T>
static inline xsimd::batch<T> odd_lanes(const xsimd::batch<T>& a, const xsimd::batch<T>& b) {
  return lanes_from(a, b, 1);
}
template <class T>
static inline xsimd::batch<T> lanes_twice(const xsimd::batch<T>& v, std::size_t first) {
  constexpr std::size_t width = xsimd::batch<T>::size;
  alignas(64) T lanes[width], chosen[width];
  v.store_aligned(lanes);
  for (std::size_t i = 0; i < width; ++i) chosen[i] = lanes[first + i / 2];
  return xsimd::batch<T>::load_aligned(chosen);
}
template <class T>
static inline xsimd::batch<T> first_half_twice(const xsimd::batch<T>& v) {
  return lanes_twice(v, 0);
}
template <class T>
static inline xsimd::batch<T> second_half_twice(const xsimd::batch<T>& v) {
  return lanes_twice(v, xsimd::batch<T>::size / 2);
}

#endif

template <class T, class I>
Pack<T, I> evens(const Pack<T, I>& a, const Pack<T, I>& b) {
  return Pack<T, I>(typename Pack<T, I>::Batch(even_lanes(a.batch(), b.batch())));
}
template <class T, class I>
Pack<T, I> odds(const Pack<T, I>& a, const Pack<T, I>& b) {
  return Pack<T, I>(typename Pack<T, I>::Batch(odd_lanes(a.batch(), b.batch())));
}

/// The lanes of the first half of a pack, or of the second, each twice.
template <class T, class I>
Pack<T, I> first_twice(const Pack<T, I>& v) {
  return Pack<T, I>(typename Pack<T, I>::Batch(first_half_twice(v.batch())));
}
template <class T, class I>
Pack<T, I> second_twice(const Pack<T, I>& v) {
  return Pack<T, I>(typename Pack<T, I>::Batch(second_half_twice(v.batch())));
}

}  // namespace xgrad::simd
