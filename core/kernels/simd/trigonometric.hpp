#pragma once

// sin, cos and tan.
//
// x = n pi/2 + r with |r| <= pi/4, pi/2 in parts of 33 bits (fdlibm's), so that n times a part is exact;
// floats are reduced in double, or by fused multiply-adds with pi/2 in three floats (W. J. Cody and W.
// Waite). Every lane goes the same way whatever its neighbours hold, up to |x| = 10^6; a lane beyond that is
// handed to the C library alone. The polynomials on [-pi/4, pi/4] are minimax, fitted by us.

#include <math.h>

#include "bits.hpp"
#include "polynomial.hpp"

namespace xgrad::simd {

// Sine and cosine of r, and in the low bits of a word the quarter turns n that r counts from.
template <class T, class I>
struct Turned {
  Pack<T, I> sine, cosine;
  Words<T> quarters;
};

template <class T, class I>
struct Remainder {
  Pack<T, I> r;
  Words<T> quarters;
};

static constexpr double trigonometric_limit = 1e6;

// C's functions by their C names: an overload of std:: would be an inline function compiled with our flags.
static inline float library_sin(float x) { return ::sinf(x); }
static inline float library_cos(float x) { return ::cosf(x); }
static inline float library_tan(float x) { return ::tanf(x); }
static inline double library_sin(double x) { return ::sin(x); }
static inline double library_cos(double x) { return ::cos(x); }
static inline double library_tan(double x) { return ::tan(x); }

// pi/2 in three numbers of all digits.
template <class T>
struct HalfPi;

template <>
struct HalfPi<float> {
  static constexpr float high = 0x1.921fb6p+0f, middle = -0x1.777a5cp-25f, low = -0x1.ee59dap-50f;
};

template <>
struct HalfPi<double> {
  static constexpr double high = 0x1.921fb54442d18p+0, middle = 0x1.1a62633145c07p-54,
                          low = -0x1.f1976b7ed8fbcp-110;
};

// By fused multiply-adds: the first difference is exact, and of the second and of its product what rounding
// takes is kept. Near a multiple of pi/2 it is all that there is.
template <class T, class I>
[[gnu::always_inline]] inline Remainder<T, I> fused_quarter_turns(Pack<T, I> x) {
  using Parts = HalfPi<T>;
  const Whole<T, I> whole = nearest(x, 0.63661977236758134308);
  const Pack<T, I> n = whole.number, product = n * -Parts::middle;
  const Wide<T, I> rest = add_wide_ordered(fma(n, -Parts::high, x), product);
  const Pack<T, I> low = fma(n, -Parts::low, rest.low) + fma(n, -Parts::middle, -product);
  return {rest.high + low, whole.word};
}

template <class I>
[[gnu::always_inline]] inline Remainder<double, I> quarter_turns(Pack<double, I> x) {
  if constexpr (has_fma) {
    return fused_quarter_turns(x);
  } else {
    using P = Pack<double, I>;
    const Whole<double, I> whole = nearest(x, 0.63661977236758134308);
    const P n = whole.number, t = x - n * 1.57079632673412561417e+00;
    const P w = n * 6.07710050630396597660e-11, high = t - w, back = high - t;
    const P lost = (t - (high - back)) - (w + back);
    return {(high + (lost - n * 2.02226624871116645580e-21)) - n * 8.47842766036889956997e-32, whole.word};
  }
}

template <class I>
[[gnu::always_inline]] inline Remainder<float, I> quarter_turns(Pack<float, I> x) {
  if constexpr (has_fma) {
    return fused_quarter_turns(x);
  } else {
    using D = Pack<double, I>;
    const D low = low_half(x), high = high_half(x);
    const Whole<double, I> n_low = nearest(low, 0.63661977236758134308);
    const Whole<double, I> n_high = nearest(high, 0.63661977236758134308);
    const auto rest = [](const D& h, const D& n) {
      return (h - n * 1.57079632673412561417e+00) - n * 6.07710050650619224932e-11;
    };
    return {join(rest(low, n_low.number), rest(high, n_high.number)), join_words(n_low, n_high)};
  }
}

template <class T, class I>
[[gnu::always_inline]] inline Turned<T, I> turn(Pack<T, I> x) {
  const auto [r, quarters] = quarter_turns(x);
  const Pack<T, I> z = r * r;
  Pack<T, I> s, c;
  if constexpr (std::is_same_v<T, float>) {
    s = polynomial(z, -0.1666665487, 0.008332173531, -0.0001951665452);
    c = polynomial(z, 0.04166664675, -0.001388736164, 2.44377495e-5);
  } else {
    s = polynomial(z, -0.16666666666666631652, 0.0083333333333223152354, -0.00019841269829725295926,
                   2.7557313662094575056e-6, -2.505075327068033142e-8, 1.5896505305453896598e-10);
    c = polynomial(z, 0.041666666666666598749, -0.0013888888888873991062, 0.000024801587289395137177,
                   -2.7557314326091231594e-7, 2.087571956675298358e-9, -1.1359449083214107462e-11);
  }
  // What 1 - z / 2 loses to rounding comes back with the rest.
  const Pack<T, I> half = 0.5 * z, most = 1 - half;
  return {fma(r * z, s, r), most + fma(z * z, c, (1 - most) - half), quarters};
}

template <class T, class I>
[[gnu::always_inline]] inline Pack<T, I> sin(Pack<T, I> x) {
  const auto [sine, cosine, quarters] = turn(x);
  const Pack<T, I> y = flip_where<1>(quarters, select_odd(quarters, cosine, sine));
  const Pack<T, I> result = select(x == 0, x, y);
  const Mask<T, I> far = abs(x) > trigonometric_limit;
  return any(far) ? replace_lanes<T, I>(far, x, result, &library_sin) : result;
}

template <class T, class I>
[[gnu::always_inline]] inline Pack<T, I> cos(Pack<T, I> x) {
  const auto [sine, cosine, quarters] = turn(x);
  const Pack<T, I> result = flip_where<1>(quarters + Words<T>(1), select_odd(quarters, sine, cosine));
  const Mask<T, I> far = abs(x) > trigonometric_limit;
  return any(far) ? replace_lanes<T, I>(far, x, result, &library_cos) : result;
}

template <class T, class I>
[[gnu::always_inline]] inline Pack<T, I> tan(Pack<T, I> x) {
  const auto [sine, cosine, quarters] = turn(x);
  const Pack<T, I> ratio = select_odd(quarters, cosine, sine) / select_odd(quarters, sine, cosine);
  const Pack<T, I> result = select(x == 0, x, flip_where<0>(quarters, ratio));
  const Mask<T, I> far = abs(x) > trigonometric_limit;
  return any(far) ? replace_lanes<T, I>(far, x, result, &library_tan) : result;
}

}  // namespace xgrad::simd
