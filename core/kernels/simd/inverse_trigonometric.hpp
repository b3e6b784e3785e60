#pragma once

// atan, atan2, asin and acos. The polynomials are minimax, fitted by us; pi comes in two parts, so that a
// difference from it is rounded once.

#include "bits.hpp"
#include "polynomial.hpp"

namespace xgrad::simd {

template <class T>
struct Pi;

template <>
struct Pi<float> {
  static constexpr float high = 3.14159274f, low = -8.74227800e-8f;
};

template <>
struct Pi<double> {
  static constexpr double high = 3.141592653589793116, low = 1.2246467991473532e-16;
};

// fraction * pi - x, the fraction a power of two.
template <class T, class I>
Pack<T, I> from_pi(T fraction, Pack<T, I> x) {
  return fraction * Pi<T>::high - (x - fraction * Pi<T>::low);
}

// atan(a / b) for 0 <= a <= b, at most pi/4. Ratios above tan(pi/8) are turned back by pi/4 (as in Cephes),
// before the division: there is only one.
template <class T, class I>
Pack<T, I> atan_of_ratio(Pack<T, I> a, Pack<T, I> b) {
  const Mask<T, I> steep = a > 0.41421356237309504880 * b;
  const Pack<T, I> t = select(steep, a - b, a) / select(steep, a + b, b), z = t * t;
  Pack<T, I> p;
  if constexpr (std::is_same_v<T, float>) {
    p = polynomial(z, -0.3333331542, 0.1999848401, -0.1424373885, 0.1059513965, -0.06081154668);
  } else {
    p = polynomial(z, -0.33333333333333327526, 0.19999999999997670428, -0.1428571428538815507,
                   0.11111111088186162773, -0.090909081448076929734, 0.076922827645388998035,
                   -0.066662268385273322558, 0.058770225423458142716, -0.052184088752764148853,
                   0.045035664810156189902, -0.033474827077373143831, 0.01519550250145583943);
  }
  const Pack<T, I> r = fma(t * z, p, t);
  return select(steep, from_pi(T(0.25), -r), r);
}

template <class T, class I>
Pack<T, I> atan(Pack<T, I> x) {
  const Pack<T, I> a = abs(x);
  const Mask<T, I> large = a > 1;
  const Pack<T, I> r = atan_of_ratio(select(large, 1, a), select(large, a, 1));
  return copysign(select(large, from_pi(T(0.5), r), r), x);
}

// The angle of the point (x, y): atan2, zeros and infinities as in C99, annex F.9.1.4.
template <class T, class I>
Pack<T, I> angle(Pack<T, I> y, Pack<T, I> x) {
  using P = Pack<T, I>;
  constexpr T infinity = std::numeric_limits<T>::infinity(), huge = std::numeric_limits<T>::max() / 4;
  const P ax = abs(x), ay = abs(y);
  const Mask<T, I> tall = ay > ax;
  P a = select(tall, ax, ay), b = select(tall, ay, ax);
  // Two infinities are as far out as each other; two zeros lie on the axis; and the sum of two huge ones must
  // exist.
  const Mask<T, I> both_infinite = a == infinity;
  const P shrink = select(b > huge, 0.25, 1);
  a = select(both_infinite, 1, a * shrink);
  b = select(both_infinite | (b == 0), 1, b * shrink);
  P r = atan_of_ratio(a, b);
  r = select(tall, from_pi(T(0.5), r), r);
  r = select(copysign(P(1), x) < 0, from_pi(T(1), r), r);
  return select(is_nan(x) | is_nan(y), std::numeric_limits<T>::quiet_NaN(), copysign(r, y));
}

// asin of s with z = s^2 <= 1/4.
template <class T, class I>
Pack<T, I> asin_small(Pack<T, I> s, Pack<T, I> z) {
  Pack<T, I> p;
  if constexpr (std::is_same_v<T, float>) {
    p = polynomial(z, 0.1666665985, 0.07500512147, 0.04451546849, 0.03181983674, 0.01439375481,
                   0.03757820896);
  } else {
    p = polynomial(z, 0.16666666666666763026, 0.074999999999700873647, 0.044642857175295948086,
                   0.030381942674852893803, 0.022372215916622687384, 0.017351595329236406202,
                   0.013981020348729682582, 0.011397279924076076121, 0.010789386278640064917,
                   0.0036719669618523954002, 0.021791118475256825579, -0.021117312521378189578,
                   0.032702492333027727871);
  }
  return fma(s * z, p, s);
}

// Above 1/2, asin(x) = pi/2 - 2 asin(sqrt((1 - x) / 2)). Outside [-1, 1] the root is NaN.
template <class T, class I>
Pack<T, I> asin(Pack<T, I> x) {
  const Pack<T, I> a = abs(x);
  const Mask<T, I> large = a > 0.5;
  const Pack<T, I> z = select(large, 0.5 - 0.5 * a, a * a), r = asin_small(select(large, sqrt(z), a), z);
  return copysign(select(large, from_pi(T(0.5), 2 * r), r), x);
}

template <class T, class I>
Pack<T, I> acos(Pack<T, I> x) {
  const Pack<T, I> a = abs(x);
  const Mask<T, I> large = a > 0.5;
  const Pack<T, I> z = select(large, 0.5 - 0.5 * a, a * a), r = asin_small(select(large, sqrt(z), a), z);
  const Pack<T, I> far = select(x < 0, from_pi(T(1), 2 * r), 2 * r);
  return select(large, far, from_pi(T(0.5), copysign(r, x)));
}

}  // namespace xgrad::simd
