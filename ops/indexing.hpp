// Choosing elements by index arrays. A negative index counts from the end; one that is out of range is a
// ValueError which names its place, and nothing is read or written then.
#pragma once

#include <cstddef>
#include <string_view>

#include "../core/graph/index_input.hpp"
#include "../core/graph/tensor.hpp"

namespace xgrad {

/// One element a position of `indices`, as NumPy's take_along_axis: with axis 1,
/// result[i, j] = x[i, indices[i, j]]. `indices` has x's number of axes, and its extents but along `axis`
/// (they do not broadcast); the result has its shape. ShapeError otherwise.
template <detail::Tensor V>
V take_along_axis(const V& x, const IndexInput& indices, Integer axis);

/// The dual of take_along_axis: zeros of `shape`, to which each element of x is added at the place that
/// take_along_axis would read. x has the shape of `indices`; ShapeError otherwise, and as there.
template <detail::Tensor V>
V scatter_along_axis(const V& x, const IndexInput& indices, Integer axis, const Shape& shape);

/// Whole slices along an axis, NumPy's take: the axes of `indices`, which may have any shape, stand in the
/// result in place of `axis`. Of a matrix and axis 0, one row for each index.
template <detail::Tensor V>
V take(const V& x, const IndexInput& indices, Integer axis = 0);

/// The dual of take: zeros of `shape`, to which each slice of x is added where take would read it.
template <detail::Tensor V>
V scatter_slices(const V& x, const IndexInput& indices, Integer axis, const Shape& shape);

namespace detail {

/// The indices along an axis of `shape`, none negative: those given, where none is. ValueError, in the name
/// of `operation`, for the first that is out of range.
Dense<std::int64_t> checked_indices(std::string_view operation, const Dense<std::int64_t>& given,
                                    const Shape& shape, std::size_t axis);

/// scatter_along_axis for the vjp of an operation that found the places itself.
template <Tensor V>
V scatter_to_places(const V& x, const reading_of<std::int64_t, V>& places, std::size_t axis,
                    const Shape& shape);

/// take along the first axis for embedding, whose indices are not counted from the end.
template <Tensor V>
V rows_of_table(const V& table, Dense<std::int64_t> indices);

}  // namespace detail

/// Rows with a 1 at each index and zeros beside it: the shape of `indices`, and a last axis of `classes`.
/// ValueError for an index that is negative or not below `classes`. T is float or double.
template <class T>
Array<T> one_hot(const IndexInput& indices, Count classes);

}  // namespace xgrad
