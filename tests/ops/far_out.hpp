// Formulas at arguments of every size, held against long double: closed forms from the mathematics, written
// so that nothing in them cancels. A long double has the exponents to square, and to square again, what a
// double can be.
#pragma once

#include <cmath>
#include <functional>
#include <limits>
#include <string>
#include <xgrad/derivatives/grad.hpp>
#include <xgrad/ops/reduction.hpp>

namespace xgrad::testing {

using Real = long double;

/// Whether `got` is `exact` to `relative` units of T's epsilon times `size`, the size of the terms that it is
/// a sum of, and `absolute` units of 1. Beyond T's largest number it has to be infinite; below the normal
/// ones it has fewer digits.
template <class T>
bool agrees(T got, Real exact, Real size, Real relative, Real absolute = 0) {
  using Limits = std::numeric_limits<T>;
  const Real allowed = (relative * std::fabs(size) + absolute) * static_cast<Real>(Limits::epsilon());
  const bool overflows = std::fabs(exact) + allowed > static_cast<Real>(Limits::max());
  if (overflows && std::isinf(got)) return std::signbit(got) == std::signbit(exact);
  return std::fabs(static_cast<Real>(got) - exact) <=
         allowed + 1024 * static_cast<Real>(Limits::denorm_min());
}

/// Of every element of y, which depends on the element of x in its place alone.
template <class T>
Variable<T> slopes(const Variable<T>& y, const Variable<T>& x) {
  if (!y.requires_grad()) return constant(xt::xarray<T>(xt::zeros<T>(x.shape())));
  return grad(sum(y), {x}, {.create_graph = true})[0];
}

template <class T>
std::string named(const char* formula) {
  return formula + std::string(sizeof(T) == sizeof(float) ? ", float" : ", double");
}

template <class T>
Variable<T> parameter_of(const std::vector<T>& elements) {
  xt::xarray<T> values = xt::zeros<T>({elements.size()});
  std::copy(elements.begin(), elements.end(), values.begin());
  return parameter(values);
}

namespace forms {

inline Real logistic(Real x) { return 1 / (1 + std::exp(-x)); }
inline Real logistic_slope(Real x) { return logistic(x) * logistic(-x); }
inline Real soft_plus(Real x) { return std::fmax(x, Real(0)) + std::log1p(std::exp(-std::fabs(x))); }
/// 1 / cosh(x)^2.
inline Real sech2(Real x) { return 1 / std::cosh(x) / std::cosh(x); }
inline constexpr Real root_half = 0.707106781186547524400844362104849039L;
inline constexpr Real one_over_root_pi = 0.564189583547756286948079451560772586L;
inline constexpr Real log2_e = 1.44269504088896340735992468100189214L;
inline Real density(Real x) { return root_half * one_over_root_pi * std::exp(-x * x / 2); }
inline Real zero(Real) { return 0; }
inline Real one(Real) { return 1; }
inline Real square(Real x) { return x * x; }
inline Real size(Real x) { return std::fabs(x); }
inline Real identity(Real x) { return x; }
/// tanh(softplus(x)) and its two derivatives.
inline Real mish_gate(Real x) { return std::tanh(soft_plus(x)); }
inline Real mish_gate1(Real x) { return sech2(soft_plus(x)) * logistic(x); }
inline Real mish_gate2(Real x) { return mish_gate1(x) * (logistic(-x) - 2 * mish_gate(x) * logistic(x)); }
inline Real side(Real x) { return x < 0 ? -1 : 1; }
inline Real root(Real x) { return std::sqrt((1 - x) * (1 + x)); }

}  // namespace forms
}  // namespace xgrad::testing
