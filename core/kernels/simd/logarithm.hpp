#pragma once

// Logarithms, and the inverse hyperbolic functions made of them.

#include "bits.hpp"
#include "polynomial.hpp"

namespace xgrad::simd {

// log(1 + f) + e ln 2, for 1 + f in [sqrt(1/2), sqrt(2)) and e whole; also given g = 2 + f, which some have
// sooner than f.
template <class T, class I>
[[gnu::always_inline]] inline Pack<T, I> log_of_parts(Pack<T, I> f, Pack<T, I> g, Pack<T, I> e) {
  if constexpr (std::is_same_v<T, float>) {
    // f - f^2 / 2 + f^3 q(f), the form of Cephes' logf; q fitted by us.
    const Pack<T, I> q = polynomial(f, 0.333333126, -0.2500000953, 0.2000211898, -0.1666799993, 0.1421955056,
                                    -0.1240551861, 0.1188810458, -0.1167603424, 0.0674721656);
    const Pack<T, I> z = f * f, tail = fma(f * z, q, e * -2.12194440e-4f);
    return fma(e, 0.693359375f, f + fma(-0.5, z, tail));
  } else {
    // With s = f / (2 + f): 2 s + s R(s^2), arranged as fdlibm does so that f itself enters exactly; R fitted
    // by us.
    const Pack<T, I> s = f / g, z = s * s, half_square = 0.5 * (f * f);
    const Pack<T, I> r = polynomial(z, 0.66666666666667348914, 0.39999999999411096858, 0.28571428743263924638,
                                    0.22222198475739894152, 0.18183569756048340805, 0.15313902778693286162,
                                    0.14797512724715010886);
    const Pack<T, I> low = fma(s, fma(z, r, half_square), e * 1.90821492927058770002e-10);
    return fma(e, 6.93147180369123816490e-01, f - (half_square - low));
  }
}

// log(fraction) + e ln 2.
template <class T, class I>
[[gnu::always_inline]] inline Pack<T, I> log_of_fraction(Pack<T, I> fraction, Pack<T, I> e) {
  return log_of_parts(fraction - 1, fraction + 1, e);
}

// The logarithm of 0, of what lies below, and of infinity and NaN, which the arithmetic above does not know.
template <class T, class I>
[[gnu::always_inline]] inline Pack<T, I> log_at_edges(Pack<T, I> x, Pack<T, I> result) {
  constexpr T infinity = std::numeric_limits<T>::infinity();
  result = select(x < infinity, result, x);  // infinity and NaN are their own logarithms
  result = select(x == 0, -infinity, result);
  return select(x < 0, std::numeric_limits<T>::quiet_NaN(), result);
}

template <class T, class I>
[[gnu::noinline]] Pack<T, I> log_of_any(Pack<T, I> x) {
  const auto [fraction, exponent] = split(x);
  return log_at_edges(x, log_of_fraction(fraction, exponent));
}

// A pack without an edge takes the short way. A lane's result is the same on both.
template <class T, class I>
[[gnu::always_inline]] inline Pack<T, I> log(Pack<T, I> x) {
  const Mask<T, I> normal = (x >= Format<T>::smallest_normal) & (x < std::numeric_limits<T>::infinity());
  if (!all(normal)) [[unlikely]]
    return log_of_any(x);
  const auto [fraction, exponent] = split_normal(x);
  return log_of_fraction(fraction, exponent);
}

// Whole for powers of two.
template <class T, class I>
Pack<T, I> log2(Pack<T, I> x) {
  const auto [fraction, exponent] = split(x);
  const Pack<T, I> l = log_of_fraction(fraction, Pack<T, I>(0));
  return log_at_edges(x, fma(l, 1.44269504088896340736, exponent));
}

// 1 + x = (1 + f) 2^e, where f takes up what rounding 1 + x would lose. Beyond the limit log(x) is the same
// number.
static constexpr double log1p_limit = 0x1p100;

template <class T, class I>
[[gnu::always_inline]] inline Pack<T, I> log1p_ordinary(Pack<T, I> x) {
  const Pack<T, I> u = 1 + x, lost = x - (u - 1);
  const auto [fraction, exponent] = split_normal(u);
  const Pack<T, I> f = fma(power_of_two(-exponent), lost, fraction - 1);
  return copysign(log_of_parts(f, 2 + f, exponent), x);
}

template <class T, class I>
[[gnu::noinline]] Pack<T, I> log1p_of_any(Pack<T, I> x) {
  const Pack<T, I> y = select(x < log1p_limit, log1p_ordinary(x), log_of_any(x));
  return select(x > -1, y, log_at_edges(1 + x, y));
}

template <class T, class I>
[[gnu::always_inline]] inline Pack<T, I> log1p(Pack<T, I> x) {
  if (!all((x > -1) & (x < log1p_limit))) [[unlikely]]
    return log1p_of_any(x);
  return log1p_ordinary(x);
}

// log(|x| + sqrt(x^2 + 1)), with |x| + x^2 / (1 + sqrt(x^2 + 1)) under the log1p; beyond 1 / epsilon,
// log(2|x|).
template <class T, class I>
Pack<T, I> asinh(Pack<T, I> x) {
  const Pack<T, I> a = abs(x), z = a * a;
  const Mask<T, I> large = a > T(1) / std::numeric_limits<T>::epsilon();
  const Pack<T, I> y = log1p(select(large, a, a + z / (1 + sqrt(z + 1))));
  return copysign(select(large, y + 0.69314718055994530942, y), x);
}

// With t = x - 1: log1p(t + sqrt(t (t + 2))).
template <class T, class I>
Pack<T, I> acosh(Pack<T, I> x) {
  const Pack<T, I> t = x - 1;
  const Mask<T, I> large = x > T(1) / std::numeric_limits<T>::epsilon();
  const Pack<T, I> y = log1p(select(large, x, t + sqrt(t * (t + 2))));
  return select(x < 1, std::numeric_limits<T>::quiet_NaN(), select(large, y + 0.69314718055994530942, y));
}

template <class T, class I>
Pack<T, I> atanh(Pack<T, I> x) {
  const Pack<T, I> a = abs(x);
  return copysign(0.5 * log1p(2 * a / (1 - a)), x);
}

}  // namespace xgrad::simd
