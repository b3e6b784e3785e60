#include "class_rows.hpp"

#include <algorithm>
#include <string>

#include "../core/array/instantiate.hpp"
#include "../core/graph/capture.hpp"

namespace xgrad {
using namespace detail;

namespace {

template <class T>
Dense<T> from_integers(const Dense<std::int64_t>& rows) {
  Dense<T> result(rows.shape);
  std::transform(rows.data(), rows.data() + rows.size(), result.mutable_data(),
                 [](std::int64_t weight) { return static_cast<T>(weight); });
  return result;
}

}  // namespace

void check_same_shape(std::string_view operation, const Shape& predictions, const Shape& targets) {
  if (predictions == targets) return;
  throw ShapeError(std::string(operation) + ": predictions " + to_string(predictions) + " and targets " +
                   to_string(targets) +
                   " differ in shape, and a loss does not broadcast; reshape one of them");
}

void check_class_rows(std::string_view operation, const Shape& predictions) {
  if (predictions.size() == 1 || predictions.size() == 2) return;
  throw ShapeError(std::string(operation) + ": predictions " + to_string(predictions) + " have " +
                   std::to_string(predictions.size()) +
                   " axes; reshape them to [N, C], or [C] for one sample, with the classes last");
}

namespace {

/// One label a row of [N, C], or a single one for [C].
bool fits(const Shape& labels, const Shape& predictions) {
  if (predictions.size() == 2) return labels.size() == 1 && labels[0] == predictions[0];
  return predictions.size() == 1 && labels.empty();
}

[[gnu::cold, gnu::noinline]] void refuse_shape(std::string_view operation, const Shape& labels,
                                               const Shape& predictions) {
  check_class_rows(operation, predictions);
  Shape expected = predictions;
  expected.erase(expected.size() - 1);
  throw ShapeError(std::string(operation) + ": labels " + to_string(labels) + " do not fit predictions " +
                   to_string(predictions) + "; give " + to_string(expected) +
                   ", one label a row, or one-hot rows");
}

[[gnu::cold, gnu::noinline]] void refuse_label(std::string_view operation, std::size_t row,
                                               std::int64_t label, std::size_t classes) {
  throw ValueError(std::string(operation) + ": the label of row " + std::to_string(row) + " is " +
                   std::to_string(label) + ", and there are " + std::to_string(classes) +
                   " classes; count them from 0");
}

}  // namespace

void check_label_shape(std::string_view operation, const Shape& labels, const Shape& predictions) {
  if (!fits(labels, predictions)) refuse_shape(operation, labels, predictions);
}

void check_labels(std::string_view operation, const Dense<std::int64_t>& labels, const Shape& predictions) {
  check_label_shape(operation, labels.shape, predictions);
  const std::int64_t* const of = labels.data();
  const std::size_t classes = predictions.back();
  for (std::size_t row = 0, rows = samples_in(predictions); row < rows; ++row)
    // Also of negative ones.
    if (static_cast<std::uint64_t>(of[row]) >= classes) refuse_label(operation, row, of[row], classes);
}

template <class T>
Dense<T> one_hot_rows(std::string_view operation, const Dense<std::int64_t>& labels,
                      const Shape& predictions) {
  check_stays(operation, labels.buffer);
  if (labels.shape == predictions) return from_integers<T>(labels);
  check_labels(operation, labels, predictions);
  Dense<T> rows = Dense<T>::filled(predictions, 0);
  T* out = rows.mutable_data();
  for (std::size_t row = 0; row < labels.size(); ++row)
    out[row * predictions.back() + static_cast<std::size_t>(labels.data()[row])] = 1;
  return rows;
}

[[gnu::used]] constexpr auto instances =
    instantiate::for_numbers([]<class T>() { return std::make_tuple(one_hot_rows<T>); });

}  // namespace xgrad
