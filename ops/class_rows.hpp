// What the losses check and share: shapes that must agree, rows of classes, labels.
#pragma once

#include <string_view>

#include "../core/array/array.hpp"

namespace xgrad {

/// ShapeError unless the shapes are the same: a loss does not broadcast.
void check_same_shape(std::string_view operation, const Shape& predictions, const Shape& targets);

/// ShapeError unless predictions are [N, C] or [C].
void check_class_rows(std::string_view operation, const Shape& predictions);

/// The labels as the engine sees them; ShapeError unless there is one a row, ValueError if one is no class.
Dense<std::int64_t> checked_labels(std::string_view operation, const Indices& labels,
                                   const Shape& predictions);

/// Rows that are 1 at the label and 0 elsewhere.
template <class T>
Dense<T> one_hot_rows(const Dense<std::int64_t>& labels, const Shape& predictions);
/// The same of labels that are checked first; those of the predictions' own shape are such rows already.
template <class T>
Dense<T> one_hot_rows(std::string_view operation, const Indices& labels, const Shape& predictions);

/// Samples lie along the first axis; one axis or none is one sample.
inline std::size_t samples_in(const Shape& shape) { return shape.size() < 2 ? 1 : shape[0]; }

}  // namespace xgrad
