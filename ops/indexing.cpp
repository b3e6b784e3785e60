#include "indexing.hpp"

#include <algorithm>
#include <cstring>
#include <string>
#include <utility>

#include "../core/array/instantiate.hpp"
#include "../core/array/threads.hpp"
#include "../core/array/worth_a_thread.hpp"
#include "../core/graph/capture.hpp"
#include "../core/graph/record.hpp"
#include "shape.hpp"

namespace xgrad {
using namespace detail;

namespace {

using detail::shape_of;

using worth_a_thread::costly_elements;

/// A value's axes around one of them.
struct Around {
  std::size_t outer = 1, extent, inner = 1;
  Around(const Shape& shape, std::size_t axis) : extent(shape[axis]) {
    for (std::size_t k = 0; k < axis; ++k) outer *= shape[k];
    for (std::size_t k = axis + 1; k < shape.size(); ++k) inner *= shape[k];
  }
};

/// The index of element `number` of a value.
std::string place_of(std::size_t number, const Shape& shape) {
  Shape index(shape.size());
  for (std::size_t axis = shape.size(); axis-- > 0; number /= shape[axis]) index[axis] = number % shape[axis];
  return to_string(index);
}

/// Whether all stand for themselves: none is negative, none beyond the axis. One pass without a jump, eight
/// at a time so that registers of two or more are used.
bool count_from_front(const std::int64_t* in, std::size_t count, std::uint64_t extent) {
  constexpr std::size_t block = 8;
  std::uint64_t signs[block] = {};
  const auto look = [&](std::size_t k, std::size_t lane) {
    const auto index = static_cast<std::uint64_t>(in[k]);
    signs[lane] |= index | (extent - 1 - index);
  };
  std::size_t k = 0;
  for (; k + block <= count; k += block)
    for (std::size_t lane = 0; lane < block; ++lane) look(k + lane, lane);
  for (; k < count; ++k) look(k, 0);
  std::uint64_t any = 0;
  for (const std::uint64_t lane : signs) any |= lane;
  return any >> 63 == 0;
}

/// The indices as rows of a table, which are not counted from the end.
const Dense<std::int64_t>& checked_rows(const Dense<std::int64_t>& indices, const Shape& table) {
  const std::int64_t* in = indices.data();
  const std::size_t count = indices.size();
  if (count_from_front(in, count, table[0])) return indices;
  const auto rows = static_cast<std::int64_t>(table[0]);
  const std::int64_t wrong = *std::find_if(in, in + count, [=](auto i) { return i < 0 || i >= rows; });
  throw ValueError("embedding: index " + std::to_string(wrong) + " among indices " +
                   to_string(indices.shape) + " is none of the table " + to_string(table) +
                   "; its rows are numbered from 0 to " + std::to_string(rows - 1));
}

/// What all four operations are made of: the axis that is chosen along. The indices are an input, which
/// backward reads again.
struct Choice {
  std::size_t axis = 0;
  bool saves(std::size_t input, const Wanted&) const { return input == 1; }
  void fields(auto& visit) const { visit("axis", axis); }
};

/// A choice whose result has a shape that nothing else says.
struct ChoiceInto : Choice {
  Shape shape;
  void fields(auto& visit) const {
    Choice::fields(visit);
    visit("shape", shape);
  }
};

struct ScatterAlongAxis;

struct TakeAlongAxis : Choice {
  static constexpr std::string_view name = "take_along_axis";
  static double flops(Shapes, const Shape&) noexcept { return 0; }

  template <class T>
  Dense<T> forward(const Dense<T>& x, const Dense<std::int64_t>& given) const {
    const Dense<std::int64_t> indices = checked_indices(name, given, x.shape, axis);
    const Around from(x.shape, axis), to(indices.shape, axis);
    Dense<T> result(indices.shape);
    if (result.size() == 0) return result;
    const T* in = x.data();
    const std::int64_t* index = indices.data();
    T* out = result.mutable_data();
    const std::size_t inner = to.inner, row = to.extent * inner;
    parallel_for(to.outer, costly_elements / std::max<std::size_t>(row, 1) + 1,
                 [&](std::size_t begin, std::size_t end) {
                   for (std::size_t o = begin; o < end; ++o) {
                     const T* source = in + o * from.extent * inner;
                     for (std::size_t k = o * row; k < (o + 1) * row;)
                       for (std::size_t i = 0; i < inner; ++i, ++k)
                         out[k] = source[static_cast<std::size_t>(index[k]) * inner + i];
                   }
                 });
    return result;
  }
  template <class V>
  void vjp(Backward<V>& b) const;
};

struct ScatterAlongAxis : ChoiceInto {
  static constexpr std::string_view name = "scatter_along_axis";
  static double flops(Shapes in, const Shape&) { return count_of(in[0]); }

  template <class T>
  Dense<T> forward(const Dense<T>& x, const Dense<std::int64_t>& given) const {
    const Dense<std::int64_t> indices = checked_indices(name, given, shape, axis);
    const Around from(indices.shape, axis), to(shape, axis);
    if (x.size() == 0) return Dense<T>::filled(shape, T(0));
    Dense<T> result(shape);
    const T* in = x.data();
    const std::int64_t* index = indices.data();
    T* out = result.mutable_data();
    const std::size_t inner = from.inner, row = from.extent * inner;
    // No two outer rows meet in one element. Each is filled when it is at hand.
    parallel_for(from.outer, costly_elements / std::max<std::size_t>(row, 1) + 1,
                 [&](std::size_t begin, std::size_t end) {
                   for (std::size_t o = begin; o < end; ++o) {
                     T* target = out + o * to.extent * inner;
                     std::memset(target, 0, to.extent * inner * sizeof(T));
                     if (inner == 1) {
                       for (std::size_t k = o * row; k < (o + 1) * row; ++k) target[index[k]] += in[k];
                       continue;
                     }
                     for (std::size_t k = o * row; k < (o + 1) * row;)
                       for (std::size_t i = 0; i < inner; ++i, ++k)
                         target[static_cast<std::size_t>(index[k]) * inner + i] += in[k];
                   }
                 });
    return result;
  }
  template <class V>
  void vjp(Backward<V>& b) const {
    b.give(0, apply(TakeAlongAxis{{axis}}, b.gradient(), b.template discrete_input<std::int64_t>(1)));
  }
};

template <class V>
void TakeAlongAxis::vjp(Backward<V>& b) const {
  b.give(0, apply(ScatterAlongAxis{{{axis}, b.shape(0)}}, b.gradient(),
                  b.template discrete_input<std::int64_t>(1)));
}

Shape taken_shape(const Shape& x, const Shape& indices, std::size_t axis) {
  Shape shape(x.begin(), x.begin() + axis);
  for (std::size_t extent : indices) shape.push_back(extent);
  for (std::size_t k = axis + 1; k < x.size(); ++k) shape.push_back(x[k]);
  return shape;
}

struct ScatterSlices;

struct Take : Choice {
  static constexpr std::string_view name = "take";
  bool negative_from_end = true;  ///< else they are refused, in the words of embedding
  void fields(auto& visit) const {
    Choice::fields(visit);
    visit("negative_from_end", negative_from_end);
  }
  static double flops(Shapes, const Shape&) noexcept { return 0; }

  template <class T>
  Dense<T> forward(const Dense<T>& x, const Dense<std::int64_t>& given) const {
    const Dense<std::int64_t> indices =
        negative_from_end ? checked_indices(name, given, x.shape, axis) : checked_rows(given, x.shape);
    const Around from(x.shape, axis);
    const std::size_t count = indices.size();
    Dense<T> result(taken_shape(x.shape, indices.shape, axis));
    if (result.size() == 0) return result;
    const T* in = x.data();
    const std::int64_t* index = indices.data();
    T* out = result.mutable_data();
    parallel_for(from.outer * count, costly_elements / std::max<std::size_t>(from.inner, 1) + 1,
                 [&](std::size_t begin, std::size_t end) {
                   for (std::size_t k = begin; k < end; ++k) {
                     const auto chosen = static_cast<std::size_t>(index[k % count]);
                     std::copy_n(in + (k / count * from.extent + chosen) * from.inner, from.inner,
                                 out + k * from.inner);
                   }
                 });
    return result;
  }
  template <class V>
  void vjp(Backward<V>& b) const;
};

struct ScatterSlices : ChoiceInto {
  static constexpr std::string_view name = "scatter_slices";
  static double flops(Shapes in, const Shape&) { return count_of(in[0]); }

  template <class T>
  Dense<T> forward(const Dense<T>& x, const Dense<std::int64_t>& given) const {
    const Dense<std::int64_t> indices = checked_indices(name, given, shape, axis);
    const Around to(shape, axis);
    const std::size_t count = indices.size();
    Dense<T> result = Dense<T>::filled(shape, T(0));
    if (x.size() == 0) return result;
    const T* in = x.data();
    const std::int64_t* index = indices.data();
    T* out = result.mutable_data();
    parallel_for(to.outer, costly_elements / std::max<std::size_t>(count * to.inner, 1) + 1,
                 [&](std::size_t begin, std::size_t end) {
                   for (std::size_t k = begin * count; k < end * count; ++k) {
                     const auto chosen = static_cast<std::size_t>(index[k % count]);
                     T* sum = out + (k / count * to.extent + chosen) * to.inner;
                     const T* addend = in + k * to.inner;
                     for (std::size_t i = 0; i < to.inner; ++i) sum[i] += addend[i];
                   }
                 });
    return result;
  }
  template <class V>
  void vjp(Backward<V>& b) const {
    b.give(0, apply(Take{{axis}}, b.gradient(), b.template discrete_input<std::int64_t>(1)));
  }
};

template <class V>
void Take::vjp(Backward<V>& b) const {
  b.give(0, apply(ScatterSlices{{{axis}, b.shape(0)}}, b.gradient(),
                  b.template discrete_input<std::int64_t>(1)));
}

void check_shape(std::string_view operation, const Shape& x, const Shape& expected, const Shape& shape) {
  if (x == expected) return;
  throw ShapeError(std::string(operation) + ": " + to_string(x) + " is not what the indices choose from " +
                   to_string(shape) + ", " + to_string(expected) + "; they must be equal");
}

/// The axis, of indices that go along it.
std::size_t checked_axis(std::string_view operation, const Shape& shape, const Shape& chosen,
                         std::ptrdiff_t axis) {
  const std::size_t along = normalize_axis(operation, axis, shape);
  const auto fail = [&](const std::string& advice) {
    throw ShapeError(std::string(operation) + ": indices " + to_string(chosen) + " for shape " +
                     to_string(shape) + advice);
  };
  if (chosen.size() != shape.size()) fail("; they must have as many axes");
  for (std::size_t k = 0; k < shape.size(); ++k)
    if (k != along && chosen[k] != shape[k])
      fail(" (axis " + std::to_string(k) + ": " + std::to_string(chosen[k]) + " vs " +
           std::to_string(shape[k]) + "); extents beside axis " + std::to_string(along) +
           " must be equal, they do not broadcast");
  return along;
}

}  // namespace

Dense<std::int64_t> detail::checked_indices(std::string_view operation, const Dense<std::int64_t>& given,
                                            const Shape& shape, std::size_t axis) {
  const auto extent = static_cast<std::int64_t>(shape[axis]);
  const std::int64_t* in = given.data();
  const std::size_t count = given.size();
  if (count_from_front(in, count, shape[axis])) return given;
  Dense<std::int64_t> indices(given.shape);
  std::int64_t* out = indices.mutable_data();
  for (std::size_t k = 0; k < count; ++k) {
    if (in[k] < -extent || in[k] >= extent)
      throw ValueError(
          std::string(operation) + ": index " + std::to_string(in[k]) + " at " + place_of(k, given.shape) +
          " is out of range for axis " + std::to_string(axis) + " of shape " + to_string(shape) + "; " +
          (extent == 0 ? "the axis is empty"
                       : "give one from " + std::to_string(-extent) + " to " + std::to_string(extent - 1)));
    out[k] = in[k] < 0 ? in[k] + extent : in[k];
  }
  return indices;
}

template <Tensor V>
V take_along_axis(const V& x, const IndexInput& indices, Integer axis) {
  const std::size_t along = checked_axis("take_along_axis", shape_of(x), indices.shape(), axis);
  return apply(TakeAlongAxis{{along}}, x, indices.dense());
}

template <Tensor V>
V scatter_along_axis(const V& x, const IndexInput& indices, Integer axis, const Shape& shape) {
  check_possible("scatter_along_axis", shape, shape_of(x));
  const std::size_t along = checked_axis("scatter_along_axis", shape, indices.shape(), axis);
  Dense<std::int64_t> places = indices.dense();
  check_shape("scatter_along_axis", shape_of(x), places.shape, shape);
  return apply(ScatterAlongAxis{{{along}, shape}}, x, std::move(places));
}

template <Tensor V>
V detail::scatter_to_places(const V& x, const reading_of<std::int64_t, V>& places, std::size_t axis,
                            const Shape& shape) {
  return apply(ScatterAlongAxis{{{axis}, shape}}, x, places);
}

template <Tensor V>
V take(const V& x, const IndexInput& indices, Integer axis) {
  const std::size_t along = normalize_axis("take", axis, shape_of(x));
  Dense<std::int64_t> places = indices.dense();
  check_possible("take", taken_shape(shape_of(x), places.shape, along), shape_of(x), places.shape);
  return apply(Take{{along}}, x, std::move(places));
}

template <Tensor V>
V detail::rows_of_table(const V& table, Dense<std::int64_t> indices) {
  return apply(Take{{0}, false}, table, std::move(indices));
}

template <Tensor V>
V scatter_slices(const V& x, const IndexInput& indices, Integer axis, const Shape& shape) {
  check_possible("scatter_slices", shape, shape_of(x));
  const std::size_t along = normalize_axis("scatter_slices", axis, shape);
  Dense<std::int64_t> places = indices.dense();
  check_shape("scatter_slices", shape_of(x), taken_shape(shape, places.shape, along), shape);
  return apply(ScatterSlices{{{along}, shape}}, x, std::move(places));
}

template <class T>
Array<T> one_hot(const IndexInput& indices, Count number) {
  const std::size_t classes = number.checked("one_hot", "the number of classes");
  const Dense<std::int64_t>& labels = indices.dense();
  check_stays("one_hot", labels.buffer);
  Shape shape = labels.shape;
  shape.push_back(classes);
  check_possible("one_hot", shape, labels.shape);
  Dense<T> rows = Dense<T>::filled(shape, T(0));
  T* out = rows.mutable_data();
  for (std::size_t k = 0, n = labels.size(); k < n; ++k, out += classes) {
    const std::int64_t label = labels.data()[k];
    if (label < 0 || static_cast<std::size_t>(label) >= classes)
      throw ValueError("one_hot: index " + std::to_string(label) + " at " + place_of(k, labels.shape) +
                       " is not one of " + std::to_string(classes) + " classes; they are numbered from 0 on");
    out[label] = T(1);
  }
  return to_array(std::move(rows));
}

[[gnu::used]] constexpr auto tensor_instances = instantiate::for_tensors([]<class V>() {
  return std::make_tuple(take_along_axis<V>, scatter_along_axis<V>, scatter_to_places<V>, take<V>,
                         rows_of_table<V>, scatter_slices<V>);
});
[[gnu::used]] constexpr auto number_instances =
    instantiate::for_numbers([]<class T>() { return one_hot<T>; });

}  // namespace xgrad
