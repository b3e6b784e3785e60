#include "metrics.hpp"

#include "../core/array/instantiate.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <string>
#include <tuple>
#include <vector>

namespace xgrad::train {

namespace {

[[noreturn]] void refuse_class(const std::string& what, std::size_t row, std::int64_t number,
                               std::size_t classes) {
  std::string text = what + " of row " + std::to_string(row) + " is " + std::to_string(number) +
                     ", and there are " + std::to_string(classes) + " classes; count them from 0";
  if (classes == 1) text += ", and give a column of predictions for each";
  throw ValueError(text);
}

/// The label of a row; ValueError if it is no class.
std::size_t label_of(const char* operation, const Dense<std::int64_t>& labels, std::size_t row,
                     std::size_t classes) {
  const std::int64_t label = labels.data()[row];
  if (static_cast<std::uint64_t>(label) >= classes)
    refuse_class(std::string(operation) + ": the label", row, label, classes);
  return static_cast<std::size_t>(label);
}

/// Whether it is the first of a row's largest elements; none is where there is a NaN.
template <class T>
bool stands_out(const T* row, std::size_t count, std::size_t place) {
  for (std::size_t k = 0; k < count; ++k)
    if (!(k < place ? row[k] < row[place] : row[k] <= row[place])) return false;
  return true;
}

}  // namespace

template <class T>
double accuracy(const Variable<T>& predictions, const IndexInput& labels) {
  const Shape& shape = predictions.shape();
  if (shape.size() != 2 || shape[1] == 0 || labels.shape().size() != 1 || labels.shape()[0] != shape[0])
    throw ShapeError("accuracy: predictions " + to_string(shape) + " and labels " +
                     to_string(labels.shape()) + " do not fit; give [n, classes] and [n]");
  const T* row = predictions.dense().data();
  std::size_t right = 0;
  for (std::size_t i = 0; i < shape[0]; ++i, row += shape[1])
    right += stands_out(row, shape[1], label_of("accuracy", labels.dense(), i, shape[1])) ? 1 : 0;
  return shape[0] == 0 ? 0 : static_cast<double>(right) / static_cast<double>(shape[0]);
}

namespace {

/// The place of a row's largest element; ValueError for a NaN.
template <class T>
std::int64_t class_of(const T* row, std::size_t classes, std::size_t number) {
  for (std::size_t k = 0; k < classes; ++k)
    if (std::isnan(row[k]))
      throw ValueError("confusion_matrix: row " + std::to_string(number) +
                       " of the predictions has a NaN in column " + std::to_string(k) +
                       ", and so no largest element; see DetectAnomaly for where it comes from");
  return std::max_element(row, row + classes) - row;
}

/// Adds up the pairs of label and predicted class of n rows.
template <class Predicted>
Indices counted(const Dense<std::int64_t>& labels, std::size_t classes, const Predicted& predicted) {
  Dense<std::int64_t> counts = Dense<std::int64_t>::filled(Shape{classes, classes}, 0);
  std::int64_t* const of = counts.mutable_data();
  for (std::size_t row = 0; row < labels.size(); ++row) {
    const std::size_t label = label_of("confusion_matrix", labels, row, classes);
    const std::int64_t guess = predicted(row);
    if (static_cast<std::uint64_t>(guess) >= classes)
      refuse_class("confusion_matrix: the predicted class", row, guess, classes);
    ++of[label * classes + static_cast<std::size_t>(guess)];
  }
  return to_array(std::move(counts));
}

/// What the counts say of one class, or of all together.
struct Hits {
  std::int64_t right = 0, predicted = 0, labelled = 0;
  double f1() const {
    // TP + FP are the predicted ones, TP + FN the labelled ones. 0 / 0 is NaN.
    return 2 * static_cast<double>(right) / (static_cast<double>(predicted) + static_cast<double>(labelled));
  }
};

std::vector<Hits> hits_of(const IndexInput& confusion) {
  const Shape& shape = confusion.shape();
  if (shape.size() != 2 || shape[0] != shape[1])
    throw ShapeError("f1_score: " + to_string(shape) +
                     " is no confusion matrix; give one of confusion_matrix, [classes, classes]");
  const std::int64_t* counts = confusion.dense().data();
  std::vector<Hits> hits(shape[0]);
  for (std::size_t i = 0; i < hits.size(); ++i)
    for (std::size_t j = 0; j < hits.size(); ++j) {
      const std::int64_t count = *counts++;
      if (count < 0)
        throw ValueError("f1_score: element [" + std::to_string(i) + ", " + std::to_string(j) +
                         "] of the counts is " + std::to_string(count) +
                         "; give a matrix of confusion_matrix, or a sum of such");
      hits[i].labelled += count;
      hits[j].predicted += count;
      if (i == j) hits[i].right += count;
    }
  return hits;
}

/// R2 of a column of `rows` numbers, `step` apart.
template <class T>
double r2_of_column(const T* predictions, const T* targets, std::size_t rows, std::size_t step) {
  double mean = 0;
  bool is_constant = true;
  for (std::size_t i = 0; i < rows; ++i) {
    mean += static_cast<double>(targets[i * step]) / static_cast<double>(rows);
    is_constant = is_constant && targets[i * step] == targets[0];
  }
  // Rounding of the mean would make a tiny variance of what has none.
  if (is_constant) return std::numeric_limits<double>::quiet_NaN();
  double missed = 0, all = 0;
  for (std::size_t i = 0; i < rows; ++i) {
    const double target = static_cast<double>(targets[i * step]);
    const double error = target - static_cast<double>(predictions[i * step]), spread = target - mean;
    missed += error * error;
    all += spread * spread;
  }
  return 1 - missed / all;
}

}  // namespace

template <class T>
Indices confusion_matrix(const Variable<T>& predictions, const IndexInput& labels) {
  const Shape& shape = predictions.shape();
  if (shape.size() != 2 || shape[1] == 0 || labels.shape().size() != 1 || labels.shape()[0] != shape[0])
    throw ShapeError("confusion_matrix: predictions " + to_string(shape) + " and labels " +
                     to_string(labels.shape()) + " do not fit; give [n, classes] and [n]");
  const T* const rows = predictions.dense().data();
  return counted(labels.dense(), shape[1],
                 [&](std::size_t row) { return class_of(rows + row * shape[1], shape[1], row); });
}

Indices confusion_matrix(const IndexInput& predicted, const IndexInput& labels, Count classes) {
  const std::size_t count = classes.checked("confusion_matrix", "the number of classes", 1);
  if (predicted.shape().size() != 1 || labels.shape().size() != 1 || predicted.shape() != labels.shape())
    throw ShapeError("confusion_matrix: predicted classes " + to_string(predicted.shape()) + " and labels " +
                     to_string(labels.shape()) + " do not fit; give [n] and [n]");
  return counted(labels.dense(), count, [&](std::size_t row) { return predicted.dense().data()[row]; });
}

Array<double> f1_scores(const IndexInput& confusion) {
  const std::vector<Hits> hits = hits_of(confusion);
  Dense<double> scores(Shape{hits.size()});
  std::transform(hits.begin(), hits.end(), scores.mutable_data(), [](const Hits& one) { return one.f1(); });
  return to_array(std::move(scores));
}

double f1_score(const IndexInput& confusion, Average average) {
  Hits all;
  double total = 0, present = 0;
  for (const Hits& one : hits_of(confusion)) {
    all.right += one.right;
    all.predicted += one.predicted;
    all.labelled += one.labelled;
    if (one.predicted + one.labelled == 0) continue;
    total += one.f1();
    ++present;
  }
  return average == Average::micro ? all.f1() : total / present;
}

template <class T>
double r2_score(const Variable<T>& predictions, const Variable<T>& targets) {
  const Shape& shape = predictions.shape();
  if (shape != targets.shape() || (shape.size() != 1 && shape.size() != 2) || shape.back() == 0)
    throw ShapeError("r2_score: predictions " + to_string(shape) + " and targets " +
                     to_string(targets.shape()) + " do not fit; give both as [n], or both as [n, k]");
  const std::size_t columns = shape.size() == 2 ? shape[1] : 1;
  double total = 0;
  for (std::size_t k = 0; k < columns; ++k)
    total += r2_of_column(predictions.dense().data() + k, targets.dense().data() + k, shape[0], columns);
  return total / static_cast<double>(columns);
}

[[gnu::used]] constexpr auto instances = instantiate::for_numbers([]<class T>() {
  return std::make_tuple(
      accuracy<T>, instantiate::overload<Indices(const Variable<T>&, const IndexInput&)>(confusion_matrix),
      instantiate::overload<double(const Variable<T>&, const Variable<T>&)>(r2_score));
});

}  // namespace xgrad::train
