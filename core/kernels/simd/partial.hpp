#pragma once

// The first n lanes of a register, to and from memory, for 1 <= n < width; and the first lane as a number.
// No byte beyond the n elements is touched, and the lanes that are not loaded are zero.
//
// Overloads differ by pointer and register. They are `static`: what the linker cannot see it cannot mix up.

#include "isa.hpp"

#ifndef XGRAD_ISA
#error "core/simd/partial.hpp belongs in kernel files, which define XGRAD_ISA"
#endif

#include <cstddef>
#include <xsimd/xsimd.hpp>

namespace xgrad::simd {

#if defined(__SSE2__)

static inline float first_lane(__m128 v) { return _mm_cvtss_f32(v); }
static inline double first_lane(__m128d v) { return _mm_cvtsd_f64(v); }

#endif

#if defined(__AVX512F__)

static inline float first_lane(__m512 v) { return _mm512_cvtss_f32(v); }
static inline double first_lane(__m512d v) { return _mm512_cvtsd_f64(v); }

// One element goes by a scalar move: a masked store cannot forward to the load that soon follows it.
static inline __m512 load_lanes(const float* from, std::size_t n) {
  if (n == 1) return _mm512_zextps128_ps512(_mm_load_ss(from));
  return _mm512_maskz_loadu_ps(static_cast<__mmask16>((1u << n) - 1), from);
}

static inline __m512d load_lanes(const double* from, std::size_t n) {
  if (n == 1) return _mm512_zextpd128_pd512(_mm_load_sd(from));
  return _mm512_maskz_loadu_pd(static_cast<__mmask8>((1u << n) - 1), from);
}

static inline void store_lanes(float* to, __m512 v, std::size_t n) {
  if (n == 1) {
    *to = first_lane(v);
  } else {
    _mm512_mask_storeu_ps(to, static_cast<__mmask16>((1u << n) - 1), v);
  }
}

static inline void store_lanes(double* to, __m512d v, std::size_t n) {
  if (n == 1) {
    *to = first_lane(v);
  } else {
    _mm512_mask_storeu_pd(to, static_cast<__mmask8>((1u << n) - 1), v);
  }
}

#elif defined(__AVX__)

static inline float first_lane(__m256 v) { return first_lane(_mm256_castps256_ps128(v)); }
static inline double first_lane(__m256d v) { return first_lane(_mm256_castpd256_pd128(v)); }

// A window on a row of ones followed by zeros: its first n words are set.
static inline __m256i first_words(std::size_t n) {
  static constexpr int row[16] = {-1, -1, -1, -1, -1, -1, -1, -1, 0, 0, 0, 0, 0, 0, 0, 0};
  return _mm256_loadu_si256(reinterpret_cast<const __m256i*>(row + 8 - n));
}

static inline __m256 load_lanes(const float* from, std::size_t n) {
  if (n == 1) return _mm256_zextps128_ps256(_mm_load_ss(from));
  return _mm256_maskload_ps(from, first_words(n));
}

static inline __m256d load_lanes(const double* from, std::size_t n) {
  if (n == 1) return _mm256_zextpd128_pd256(_mm_load_sd(from));
  return _mm256_maskload_pd(from, first_words(2 * n));
}

static inline void store_lanes(float* to, __m256 v, std::size_t n) {
  if (n == 1) {
    *to = first_lane(v);
  } else {
    _mm256_maskstore_ps(to, first_words(n), v);
  }
}

static inline void store_lanes(double* to, __m256d v, std::size_t n) {
  if (n == 1) {
    *to = first_lane(v);
  } else {
    _mm256_maskstore_pd(to, first_words(2 * n), v);
  }
}

#elif defined(__SSE2__)

static inline __m128 load_lanes(const float* from, std::size_t n) {
  if (n == 1) return _mm_load_ss(from);
  const __m128 two = _mm_loadl_pi(_mm_setzero_ps(), reinterpret_cast<const __m64*>(from));
  return n == 2 ? two : _mm_movelh_ps(two, _mm_load_ss(from + 2));
}

static inline __m128d load_lanes(const double* from, std::size_t) { return _mm_load_sd(from); }

static inline void store_lanes(float* to, __m128 v, std::size_t n) {
  if (n == 1) {
    _mm_store_ss(to, v);
    return;
  }
  _mm_storel_pi(reinterpret_cast<__m64*>(to), v);
  if (n == 3) _mm_store_ss(to + 2, _mm_movehl_ps(v, v));
}

static inline void store_lanes(double* to, __m128d v, std::size_t) { _mm_store_sd(to, v); }

#else

template <class T>
static inline xsimd::batch<T> load_lanes(const T* from, std::size_t n) {
  alignas(64) T lanes[xsimd::batch<T>::size] = {};
  for (std::size_t i = 0; i < n; ++i) lanes[i] = from[i];
  return xsimd::batch<T>::load_aligned(lanes);
}

template <class T>
static inline void store_lanes(T* to, const xsimd::batch<T>& v, std::size_t n) {
  alignas(64) T lanes[xsimd::batch<T>::size];
  v.store_aligned(lanes);
  for (std::size_t i = 0; i < n; ++i) to[i] = lanes[i];
}

template <class T>
static inline T first_lane(const xsimd::batch<T>& v) {
  return v.get(0);
}

#endif

}  // namespace xgrad::simd
