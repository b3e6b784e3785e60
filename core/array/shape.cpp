#include "shape.hpp"

#include <algorithm>
#include <limits>
#include <ostream>

#include "error.hpp"

namespace xgrad {
using namespace detail;

std::string to_string(const Shape& shape) {
  std::string text = "[";
  for (std::size_t i = 0; i < shape.size(); ++i) {
    if (i != 0) text += ", ";
    text += std::to_string(shape[i]);
  }
  return text + "]";
}

std::ostream& operator<<(std::ostream& out, const Shape& shape) { return out << to_string(shape); }

std::ostream& operator<<(std::ostream& out, const Axes& axes) {
  out << '[';
  for (std::size_t i = 0; i < axes.size(); ++i) out << (i == 0 ? "" : ", ") << axes[i];
  return out << ']';
}

namespace detail {

void throw_too_many_axes(std::size_t count) {
  throw ShapeError("shape: " + std::to_string(count) + " axes, and a value has at most " +
                   std::to_string(max_axes) + "; merge some with reshape");
}

void throw_impossible(std::string_view operation, const Shape& made, std::initializer_list<const Shape*> of) {
  std::string given, shape = "[", zeros;
  for (const Shape* each : of) given += (given.empty() ? "" : " and ") + to_string(*each);
  for (std::size_t extent : made) {
    if (shape.size() > 1) shape += ", ";
    // What the checked sum and product stop at, and a Count.
    constexpr std::size_t all = std::numeric_limits<std::size_t>::max(), signed_all = all / 2;
    shape += extent == all          ? "2^64 - 1 or more"
             : extent == signed_all ? "2^63 - 1 or more"
                                    : std::to_string(extent);
    if (extent == 0) zeros = ", extents of 0 left out";
  }
  throw ShapeError(
      std::string(operation) + ": " +
      (given.empty() ? "shape " + shape + "] is too large" : given + " would become " + shape + "]") +
      ", and a value has less than 2^60 elements" + zeros + "; make it smaller");
}

Shape broadcast_shapes(std::string_view operation, const Shape& a, const Shape& b) {
  const std::size_t dim = std::max(a.size(), b.size());
  Shape result(dim, 1);
  // Shapes are aligned at their last axes; an axis that one of them lacks counts as extent 1.
  for (std::size_t axis = 0; axis < dim; ++axis) {
    const std::size_t in_a = axis + a.size() < dim ? 1 : a[axis + a.size() - dim];
    const std::size_t in_b = axis + b.size() < dim ? 1 : b[axis + b.size() - dim];
    if (in_a != in_b && in_a != 1 && in_b != 1)
      throw ShapeError(std::string(operation) + ": shapes do not broadcast: " + to_string(a) + " and " +
                       to_string(b) + " (axis " + std::to_string(axis) + ": " + std::to_string(in_a) +
                       " vs " + std::to_string(in_b) + "); make the extents equal or 1");
    result[axis] = in_a == 1 ? in_b : in_a;
  }
  check_possible(operation, result, a, b);
  return result;
}

std::size_t normalize_axis(std::string_view operation, std::ptrdiff_t axis, const Shape& shape) {
  const auto dim = static_cast<std::ptrdiff_t>(shape.size());
  if (axis >= -dim && axis < dim) return static_cast<std::size_t>(axis < 0 ? axis + dim : axis);
  const std::string range = std::to_string(-dim) + " to " + std::to_string(dim - 1);
  const std::string advice = dim == 0 ? "a value without axes takes none" : "give one from " + range;
  throw ShapeError(std::string(operation) + ": axis " + std::to_string(axis) + " is out of range for shape " +
                   to_string(shape) + "; " + advice);
}

AxisList<bool> reduced_axes(std::string_view operation, const Axes& axes, const Shape& shape) {
  AxisList<bool> reduced(shape.size(), axes.empty());
  for (std::ptrdiff_t given : axes) {
    const std::size_t axis = normalize_axis(operation, given, shape);
    if (reduced[axis])
      throw ShapeError(std::string(operation) + ": axis " + std::to_string(axis) + " of shape " +
                       to_string(shape) + " is named twice; name each axis once");
    reduced[axis] = true;
  }
  return reduced;
}

Shape reduced_shape(const Shape& shape, const AxisList<bool>& reduced, bool keep_dims) {
  Shape result;
  for (std::size_t axis = 0; axis < shape.size(); ++axis) {
    if (!reduced[axis])
      result.push_back(shape[axis]);
    else if (keep_dims)
      result.push_back(1);
  }
  return result;
}

// NOLINTNEXTLINE(bugprone-exception-escape): a Shape has no ninth axis
AxisList<std::ptrdiff_t> row_major_strides(const Shape& shape) noexcept {
  AxisList<std::ptrdiff_t> strides(shape.size(), 1);
  for (std::size_t axis = shape.size(); axis-- > 1;)
    strides[axis - 1] = strides[axis] * static_cast<std::ptrdiff_t>(shape[axis]);
  return strides;
}

}  // namespace detail
}  // namespace xgrad
