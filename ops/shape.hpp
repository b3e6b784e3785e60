// Operations that change a value's shape; slice.hpp, which comes along, picks parts of values and joins them.
// Negative axes count from the end, as in NumPy. reshape and what is made of it share the input's buffer, the
// others copy.
#pragma once

#include <concepts>
#include <cstddef>
#include <initializer_list>
#include <utility>

#include "../core/array/extents.hpp"
#include "../core/graph/broadcast.hpp"
#include "../core/graph/tensor.hpp"
#include "slice.hpp"

namespace xgrad {

namespace detail {
inline const Shape& shape_of(const Value& x) noexcept { return x.shape; }
template <class T>
const Shape& shape_of(const Variable<T>& x) {
  return x.shape();
}
}  // namespace detail

/// The same elements in row-major order under another shape; one extent may be -1 and is found from the
/// others. x itself where the shape is its own. ShapeError unless there are as many elements.
template <detail::Tensor V>
V reshape(V x, const Extents& shape);

namespace detail {

/// The same where the caller knows that the shape is a possible one of as many elements: nothing is looked
/// at.
template <class T>
Dense<T> in_shape(Dense<T> x, const Shape& shape) noexcept {
  return std::move(x).with_shape(shape);
}
template <class T>
Variable<T> in_shape(Variable<T> x, const Shape& shape) {
  return reshape(std::move(x), shape);
}

}  // namespace detail

/// The axes from `first` to `last`, both included, as one; a value without axes becomes [1]. ShapeError if an
/// axis is out of range, or `last` comes before `first`.
template <detail::Tensor V>
V flatten(V x, Integer first = 0, Integer last = -1);

/// A new axis of extent 1, which is axis `axis` of the result. ShapeError if that is out of range.
template <detail::Tensor V>
V expand_dims(V x, Integer axis);

/// Drops axes of extent 1: all of them, or those given; ShapeError if the extent of one given is not 1.
template <detail::Tensor V>
V squeeze(V x);
template <detail::Tensor V>
V squeeze(V x, const Axes& axes);
template <detail::Tensor V, detail::NoInteger N>
V squeeze(const V& x, N axis) = delete;  // an axis is an integer
template <detail::Tensor V>
V squeeze(V x, std::ptrdiff_t axis) {
  return squeeze(std::move(x), Axes{Integer(axis)});
}

/// Axis k of the result is axis axes[k] of x: [2, 3, 4] with {2, 0, 1} becomes [4, 2, 3]. ShapeError unless
/// every axis is named once. In a graph it goes by the name of "transpose", as the next two do.
template <detail::Tensor V>
V permute(const V& x, const Axes& axes);

/// All axes in reverse order: of a matrix, its transpose.
template <detail::Tensor V>
V transpose(const V& x);

/// Two axes exchanged. ShapeError if one is out of range.
template <detail::Tensor V>
V swap_axes(const V& x, Integer axis1, Integer axis2);
template <detail::Tensor V>
V transpose(const V& x, Integer axis1, Integer axis2);

}  // namespace xgrad
