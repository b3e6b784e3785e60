// Losses: how far predictions are from targets, each in one pass to one number.
//
// Predictions and targets have the same shape, and nothing broadcasts: [N, 1] against [N] is a ShapeError.
// Targets are a Variable, which gets its gradient too if it requires one, or an Array or xtensor expression.
#pragma once

#include <type_traits>
#include <utility>

#include "../core/graph/index_input.hpp"
#include "../core/graph/tensor.hpp"
#include "class_weights.hpp"

namespace xgrad {

/// What becomes of the single losses. The mean of none is NaN.
enum class Reduction { mean, sum, none };

/// (prediction - target)^2 for every element; the mean is over all elements.
template <detail::Tensor V>
V mean_squared_error(const V& prediction, const V& target, Reduction reduction = Reduction::mean);

/// 1/2 sum (prediction - target)^2 for every sample; samples lie along the first axis, and one axis or none
/// is one sample. The mean is over samples.
template <detail::Tensor V>
V sum_squared_error(const V& prediction, const V& target, Reduction reduction = Reduction::mean);

/// |prediction - target| for every element; the mean is over all elements. The gradient of equal ones is 0.
template <detail::Tensor V>
V l1_loss(const V& prediction, const V& target, Reduction reduction = Reduction::mean);

/// e^2 / 2 of e = prediction - target up to |e| = delta, and delta (|e| - delta / 2) beyond, for every
/// element; the mean is over all elements. P. J. Huber, "Robust estimation of a location parameter", 1964.
/// ValueError unless delta is finite and above 0.
template <detail::Tensor V>
V huber_loss(const V& prediction, const V& target, Reduction reduction = Reduction::mean, double delta = 1);

/// -(t log p + (1 - t) log(1 - p)) for every element, with p and 1 - p no less than epsilon. Beyond that the
/// gradient in p stays what it is there, and does not vanish. ValueError for a p below 0 or above 1; a NaN
/// passes, and targets are taken as they are.
template <detail::Tensor V>
V binary_cross_entropy(const V& probability, const V& target, Reduction reduction = Reduction::mean,
                       double epsilon = 1e-12);

/// The same of p = sigmoid(logit), for logits of any size: max(z, 0) - z t + log(1 + exp(-|z|)).
template <detail::Tensor V>
V binary_cross_entropy_with_logits(const V& logit, const V& target, Reduction reduction = Reduction::mean);

struct BinaryCrossEntropyWithLogitsOptions {
  Reduction reduction = Reduction::mean;
  /// What a target of 1 weighs against one of 0: one number for all, or one for each element of the last
  /// axis. Finite and at least 0.
  ClassWeights pos_weight = {};
};

/// -(pos_weight t log p + (1 - t) log(1 - p)) of p = sigmoid(logit). The mean is over all elements, whatever
/// they weigh, as in PyTorch. An infinite logit is a NaN where 0 times its loss is meant. ValueError for a
/// bad weight, or for another number of weights.
template <class T>
Variable<T> binary_cross_entropy_with_logits(const Variable<T>& logit, const Variable<T>& target,
                                             const BinaryCrossEntropyWithLogitsOptions& options);

// Below, classes lie along the last axis: predictions are [N, C], or [C] for one sample, and labels are [N],
// or a single one without axes; indices of the predictions' own shape are one-hot rows. A label that is no
// class is a ValueError. Losses are one a sample, and the mean is over samples.

/// -log probabilities[label]. From logits, cross_entropy keeps more digits. ValueError for a probability that
/// is taken and is below 0, or above 1 by more than rounding explains, 1e-6.
template <detail::Tensor V>
V cross_entropy_of_probabilities(const V& probabilities, const IndexInput& labels,
                                 Reduction reduction = Reduction::mean);

/// -sum t log(probabilities), over rows of targets t; where t is 0, so is the term, whatever the probability.
/// Errors as above.
template <detail::Tensor V>
V cross_entropy_of_probabilities(const V& probabilities, const V& targets,
                                 Reduction reduction = Reduction::mean);

/// sum t (log t - log_probabilities) over rows of probabilities t: the divergence of Kullback and Leibler
/// from the predictions to the targets. Where t is 0, so are the term and its gradient. The mean is over
/// samples, which PyTorch calls "batchmean".
template <detail::Tensor V>
V kl_div(const V& log_probabilities, const V& targets, Reduction reduction = Reduction::mean);

// Targets as an Array or xtensor expression; of integers, where there are classes, they are labels.

namespace detail {

template <class E>
concept Targets = Expression<E> && !std::is_same_v<std::remove_cvref_t<E>, Indices>;

template <class E>
concept Labels = Targets<E> && std::is_integral_v<element_of<E>> && !std::is_same_v<element_of<E>, bool>;

template <class T, class E>
Variable<T> as_targets(E&& targets) {
  return Variable<T>(make_dense<T>(std::forward<E>(targets)));
}

}  // namespace detail

template <class T, detail::Targets E>
Variable<T> mean_squared_error(const Variable<T>& prediction, E&& target,
                               Reduction reduction = Reduction::mean) {
  return mean_squared_error(prediction, detail::as_targets<T>(std::forward<E>(target)), reduction);
}
template <class T, detail::Targets E>
Variable<T> sum_squared_error(const Variable<T>& prediction, E&& target,
                              Reduction reduction = Reduction::mean) {
  return sum_squared_error(prediction, detail::as_targets<T>(std::forward<E>(target)), reduction);
}
template <class T, detail::Targets E>
Variable<T> l1_loss(const Variable<T>& prediction, E&& target, Reduction reduction = Reduction::mean) {
  return l1_loss(prediction, detail::as_targets<T>(std::forward<E>(target)), reduction);
}
template <class T, detail::Targets E>
Variable<T> huber_loss(const Variable<T>& prediction, E&& target, Reduction reduction = Reduction::mean,
                       double delta = 1) {
  return huber_loss(prediction, detail::as_targets<T>(std::forward<E>(target)), reduction, delta);
}
template <class T, detail::Targets E>
Variable<T> kl_div(const Variable<T>& log_probabilities, E&& targets, Reduction reduction = Reduction::mean) {
  return kl_div(log_probabilities, detail::as_targets<T>(std::forward<E>(targets)), reduction);
}
template <class T, detail::Targets E>
Variable<T> binary_cross_entropy(const Variable<T>& probability, E&& target,
                                 Reduction reduction = Reduction::mean, double epsilon = 1e-12) {
  return binary_cross_entropy(probability, detail::as_targets<T>(std::forward<E>(target)), reduction,
                              epsilon);
}
template <class T, detail::Targets E>
Variable<T> binary_cross_entropy_with_logits(const Variable<T>& logit, E&& target,
                                             Reduction reduction = Reduction::mean) {
  return binary_cross_entropy_with_logits(logit, detail::as_targets<T>(std::forward<E>(target)), reduction);
}
template <class T, detail::Targets E>
Variable<T> binary_cross_entropy_with_logits(const Variable<T>& logit, E&& target,
                                             const BinaryCrossEntropyWithLogitsOptions& options) {
  return binary_cross_entropy_with_logits(logit, detail::as_targets<T>(std::forward<E>(target)), options);
}
template <class T, detail::Targets E>
Variable<T> cross_entropy_of_probabilities(const Variable<T>& probabilities, E&& targets,
                                           Reduction reduction = Reduction::mean) {
  if constexpr (detail::Labels<E>) {
    return cross_entropy_of_probabilities(probabilities, IndexInput(targets), reduction);
  } else {
    return cross_entropy_of_probabilities(probabilities, detail::as_targets<T>(std::forward<E>(targets)),
                                          reduction);
  }
}

}  // namespace xgrad
