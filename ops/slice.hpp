// Parts of values, and values joined from parts; both copy. A list in braces may hold Arrays, xtensor
// expressions and scalars beside a Variable.
#pragma once

#include <concepts>
#include <cstddef>
#include <initializer_list>
#include <limits>
#include <optional>
#include <span>
#include <string_view>
#include <type_traits>
#include <vector>

#include "../core/graph/tensor.hpp"
#include "operands.hpp"

namespace xgrad {

/// Part of an axis, as Python's start:stop:step; see range().
struct Range {
  std::optional<Integer> start, stop;
  Integer step = 1;
};

/// The elements from `start` on, before `stop`, every `step`-th; with a negative step backwards, down to but
/// without `stop`. Negative positions count from the end, those beyond an end are clipped to it, and
/// std::nullopt is the end that comes first or last on the way.
inline Range range(std::optional<Integer> start, std::optional<Integer> stop, Integer step = 1) {
  return {start, stop, step};
}

/// A whole axis, in slice.
struct All {};
inline constexpr All all{};

/// What slice takes for one axis: a range, `all`, or an integer, which drops the axis.
class SliceItem {
 public:
  SliceItem(const Range& range) noexcept : range_(range), drops_axis_(false) {}
  SliceItem(All) noexcept : drops_axis_(false) {}
  template <detail::IntegerType I>
  SliceItem(I position) noexcept : position_(detail::to_signed(position)), drops_axis_(true) {}

  bool drops_axis() const noexcept { return drops_axis_; }
  std::ptrdiff_t position() const noexcept { return position_; }
  const Range& range() const noexcept { return range_; }

 private:
  Range range_{};
  std::ptrdiff_t position_ = 0;
  bool drops_axis_;
};

/// Part of a value, NumPy's x[0:2, :, 3] as slice(x, {range(0, 2), all, 3}): one item an axis, from the first
/// on, further axes whole. ShapeError if there are more items than axes; ValueError if an integer is out of
/// range or a step is 0.
template <detail::Tensor V>
V slice(const V& x, std::span<const SliceItem> items);
template <detail::Tensor V>
V slice(const V& x, std::initializer_list<SliceItem> items) {
  return slice(x, std::span<const SliceItem>(items.begin(), items.size()));
}

namespace detail {

/// slice for an operation that is made of it, under that one's name.
template <Tensor V>
V slice_for(std::string_view operation, const V& x, std::span<const SliceItem> items);

}  // namespace detail

/// The dual of slice: zeros of `shape`, with x in the place that slice would read. Errors as slice's, and
/// ShapeError if the shape of x is not that of the slice, or no value can have `shape`.
template <detail::Tensor V>
V slice_scatter(const V& x, const Shape& shape, std::span<const SliceItem> items);
template <detail::Tensor V>
V slice_scatter(const V& x, const Shape& shape, std::initializer_list<SliceItem> items) {
  return slice_scatter(x, shape, std::span<const SliceItem>(items.begin(), items.size()));
}

/// The values one after the other along an axis that they have. ValueError if there are none, ShapeError if
/// they differ in another axis.
template <class T>
Variable<T> concatenate(const std::vector<Variable<T>>& values, Integer axis = 0);
template <class T>
Variable<T> concatenate(std::initializer_list<Variable<T>> values, Integer axis = 0) {
  return concatenate(std::vector<Variable<T>>(values), axis);
}
inline Variable<float> concatenate(std::initializer_list<detail::Operand<float>> values, Integer axis = 0) {
  return concatenate(detail::variables_of(values), axis);
}
inline Variable<double> concatenate(std::initializer_list<detail::Operand<double>> values, Integer axis = 0) {
  return concatenate(detail::variables_of(values), axis);
}

/// Values of one shape, side by side along a new axis, axis `axis` of the result. ValueError if there are
/// none, ShapeError if shapes differ.
template <class T>
Variable<T> stack(const std::vector<Variable<T>>& values, Integer axis = 0);
template <class T>
Variable<T> stack(std::initializer_list<Variable<T>> values, Integer axis = 0) {
  return stack(std::vector<Variable<T>>(values), axis);
}
inline Variable<float> stack(std::initializer_list<detail::Operand<float>> values, Integer axis = 0) {
  return stack(detail::variables_of(values), axis);
}
inline Variable<double> stack(std::initializer_list<detail::Operand<double>> values, Integer axis = 0) {
  return stack(detail::variables_of(values), axis);
}

/// Equal parts of x along an axis, in order. ShapeError if `parts` does not divide the extent; ValueError if
/// it is 0.
template <class T>
std::vector<Variable<T>> split(const Variable<T>& x, Count parts, Integer axis = 0);

/// Parts of x along an axis, in order, each ceil(extent / parts) long but for the last, which is what is
/// left: as PyTorch's chunk, where parts that would have nothing are left out, so that 5 elements in 4 parts
/// are 2, 2 and 1. Of an empty axis, so many empty parts. ValueError if `parts` is 0.
template <class T>
std::vector<Variable<T>> chunk(const Variable<T>& x, Count parts, Integer axis = 0);

}  // namespace xgrad
