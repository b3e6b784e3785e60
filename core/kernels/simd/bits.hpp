#pragma once

// How numbers are taken apart and put together again: rounding, powers of two, and sums and products that
// keep what a single rounding would lose.

#include <bit>
#include <concepts>
#include <limits>

#include "pack.hpp"

namespace xgrad::simd {

template <class T>
struct Format;

template <>
struct Format<float> {
  using Word = std::uint32_t;
  static constexpr int fraction_bits = 23, bias = 127;
  static constexpr float smallest_normal = 0x1p-126f;
  // Adding it leaves a number rounded to a whole one, in the low bits.
  static constexpr float whole = 0x1.8p23f;
};

template <>
struct Format<double> {
  using Word = std::uint64_t;
  static constexpr int fraction_bits = 52, bias = 1023;
  static constexpr double smallest_normal = 0x1p-1022;
  static constexpr double whole = 0x1.8p52;
};

#if defined(__FMA__) || defined(__AVX512F__) || defined(__ARM_FEATURE_FMA)
static constexpr bool has_fma = true;
#else
static constexpr bool has_fma = false;
#endif

template <class T>
using Words = xsimd::batch<typename Format<T>::Word>;

// The same bits as elements of another type. xsimd's function names the element since its version 11, and the
// batch before.
template <class To, class From>
xsimd::batch<To> cast_bits(const xsimd::batch<From>& x) {
  if constexpr (requires {
                  { xsimd::bitwise_cast<To>(x) } -> std::same_as<xsimd::batch<To>>;
                }) {
    return xsimd::bitwise_cast<To>(x);
  } else {
    return xsimd::bitwise_cast<xsimd::batch<To>>(x);
  }
}

template <class T, class I>
Words<T> words(Pack<T, I> x) {
  return cast_bits<typename Format<T>::Word>(x.batch());
}

template <class T, class I>
Pack<T, I> from_words(const Words<T>& w) {
  return Pack<T, I>(cast_bits<T>(w));
}

// x, its sign flipped where bit number `Bit` of the word is set.
template <int Bit, class T, class I>
[[gnu::always_inline]] inline Pack<T, I> flip_where(const Words<T>& word, Pack<T, I> x) {
  using Word = typename Format<T>::Word;
  constexpr int top = 8 * sizeof(T) - 1;
  return from_words<T, I>(words(x) ^ ((word << (top - Bit)) & Words<T>(Word(1) << top)));
}

// `yes` where the word is odd, `no` elsewhere.
#if defined(__AVX512F__)
template <class I>
[[gnu::always_inline]] inline Pack<float, I> select_odd(const Words<float>& word, Pack<float, I> yes,
                                                        Pack<float, I> no) {
  const __mmask16 odd = _mm512_test_epi32_mask(word, _mm512_set1_epi32(1));
  return Pack<float, I>(xsimd::batch<float>(_mm512_mask_blend_ps(odd, no.batch(), yes.batch())));
}
template <class I>
[[gnu::always_inline]] inline Pack<double, I> select_odd(const Words<double>& word, Pack<double, I> yes,
                                                         Pack<double, I> no) {
  const __mmask8 odd = _mm512_test_epi64_mask(word, _mm512_set1_epi64(1));
  return Pack<double, I>(xsimd::batch<double>(_mm512_mask_blend_pd(odd, no.batch(), yes.batch())));
}
#elif defined(__AVX2__)
template <class T, class I>
[[gnu::always_inline]] inline Pack<T, I> select_odd(const Words<T>& word, Pack<T, I> yes, Pack<T, I> no) {
  const auto top = from_words<T, I>(word << (8 * sizeof(T) - 1));
  if constexpr (std::is_same_v<T, float>) {
    return Pack<T, I>(xsimd::batch<T>(_mm256_blendv_ps(no.batch(), yes.batch(), top.batch())));
  } else {
    return Pack<T, I>(xsimd::batch<T>(_mm256_blendv_pd(no.batch(), yes.batch(), top.batch())));
  }
}
#else
template <class T, class I>
[[gnu::always_inline]] inline Pack<T, I> select_odd(const Words<T>& word, Pack<T, I> yes, Pack<T, I> no) {
  const Words<T> all = Words<T>(0) - (word & Words<T>(1));
  return from_words<T, I>(words(no) ^ ((words(yes) ^ words(no)) & all));
}
#endif

// The smaller and the larger as x86 has them, in one instruction: of a NaN and a number it takes the second.
#if defined(__AVX512F__)
static inline __m512 smaller(__m512 a, __m512 b) { return _mm512_min_ps(a, b); }
static inline __m512d smaller(__m512d a, __m512d b) { return _mm512_min_pd(a, b); }
static inline __m512 larger(__m512 a, __m512 b) { return _mm512_max_ps(a, b); }
static inline __m512d larger(__m512d a, __m512d b) { return _mm512_max_pd(a, b); }
#elif defined(__AVX__)
static inline __m256 smaller(__m256 a, __m256 b) { return _mm256_min_ps(a, b); }
static inline __m256d smaller(__m256d a, __m256d b) { return _mm256_min_pd(a, b); }
static inline __m256 larger(__m256 a, __m256 b) { return _mm256_max_ps(a, b); }
static inline __m256d larger(__m256d a, __m256d b) { return _mm256_max_pd(a, b); }
#elif defined(__SSE2__)
static inline __m128 smaller(__m128 a, __m128 b) { return _mm_min_ps(a, b); }
static inline __m128d smaller(__m128d a, __m128d b) { return _mm_min_pd(a, b); }
static inline __m128 larger(__m128 a, __m128 b) { return _mm_max_ps(a, b); }
static inline __m128d larger(__m128d a, __m128d b) { return _mm_max_pd(a, b); }
#endif

// x, but no more than high and no less than low. NaN stays.
template <class T, class I>
Pack<T, I> clamp(Pack<T, I> x, T low, T high) {
  using P = Pack<T, I>;
#if defined(__SSE2__)
  using Batch = typename P::Batch;
  return P(Batch(smaller(P(high).batch(), larger(P(low).batch(), x.batch()))));
#else
  return minimum(P(high), maximum(P(low), x));
#endif
}

// x, but no more than high. NaN stays.
template <class T, class I>
Pack<T, I> at_most(Pack<T, I> x, T high) {
  using P = Pack<T, I>;
#if defined(__SSE2__)
  return P(typename P::Batch(smaller(P(high).batch(), x.batch())));
#else
  return minimum(P(high), x);
#endif
}

// The nearest whole number, ties to even, for |x| < 2^22 (float) or 2^51 (double). Zero comes out as +0.
template <class T, class I>
Pack<T, I> round_small(Pack<T, I> x) {
  return (x + Format<T>::whole) - Format<T>::whole;
}

// A whole number, and the word in whose low bits it stands, where exponents and signs are made of it.
template <class T, class I>
struct Whole {
  Pack<T, I> number;
  Words<T> word;

  friend Whole operator-(const Whole& n, int less) {
    return {n.number - less, n.word - Words<T>(static_cast<typename Format<T>::Word>(less))};
  }
};

// The nearest whole number to x, or to x * factor, within the limits of round_small.
template <class T, class I>
[[gnu::always_inline]] inline Whole<T, I> nearest(Pack<T, I> x) {
  const Pack<T, I> moved = x + Format<T>::whole;
  return {moved - Format<T>::whole, words(moved)};
}

template <class T, class I>
[[gnu::always_inline]] inline Whole<T, I> nearest(Pack<T, I> x, double factor) {
  const Pack<T, I> moved = fma(x, factor, Format<T>::whole);
  return {moved - Format<T>::whole, words(moved)};
}

// 2^n for a whole n in the range of normal numbers' exponents.
template <class T, class I>
[[gnu::always_inline]] inline Pack<T, I> power_of_two(const Whole<T, I>& n) {
  using F = Format<T>;
  return from_words<T, I>((n.word + Words<T>(F::bias)) << F::fraction_bits);
}

template <class T, class I>
Pack<T, I> power_of_two(Pack<T, I> n) {
  return from_words<T, I>(words(n + (Format<T>::whole + Format<T>::bias)) << Format<T>::fraction_bits);
}

// x 2^n, and (1 + x) 2^n, for a whole n within twice the range of a normal number's exponent: overflows and
// denormal results come out right.
#if defined(__AVX512F__)

template <class T, class I>
[[gnu::always_inline]] inline Pack<T, I> scale(Pack<T, I> x, const Whole<T, I>& n) {
  if constexpr (std::is_same_v<T, float>) {
    return Pack<T, I>(xsimd::batch<T>(_mm512_scalef_ps(x.batch(), n.number.batch())));
  } else {
    return Pack<T, I>(xsimd::batch<T>(_mm512_scalef_pd(x.batch(), n.number.batch())));
  }
}

template <class T, class I>
[[gnu::always_inline]] inline Pack<T, I> scale_one_plus(Pack<T, I> x, const Whole<T, I>& n) {
  return scale(1 + x, n);
}

#else

template <class T, class I>
struct Factors {
  Pack<T, I> first, second;
};

// 2^n in two steps. The exponent field of each is about half of n + 2 bias; bits further up fall out of the
// shift.
template <class T, class I>
[[gnu::always_inline]] inline Factors<T, I> two_powers(const Whole<T, I>& n) {
  using F = Format<T>;
  const Words<T> both = n.word + Words<T>(2 * F::bias), one = both >> 1;
  return {from_words<T, I>(one << F::fraction_bits), from_words<T, I>((both - one) << F::fraction_bits)};
}

template <class T, class I>
[[gnu::always_inline]] inline Pack<T, I> scale(Pack<T, I> x, const Whole<T, I>& n) {
  const auto [first, second] = two_powers(n);
  return x * first * second;
}

template <class T, class I>
[[gnu::always_inline]] inline Pack<T, I> scale_one_plus(Pack<T, I> x, const Whole<T, I>& n) {
  const auto [first, second] = two_powers(n);
  return fma(x, first, first) * second;
}

#endif

// x = fraction * 2^exponent, with the fraction in [sqrt(1/2), sqrt(2)).
template <class T, class I>
struct Split {
  Pack<T, I> fraction, exponent;
};

// For positive normal x; what it makes of others is for the caller to replace.
template <class T, class I>
Split<T, I> split_normal(Pack<T, I> x) {
  using F = Format<T>;
  using Word = typename F::Word;
  // Moved so that the exponent field steps up at sqrt(2) and not at 2.
  constexpr Word one = Word(F::bias) << F::fraction_bits;
  constexpr Word root = std::is_same_v<T, float> ? Word(0x3f3504f3u) : Word(0x3fe6a09e667f3bcdull);
  constexpr Word fraction_mask = (Word(1) << F::fraction_bits) - 1;
  const Words<T> moved = words(x) + Words<T>(one - root);
  const Words<T> fraction = (moved & Words<T>(fraction_mask)) + Words<T>(root);
  // The exponent field becomes the low bits of a number of known size: cheaper than a conversion, and
  // everywhere.
  constexpr T offset = T(Word(1) << F::fraction_bits);
  const Words<T> field = (moved >> F::fraction_bits) | Words<T>(std::bit_cast<Word>(offset));
  return {from_words<T, I>(fraction), from_words<T, I>(field) - (offset + F::bias)};
}

// For denormal x, too.
template <class T, class I>
Split<T, I> split(Pack<T, I> x) {
  constexpr int shift = Format<T>::fraction_bits;
  const Mask<T, I> denormal = x < Format<T>::smallest_normal;
  Split<T, I> parts = split_normal(select(denormal, x * T(std::uint64_t(1) << shift), x));
  parts.exponent = select(denormal, parts.exponent - shift, parts.exponent);
  return parts;
}

// An unevaluated sum: `low` is what rounding took from `high`.
template <class T, class I>
struct Wide {
  Pack<T, I> high, low;
};

// a + b, given |a| >= |b|.
template <class T, class I>
Wide<T, I> add_wide_ordered(Pack<T, I> a, Pack<T, I> b) {
  const Pack<T, I> s = a + b;
  return {s, b - (s - a)};
}

// x's leading half of digits.
template <class T, class I>
Pack<T, I> leading_half(Pack<T, I> x) {
  using Word = typename Format<T>::Word;
  constexpr Word mask = ~((Word(1) << (Format<T>::fraction_bits / 2 + 1)) - 1);
  return from_words<T, I>(words(x) & Words<T>(mask));
}

// a * b. Without fused multiply-add it is Dekker's product of halves.
template <class T, class I>
Wide<T, I> multiply_wide(Pack<T, I> a, Pack<T, I> b) {
  const Pack<T, I> p = a * b;
  if constexpr (has_fma) {
    return {p, fma(a, b, -p)};
  } else {
    const Pack<T, I> ah = leading_half(a), al = a - ah, bh = leading_half(b), bl = b - bh;
    return {p, ((ah * bh - p) + ah * bl + al * bh) + al * bl};
  }
}

// The lower and the upper half of the lanes as doubles, and back.
#if defined(__SSE2__)

#if defined(__AVX512DQ__)
static inline __m512d low_lanes(__m512 v) { return _mm512_cvtps_pd(_mm512_castps512_ps256(v)); }
static inline __m512d high_lanes(__m512 v) { return _mm512_cvtps_pd(_mm512_extractf32x8_ps(v, 1)); }
static inline __m512 join_lanes(__m512d low, __m512d high) {
  return _mm512_insertf32x8(_mm512_castps256_ps512(_mm512_cvtpd_ps(low)), _mm512_cvtpd_ps(high), 1);
}
#elif defined(__AVX__)
static inline __m256d low_lanes(__m256 v) { return _mm256_cvtps_pd(_mm256_castps256_ps128(v)); }
static inline __m256d high_lanes(__m256 v) { return _mm256_cvtps_pd(_mm256_extractf128_ps(v, 1)); }
static inline __m256 join_lanes(__m256d low, __m256d high) {
  return _mm256_set_m128(_mm256_cvtpd_ps(high), _mm256_cvtpd_ps(low));
}
#else
static inline __m128d low_lanes(__m128 v) { return _mm_cvtps_pd(v); }
static inline __m128d high_lanes(__m128 v) { return _mm_cvtps_pd(_mm_movehl_ps(v, v)); }
static inline __m128 join_lanes(__m128d low, __m128d high) {
  return _mm_movelh_ps(_mm_cvtpd_ps(low), _mm_cvtpd_ps(high));
}
#endif

template <class I>
Pack<double, I> low_half(Pack<float, I> x) {
  return Pack<double, I>(xsimd::batch<double>(low_lanes(x.batch())));
}

template <class I>
Pack<double, I> high_half(Pack<float, I> x) {
  return Pack<double, I>(xsimd::batch<double>(high_lanes(x.batch())));
}

template <class I>
Pack<float, I> join(Pack<double, I> low, Pack<double, I> high) {
  return Pack<float, I>(xsimd::batch<float>(join_lanes(low.batch(), high.batch())));
}

#else

template <class I>
Pack<double, I> half_from(Pack<float, I> x, std::size_t begin) {
  constexpr std::size_t width = Pack<double, I>::width;
  float lanes[2 * width];
  double half[width];
  x.store(lanes);
  for (std::size_t i = 0; i < width; ++i) half[i] = lanes[begin + i];
  return Pack<double, I>::load(half);
}

template <class I>
Pack<double, I> low_half(Pack<float, I> x) {
  return half_from(x, 0);
}

template <class I>
Pack<double, I> high_half(Pack<float, I> x) {
  return half_from(x, Pack<double, I>::width);
}

template <class I>
Pack<float, I> join(Pack<double, I> low, Pack<double, I> high) {
  constexpr std::size_t width = Pack<double, I>::width;
  double halves[2 * width];
  float lanes[2 * width];
  low.store(halves);
  high.store(halves + width);
  for (std::size_t i = 0; i < 2 * width; ++i) lanes[i] = static_cast<float>(halves[i]);
  return Pack<float, I>::load(lanes);
}

#endif

// The words of two halves, as words of floats.
template <class I>
[[gnu::always_inline]] inline Words<float> join_words(const Whole<double, I>& low,
                                                      const Whole<double, I>& high) {
#if defined(__SSE2__) && !defined(__AVX__)
  const __m128i l = low.word, h = high.word;
  return Words<float>(
      _mm_castps_si128(_mm_shuffle_ps(_mm_castsi128_ps(l), _mm_castsi128_ps(h), _MM_SHUFFLE(2, 0, 2, 0))));
#else
  return nearest(join(low.number, high.number)).word;
#endif
}

// Calls a function of the C library for those lanes where the mask holds: rare arguments are not worth more.
template <class T, class I>
[[gnu::noinline]] Pack<T, I> replace_lanes(Mask<T, I> where, Pack<T, I> x, Pack<T, I> result,
                                           T (*function)(T)) {
  constexpr std::size_t width = Pack<T, I>::width;
  alignas(64) T from[width], to[width], chosen[width];
  x.store(from);
  result.store(to);
  select(where, Pack<T, I>(1), 0).store(chosen);
  for (std::size_t i = 0; i < width; ++i)
    if (chosen[i] != 0) to[i] = function(from[i]);
  return Pack<T, I>::load(to);
}

}  // namespace xgrad::simd
