// For rows of operations that only gradients reach.
#pragma once

#include <cstddef>
#include <xgrad/derivatives/grad.hpp>

namespace xgrad::testing {

/// What arrives at x from dy through y = f(x), recorded.
template <class T, class F>
Variable<T> gradient_of(const F& f, const Variable<T>& x, const Variable<T>& dy) {
  return grad(f(x), {x}, {.create_graph = true, .grad_output = dy})[0];
}

/// The same where it is the same for every x, as that of a linear function is.
template <class T, class F>
Variable<T> gradient_of(const F& f, const Shape& x, const Variable<T>& dy) {
  return gradient_of(f, parameter(to_array(Dense<T>::filled(x, T(0)))), dy);
}

/// The gradient of a row's formula in input `which`, weighed with the last argument.
template <class F>
auto gradient_of(F formula, std::size_t which = 0) {
  return [=](const auto& in) {
    return grad(formula(in), {in[which]}, {.create_graph = true, .grad_output = in.back()})[0];
  };
}

}  // namespace xgrad::testing
