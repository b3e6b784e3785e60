#pragma once

// sin, cos and tan.
//
// x = n pi/2 + r with |r| <= pi/4, pi/2 in parts of 33 bits (fdlibm's), so that n times a part is exact;
// floats are reduced in double. Every lane goes the same way whatever its neighbours hold, up to |x| = 10^6;
// a lane beyond that is handed to the C library alone. The polynomials on [-pi/4, pi/4] are minimax, fitted
// by us.

#include <math.h>

#include "bits.hpp"

namespace xgrad::simd {

// Sine and cosine of r, and which quarter of the circle r counts from: -2, -1, 0, 1 or 2.
template <class T, class I>
struct Turned {
  Pack<T, I> sine, cosine, quarter;
};

template <class T, class I>
struct Remainder {
  Pack<T, I> r, quarter;
};

static constexpr double trigonometric_limit = 1e6;

// C's functions by their C names: an overload of std:: would be an inline function compiled with our flags.
static inline float library_sin(float x) { return ::sinf(x); }
static inline float library_cos(float x) { return ::cosf(x); }
static inline float library_tan(float x) { return ::tanf(x); }
static inline double library_sin(double x) { return ::sin(x); }
static inline double library_cos(double x) { return ::cos(x); }
static inline double library_tan(double x) { return ::tan(x); }

template <class I>
Remainder<double, I> quarter_turns(Pack<double, I> x) {
  using P = Pack<double, I>;
  const P n = round_small(x * 0.63661977236758134308);
  const P t = fma(n, -1.57079632673412561417e+00, x);
  // What is lost in t - w is kept: near a multiple of pi/2 it is all that there is.
  const P w = n * 6.07710050630396597660e-11, high = t - w, back = high - t;
  const P lost = (t - (high - back)) - (w + back);
  const P r = (high - fma(n, 2.02226624871116645580e-21, -lost)) - n * 8.47842766036889956997e-32;
  return {r, n - 4 * round_small(n * 0.25)};
}

template <class I>
Remainder<float, I> quarter_turns(Pack<float, I> x) {
  using D = Pack<double, I>;
  const auto half = [](const D& h) {
    const D n = round_small(h * 0.63661977236758134308);
    const D t = fma(n, -1.57079632673412561417e+00, h);
    return Remainder<double, I>{fma(n, -6.07710050650619224932e-11, t), n - 4 * round_small(n * 0.25)};
  };
  const Remainder<double, I> low = half(low_half(x)), high = half(high_half(x));
  return {join(low.r, high.r), join(low.quarter, high.quarter)};
}

template <class T, class I>
Turned<T, I> turn(Pack<T, I> x) {
  const auto [r, quarter] = quarter_turns(x);
  const Pack<T, I> z = r * r;
  Pack<T, I> s, c;
  if constexpr (std::is_same_v<T, float>) {
    s = polynomial(z, -0.0001951665452, 0.008332173531, -0.1666665487);
    c = polynomial(z, 2.44377495e-5, -0.001388736164, 0.04166664675);
  } else {
    s = polynomial(z, 1.5896505305453896598e-10, -2.505075327068033142e-8, 2.7557313662094575056e-6,
                   -0.00019841269829725295926, 0.0083333333333223152354, -0.16666666666666631652);
    c = polynomial(z, -1.1359449083214107462e-11, 2.087571956675298358e-9, -2.7557314326091231594e-7,
                   0.000024801587289395137177, -0.0013888888888873991062, 0.041666666666666598749);
  }
  // What 1 - z / 2 loses to rounding comes back with the rest.
  const Pack<T, I> half = 0.5 * z, most = 1 - half;
  return {fma(r * z, s, r), most + fma(z * z, c, (1 - most) - half), quarter};
}

template <class T, class I>
Pack<T, I> sin(Pack<T, I> x) {
  const auto [sine, cosine, quarter] = turn(x);
  const Pack<T, I> y = select(abs(quarter) == 1, cosine, sine);
  const Mask<T, I> negative = (abs(quarter) == 2) | (quarter == -1);
  const Pack<T, I> result = select(x == 0, x, select(negative, -y, y));
  const Mask<T, I> far = abs(x) > trigonometric_limit;
  return any(far) ? replace_lanes<T, I>(far, x, result, &library_sin) : result;
}

template <class T, class I>
Pack<T, I> cos(Pack<T, I> x) {
  const auto [sine, cosine, quarter] = turn(x);
  const Pack<T, I> y = select(abs(quarter) == 1, sine, cosine);
  const Mask<T, I> negative = (abs(quarter) == 2) | (quarter == 1);
  const Pack<T, I> result = select(negative, -y, y);
  const Mask<T, I> far = abs(x) > trigonometric_limit;
  return any(far) ? replace_lanes<T, I>(far, x, result, &library_cos) : result;
}

template <class T, class I>
Pack<T, I> tan(Pack<T, I> x) {
  const auto [sine, cosine, quarter] = turn(x);
  const Mask<T, I> swapped = abs(quarter) == 1;
  const Pack<T, I> y = select(swapped, -cosine, sine) / select(swapped, sine, cosine);
  const Pack<T, I> result = select(x == 0, x, y);
  const Mask<T, I> far = abs(x) > trigonometric_limit;
  return any(far) ? replace_lanes<T, I>(far, x, result, &library_tan) : result;
}

}  // namespace xgrad::simd
