// softmax along one axis, and its logarithm.
#pragma once

#include "../core/graph/tensor.hpp"

namespace xgrad {

/// exp(x) / sum(exp(x)) along an axis, negative ones counted from the end, with the largest element taken out
/// first, so that nothing overflows. An element of -inf has share 0, also where all are; NaN and inf make a
/// line NaN. ShapeError for an axis out of range. Gradient: y (dy - sum(dy y)).
template <detail::Tensor V>
V softmax(const V& x, Integer axis = -1);

/// x - logsumexp(x) along an axis: log(softmax(x)) without its loss of digits; otherwise as softmax. An
/// element of -inf stays -inf. Gradient: dy - exp(y) sum(dy).
template <detail::Tensor V>
V log_softmax(const V& x, Integer axis = -1);

}  // namespace xgrad
