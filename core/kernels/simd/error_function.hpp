#pragma once

// erf and erfc. Polynomials are minimax, fitted by us.

#include "exponential.hpp"
#include "polynomial.hpp"

namespace xgrad::simd {

// erfc(a) for a >= 0: exp(-a^2) g(q) / (1 + 2 a) with q = (a - 4) / (a + 4), after M. M. Shepherd and
// J. G. Laframboise, Math. Comp. 36 (1981). The square goes in with all its digits.
template <class T, class I>
Pack<T, I> erfc_positive(Pack<T, I> x) {
  using P = Pack<T, I>;
  const P a = clamp(x, T(0), std::is_same_v<T, float> ? T(10.5) : T(28)), q = (a - 4) / (a + 4);
  P g;
  if constexpr (std::is_same_v<T, float>) {
    // The last coefficient in two parts: as one float it would cost half an ulp.
    g = 1.23299515 + polynomial(q, -3.34734e-08, -0.1396211312, 0.01537962255, 0.06809784727, -0.1010376243,
                                0.0937213604, -0.06635619218, 0.03721963296, -0.0160216245, 0.00505246263,
                                -0.001128837421, -0.0006397084916);
  } else {
    g = fma(q,
            polynomial(q, -0.1396211168405625353, 0.01537965210261962184, 0.068097054254695321661,
                       -0.10103906603629771362, 0.093732834998256352934, -0.06633036581236018461,
                       0.037167515538976113377, -0.016197734056207736106, 0.005031969964895974812,
                       -0.00075777329923996448895, -0.00019925662558173395529, 0.00015062172344822850297,
                       -0.000024399442063317027094, -0.000011222182895423880045, 5.710196443071548009e-6,
                       2.9416149467187341436e-7, -8.2596608681921379845e-7, 7.4105827776786876184e-8,
                       1.1033270685772333669e-7, -1.7470076957618644581e-8, -1.4070575390657748842e-8,
                       1.6774215515908292741e-9, 1.1981824856922679512e-9),
            1.2329951186255525101);
  }
  const Wide<T, I> square = multiply_wide(a, a);
  const Whole<T, I> power = exp_power(-square.high);
  const P excess = exp_excess(-square.high, power, -square.low);
  return scale(fma(excess, g, g) / (1 + 2 * a), power);
}

// erf(x) for |x| up to 0.9.
template <class T, class I>
Pack<T, I> erf_near_zero(Pack<T, I> x) {
  const Pack<T, I> z = x * x;
  Pack<T, I> p;
  if constexpr (std::is_same_v<T, float>) {
    p = polynomial(z, 0.1283791668, -0.3761263498, 0.1128371503, -0.02686050844, 0.005203859107,
                   -0.0008175638704, 8.51310163e-5);
  } else {
    p = polynomial(z, 0.1283791670955125732, -0.37612638903183728012, 0.11283791670953704166,
                   -0.026866170644806653862, 0.0052239776216033801457, -0.00085483267549275274603,
                   0.00012055321042434250437, -0.000014925299744181807832, 1.6455213991399661788e-6,
                   -1.6275476591773206115e-7, 1.4046049522211511384e-8, -8.4818545578143109496e-10);
  }
  return fma(x, p, x);
}

template <class T, class I>
Pack<T, I> erfc(Pack<T, I> x) {
  const Pack<T, I> a = abs(x), y = erfc_positive(a);
  return select(a < 0.5, 1 - erf_near_zero(x), select(x < 0, 2 - y, y));
}

// Beyond 0.9 it is 1 - erfc, which floats take from a polynomial for log(erfc) (an idea of N. Juffa's).
template <class T, class I>
Pack<T, I> erf(Pack<T, I> x) {
  const Pack<T, I> a = abs(x);
  Pack<T, I> complement;
  if constexpr (std::is_same_v<T, float>) {
    const Pack<T, I> log_erfc = polynomial(clamp(a, 0.0f, 4.0f), -0.00017751165, -1.127749482, -0.6370599088,
                                           -0.1040372038, 0.02227700189, -0.003055583477, 0.0001971789813);
    const Whole<T, I> power = exp_power(log_erfc);
    const Pack<T, I> two_n = power_of_two(power);
    complement = fma(two_n, exp_excess(log_erfc, power), two_n);
  } else {
    complement = erfc_positive(a);
  }
  return select(a < 0.9, erf_near_zero(x), copysign(1 - complement, x));
}

}  // namespace xgrad::simd
