// The largest and the smallest elements along an axis, and where they stand.
#pragma once

#include "../core/array/array.hpp"
#include "../core/graph/variable.hpp"

namespace xgrad {

/// What max_with_indices and min_with_indices take.
struct ExtremesOptions {
  Flag keep_dims = false;  ///< leaves the axis in the result's shape with extent 1
};

/// As topk gives them.
template <class T>
struct Extremes {
  Variable<T> values;
  Indices indices;  ///< along the axis
};

/// The largest element of every line along an axis, and its position, PyTorch's max with a dim: of equal ones
/// the first, and the first NaN where there is one, as argmax has it. All of the gradient goes to that
/// element, while max shares it among equal ones. ShapeError if the axis is out of range; ValueError where
/// there are no elements.
template <class T>
Extremes<T> max_with_indices(const Variable<T>& x, Integer axis, const ExtremesOptions& options = {});

/// The smallest element, likewise.
template <class T>
Extremes<T> min_with_indices(const Variable<T>& x, Integer axis, const ExtremesOptions& options = {});

}  // namespace xgrad
