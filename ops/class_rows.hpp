// What the losses check and share: shapes that must agree, rows of classes, labels.
#pragma once

#include <string_view>

#include "../core/array/array.hpp"

namespace xgrad {

/// ShapeError unless the shapes are the same: a loss does not broadcast.
void check_same_shape(std::string_view operation, const Shape& predictions, const Shape& targets);

/// ShapeError unless predictions are [N, C] or [C].
void check_class_rows(std::string_view operation, const Shape& predictions);

/// ShapeError unless there is one label a row.
void check_label_shape(std::string_view operation, const Shape& labels, const Shape& predictions);

/// The same, and ValueError if a label is no class.
void check_labels(std::string_view operation, const Dense<std::int64_t>& labels, const Shape& predictions);

/// Rows that are 1 at the label and 0 elsewhere, of labels that are checked first; those of the predictions'
/// own shape are such rows already.
template <class T>
Dense<T> one_hot_rows(std::string_view operation, const Dense<std::int64_t>& labels,
                      const Shape& predictions);

/// Samples lie along the first axis; one axis or none is one sample.
inline std::size_t samples_in(const Shape& shape) { return shape.size() < 2 ? 1 : shape[0]; }

}  // namespace xgrad
