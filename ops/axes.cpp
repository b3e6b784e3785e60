#include "axes.hpp"

namespace xgrad {

void detail::throw_axes_of_shape(const Shape& shape) {
  throw ShapeError("axes: an array of shape " + to_string(shape) +
                   " is no list of axes; give one of a single axis, or the integers themselves, {0, 1}");
}

}  // namespace xgrad
