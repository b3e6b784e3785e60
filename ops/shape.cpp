#include "shape.hpp"

#include <algorithm>
#include <string>

#include "../core/array/instantiate.hpp"
#include "../core/graph/record.hpp"
#include "../core/kernels/strided_copy.hpp"

namespace xgrad {
using namespace detail;

namespace {

using detail::shape_of;

struct Reshape {
  static constexpr std::string_view name = "reshape";
  static constexpr bool is_linear = true;
  static constexpr std::uint64_t shares = 1;
  Shape shape;
  void fields(auto& visit) const { visit("shape", shape); }
  static double flops(Shapes, const Shape&) noexcept { return 0; }

  template <class T>
  Dense<T> forward(const Dense<T>& x) const {
    return x.with_shape(shape);
  }
  Reshape over_directions(const Shape& x) const { return {with_directions(x[0], shape, 0)}; }
  template <class V>
  void vjp(Backward<V>& b) const {
    b.give(0, reshape(b.take_gradient(), b.shape(0)));
  }
};

template <class T>
Dense<T> reshaped(Dense<T>&& x, const Shape& shape) {
  return std::move(x).with_shape(shape);
}
template <class T>
Variable<T> reshaped(Variable<T>&& x, const Shape& shape) {
  if (x.shape() == shape) return detail::as_result(std::move(x));
  return apply(Reshape{shape}, x);
}

std::string to_text(const Axes& extents) {
  std::string text = "[";
  for (std::ptrdiff_t extent : extents) text += (text.size() > 1 ? ", " : "") + std::to_string(extent);
  return text + "]";
}

/// The shape that `extents` mean for a value of shape `from`.
Shape resolve(const Axes& extents, const Shape& from) {
  const std::size_t size = element_count(from);
  const auto fail = [&](const std::string& reason) {
    throw ShapeError("reshape: " + to_string(from) + " to " + to_text(extents) + ": " + reason);
  };
  Shape shape(extents.size(), 1);
  std::size_t known = 1, open_axis = shape.size();
  for (std::size_t axis = 0; axis < shape.size(); ++axis) {
    const std::ptrdiff_t extent = extents[axis];
    if (extent == -1) {
      if (open_axis < shape.size()) fail("two extents are left open; give all but one");
      open_axis = axis;
      continue;
    }
    if (extent < 0)
      fail("extent " + std::to_string(extent) + " of axis " + std::to_string(axis) +
           " is negative; only -1 has a meaning, what is left");
    shape[axis] = static_cast<std::size_t>(extent);
    known = checked_product(known, shape[axis]);
  }
  const auto count = [&] { return std::to_string(size); };
  if (open_axis < shape.size()) {
    if (known == 0 || size % known != 0)
      fail("no extent of axis " + std::to_string(open_axis) + " alone gives " + count() + " elements; give " +
           (size == 0 ? "all extents" : "extents whose product divides " + count()));
    shape[open_axis] = size / known;
  } else if (known != size) {
    fail(count() + " elements do not become " + (known < element_limit ? std::to_string(known) : "so many") +
         "; give extents whose product is " + count());
  }
  check_possible("reshape", shape, from);
  return shape;
}

struct Transpose {
  static constexpr std::string_view name = "transpose";
  static constexpr bool is_linear = true;
  AxisList<std::size_t> order;
  void fields(auto& visit) const { visit("order", order); }
  static double flops(Shapes, const Shape&) noexcept { return 0; }

  template <class T>
  Dense<T> forward(const Dense<T>& x) const {
    const Strides strides = row_major_strides(x.shape);
    Strides in;
    Shape shape;
    for (std::size_t axis : order) {
      in.push_back(strides[axis]);
      shape.push_back(x.shape[axis]);
    }
    Dense<T> result(shape);
    copy_strided(x.data(), in, result.mutable_data(), row_major_strides(shape), shape);
    return result;
  }
  Transpose over_directions(const Shape&) const {
    AxisList<std::size_t> wide{0};
    for (const std::size_t axis : order) wide.push_back(axis + 1);
    return {wide};
  }
  template <class V>
  void vjp(Backward<V>& b) const {
    AxisList<std::size_t> inverse(order.size());
    for (std::size_t k = 0; k < order.size(); ++k) inverse[order[k]] = k;
    b.give(0, apply(Transpose{inverse}, b.gradient()));
  }
};

}  // namespace

template <Tensor V>
V reshape(V x, const Extents& extents) {
  const Axes& wanted = extents.values();
  const Shape& from = shape_of(x);
  if (std::equal(wanted.begin(), wanted.end(), from.begin(), from.end(),
                 [](std::ptrdiff_t a, std::size_t b) { return a == static_cast<std::ptrdiff_t>(b); }))
    return detail::as_result(std::move(x));
  return reshaped(std::move(x), resolve(wanted, from));
}

template <Tensor V>
V flatten(V x, Integer first, Integer last) {
  const Shape& from = shape_of(x);
  if (from.empty() && (first == 0 || first == -1) && (last == 0 || last == -1))
    return reshaped(std::move(x), Shape{1});
  const std::size_t begin = normalize_axis("flatten", first, from),
                    end = normalize_axis("flatten", last, from);
  if (end < begin)
    throw ShapeError("flatten: axis " + std::to_string(end) + " comes before axis " + std::to_string(begin) +
                     " in shape " + to_string(from) + "; give the first one first");
  Shape shape;
  for (std::size_t axis = 0; axis < from.size(); ++axis) {
    if (axis > begin && axis <= end)
      shape.back() *= from[axis];
    else
      shape.push_back(from[axis]);
  }
  return reshaped(std::move(x), shape);
}

template <Tensor V>
V expand_dims(V x, Integer axis) {
  // Counted in the result, which has one axis more.
  Shape shape = shape_of(x);
  shape.push_back(1);
  const std::size_t position = normalize_axis("expand_dims", axis, shape);
  shape = shape_of(x);
  shape.insert(position, 1);
  return reshaped(std::move(x), shape);
}

template <Tensor V>
V squeeze(V x) {
  Shape shape;
  for (std::size_t extent : shape_of(x))
    if (extent != 1) shape.push_back(extent);
  return reshaped(std::move(x), shape);
}

template <Tensor V>
V squeeze(V x, const Axes& axes) {
  const Shape& from = shape_of(x);
  if (axes.empty()) return detail::as_result(std::move(x));
  const AxisList<bool> dropped = reduced_axes("squeeze", axes, from);
  for (std::size_t axis = 0; axis < from.size(); ++axis)
    if (dropped[axis] && from[axis] != 1)
      throw ShapeError("squeeze: axis " + std::to_string(axis) + " of shape " + to_string(from) +
                       " has extent " + std::to_string(from[axis]) +
                       "; only axes of extent 1 can be dropped");
  return reshaped(std::move(x), reduced_shape(from, dropped, false));
}

template <Tensor V>
V permute(const V& x, const Axes& axes) {
  const Shape& from = shape_of(x);
  if (axes.size() != from.size())
    throw ShapeError("permute: " + std::to_string(axes.size()) + " axes " + to_text(axes) + " for shape " +
                     to_string(from) + "; name each of its axes once");
  if (axes.empty()) return detail::as_result(x);
  reduced_axes("permute", axes, from);
  Transpose op;
  for (std::ptrdiff_t axis : axes) op.order.push_back(normalize_axis("permute", axis, from));
  return apply(op, x);
}

template <Tensor V>
V transpose(const V& x) {
  Transpose op;
  for (std::size_t axis = shape_of(x).size(); axis-- > 0;) op.order.push_back(axis);
  return op.order.size() < 2 ? detail::as_result(x) : apply(op, x);
}

namespace {

template <Tensor V>
V with_axes_swapped(const char* operation, const V& x, Integer axis1, Integer axis2) {
  const Shape& from = shape_of(x);
  const std::size_t one = normalize_axis(operation, axis1, from);
  const std::size_t other = normalize_axis(operation, axis2, from);
  Transpose op;
  for (std::size_t axis = 0; axis < from.size(); ++axis) op.order.push_back(axis);
  std::swap(op.order[one], op.order[other]);
  return one == other ? detail::as_result(x) : apply(op, x);
}

}  // namespace

template <Tensor V>
V swap_axes(const V& x, Integer axis1, Integer axis2) {
  return with_axes_swapped("swap_axes", x, axis1, axis2);
}

template <Tensor V>
V transpose(const V& x, Integer axis1, Integer axis2) {
  return with_axes_swapped("transpose", x, axis1, axis2);
}

[[gnu::used]] constexpr auto instances = instantiate::for_tensors([]<class V>() {
  return std::make_tuple(reshape<V>, flatten<V>, expand_dims<V>, instantiate::overload<V(V)>(squeeze),
                         instantiate::overload<V(V, const Axes&)>(squeeze), permute<V>,
                         instantiate::overload<V(const V&)>(transpose),
                         instantiate::overload<V(const V&, Integer, Integer)>(transpose), swap_axes<V>);
});

}  // namespace xgrad
