#pragma once

// pow: 2^(y log2 x), where the logarithm needs more digits than the result has. Floats are worked out in
// double; doubles as unevaluated sums of two (T. J. Dekker, 1971).
//
// log2 of m in [sqrt(1/2), sqrt(2)) is, with s = (m - 1) / (m + 1) and z = s^2,
// s (c1 + z (c3 + z q(z))), c1 = 2 / ln 2, c3 = c1 / 3, q a minimax polynomial fitted by us.

#include "exponential.hpp"
#include "polynomial.hpp"

namespace xgrad::simd {

// log2(a) for positive finite a, with an error below 2^-65 |log2(a)|.
template <class I>
Wide<double, I> log2_wide(Pack<double, I> a) {
  using P = Pack<double, I>;
  const auto [fraction, exponent] = split(a);
  const P f = fraction - 1;
  const Wide<double, I> below = add_wide_ordered(P(2), f);
  const P inverse = 1 / below.high;
  Wide<double, I> s{f * inverse, 0};
  const Wide<double, I> back = multiply_wide(s.high, below.high);
  s.low = inverse * (((f - back.high) - back.low) - s.high * below.low);

  Wide<double, I> z = multiply_wide(s.high, s.high);
  z.low = fma(2 * s.high, s.low, z.low);
  const P q = polynomial(z.high, 0.57707801635558503581, 0.41219858311137256609, 0.32059889790734939898,
                         0.26230819923145911483, 0.22195223589711783843, 0.19240251115549567813,
                         0.16842956542903556502, 0.17298543531722196281);
  // Each step: sum = (sum + constant) * factor, both wide.
  const auto step = [](P high, P low, double c, double c_low, const Wide<double, I>& factor) {
    Wide<double, I> t = add_wide_ordered(P(c), high);
    t.low += low + c_low;
    Wide<double, I> p = multiply_wide(t.high, factor.high);
    p.low += fma(t.high, factor.low, t.low * factor.high);
    return p;
  };
  Wide<double, I> l = step(z.high * q, z.low * q, 0.9617966939259756, 5.0577616648125907e-17, z);
  l = step(l.high, l.low, 2.8853900817779268, 4.0710547481862066e-17, s);
  const Wide<double, I> total = add_wide_ordered(exponent, l.high);
  return add_wide_ordered(total.high, total.low + l.low);
}

// a^y for positive finite a and any y; infinite y are for the caller.
template <class I>
Pack<double, I> positive_power(Pack<double, I> a, Pack<double, I> y) {
  using P = Pack<double, I>;
  const Wide<double, I> l = log2_wide(a);
  Wide<double, I> v = multiply_wide(y, l.high);
  v.low = select(abs(v.high) < 2000, fma(y, l.low, v.low), 0);
  v.high = clamp(v.high, -2000.0, 2000.0);
  const Whole<double, I> n = nearest(v.high);
  const P r = ((v.high - n.number) + v.low) * 0.69314718055994530942;
  return scale_one_plus(exp_excess(r), n);
}

// The same for one half of a float pack, widened. The result may lie far outside what a float holds.
template <class I>
Pack<double, I> positive_power_of_halves(Pack<double, I> a, Pack<double, I> y) {
  using P = Pack<double, I>;
  const auto [fraction, exponent] = split(a);
  const P f = fraction - 1, s = f / (2 + f), z = s * s;
  const P l = fma(s,
                  polynomial(z, 2.8853900817779268, 0.9617966939259756, 0.57708021792638920603,
                             0.41184742325540563806, 0.33787519173145200235),
                  exponent);
  const P v = clamp(y * l, -300.0, 300.0);
  const Whole<double, I> n = nearest(v);
  const P r = v - n.number;
  const P q = polynomial(r, 0.69314718070680821801, 0.24022651071019209016, 0.055504103600664937514,
                         0.0096180374037369008486, 0.0013333938009138824437, 0.00015467009132500167388,
                         0.000015195944094753036617);
  return power_of_two(n) * fma(r, q, 1);
}

template <class I>
Pack<float, I> positive_power(Pack<float, I> a, Pack<float, I> y) {
  return join(positive_power_of_halves(low_half(a), low_half(y)),
              positive_power_of_halves(high_half(a), high_half(y)));
}

// The edges are those of C99, annex F.9.4.4.
template <class T, class I>
Pack<T, I> power(Pack<T, I> x, Pack<T, I> y) {
  using P = Pack<T, I>;
  constexpr T infinity = std::numeric_limits<T>::infinity(), nan = std::numeric_limits<T>::quiet_NaN();
  const P a = abs(x), size = abs(y);
  P p = positive_power(a, y);
  const Mask<T, I> extreme = (a == 0) | (a == infinity) | (size == infinity);
  const Mask<T, I> grows = ((a > 1) & (y > 0)) | ((a < 1) & (y < 0));
  p = select(extreme, select(grows, infinity, 0), p);
  p = select(a == 1, 1, p);

  const P half = y * 0.5;
  const Mask<T, I> whole = floor(y) == y, odd = whole & (floor(half) != half);
  p = select(odd, copysign(p, x), p);
  p = select((x < 0) & !extreme & !whole, nan, p);
  p = select(is_nan(x) | is_nan(y), nan, p);
  return select((y == 0) | (x == 1), 1, p);
}

}  // namespace xgrad::simd
