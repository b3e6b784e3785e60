// Bringing inputs to a common scale.
#pragma once

#include "../core/array/array.hpp"

namespace xgrad::data {

/// (x - mean) / deviation, elementwise: normalise(pixels, 0.5, 0.5) takes [0, 1] to [-1, 1]. ValueError if
/// one of the numbers is not finite, or the deviation is not positive. T is float or double.
template <class T>
Array<T> normalise(const Array<T>& x, double mean, double deviation);

/// Each column of x, which is everything after its first axis, to mean 0 and deviation 1 over the first axis;
/// a column of equal elements becomes 0. ShapeError if x has no axis. T is float or double.
template <class T>
Array<T> normalise(const Array<T>& x);

}  // namespace xgrad::data
