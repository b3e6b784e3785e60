// Figures that say how good predictions are, beside the loss.
#pragma once

#include "../core/graph/variable.hpp"

namespace xgrad::train {

/// The share of rows of predictions, [n, classes], whose largest element stands at the row's label; the first
/// of equal elements counts. labels: [n]. ShapeError for other shapes. T is float or double.
template <class T>
double accuracy(const Variable<T>& predictions, const Indices& labels);

}  // namespace xgrad::train
