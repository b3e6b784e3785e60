#pragma once

// exp, expm1, and the hyperbolic functions made of them.
//
// x = n ln 2 + r with |r| <= ln(2) / 2, ln 2 in two parts of which the first times n is exact (Cody and
// Waite), and exp(r) = 1 + r + r^2 q(r), where q is a minimax polynomial fitted by us.

#include "bits.hpp"
#include "polynomial.hpp"

namespace xgrad::simd {

// exp(r) - 1 for |r| <= ln(2) / 2.
template <class T, class I>
[[gnu::always_inline]] inline Pack<T, I> exp_excess(Pack<T, I> r) {
  Pack<T, I> q;
  if constexpr (std::is_same_v<T, float>) {
    q = polynomial(r, 0.4999999341, 0.1666652011, 0.04166839414, 0.008368780454, 0.001381446852);
  } else {
    q = polynomial(r, 0.50000000000000107122, 0.16666666666666408949, 0.041666666666529191133,
                   0.0083333333334961004162, 0.0013888888943930110652, 0.00019841269504249661351,
                   0.000024801492750215261158, 2.7557587472770852959e-6, 2.7630384239958176222e-7,
                   2.5000001225174318225e-8);
  }
  return fma(r * r, q, r);
}

// n, of exp(x) = (1 + excess) 2^n; |x| below 800 (double) or 120 (float), or NaN. (What it is made of is no
// struct: g++ 12 takes one that holds another through memory.)
template <class T, class I>
[[gnu::always_inline]] inline Whole<T, I> exp_power(Pack<T, I> x) {
  return nearest(x, 1.44269504088896340736);
}

// The excess, of x or of the unevaluated sum of x and a small `low`.
template <class T, class I>
[[gnu::always_inline]] inline Pack<T, I> exp_excess(Pack<T, I> x, const Whole<T, I>& power,
                                                    Pack<T, I> low = -0.0) {
  const Pack<T, I> n = power.number;
  if constexpr (std::is_same_v<T, float>) {
    return exp_excess(fma(n, 2.12194440e-4f, fma(n, -0.693359375f, x)) + low);
  } else {
    return exp_excess(fma(n, -1.90821492927058770002e-10, fma(n, -6.93147180369123816490e-01, x)) + low);
  }
}

// Beyond these exp is surely infinite, or surely zero; less far out it rounds as it should, to denormals too.
template <class T>
struct ExpRange {
  static constexpr T low = std::is_same_v<T, float> ? T(-104) : T(-746);
  static constexpr T high = std::is_same_v<T, float> ? T(89) : T(710);
};

template <class T, class I>
[[gnu::always_inline]] inline Pack<T, I> exp(Pack<T, I> x) {
  x = clamp(x, ExpRange<T>::low, ExpRange<T>::high);
  const Whole<T, I> power = exp_power(x);
  return scale_one_plus(exp_excess(x, power), power);
}

// exp(x) - 1, half of it at first, because 2^1024 is no double.
template <class T, class I>
[[gnu::always_inline]] inline Pack<T, I> expm1(Pack<T, I> x) {
  const Pack<T, I> near = clamp(x, T(-50), ExpRange<T>::high);
  const Whole<T, I> power = exp_power(near);
  const Pack<T, I> excess = exp_excess(near, power);
  const Pack<T, I> half = power_of_two(power - 1);
  const Pack<T, I> y = 2 * fma(half, excess, half - 0.5);
  // Near zero nothing may be lost by the halves; and -0 stays.
  return select(power.number == 0, select(x == 0, x, excess), y);
}

// With t = expm1(2|x|): t / (t + 2), beyond 20 it is 1 to all digits. What can be worked out beside another
// step is, since a chain of single numbers waits for all of them.
template <class T, class I>
[[gnu::always_inline]] inline Pack<T, I> tanh(Pack<T, I> x) {
  const Pack<T, I> a = at_most(abs(x), T(20));
  const Whole<T, I> n = nearest(a, 2 * 1.44269504088896340736);
  const Pack<T, I> excess = exp_excess(a + a, n), two_n = power_of_two(n);
  const Pack<T, I> t = fma(two_n, excess, two_n - 1);
  return copysign(t / (t + 2), x);
}

// exp(|x|) / 2, which overflows no sooner than sinh and cosh.
template <class T, class I>
Pack<T, I> half_exp(Pack<T, I> x) {
  const Pack<T, I> a = at_most(abs(x), ExpRange<T>::high + 1);
  const Whole<T, I> power = exp_power(a);
  return scale_one_plus(exp_excess(a, power), power - 1);
}

template <class T, class I>
Pack<T, I> cosh(Pack<T, I> x) {
  const Pack<T, I> u = half_exp(x);
  return u + 0.25 / u;
}

// A minimax polynomial of ours up to 1, where the difference of exponentials would lose digits.
template <class T, class I>
Pack<T, I> sinh(Pack<T, I> x) {
  const Pack<T, I> u = half_exp(x), z = x * x;
  Pack<T, I> p;
  if constexpr (std::is_same_v<T, float>) {
    p = polynomial(z, 0.1666666649, 0.00833335065, 0.0001983605579, 2.817501893e-6);
  } else {
    p = polynomial(z, 0.16666666666666667434, 0.0083333333333331376389, 0.0001984126984143852379,
                   2.7557319155061114694e-6, 2.505212344379540794e-8, 1.6057236715796561703e-10,
                   7.7594251296779131421e-13);
  }
  return select(abs(x) < 1, fma(x * z, p, x), copysign(u - 0.25 / u, x));
}

}  // namespace xgrad::simd
