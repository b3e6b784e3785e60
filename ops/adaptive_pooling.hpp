// Pooling to extents that are given, whatever those of the images are.
#pragma once

#include "../core/graph/tensor.hpp"
#include "pair.hpp"

namespace xgrad {

/// Means of windows that cover images [N, C, H, W] and give [N, C, oH, oW], where `output_size` is oH and oW,
/// one number for both or one for each. Row i of the result is the mean of rows floor(i H / oH) to ceil((i +
/// 1) H / oH) - 1, and columns likewise: windows differ in extent by one and share a row where oH does not
/// divide H, as in PyTorch. Accumulated in double. ShapeError for other numbers of axes; ValueError for an
/// extent of less than 1, and for images without rows or columns.
template <detail::Tensor V>
V adaptive_avg_pool2d(const V& images, const Pair& output_size);

/// The dual of adaptive_avg_pool2d, its gradient: images of `shape` to which each window's share is added, an
/// element of `gradient`, [N, C, oH, oW], over the number of the window's. ShapeError if `gradient` does not
/// fit.
template <detail::Tensor V>
V adaptive_avg_pool2d_gradient(const V& gradient, const Shape& shape);

}  // namespace xgrad
