// Running sums, and products.
#pragma once

#include "reduction.hpp"

namespace xgrad {

/// The sum of the elements up to each along an axis, itself included; the shape stays. Accumulated in double,
/// from the first element to the last. ShapeError if the axis is out of range.
template <detail::Tensor V>
V cumsum(const V& x, Integer axis);
/// The same over all elements row by row; the result has one axis.
template <detail::Tensor V>
V cumsum(const V& x);

/// The product, accumulated in double; of no elements, 1. Its gradient is the product of the other elements,
/// right at every order where elements are 0: nothing is divided by them. ShapeError if an axis is out of
/// range or named twice.
template <detail::Tensor V>
V prod(const V& x, const ReduceOptions& options = {});
template <detail::Tensor V, class A>
V prod(const V& x, const A& axes, const AfterAxes& options = {}) {
  return xgrad::prod(x, detail::over_axes(axes, options));
}
template <detail::Tensor V, detail::ListedAxis A>
V prod(const V& x, std::initializer_list<A> axes, const AfterAxes& options = {}) {
  return xgrad::prod(x, detail::over_axes(axes, options));
}
template <detail::Tensor V, std::size_t N>
requires(N > 1) V prod(const V& x, const Integer (&axes)[N], const AfterAxes& options = {}) {
  return xgrad::prod(x, detail::over_axes(axes, options));
}

namespace detail {

/// The gradient of the products of a matrix's rows: dy [rows, 1] times the product of the other elements in
/// the row, for each element. ShapeError for other shapes.
template <Tensor V>
V prod_gradient(const V& rows, const V& dy);

}  // namespace detail

}  // namespace xgrad
