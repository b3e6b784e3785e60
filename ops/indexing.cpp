#include "indexing.hpp"

#include <algorithm>
#include <string>
#include <utility>

#include "../core/array/instantiate.hpp"
#include "../core/array/threads.hpp"
#include "../core/array/worth_a_thread.hpp"
#include "families.hpp"
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

/// The indices, none negative; ValueError for the first that is out of range.
Dense<std::int64_t> checked(std::string_view operation, const Indices& given, const Shape& shape,
                            std::size_t axis) {
  Dense<std::int64_t> indices = to_dense(given);
  const auto extent = static_cast<std::int64_t>(shape[axis]);
  const std::int64_t* in = indices.data();
  bool counts_from_end = false;
  for (std::size_t k = 0, n = indices.size(); k < n; ++k) {
    if (in[k] < -extent || in[k] >= extent)
      throw ValueError(
          std::string(operation) + ": index " + std::to_string(in[k]) + " at " + place_of(k, indices.shape) +
          " is out of range for axis " + std::to_string(axis) + " of shape " + to_string(shape) + "; " +
          (extent == 0 ? "the axis is empty"
                       : "give one from " + std::to_string(-extent) + " to " + std::to_string(extent - 1)));
    counts_from_end |= in[k] < 0;
  }
  if (!counts_from_end) return indices;
  std::int64_t* out = indices.mutable_data();
  for (std::size_t k = 0, n = indices.size(); k < n; ++k) out[k] += out[k] < 0 ? extent : 0;
  return indices;
}

/// An index array and the axis that it chooses along; what all four operations are made of.
struct Choice {
  Dense<std::int64_t> indices;
  std::size_t axis = 0;
};

struct ScatterAlongAxis;

struct TakeAlongAxis {
  static constexpr std::string_view name = "take_along_axis";
  Choice choice;
  template <class T>
  Dense<T> forward(const Dense<T>& x) const {
    const Around from(x.shape, choice.axis), to(choice.indices.shape, choice.axis);
    Dense<T> result(choice.indices.shape);
    if (result.size() == 0) return result;
    const T* in = x.data();
    const std::int64_t* index = choice.indices.data();
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

struct ScatterAlongAxis {
  static constexpr std::string_view name = "scatter_along_axis";
  Choice choice;
  Shape shape;
  template <class T>
  Dense<T> forward(const Dense<T>& x) const {
    const Around from(choice.indices.shape, choice.axis), to(shape, choice.axis);
    Dense<T> result = Dense<T>::filled(shape, T(0));
    if (x.size() == 0) return result;
    const T* in = x.data();
    const std::int64_t* index = choice.indices.data();
    T* out = result.mutable_data();
    const std::size_t inner = from.inner, row = from.extent * inner;
    // No two outer rows meet in one element.
    parallel_for(from.outer, costly_elements / std::max<std::size_t>(row, 1) + 1,
                 [&](std::size_t begin, std::size_t end) {
                   for (std::size_t o = begin; o < end; ++o) {
                     T* target = out + o * to.extent * inner;
                     for (std::size_t k = o * row; k < (o + 1) * row;)
                       for (std::size_t i = 0; i < inner; ++i, ++k)
                         target[static_cast<std::size_t>(index[k]) * inner + i] += in[k];
                   }
                 });
    return result;
  }
  template <class V>
  void vjp(Backward<V>& b) const {
    b.give(0, apply(TakeAlongAxis{choice}, b.gradient()));
  }
};

template <class V>
void TakeAlongAxis::vjp(Backward<V>& b) const {
  b.give(0, apply(ScatterAlongAxis{choice, b.shape(0)}, b.gradient()));
}

Shape taken_shape(const Shape& x, const Shape& indices, std::size_t axis) {
  Shape shape(x.begin(), x.begin() + axis);
  for (std::size_t extent : indices) shape.push_back(extent);
  for (std::size_t k = axis + 1; k < x.size(); ++k) shape.push_back(x[k]);
  return shape;
}

struct ScatterSlices;

struct Take {
  static constexpr std::string_view name = "take";
  Choice choice;
  template <class T>
  Dense<T> forward(const Dense<T>& x) const {
    const Around from(x.shape, choice.axis);
    const std::size_t count = choice.indices.size();
    Dense<T> result(taken_shape(x.shape, choice.indices.shape, choice.axis));
    if (result.size() == 0) return result;
    const T* in = x.data();
    const std::int64_t* index = choice.indices.data();
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

struct ScatterSlices {
  static constexpr std::string_view name = "scatter_slices";
  Choice choice;
  Shape shape;
  template <class T>
  Dense<T> forward(const Dense<T>& x) const {
    const Around to(shape, choice.axis);
    const std::size_t count = choice.indices.size();
    Dense<T> result = Dense<T>::filled(shape, T(0));
    if (x.size() == 0) return result;
    const T* in = x.data();
    const std::int64_t* index = choice.indices.data();
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
    b.give(0, apply(Take{choice}, b.gradient()));
  }
};

template <class V>
void Take::vjp(Backward<V>& b) const {
  b.give(0, apply(ScatterSlices{choice, b.shape(0)}, b.gradient()));
}

void check_shape(std::string_view operation, const Shape& x, const Shape& expected, const Shape& shape) {
  if (x == expected) return;
  throw ShapeError(std::string(operation) + ": " + to_string(x) + " is not what the indices choose from " +
                   to_string(shape) + ", " + to_string(expected) + "; they must be equal");
}

Choice choose_along(std::string_view operation, const Shape& shape, const Indices& indices,
                    std::ptrdiff_t axis) {
  const std::size_t along = normalize_axis(operation, axis, shape);
  const Shape& chosen = indices.shape();
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
  return {checked(operation, indices, shape, along), along};
}

Choice choose_slices(std::string_view operation, const Shape& shape, const Indices& indices,
                     std::ptrdiff_t axis) {
  const std::size_t along = normalize_axis(operation, axis, shape);
  return {checked(operation, indices, shape, along), along};
}

}  // namespace

template <Tensor V>
V take_along_axis(const V& x, const Indices& indices, Integer axis) {
  return apply(TakeAlongAxis{choose_along("take_along_axis", shape_of(x), indices, axis)}, x);
}

template <Tensor V>
V scatter_along_axis(const V& x, const Indices& indices, Integer axis, const Shape& shape) {
  check_possible("scatter_along_axis", shape, shape_of(x));
  Choice choice = choose_along("scatter_along_axis", shape, indices, axis);
  check_shape("scatter_along_axis", shape_of(x), choice.indices.shape, shape);
  return apply(ScatterAlongAxis{std::move(choice), shape}, x);
}

template <Tensor V>
V take(const V& x, const Indices& indices, Integer axis) {
  Take op{choose_slices("take", shape_of(x), indices, axis)};
  check_possible("take", taken_shape(shape_of(x), op.choice.indices.shape, op.choice.axis), shape_of(x),
                 op.choice.indices.shape);
  return apply(std::move(op), x);
}

template <Tensor V>
V scatter_slices(const V& x, const Indices& indices, Integer axis, const Shape& shape) {
  check_possible("scatter_slices", shape, shape_of(x));
  Choice choice = choose_slices("scatter_slices", shape, indices, axis);
  check_shape("scatter_slices", shape_of(x), taken_shape(shape, choice.indices.shape, choice.axis), shape);
  return apply(ScatterSlices{std::move(choice), shape}, x);
}

template <class T>
Array<T> one_hot(const Indices& indices, Count number) {
  const std::size_t classes = number.checked("one_hot", "the number of classes");
  const Dense<std::int64_t> labels = to_dense(indices);
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
  return std::make_tuple(take_along_axis<V>, scatter_along_axis<V>, take<V>, scatter_slices<V>);
});
[[gnu::used]] constexpr auto number_instances =
    instantiate::for_numbers([]<class T>() { return one_hot<T>; });

std::vector<std::string_view> detail::indexing_operation_names() {
  return names_of<kernels::List<TakeAlongAxis, ScatterAlongAxis, Take, ScatterSlices>>();
}

}  // namespace xgrad
