// The dual pair of broadcasting: broadcast_to and sum_to.
#pragma once

#include "tensor.hpp"

namespace xgrad {

/// x repeated along axes of extent 1 and new leading axes; ShapeError if it does not broadcast to `shape`.
template <detail::Tensor V>
V broadcast_to(const V& x, const Shape& shape);

/// The dual of broadcast_to: sums x down to `shape`. x itself where the shapes agree.
template <detail::Tensor V>
V sum_to(const V& x, const Shape& shape);

}  // namespace xgrad
