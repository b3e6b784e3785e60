// Gradients by central differences: slow, and independent of the graph.
#pragma once

#include <concepts>
#include <functional>
#include <type_traits>

#include "../core/graph/variable.hpp"

namespace xgrad {

namespace detail {
Array<double> central_differences(const std::function<double()>& f, const Variable<double>& w, double step);
}

/// The gradient of f() in the leaf w, of w's shape: (f at w_i + h - f at w_i - h) / 2h for each element in
/// turn, where h = step max(1, |w_i|), and the denominator is the distance that rounding left of 2h. The
/// default step, the cube root of double's epsilon, balances the error of the formula, step^2 f'''/6, against
/// rounding, epsilon |f| / step. f reads w itself, and is called twice for each element; w has its value back
/// at the end, also when f throws. GraphError if w is no leaf, ValueError if step is not positive.
template <std::invocable F>
requires std::same_as < std::invoke_result_t<F&>,
double >
    Array<double> numerical_gradient(F&& f, const Variable<double>& w, double step = 6.055454452393343e-6) {
  return detail::central_differences(std::ref(f), w, step);
}

}  // namespace xgrad
