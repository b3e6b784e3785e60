// What an elementwise operation gives to one of its inputs, as an operation of its own: where a plain sweep
// has a way of its own to compute it, a recorded one takes the same, so that both give the same bits.
#pragma once

#include <vector>

#include "../formula/elementwise.hpp"
#include "variable.hpp"

namespace xgrad::detail {

/// The gradient in input `which`, summed to the shape `to` block by block as elementwise_gradient_sum() does.
/// `values` are inputs, output and dy; what is not read may be anything.
template <class T>
Variable<T> record_gradient_sum(const Elementwise& operation, std::size_t which,
                                const std::vector<Variable<T>>& values, const Shape& to);

/// The same of the value's shape as a product of dy and `slope`, which value_and_slopes() gave.
template <class T>
Variable<T> record_slope_product(const Elementwise& operation, std::size_t which,
                                 std::vector<Variable<T>> values, const Dense<T>& slope);

}  // namespace xgrad::detail
