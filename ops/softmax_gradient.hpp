// The gradient of softmax as an operation, for the losses that are made of it. For files of this room only.
#pragma once

#include "../core/graph/tensor.hpp"

namespace xgrad::detail {

/// What y = softmax(x) passes back of dy along an axis: y (dy - sum(dy y)). Into dy's own buffer, where it is
/// given away.
template <Tensor V>
V softmax_gradient(const V& y, V dy, std::size_t axis);

}  // namespace xgrad::detail
