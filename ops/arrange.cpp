#include "arrange.hpp"

#include <algorithm>
#include <string>

#include "../core/array/instantiate.hpp"
#include "../core/array/threads.hpp"
#include "../core/array/worth_a_thread.hpp"
#include "../core/graph/record.hpp"
#include "../core/kernels/strided_copy.hpp"
#include "shape.hpp"
#include "slice.hpp"

namespace xgrad {
using namespace detail;

namespace {

using detail::shape_of;

using worth_a_thread::streamed_elements;

std::ptrdiff_t signed_extent(std::size_t extent) { return static_cast<std::ptrdiff_t>(extent); }

/// The product of the extents [first, last).
std::size_t product(const Shape& shape, std::size_t first, std::size_t last) {
  return element_count(Shape(shape.begin() + first, shape.begin() + last));
}

/// Rotates each row of [outer, extent * inner] by whole elements of the axis.
struct Roll {
  static constexpr std::string_view name = "roll";
  static constexpr bool is_linear = true;
  std::size_t axis = 0, shift = 0;  ///< 0 < shift < extent
  void fields(auto& visit) const {
    visit("axis", axis);
    visit("shift", shift);
  }

  static double flops(Shapes, const Shape&) noexcept { return 0; }

  template <class T>
  Dense<T> forward(const Dense<T>& x) const {
    Dense<T> result(x.shape);
    const std::size_t row = product(x.shape, axis, x.dim()), outer = product(x.shape, 0, axis);
    const std::size_t head = row / x.shape[axis] * shift, tail = row - head;
    const Strides strides{signed_extent(row), 1};
    T* out = result.mutable_data();
    copy_strided(x.data(), strides, out + head, strides, Shape{outer, tail});
    copy_strided(x.data() + tail, strides, out, strides, Shape{outer, head});
    return result;
  }
  template <class V>
  void vjp(Backward<V>& b) const {
    b.give(0, apply(Roll{axis, b.shape(0)[axis] - shift}, b.gradient()));
  }
};

struct Pad {
  static constexpr std::string_view name = "pad";
  Shape before, shape;
  double value = 0;
  void fields(auto& visit) const {
    visit("before", before);
    visit("shape", shape);
    visit("value", value);
  }

  static double flops(Shapes, const Shape&) noexcept { return 0; }

  template <class T>
  Dense<T> forward(const Dense<T>& x) const {
    Dense<T> result = Dense<T>::filled(shape, static_cast<T>(value));
    if (x.size() == 0) return result;
    const Strides strides = row_major_strides(shape);
    T* out = result.mutable_data();
    for (std::size_t k = 0; k < shape.size(); ++k) out += signed_extent(before[k]) * strides[k];
    copy_strided(x.data(), row_major_strides(x.shape), out, strides, x.shape);
    return result;
  }
  template <class V>
  void vjp(Backward<V>& b) const {
    std::vector<SliceItem> items;
    for (std::size_t k = 0; k < shape.size(); ++k)
      items.push_back(range(signed_extent(before[k]), signed_extent(before[k] + b.shape(0)[k])));
    b.give(0, slice(b.gradient(), std::span<const SliceItem>(items)));
  }
};

/// Where the diagonal of two axes lies in a value.
struct Line {
  std::size_t axis1 = 0, axis2 = 1;
  Shape result;     ///< the other axes, then the diagonal
  Strides strides;  ///< of the value, for the axes of the result
  std::ptrdiff_t start = 0;
  void fields(auto& visit) const {
    visit("axis1", axis1);
    visit("axis2", axis2);
    visit("result", result);
    visit("strides", strides);
    visit("start", start);
  }

  Line() = default;
  Line(std::string_view operation, const Shape& shape, std::ptrdiff_t offset, std::ptrdiff_t first,
       std::ptrdiff_t second)
      : axis1(normalize_axis(operation, first, shape)), axis2(normalize_axis(operation, second, shape)) {
    if (axis1 == axis2)
      throw ShapeError(std::string(operation) + ": axis " + std::to_string(axis1) + " of shape " +
                       to_string(shape) + " is given for both axes; name two");
    const Strides all = row_major_strides(shape);
    for (std::size_t k = 0; k < shape.size(); ++k) {
      if (k == axis1 || k == axis2) continue;
      result.push_back(shape[k]);
      strides.push_back(all[k]);
    }
    const std::ptrdiff_t rows = signed_extent(shape[axis1]), columns = signed_extent(shape[axis2]);
    offset = std::clamp(offset, -rows, columns);
    const std::ptrdiff_t down = std::max<std::ptrdiff_t>(-offset, 0), right = down + offset;
    const std::ptrdiff_t length = std::min(rows - down, columns - right);
    result.push_back(static_cast<std::size_t>(length));
    strides.push_back(all[axis1] + all[axis2]);
    if (length > 0) start = down * all[axis1] + right * all[axis2];
  }
};

struct DiagonalScatter;

struct Diagonal {
  static constexpr std::string_view name = "diagonal";
  static constexpr bool is_linear = true;
  Line line;
  void fields(auto& visit) const { line.fields(visit); }
  static double flops(Shapes, const Shape&) noexcept { return 0; }

  template <class T>
  Dense<T> forward(const Dense<T>& x) const {
    Dense<T> result(line.result);
    copy_strided(x.data() + line.start, line.strides, result.mutable_data(), row_major_strides(line.result),
                 line.result);
    return result;
  }
  template <class V>
  void vjp(Backward<V>& b) const;
};

struct DiagonalScatter {
  static constexpr std::string_view name = "diagonal_scatter";
  static constexpr bool is_linear = true;
  Line line;
  Shape shape;
  void fields(auto& visit) const {
    line.fields(visit);
    visit("shape", shape);
  }
  static double flops(Shapes, const Shape&) noexcept { return 0; }

  template <class T>
  Dense<T> forward(const Dense<T>& x) const {
    Dense<T> result = Dense<T>::filled(shape, T(0));
    copy_strided(x.data(), row_major_strides(line.result), result.mutable_data() + line.start, line.strides,
                 line.result);
    return result;
  }
  template <class V>
  void vjp(Backward<V>& b) const {
    b.give(0, apply(Diagonal{line}, b.gradient()));
  }
};

template <class V>
void Diagonal::vjp(Backward<V>& b) const {
  b.give(0, apply(DiagonalScatter{line, b.shape(0)}, b.gradient()));
}

/// Rows keep columns [0, row + k] or [row + k, columns); the same applied to a gradient is the gradient's.
template <class Self>
struct Triangle {
  static constexpr bool is_linear = true;
  std::ptrdiff_t k = 0;
  void fields(auto& visit) const { visit("k", k); }
  static double flops(Shapes, const Shape&) noexcept { return 0; }

  template <class T>
  Dense<T> forward(const Dense<T>& x) const {
    Dense<T> result(x.shape);
    if (x.size() == 0) return result;
    const std::size_t rows = x.shape[x.dim() - 2], columns = x.shape[x.dim() - 1];
    const T* in = x.data();
    T* out = result.mutable_data();
    parallel_for(product(x.shape, 0, x.dim() - 1), streamed_elements / std::max<std::size_t>(columns, 1) + 1,
                 [=, this](std::size_t begin, std::size_t end) {
                   for (std::size_t row = begin; row < end; ++row) {
                     const std::ptrdiff_t edge = signed_extent(row % rows) + k + (Self::lower ? 1 : 0);
                     const auto cut = static_cast<std::size_t>(
                         std::clamp<std::ptrdiff_t>(edge, 0, signed_extent(columns)));
                     const T* from = in + row * columns;
                     T* to = out + row * columns;
                     const std::size_t first = Self::lower ? 0 : cut, last = Self::lower ? cut : columns;
                     std::fill(to, to + first, T(0));
                     std::copy(from + first, from + last, to + first);
                     std::fill(to + last, to + columns, T(0));
                   }
                 });
    return result;
  }
  template <class V>
  void vjp(Backward<V>& b) const {
    b.give(0, apply(Self{{k}}, b.gradient()));
  }
};

struct Tril : Triangle<Tril> {
  static constexpr std::string_view name = "tril";
  static constexpr bool lower = true;
};

struct Triu : Triangle<Triu> {
  static constexpr std::string_view name = "triu";
  static constexpr bool lower = false;
};

template <class Op, class V>
V triangle(const V& x, std::ptrdiff_t k) {
  const Shape& shape = shape_of(x);
  if (shape.size() < 2)
    throw ShapeError(std::string(Op::name) + ": shape " + to_string(shape) +
                     " has no rows and columns; give at least two axes");
  // Beyond the matrix all diagonals mean the same.
  const std::ptrdiff_t rows = signed_extent(shape[shape.size() - 2]), columns = signed_extent(shape.back());
  return apply(Op{{std::clamp(k, -rows, columns)}}, x);
}

std::size_t pad_width(std::ptrdiff_t width, const char* side, std::size_t axis, const Shape& shape) {
  if (width >= 0) return static_cast<std::size_t>(width);
  throw ValueError("pad: a width of " + std::to_string(width) + " " + side + " axis " + std::to_string(axis) +
                   " of shape " + to_string(shape) +
                   " is negative, and pad only adds elements; use slice to take some off");
}

/// x as [outer, 1, inner], with `count` in the middle.
template <class V>
V repeated(const V& x, std::size_t outer, std::size_t inner, std::size_t count, const Shape& result) {
  if (shape_of(x) == result) return detail::as_result(x);
  return reshape(broadcast_to(reshape(x, Shape{outer, 1, inner}), Shape{outer, count, inner}), result);
}

}  // namespace

template <Tensor V>
V flip(const V& x, const Axes& axes) {
  const AxisList<bool> flipped = reduced_axes("flip", axes, shape_of(x));
  std::vector<SliceItem> items;
  for (const bool backwards : flipped) items.push_back(range({}, {}, backwards ? -1 : 1));
  return slice(x, std::span<const SliceItem>(items));
}

template <Tensor V>
V roll(const V& x, std::ptrdiff_t shift, std::ptrdiff_t axis) {
  const std::size_t along = normalize_axis("roll", axis, shape_of(x));
  if (element_count(shape_of(x)) == 0) return detail::as_result(x);
  const std::ptrdiff_t extent = signed_extent(shape_of(x)[along]);
  const std::ptrdiff_t places = (shift % extent + extent) % extent;
  return places == 0 ? detail::as_result(x) : apply(Roll{along, static_cast<std::size_t>(places)}, x);
}

template <Tensor V>
V roll(const V& x, std::ptrdiff_t shift) {
  const Shape shape = shape_of(x);
  return reshape(roll(reshape(x, Shape{element_count(shape)}), shift, 0), shape);
}

template <Tensor V>
V roll(const V& x, const Axes& shifts, const Axes& axes) {
  if (shifts.size() != axes.size())
    throw ShapeError("roll: " + std::to_string(shifts.size()) + " shifts for " + std::to_string(axes.size()) +
                     " axes of shape " + to_string(shape_of(x)) + "; give one for each");
  for (std::ptrdiff_t axis : axes) normalize_axis("roll", axis, shape_of(x));
  V rolled = detail::as_result(x);
  for (std::size_t k = 0; k < axes.size(); ++k) rolled = roll(rolled, shifts[k], axes[k]);
  return rolled;
}

template <Tensor V>
V pad(const V& x, const std::vector<PadWidth>& widths, double value) {
  const Shape& shape = shape_of(x);
  if (widths.size() != 1 && widths.size() != shape.size())
    throw ShapeError("pad: " + std::to_string(widths.size()) + " pairs of widths for shape " +
                     to_string(shape) + "; give one for each axis, or one for all");
  Pad op{{}, {}, value};
  for (std::size_t k = 0; k < shape.size(); ++k) {
    const PadWidth& width = widths[widths.size() == 1 ? 0 : k];
    const std::size_t before = pad_width(width.before, "before", k, shape),
                      after = pad_width(width.after, "after", k, shape);
    op.before.push_back(before);
    op.shape.push_back(checked_sum(checked_sum(before, shape[k]), after));
  }
  check_possible("pad", op.shape, shape);
  return apply(op, x);
}

template <Tensor V>
V tile(const V& x, const Shape& counts) {
  Shape shape = shape_of(x);
  while (shape.size() < counts.size()) shape.insert(0, 1);
  const std::size_t first = shape.size() - counts.size();
  Shape result = shape;
  for (std::size_t k = 0; k < counts.size(); ++k)
    result[first + k] = checked_product(shape[first + k], counts[k]);
  check_possible("tile", result, shape_of(x));
  V tiled = reshape(x, shape);
  // Counts of 0 come first, since nothing is repeated then that is dropped afterwards.
  for (const bool drops : {true, false})
    for (std::size_t k = counts.size(); k-- > 0;) {
      if ((counts[k] == 0) != drops) continue;
      const std::size_t axis = first + k;
      const std::size_t outer = product(shape, 0, axis), inner = product(shape, axis, shape.size());
      shape[axis] *= counts[k];
      tiled = repeated(tiled, outer, inner, counts[k], shape);
    }
  return tiled;
}

template <Tensor V>
V repeat(const V& x, Count number, Integer axis) {
  const std::size_t count = number.checked("repeat", "the count");
  Shape shape = shape_of(x);
  const std::size_t along = normalize_axis("repeat", axis, shape);
  const std::size_t outer = product(shape, 0, along + 1), inner = product(shape, along + 1, shape.size());
  shape[along] = checked_product(shape[along], count);
  check_possible("repeat", shape, shape_of(x));
  return repeated(x, outer, inner, count, shape);
}

template <Tensor V>
V repeat(const V& x, Count count) {
  return repeat(reshape(x, Shape{element_count(shape_of(x))}), count, 0);
}

template <Tensor V>
V diagonal(const V& x, Integer offset, Integer axis1, Integer axis2) {
  return apply(Diagonal{Line("diagonal", shape_of(x), offset, axis1, axis2)}, x);
}

template <Tensor V>
V diagonal_scatter(const V& x, const Shape& shape, Integer offset, Integer axis1, Integer axis2) {
  check_possible("diagonal_scatter", shape, shape_of(x));
  const Line line("diagonal_scatter", shape, offset, axis1, axis2);
  if (!(shape_of(x) == line.result))
    throw ShapeError("diagonal_scatter: " + to_string(shape_of(x)) + " does not fit the diagonal " +
                     to_string(line.result) + " of " + to_string(shape) + "; they must be equal");
  return apply(DiagonalScatter{line, shape}, x);
}

template <Tensor V>
V tril(const V& x, Integer k) {
  return triangle<Tril>(x, k);
}

template <Tensor V>
V triu(const V& x, Integer k) {
  return triangle<Triu>(x, k);
}

[[gnu::used]] constexpr auto instances = instantiate::for_tensors([]<class V>() {
  return std::make_tuple(instantiate::overload<V(const V&, const Axes&)>(flip),
                         instantiate::overload<V(const V&, std::ptrdiff_t, std::ptrdiff_t)>(roll),
                         instantiate::overload<V(const V&, std::ptrdiff_t)>(roll),
                         instantiate::overload<V(const V&, const Axes&, const Axes&)>(roll), pad<V>, tile<V>,
                         instantiate::overload<V(const V&, Count, Integer)>(repeat),
                         instantiate::overload<V(const V&, Count)>(repeat), diagonal<V>, diagonal_scatter<V>,
                         tril<V>, triu<V>);
});

}  // namespace xgrad
