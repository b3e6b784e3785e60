// Elements moved, repeated or replaced by place. Negative axes count from the end; one out of range is a
// ShapeError.
#pragma once

#include <cstddef>
#include <vector>

#include "../core/graph/tensor.hpp"

namespace xgrad {

/// The elements along the axes in reverse order; along all of them where none are given. ShapeError if an
/// axis is named twice.
template <detail::Tensor V>
V flip(const V& x, const Axes& axes = {});
template <detail::Tensor V>
V flip(const V& x, std::ptrdiff_t axis) {
  return flip(x, Axes{Integer(axis)});
}
template <detail::Tensor V, detail::NoInteger N>
V flip(const V& x, N axis) = delete;  // an axis is an integer

/// Every element `shift` places further along the axis; those that leave it at the end come back at the
/// start. A negative shift moves backwards.
template <detail::Tensor V>
V roll(const V& x, std::ptrdiff_t shift, std::ptrdiff_t axis);
/// The same over all elements row by row, under the shape that they had.
template <detail::Tensor V>
V roll(const V& x, std::ptrdiff_t shift);
template <detail::Tensor V, class S, class A>
requires(detail::NoInteger<S> || detail::NoInteger<A>) V roll(const V& x, S shift, A axis)
= delete;  // both are integers
template <detail::Tensor V, detail::NoInteger N>
V roll(const V& x, N shift) = delete;  // a shift is an integer
/// One shift for each axis; those of an axis named twice add up. ShapeError if there are not as many.
template <detail::Tensor V>
V roll(const V& x, const Axes& shifts, const Axes& axes);

/// How many elements to add at the two ends of an axis: two integers of any type, which bools and characters
/// are not.
struct PadWidth {
  std::ptrdiff_t before = 0, after = 0;

  PadWidth() = default;
  template <detail::IntegerType Before, detail::IntegerType After>
  PadWidth(Before before_, After after_) noexcept : before(Integer(before_)), after(Integer(after_)) {}
};

/// `value` added around x: pad(x, {{1, 1}, {0, 2}}) puts one row above, one below and two columns behind. One
/// pair stands for all axes. ShapeError if the number of pairs is neither one nor that of the axes,
/// ValueError for a negative width: slice takes elements off.
template <detail::Tensor V>
V pad(const V& x, const std::vector<PadWidth>& widths, double value = 0);

// What repeats elements, or scatters them into a shape, is a ShapeError where no value can have the result's.

/// The whole of x repeated along each axis, NumPy's tile: [2, 3] with {2, 1} becomes [4, 3]. Counts are for
/// the last axes; where there are more of them than axes, x takes new ones in front.
template <detail::Tensor V>
V tile(const V& x, const Shape& counts);

/// Every element along the axis repeated in its place: {1, 2} becomes {1, 1, 2, 2}.
template <detail::Tensor V>
V repeat(const V& x, Count count, Integer axis);
/// The same over all elements row by row; the result has one axis.
template <detail::Tensor V>
V repeat(const V& x, Count count);

/// The elements whose index along axis2 is that along axis1 plus `offset`, as the result's last axis; the
/// axes themselves go. ShapeError if the two are one.
template <detail::Tensor V>
V diagonal(const V& x, Integer offset = 0, Integer axis1 = 0, Integer axis2 = 1);

/// The dual of diagonal: zeros of `shape`, with x in the place that diagonal would read. Errors as
/// diagonal's, and ShapeError if the shape of x is not that of the diagonal.
template <detail::Tensor V>
V diagonal_scatter(const V& x, const Shape& shape, Integer offset = 0, Integer axis1 = 0, Integer axis2 = 1);

/// The matrices of the last two axes with zeros above diagonal `k`, whatever stood there; positive ones lie
/// above the main diagonal. ShapeError if there are not two axes.
template <detail::Tensor V>
V tril(const V& x, Integer k = 0);

/// The same with zeros below diagonal `k`.
template <detail::Tensor V>
V triu(const V& x, Integer k = 0);

}  // namespace xgrad
