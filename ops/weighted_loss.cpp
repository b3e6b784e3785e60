// The losses with weights, ignored labels and smoothed ones: made of those without, which are fused.
#include <algorithm>
#include <cmath>
#include <sstream>
#include <string>
#include <tuple>

#include "../core/array/instantiate.hpp"
#include "../core/graph/capture.hpp"
#include "activation.hpp"
#include "class_axis.hpp"
#include "class_rows.hpp"
#include "comparison.hpp"
#include "cross_entropy.hpp"
#include "loss.hpp"
#include "operators.hpp"
#include "reduction.hpp"

namespace xgrad {
using namespace detail;

namespace {

/// ValueError unless there is a good weight for each, or none at all.
void check_weights(std::string_view operation, const char* what, const ClassWeights& weights,
                   const Shape& predictions, std::size_t classes) {
  if (!weights.empty() && weights.size() != classes)
    throw ValueError(std::string(operation) + ": " + std::to_string(weights.size()) + " elements of " + what +
                     " for predictions " + to_string(predictions) + "; give one for each of the " +
                     std::to_string(classes) + " elements of the last axis");
  for (std::size_t k = 0; k < weights.size(); ++k) {
    if (std::isfinite(weights[k]) && weights[k] >= 0) continue;
    std::ostringstream text;
    text << operation << ": element " << k << " of " << what << " is " << weights[k]
         << "; a weight must be finite and at least 0";
    throw ValueError(text.str());
  }
}

/// Labels of which some do not count.
struct Counted {
  Dense<std::int64_t> labels;  ///< with a 0 for those that do not count
  Dense<bool> counts;          ///< of their shape
  Dense<double> weights;       ///< of the rows: the label's, or 0
  double total = 0;            ///< of the weights

  Counted(std::string_view operation, const IndexInput& given, const Shape& predictions,
          const ClassWeights& weight, const std::optional<Integer>& ignored)
      : labels(given.dense()),
        counts(Dense<bool>::filled(given.shape(), true)),
        weights(Dense<double>::filled(given.shape(), 0)) {
    check_stays(operation, given.dense().buffer);
    std::int64_t* const of = labels.mutable_data();
    bool* const does_count = counts.mutable_data();
    double* const weighs = weights.mutable_data();
    for (std::size_t row = 0; row < labels.size(); ++row) {
      does_count[row] = !(ignored && of[row] == static_cast<std::ptrdiff_t>(*ignored));
      if (!does_count[row]) of[row] = 0;
    }
    // One that does not count is a class where there are any.
    check_labels(operation, labels, predictions);
    for (std::size_t row = 0; row < labels.size(); ++row) {
      if (!does_count[row]) continue;
      weighs[row] = weight.empty() ? 1 : weight[static_cast<std::size_t>(of[row])];
      total += weighs[row];
    }
  }
};

/// The losses of rows, of which some do not count, reduced as PyTorch reduces them.
template <class T>
Variable<T> reduced(const Variable<T>& losses, const Counted& rows, Reduction reduction) {
  // Whatever the loss of a row that does not count may be, infinite or not.
  const Variable<T> counted = where(MaskInput(rows.counts), losses, Variable<T>(Dense<T>::scalar(0)));
  if (reduction == Reduction::none) return counted;
  return reduction == Reduction::sum ? sum(counted) : sum(counted) / rows.total;
}

template <class T>
Variable<T> weighted(const Variable<T>& losses, const Counted& rows) {
  Dense<T> weights(rows.weights.shape);
  std::transform(rows.weights.data(), rows.weights.data() + weights.size(), weights.mutable_data(),
                 [](double weight) { return static_cast<T>(weight); });
  return losses * Variable<T>(std::move(weights));
}

/// weight[c] ((1 - smoothing) (c is the label) + smoothing / C).
template <class T>
Dense<T> smoothed_rows(const Counted& rows, const Shape& predictions, const CrossEntropyOptions& options) {
  const std::size_t classes = predictions.back();
  Dense<T> targets(predictions);
  T* out = targets.mutable_data();
  const double everywhere = options.label_smoothing / static_cast<double>(classes);
  for (std::size_t row = 0; row < rows.labels.size(); ++row)
    for (std::size_t c = 0; c < classes; ++c) {
      const bool is_label = static_cast<std::size_t>(rows.labels.data()[row]) == c;
      const double target = everywhere + (is_label ? 1 - options.label_smoothing : 0);
      out[row * classes + c] = static_cast<T>(target * (options.weight.empty() ? 1 : options.weight[c]));
    }
  return targets;
}

template <class T>
Dense<T> row_of(const ClassWeights& weights) {
  Dense<T> row(Shape{weights.size()});
  T* out = row.mutable_data();
  for (std::size_t k = 0; k < weights.size(); ++k) out[k] = static_cast<T>(weights[k]);
  return row;
}

/// The options for predictions that are rows by now.
template <class Options>
Options along_the_last_axis(Options options) {
  options.axis.reset();
  return options;
}

void check_options(const CrossEntropyOptions& options, const Shape& predictions) {
  if (!(options.label_smoothing >= 0 && options.label_smoothing <= 1)) {
    std::ostringstream text;
    text << "cross_entropy: label_smoothing is " << options.label_smoothing << "; it must be from 0 to 1";
    throw ValueError(text.str());
  }
  check_class_rows("cross_entropy", predictions);
  check_weights("cross_entropy", "weight", options.weight, predictions, predictions.back());
}

}  // namespace

template <class T>
Variable<T> cross_entropy(const Variable<T>& logits, const IndexInput& labels,
                          const CrossEntropyOptions& options) {
  const Shape& shape = logits.shape();
  if (are_no_rows(shape, options.axis)) {
    const ClassAxis classes("cross_entropy", shape, options.axis);
    return classes.result(
        cross_entropy(classes.rows(logits), classes.labels(labels.dense()), along_the_last_axis(options)),
        options.reduction != Reduction::none);
  }
  check_options(options, shape);
  if (labels.shape() == shape)
    throw ShapeError(
        "cross_entropy: labels " + to_string(labels.shape()) +
        " are rows of integers, of which a mean could be that of labels or that of rows; with options "
        "give labels " +
        to_string(Shape(shape.begin(), shape.end() - 1)) + ", or rows of real numbers");
  check_label_shape("cross_entropy", labels.shape(), shape);
  if (options.weight.empty() && !options.ignore_index && options.label_smoothing == 0)
    return cross_entropy(logits, labels, options.reduction);
  const Counted rows("cross_entropy", labels, shape, options.weight, options.ignore_index);
  if (options.label_smoothing == 0) {
    const Variable<T> losses = cross_entropy(logits, rows.labels, Reduction::none);
    return reduced(options.weight.empty() ? losses : weighted(losses, rows), rows, options.reduction);
  }
  const Variable<T> targets(smoothed_rows<T>(rows, shape, options));
  return reduced(cross_entropy(logits, targets, Reduction::none), rows, options.reduction);
}

template <class T>
Variable<T> cross_entropy(const Variable<T>& logits, const Variable<T>& targets,
                          const CrossEntropyOptions& options) {
  const Shape& shape = logits.shape();
  check_same_shape("cross_entropy", shape, targets.shape());
  if (are_no_rows(shape, options.axis)) {
    const ClassAxis classes("cross_entropy", shape, options.axis);
    return classes.result(
        cross_entropy(classes.rows(logits), classes.rows(targets), along_the_last_axis(options)),
        options.reduction != Reduction::none);
  }
  check_options(options, shape);
  if (options.ignore_index)
    throw ValueError(
        "cross_entropy: ignore_index is " +
        std::to_string(static_cast<std::ptrdiff_t>(*options.ignore_index)) + ", and targets " +
        to_string(targets.shape()) +
        " are rows of real numbers, not labels; give labels, or rows of zeros for samples to leave out");
  Variable<T> rows = targets;
  if (options.label_smoothing != 0)
    rows = rows * (1 - options.label_smoothing) + options.label_smoothing / static_cast<double>(shape.back());
  if (!options.weight.empty()) rows = rows * Variable<T>(row_of<T>(options.weight));
  return cross_entropy(logits, rows, options.reduction);
}

template <class T>
Variable<T> nll_loss(const Variable<T>& log_probabilities, const IndexInput& labels,
                     const NllLossOptions& options) {
  const Shape& shape = log_probabilities.shape();
  if (are_no_rows(shape, options.axis)) {
    const ClassAxis classes("nll_loss", shape, options.axis);
    return classes.result(nll_loss(classes.rows(log_probabilities), classes.labels(labels.dense()),
                                   along_the_last_axis(options)),
                          options.reduction != Reduction::none);
  }
  check_class_rows("nll_loss", shape);
  check_label_shape("nll_loss", labels.shape(), shape);
  check_weights("nll_loss", "weight", options.weight, shape, shape.back());
  if (options.weight.empty() && !options.ignore_index)
    return nll_loss(log_probabilities, labels, options.reduction);
  const Counted rows("nll_loss", labels, shape, options.weight, options.ignore_index);
  const Variable<T> losses = nll_loss(log_probabilities, rows.labels, Reduction::none);
  return reduced(options.weight.empty() ? losses : weighted(losses, rows), rows, options.reduction);
}

template <class T>
Variable<T> binary_cross_entropy_with_logits(const Variable<T>& logit, const Variable<T>& target,
                                             const BinaryCrossEntropyWithLogitsOptions& options) {
  const std::string_view name = "binary_cross_entropy_with_logits";
  const Shape& shape = logit.shape();
  check_same_shape(name, shape, target.shape());
  const ClassWeights& weight = options.pos_weight;
  if (weight.empty()) return binary_cross_entropy_with_logits(logit, target, options.reduction);
  check_weights(name, "pos_weight", weight, shape, weight.size() == 1 || shape.empty() ? 1 : shape.back());
  const Variable<T> positive(weight.size() == 1 ? Dense<T>::scalar(weight[0]) : row_of<T>(weight));
  // -log p is softplus(-z), and -log(1 - p) softplus(z).
  const Variable<T> losses = target * positive * softplus(-logit) + (1.0 - target) * softplus(logit);
  if (options.reduction == Reduction::none) return losses;
  return options.reduction == Reduction::sum ? sum(losses) : mean(losses);
}

[[gnu::used]] constexpr auto instances = instantiate::for_numbers([]<class T>() {
  using V = Variable<T>;
  return std::make_tuple(
      instantiate::overload<V(const V&, const IndexInput&, const CrossEntropyOptions&)>(cross_entropy),
      instantiate::overload<V(const V&, const V&, const CrossEntropyOptions&)>(cross_entropy),
      instantiate::overload<V(const V&, const IndexInput&, const NllLossOptions&)>(nll_loss),
      instantiate::overload<V(const V&, const V&, const BinaryCrossEntropyWithLogitsOptions&)>(
          binary_cross_entropy_with_logits));
});

}  // namespace xgrad
