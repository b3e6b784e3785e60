#pragma once

// From the lanes of one pack to one number. The order is fixed: halves are folded onto each other.

#include <limits>

#include "pack.hpp"

namespace xgrad::simd {

// The foldings. Templates over I for the sake of their names alone.
template <class I>
struct Add {
#if defined(__SSE2__)
  static __m128 of(__m128 a, __m128 b) { return _mm_add_ps(a, b); }
  static __m128d of(__m128d a, __m128d b) { return _mm_add_pd(a, b); }
#else
  template <class T>
  static T of(T a, T b) {
    return a + b;
  }
#endif
};

template <class I>
struct Larger {
#if defined(__SSE2__)
  static __m128 of(__m128 a, __m128 b) { return _mm_max_ps(a, b); }
  static __m128d of(__m128d a, __m128d b) { return _mm_max_pd(a, b); }
#else
  template <class T>
  static T of(T a, T b) {
    return a < b ? b : a;
  }
#endif
};

template <class I>
struct Smaller {
#if defined(__SSE2__)
  static __m128 of(__m128 a, __m128 b) { return _mm_min_ps(a, b); }
  static __m128d of(__m128d a, __m128d b) { return _mm_min_pd(a, b); }
#else
  template <class T>
  static T of(T a, T b) {
    return b < a ? b : a;
  }
#endif
};

#if defined(__SSE2__)

template <class Op>
static inline float fold(__m128 v) {
  v = Op::of(v, _mm_movehl_ps(v, v));
  return first_lane(Op::of(v, _mm_shuffle_ps(v, v, 1)));
}

template <class Op>
static inline double fold(__m128d v) {
  return first_lane(Op::of(v, _mm_unpackhi_pd(v, v)));
}

#if defined(__AVX__)

template <class Op>
static inline __m128 halve(__m256 v) {
  return Op::of(_mm256_castps256_ps128(v), _mm256_extractf128_ps(v, 1));
}

template <class Op>
static inline __m128d halve(__m256d v) {
  return Op::of(_mm256_castpd256_pd128(v), _mm256_extractf128_pd(v, 1));
}

template <class Op>
static inline float fold(__m256 v) {
  return fold<Op>(halve<Op>(v));
}

template <class Op>
static inline double fold(__m256d v) {
  return fold<Op>(halve<Op>(v));
}

#endif
#if defined(__AVX512DQ__)

template <class Op>
static inline float fold(__m512 v) {
  const __m256 low = _mm512_castps512_ps256(v), high = _mm512_extractf32x8_ps(v, 1);
  return fold<Op>(Op::of(halve<Op>(low), halve<Op>(high)));
}

template <class Op>
static inline double fold(__m512d v) {
  const __m256d low = _mm512_castpd512_pd256(v), high = _mm512_extractf64x4_pd(v, 1);
  return fold<Op>(Op::of(halve<Op>(low), halve<Op>(high)));
}

#endif

// Each float as a double, the two halves already added.
#if defined(__AVX512DQ__)
static inline __m512d add_as_doubles(__m512 v) {
  return _mm512_add_pd(_mm512_cvtps_pd(_mm512_castps512_ps256(v)),
                       _mm512_cvtps_pd(_mm512_extractf32x8_ps(v, 1)));
}
#elif defined(__AVX__)
static inline __m256d add_as_doubles(__m256 v) {
  return _mm256_add_pd(_mm256_cvtps_pd(_mm256_castps256_ps128(v)),
                       _mm256_cvtps_pd(_mm256_extractf128_ps(v, 1)));
}
#else
static inline __m128d add_as_doubles(__m128 v) {
  return _mm_add_pd(_mm_cvtps_pd(v), _mm_cvtps_pd(_mm_movehl_ps(v, v)));
}
#endif

#else

template <class Op, class T>
static inline T fold(const xsimd::batch<T>& v) {
  alignas(64) T lanes[xsimd::batch<T>::size];
  v.store_aligned(lanes);
  for (std::size_t half = xsimd::batch<T>::size / 2; half > 0; half /= 2)
    for (std::size_t i = 0; i < half; ++i) lanes[i] = Op::of(lanes[i], lanes[i + half]);
  return lanes[0];
}

#endif

template <class T, class I>
T sum(const Pack<T, I>& x) {
  return fold<Add<I>>(x.batch());
}

// The sum of a float pack, added up in double.
template <class I>
double sum_double(const Pack<float, I>& x) {
#if defined(__SSE2__)
  return fold<Add<I>>(add_as_doubles(x.batch()));
#else
  alignas(64) float lanes[Pack<float, I>::width];
  x.batch().store_aligned(lanes);
  double total = 0;
  for (const float lane : lanes) total += lane;
  return total;
#endif
}

template <class I>
double sum_double(const Pack<double, I>& x) {
  return sum(x);
}

// The largest and the smallest lane; NaN if any lane is.
template <class T, class I>
T max(const Pack<T, I>& x) {
  return any(is_nan(x)) ? std::numeric_limits<T>::quiet_NaN() : fold<Larger<I>>(x.batch());
}

template <class T, class I>
T min(const Pack<T, I>& x) {
  return any(is_nan(x)) ? std::numeric_limits<T>::quiet_NaN() : fold<Smaller<I>>(x.batch());
}

}  // namespace xgrad::simd
