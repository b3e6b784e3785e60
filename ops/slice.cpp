#include "slice.hpp"

#include <algorithm>
#include <string>

#include "../core/array/instantiate.hpp"
#include "../core/graph/record.hpp"
#include "../core/kernels/strided_copy.hpp"
#include "shape.hpp"

namespace xgrad {
using namespace detail;

namespace {

using detail::shape_of;

/// A slice with its positions found: along axis k, counts[k] elements from start[k] on, step[k] apart.
struct Box {
  AxisList<std::ptrdiff_t> start, step;
  Shape counts;
  Shape result;  ///< counts, without the axes that integers drop

  void add(std::ptrdiff_t from, std::ptrdiff_t by, std::size_t count, bool drops) {
    start.push_back(from);
    step.push_back(by);
    counts.push_back(count);
    if (!drops) result.push_back(count);
  }
  /// With an axis before the others that stays whole.
  Box behind(std::size_t extent) const {
    Box wide = *this;
    wide.start.insert(0, 0);
    wide.step.insert(0, 1);
    wide.counts.insert(0, extent);
    wide.result.insert(0, extent);
    return wide;
  }
  void fields(auto& visit) const {
    visit("start", start);
    visit("step", step);
    visit("counts", counts);
    visit("result", result);
  }
};

struct SliceScatter;

struct Slice {
  static constexpr std::string_view name = "slice";
  static constexpr bool is_linear = true;
  Box box;
  void fields(auto& visit) const { box.fields(visit); }
  static double flops(Shapes, const Shape&) noexcept { return 0; }

  template <class T>
  Dense<T> forward(const Dense<T>& x) const {
    Dense<T> result(box.result);
    const auto [offset, strides] = place(box, x.shape);
    copy_strided(x.data() + offset, strides, result.mutable_data(), row_major_strides(box.counts),
                 box.counts);
    return result;
  }
  Slice over_directions(const Shape& x) const { return {box.behind(x[0])}; }
  template <class V>
  void vjp(Backward<V>& b) const;

  struct Place {
    std::ptrdiff_t offset;
    Strides strides;
  };
  static Place place(const Box& box, const Shape& shape) {
    Place found{0, row_major_strides(shape)};
    if (element_count(box.counts) == 0) return found;
    for (std::size_t k = 0; k < shape.size(); ++k) {
      found.offset += box.start[k] * found.strides[k];
      found.strides[k] *= box.step[k];
    }
    return found;
  }
};

struct SliceScatter {
  static constexpr std::string_view name = "slice_scatter";
  static constexpr bool is_linear = true;
  Box box;
  Shape shape;
  void fields(auto& visit) const {
    box.fields(visit);
    visit("shape", shape);
  }
  static double flops(Shapes, const Shape&) noexcept { return 0; }

  template <class T>
  Dense<T> forward(const Dense<T>& x) const {
    Dense<T> result = Dense<T>::filled(shape, T(0));
    const auto [offset, strides] = Slice::place(box, shape);
    copy_strided(x.data(), row_major_strides(box.counts), result.mutable_data() + offset, strides,
                 box.counts);
    return result;
  }
  SliceScatter over_directions(const Shape& x) const {
    return {box.behind(x[0]), with_directions(x[0], shape, 0)};
  }
  template <class V>
  void vjp(Backward<V>& b) const {
    b.give(0, apply(Slice{box}, b.gradient()));
  }
};

/// into[place of element i] += from[i], for every element of the slice.
template <class T>
void add_at(const Slice::Place& place, const Shape& counts, const T* from, T* into) {
  if (counts.empty()) {
    into[place.offset] += *from;
    return;
  }
  const std::size_t last = counts.size() - 1, length = counts[last], size = element_count(counts);
  const std::ptrdiff_t step = place.strides[last];
  for (std::size_t begin = 0; begin < size; begin += length) {
    std::ptrdiff_t at = place.offset;
    std::size_t row = begin / length;
    for (std::size_t k = last; k-- > 0; row /= counts[k])
      at += static_cast<std::ptrdiff_t>(row % counts[k]) * place.strides[k];
    T* const out = into + at;
    if (step == 1) {
      for (std::size_t i = 0; i < length; ++i) out[i] += from[begin + i];
    } else {
      for (std::size_t i = 0; i < length; ++i) out[static_cast<std::ptrdiff_t>(i) * step] += from[begin + i];
    }
  }
}

/// c, with the elements of x added to its slice; in place where nobody else holds c.
struct AddSlice {
  static constexpr std::string_view name = "add_slice";
  static constexpr std::uint64_t shares = 1;
  Box box;
  void fields(auto& visit) const { box.fields(visit); }
  template <class T>
  Dense<T> forward(Dense<T> c, const Dense<T>& x) const {
    add_at(Slice::place(box, c.shape), box.counts, x.data(), c.mutable_data());
    return c;
  }
  template <class V>
  void vjp(Backward<V>& b) const {
    if (b.wants(1)) b.give(1, apply(Slice{box}, b.gradient()));
    if (b.wants(0)) b.give(0, b.take_gradient());
  }
};

template <class V>
void Slice::vjp(Backward<V>& b) const {
  // A value that is taken apart gets its gradient in parts: only the first of them costs zeros of its size.
  if (V waiting = b.take_waiting(0); waiting.defined())
    return b.put(0, apply(AddSlice{box}, std::move(waiting), b.gradient()));
  b.give(0, apply(SliceScatter{box, b.shape(0)}, b.gradient()));
}

/// Where a range leads along an axis of `extent` elements, as Python's slice.indices() has it.
void add_range(Box& box, const Range& range, std::size_t extent) {
  const auto n = static_cast<std::ptrdiff_t>(extent);
  // Beyond the extent a step says no more than that there is one element at most.
  const std::ptrdiff_t step = std::clamp<std::ptrdiff_t>(range.step, -n - 1, n + 1);
  const std::ptrdiff_t lowest = step > 0 ? 0 : -1, highest = step > 0 ? n : n - 1;
  const auto clipped = [&](std::ptrdiff_t position) {
    return std::clamp(position < 0 ? position + n : position, lowest, highest);
  };
  const std::ptrdiff_t start = range.start ? clipped(*range.start) : (step > 0 ? lowest : highest);
  const std::ptrdiff_t stop = range.stop ? clipped(*range.stop) : (step > 0 ? highest : lowest);
  const std::ptrdiff_t way = step > 0 ? stop - start : start - stop, stride = step > 0 ? step : -step;
  const std::ptrdiff_t count = way > 0 ? (way + stride - 1) / stride : 0;
  box.add(start, step, static_cast<std::size_t>(count), false);
}

void add_position(std::string_view operation, Box& box, std::ptrdiff_t position, const Shape& shape) {
  const std::size_t axis = box.counts.size();
  const auto n = static_cast<std::ptrdiff_t>(shape[axis]);
  if (position < -n || position >= n)
    throw ValueError(std::string(operation) + ": position " + std::to_string(position) +
                     " is out of range for axis " + std::to_string(axis) + " of shape " + to_string(shape) +
                     "; " +
                     (n == 0 ? "the axis is empty"
                             : "give one from " + std::to_string(-n) + " to " + std::to_string(n - 1)));
  box.add(position < 0 ? position + n : position, 1, 1, true);
}

Box find_box(std::string_view operation, const Shape& shape, std::span<const SliceItem> items) {
  if (items.size() > shape.size())
    throw ShapeError(std::string(operation) + ": " + std::to_string(items.size()) + " items for shape " +
                     to_string(shape) + "; give at most one for each axis");
  Box box;
  for (const SliceItem& item : items) {
    const std::size_t axis = box.counts.size();
    if (item.drops_axis()) {
      add_position(operation, box, item.position(), shape);
      continue;
    }
    if (item.range().step == 0)
      throw ValueError(std::string(operation) + ": the step along axis " + std::to_string(axis) +
                       " of shape " + to_string(shape) + " is 0; give one that leads somewhere");
    add_range(box, item.range(), shape[axis]);
  }
  while (box.counts.size() < shape.size()) add_range(box, Range{}, shape[box.counts.size()]);
  return box;
}

/// Positions [first, first + count) along one axis.
template <Tensor V>
V part_along(const V& x, std::size_t axis, std::size_t first, std::size_t count) {
  Box box;
  for (std::size_t k = 0; k < shape_of(x).size(); ++k)
    box.add(k == axis ? static_cast<std::ptrdiff_t>(first) : 0, 1, k == axis ? count : shape_of(x)[k], false);
  return apply(Slice{box}, x);
}

struct Concatenate {
  static constexpr std::string_view name = "concatenate";
  static constexpr bool is_linear = true;
  std::size_t axis = 0;
  void fields(auto& visit) const { visit("axis", axis); }
  static double flops(Shapes, const Shape&) noexcept { return 0; }

  template <class T>
  Dense<T> forward(const std::vector<Dense<T>>& values) const {
    Shape shape = values[0].shape;
    shape[axis] = 0;
    for (const Dense<T>& value : values) shape[axis] += value.shape[axis];
    Dense<T> result(shape);
    const Strides strides = row_major_strides(shape);
    T* out = result.mutable_data();
    for (const Dense<T>& value : values) {
      copy_strided(value.data(), row_major_strides(value.shape), out, strides, value.shape);
      out += static_cast<std::ptrdiff_t>(value.shape[axis]) * strides[axis];
    }
    return result;
  }
  Concatenate over_directions(const Shape&) const { return {axis + 1}; }
  template <class V>
  void vjp(Backward<V>& b) const {
    std::size_t first = 0;
    for (std::size_t i = 0; i < b.input_count(); ++i) {
      const std::size_t count = b.shape(i)[axis];
      if (b.wants(i)) b.give(i, part_along(b.gradient(), axis, first, count));
      first += count;
    }
  }
};

template <class T>
void check_some(const char* operation, const std::vector<Variable<T>>& values) {
  if (values.empty()) throw ValueError(std::string(operation) + ": no values to join; give at least one");
}

void check_joins(const Shape& first, const Shape& other, std::size_t number, std::size_t axis) {
  const auto shapes = [&] {
    return to_string(first) + " and " + to_string(other) + " (value " + std::to_string(number);
  };
  if (first.size() != other.size())
    throw ShapeError("concatenate: numbers of axes differ: " + shapes() +
                     "); reshape one, or use stack for a new axis");
  for (std::size_t k = 0; k < first.size(); ++k)
    if (k != axis && first[k] != other[k])
      throw ShapeError("concatenate: extents differ beside axis " + std::to_string(axis) + ": " + shapes() +
                       ", axis " + std::to_string(k) + ": " + std::to_string(first[k]) + " vs " +
                       std::to_string(other[k]) + "); make them equal, or join along that axis");
}

}  // namespace

template <Tensor V>
V slice(const V& x, std::span<const SliceItem> items) {
  return slice_for("slice", x, items);
}

template <Tensor V>
V detail::slice_for(std::string_view operation, const V& x, std::span<const SliceItem> items) {
  return apply(Slice{find_box(operation, shape_of(x), items)}, x);
}

template <Tensor V>
V slice_scatter(const V& x, const Shape& shape, std::span<const SliceItem> items) {
  check_possible("slice_scatter", shape, shape_of(x));
  const Box box = find_box("slice_scatter", shape, items);
  if (!(shape_of(x) == box.result))
    throw ShapeError("slice_scatter: " + to_string(shape_of(x)) + " does not fit the slice " +
                     to_string(box.result) + " of " + to_string(shape) + "; they must be equal");
  return apply(SliceScatter{box, shape}, x);
}

template <class T>
Variable<T> concatenate(const std::vector<Variable<T>>& values, Integer axis) {
  check_some("concatenate", values);
  const Shape& first = values[0].shape();
  const Concatenate op{normalize_axis("concatenate", axis, first)};
  Shape joined = first;
  for (std::size_t i = 1; i < values.size(); ++i) {
    check_joins(first, values[i].shape(), i, op.axis);
    joined[op.axis] = checked_sum(joined[op.axis], values[i].shape()[op.axis]);
  }
  check_possible("concatenate", joined);
  return record_list(op, values);
}

template <class T>
Variable<T> stack(const std::vector<Variable<T>>& values, Integer axis) {
  check_some("stack", values);
  const Shape& first = values[0].shape();
  Shape joined = first;
  joined.insert(0, values.size());
  check_possible("stack", joined);
  std::vector<Variable<T>> expanded;
  for (const Variable<T>& value : values) {
    if (!(value.shape() == first))
      throw ShapeError("stack: shapes differ: " + to_string(first) + " and " + to_string(value.shape()) +
                       " (value " + std::to_string(expanded.size()) + "); make them equal");
    expanded.push_back(expand_dims(value, axis));
  }
  // Seen from the end an axis of the result is one of the expanded values' too.
  return concatenate(expanded, axis);
}

template <class T>
std::vector<Variable<T>> split(const Variable<T>& x, Count number, Integer axis) {
  const std::size_t along = normalize_axis("split", axis, x.shape());
  const std::size_t extent = x.shape()[along];
  if (number.number() < 1)
    throw ValueError("split: " + (number.number() == 0 ? "no" : std::to_string(number.number())) +
                     " parts of shape " + to_string(x.shape()) + "; give at least 1");
  const std::size_t parts = number;
  if (extent % parts != 0)
    throw ShapeError("split: " + std::to_string(parts) + " parts do not divide axis " +
                     std::to_string(along) + " of shape " + to_string(x.shape()) + " (extent " +
                     std::to_string(extent) + "); give a divisor, or use slice");
  if (parts >= element_limit)
    throw ShapeError("split: " + std::to_string(parts) + " parts of axis " + std::to_string(along) +
                     " of shape " + to_string(x.shape()) + "; give less than 2^60");
  const std::size_t count = extent / parts;
  std::vector<Variable<T>> result;
  result.reserve(parts);
  for (std::size_t k = 0; k < parts; ++k) result.push_back(part_along(x, along, k * count, count));
  return result;
}

template <class T>
std::vector<Variable<T>> chunk(const Variable<T>& x, Count number, Integer axis) {
  const std::size_t along = normalize_axis("chunk", axis, x.shape());
  const std::size_t extent = x.shape()[along], parts = number.checked("chunk", "the number of parts", 1);
  if (extent == 0 && parts >= element_limit)
    throw ShapeError("chunk: " + std::to_string(parts) + " parts of axis " + std::to_string(along) +
                     " of shape " + to_string(x.shape()) + "; give less than 2^60");
  const std::size_t length = extent / parts + (extent % parts != 0);
  std::vector<Variable<T>> result;
  for (std::size_t begin = 0; begin < extent; begin += length)
    result.push_back(part_along(x, along, begin, std::min(length, extent - begin)));
  if (extent == 0) result.assign(parts, x);
  return result;
}

[[gnu::used]] constexpr auto tensor_instances = instantiate::for_tensors([]<class V>() {
  return std::make_tuple(
      instantiate::overload<V(const V&, std::span<const SliceItem>)>(slice), slice_for<V>,
      instantiate::overload<V(const V&, const Shape&, std::span<const SliceItem>)>(slice_scatter));
});
[[gnu::used]] constexpr auto variable_instances = instantiate::for_variables([]<class V>() {
  return std::make_tuple(instantiate::overload<V(const std::vector<V>&, Integer)>(concatenate),
                         instantiate::overload<V(const std::vector<V>&, Integer)>(stack),
                         instantiate::overload<std::vector<V>(const V&, Count, Integer)>(split),
                         instantiate::overload<std::vector<V>(const V&, Count, Integer)>(chunk));
});

}  // namespace xgrad
