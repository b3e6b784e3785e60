// Sorting along an axis. Equal elements keep their order, and NaN comes last, whichever way is sorted. The
// gradient of what is sorted goes back to where each element came from.
#pragma once

#include <cstddef>

#include "../core/array/array.hpp"
#include "../core/graph/variable.hpp"

namespace xgrad {

/// What sort and argsort take.
struct SortOptions {
  Flag descending = false;
};

/// The positions along the axis that put its elements in order, in x's shape: for take_along_axis.
/// ShapeError if the axis is out of range.
template <class T>
Indices argsort(const Variable<T>& x, Integer axis = -1, const SortOptions& options = {});

/// The elements along the axis in order, the least first. ShapeError if the axis is out of range.
template <class T>
Variable<T> sort(const Variable<T>& x, Integer axis = -1, const SortOptions& options = {});

/// What topk takes.
struct TopKOptions {
  Flag largest = true;  ///< else the smallest
};

/// What topk gives.
template <class T>
struct TopK {
  Variable<T> values;
  Indices indices;  ///< along the axis
};

/// The `k` largest elements along the axis, the largest first; of equal ones the first. A NaN is among them
/// only where there are not k numbers. ValueError if there are fewer than k elements, ShapeError if the axis
/// is out of range.
template <class T>
TopK<T> topk(const Variable<T>& x, Count k, Integer axis = -1, const TopKOptions& options = {});

}  // namespace xgrad
