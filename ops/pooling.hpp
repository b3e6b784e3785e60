// Windows that slide over images and keep one number of what they see, with PyTorch's meaning.
#pragma once

#include <array>
#include <cstddef>

#include "../core/record.hpp"

namespace xgrad {

/// What max_pool2d takes. Pairs are along the rows' axis H, then along the columns' axis W.
struct MaxPool2dOptions {
  std::array<std::size_t, 2> kernel = {2, 2};
  std::array<std::size_t, 2> stride = {0, 0};   ///< 0 stands for the kernel's extent: windows side by side
  std::array<std::size_t, 2> padding = {0, 0};  ///< on either side; never the largest
  std::array<std::size_t, 2> dilation = {1, 1};
};

struct AvgPool2dOptions {
  std::array<std::size_t, 2> kernel = {2, 2};
  std::array<std::size_t, 2> stride = {0, 0};   ///< 0 stands for the kernel's extent: windows side by side
  std::array<std::size_t, 2> padding = {0, 0};  ///< zeros, which count
};

// Images are [N, C, H, W], the result is [N, C, oH, oW], where oH is
// (H + 2 padding - dilation (kH - 1) - 1) / stride + 1, rounded down. ShapeError for other numbers of axes, a
// window without elements, or one larger than the padded image; ValueError for a dilation of 0, and for a
// padding of more than half the kernel.

/// The largest element in each window, NaN if any is NaN. The first of several that tie, row by row, takes
/// all of the gradient, and so does the first NaN. ShapeError if a window sees nothing but padding.
template <Tensor V>
V max_pool2d(const V& images, const MaxPool2dOptions& options);

/// The mean of each window; padding counts as zeros.
template <Tensor V>
V avg_pool2d(const V& images, const AvgPool2dOptions& options);

/// The dual of avg_pool2d, its gradient: images of `shape` to which each window's share is added, an element
/// of `gradient` over the number of the kernel's. ShapeError if `gradient` has not the shape that avg_pool2d
/// gives.
template <Tensor V>
V avg_pool2d_gradient(const V& gradient, const Shape& shape, const AvgPool2dOptions& options);

}  // namespace xgrad
