// The losses over classes that keep the digits of logits and log probabilities.
//
// Classes lie along the last axis, unless an option says otherwise: predictions are [N, C], or [C] for one
// sample, or [N, ..., C] of any number of axes, and labels are [N], a single one without axes, or [N, ...];
// indices of the predictions' own shape are one-hot rows. A label that is no class is a ValueError. Losses
// are one a sample, each label a sample's, and the mean is over samples.
#pragma once

#include <cstdint>
#include <optional>
#include <utility>

#include "class_weights.hpp"
#include "loss.hpp"

namespace xgrad {

/// -log softmax(logits)[label], from logits of any size. The gradient is softmax(logits) less the label's
/// one-hot row.
template <detail::Tensor V>
V cross_entropy(const V& logits, const IndexInput& labels, Reduction reduction = Reduction::mean);

/// -sum t log softmax(logits), over rows of probabilities or of any weights t; where t is 0, so is the term.
template <detail::Tensor V>
V cross_entropy(const V& logits, const V& targets, Reduction reduction = Reduction::mean);

/// -log_probabilities[label]: what cross_entropy does with log_softmax(logits).
template <detail::Tensor V>
V nll_loss(const V& log_probabilities, const IndexInput& labels, Reduction reduction = Reduction::mean);

/// What of classes counts how much, as in PyTorch.
struct CrossEntropyOptions {
  Reduction reduction = Reduction::mean;
  /// Each class's loss is multiplied by its weight: finite and at least 0, one for each class.
  ClassWeights weight = {};
  /// Samples of this label have no loss, no gradient, and no part in the mean, whatever number it is. Without
  /// it every label must be a class: PyTorch's -100 is ignored only where it is asked for.
  std::optional<Integer> ignore_index = std::nullopt;
  /// From 0 to 1: the target is 1 - label_smoothing at the label, and label_smoothing / C more at every
  /// class.
  double label_smoothing = 0;
  /// Where the classes lie, the last axis by default: 1 for [N, C, H, W], whose labels are [N, H, W]. It is
  /// never guessed from shapes. ShapeError for an axis that the predictions do not have.
  std::optional<Integer> axis = std::nullopt;
};

/// -sum_c weight[c] t[c] log softmax(logits)[c], where t is the label's one-hot row, smoothed. The mean is
/// PyTorch's: the sum of the losses over the sum of the labels' weights, ignored samples left out; NaN where
/// there is none. ValueError for bad options; labels that are one-hot rows are a ShapeError, for their mean
/// would be another one.
template <class T>
Variable<T> cross_entropy(const Variable<T>& logits, const IndexInput& labels,
                          const CrossEntropyOptions& options);

/// The same of rows of targets, which are smoothed and weighted too. The mean is over samples, whatever their
/// weights, as in PyTorch. ValueError for an ignore_index: there are no labels.
template <class T>
Variable<T> cross_entropy(const Variable<T>& logits, const Variable<T>& targets,
                          const CrossEntropyOptions& options);

struct NllLossOptions {
  Reduction reduction = Reduction::mean;
  ClassWeights weight = {};                            ///< as of CrossEntropyOptions
  std::optional<Integer> ignore_index = std::nullopt;  ///< likewise
  std::optional<Integer> axis = std::nullopt;          ///< likewise
};

/// -weight[label] log_probabilities[label]; mean and errors as cross_entropy's with labels.
template <class T>
Variable<T> nll_loss(const Variable<T>& log_probabilities, const IndexInput& labels,
                     const NllLossOptions& options);

// Targets as an Array or xtensor expression; of integers they are labels.

template <class T, detail::Targets E>
Variable<T> cross_entropy(const Variable<T>& logits, E&& targets, Reduction reduction = Reduction::mean) {
  if constexpr (detail::Labels<E>) {
    return cross_entropy(logits, IndexInput(targets), reduction);
  } else {
    return cross_entropy(logits, detail::as_targets<T>(std::forward<E>(targets)), reduction);
  }
}
template <class T, detail::Labels E>
Variable<T> nll_loss(const Variable<T>& log_probabilities, E&& labels,
                     Reduction reduction = Reduction::mean) {
  return nll_loss(log_probabilities, IndexInput(labels), reduction);
}

template <class T, detail::Targets E>
Variable<T> cross_entropy(const Variable<T>& logits, E&& targets, const CrossEntropyOptions& options) {
  if constexpr (detail::Labels<E>) {
    return cross_entropy(logits, IndexInput(targets), options);
  } else {
    return cross_entropy(logits, detail::as_targets<T>(std::forward<E>(targets)), options);
  }
}
template <class T, detail::Labels E>
Variable<T> nll_loss(const Variable<T>& log_probabilities, E&& labels, const NllLossOptions& options) {
  return nll_loss(log_probabilities, IndexInput(labels), options);
}

}  // namespace xgrad
