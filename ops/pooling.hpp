// Windows that slide over images and keep one number of what they see, with PyTorch's meaning.
#pragma once

#include <cstddef>

#include "../core/graph/tensor.hpp"
#include "pair.hpp"

namespace xgrad {

/// What max_pool2d takes. A Pair is for the rows' axis H and the columns' axis W: one number for both,
/// {.kernel = 3}, or one for each, {.kernel = {3, 2}}.
struct MaxPool2dOptions {
  Pair kernel = 2;
  Pair stride = 0;      ///< 0 stands for the kernel's extent: windows side by side
  Padding padding = 0;  ///< on either side; never the largest
  Pair dilation = 1;
};

/// What avg_pool2d takes.
struct AvgPool2dOptions {
  Pair kernel = 2;
  Pair stride = 0;      ///< 0 stands for the kernel's extent: windows side by side
  Padding padding = 0;  ///< zeros, which count
};

// Images are [N, C, H, W], the result is [N, C, oH, oW], where oH is
// (H + 2 padding - dilation (kH - 1) - 1) / stride + 1, rounded down. ShapeError for other numbers of axes, a
// window without elements, or one larger than the padded image; ValueError for a dilation of 0, for a
// negative number, and for a padding of more than half the kernel. In place of options one integer or a Pair
// is the kernel; {3, 2} could be both, and does not compile.

/// The largest element in each window, NaN if any is NaN. The first of several that tie, row by row, takes
/// all of the gradient, and so does the first NaN. ShapeError if a window sees nothing but padding.
template <detail::Tensor V>
V max_pool2d(const V& images, const MaxPool2dOptions& options);
template <detail::Tensor V>
V max_pool2d(const V& images, const Pair& kernel) {
  return max_pool2d(images, MaxPool2dOptions{.kernel = kernel});
}

/// The mean of each window; padding counts as zeros.
template <detail::Tensor V>
V avg_pool2d(const V& images, const AvgPool2dOptions& options);
template <detail::Tensor V>
V avg_pool2d(const V& images, const Pair& kernel) {
  return avg_pool2d(images, AvgPool2dOptions{.kernel = kernel});
}

/// The dual of avg_pool2d, its gradient: images of `shape` to which each window's share is added, an element
/// of `gradient` over the number of the kernel's. ShapeError if `gradient` has not the shape that avg_pool2d
/// gives.
template <detail::Tensor V>
V avg_pool2d_gradient(const V& gradient, const Shape& shape, const AvgPool2dOptions& options);

}  // namespace xgrad
