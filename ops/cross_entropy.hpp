// The losses over classes that keep the digits of logits and log probabilities.
//
// Classes lie along the last axis: predictions are [N, C], or [C] for one sample, and labels are [N],
// or a single one without axes; indices of the predictions' own shape are one-hot rows. A label that is no
// class is a ValueError. Losses are one a sample, and the mean is over samples.
#pragma once

#include <utility>

#include "loss.hpp"

namespace xgrad {

/// -log softmax(logits)[label], from logits of any size. The gradient is softmax(logits) less the label's
/// one-hot row.
template <detail::Tensor V>
V cross_entropy(const V& logits, const Indices& labels, Reduction reduction = Reduction::mean);

/// -sum t log softmax(logits), over rows of probabilities or of any weights t; where t is 0, so is the term.
template <detail::Tensor V>
V cross_entropy(const V& logits, const V& targets, Reduction reduction = Reduction::mean);

/// -log_probabilities[label]: what cross_entropy does with log_softmax(logits).
template <detail::Tensor V>
V nll_loss(const V& log_probabilities, const Indices& labels, Reduction reduction = Reduction::mean);

// Targets as an Array or xtensor expression; of integers they are labels.

template <class T, detail::Targets E>
Variable<T> cross_entropy(const Variable<T>& logits, E&& targets, Reduction reduction = Reduction::mean) {
  if constexpr (detail::Labels<E>) {
    return cross_entropy(logits, Indices(std::forward<E>(targets)), reduction);
  } else {
    return cross_entropy(logits, detail::as_targets<T>(std::forward<E>(targets)), reduction);
  }
}
template <class T, detail::Labels E>
Variable<T> nll_loss(const Variable<T>& log_probabilities, E&& labels,
                     Reduction reduction = Reduction::mean) {
  return nll_loss(log_probabilities, Indices(std::forward<E>(labels)), reduction);
}

}  // namespace xgrad
