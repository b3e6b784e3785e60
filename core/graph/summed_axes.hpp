// Which axes were repeated, and are summed again.
#pragma once

#include "../array/shape.hpp"

namespace xgrad::detail {

/// A flag for each axis of `shape`: whether sum_to() sums it, of a value of that shape, down to `to`.
AxisList<bool> summed_axes(const Shape& shape, const Shape& to);

}  // namespace xgrad::detail
