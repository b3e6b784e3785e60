// Running products.
#pragma once

#include "../core/graph/tensor.hpp"

namespace xgrad {

/// The product of the elements up to each along an axis, itself included; the shape stays. Accumulated in
/// double, from the first element to the last. Its gradient is right at every order where elements are 0:
/// nothing is divided by them. ShapeError if the axis is out of range.
template <detail::Tensor V>
V cumprod(const V& x, Integer axis);
/// The same over all elements row by row; the result has one axis.
template <detail::Tensor V>
V cumprod(const V& x);

namespace detail {

/// s[i] = b[i] + a[i] s[i - 1] along an axis, from s[0] = b[0] on, which does not read a[0]; or its transpose
/// s[i] = b[i] + a[i + 1] s[i + 1], from the end. ShapeError unless both have one shape.
template <Tensor V>
V linear_recurrence(const V& a, const V& b, Integer axis, bool from_the_end);

}  // namespace detail
}  // namespace xgrad
