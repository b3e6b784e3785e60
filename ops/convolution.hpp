// Convolutions of images, with PyTorch's meaning: the kernel is not flipped. They are computed where the images
// stand, or lowered to matrix products, a block of images at a time, whichever is faster. The three operations
// conv2d, conv_transpose2d and conv2d_kernel_gradient have each other as gradients, so every order of
// derivative is as fast as the first. Beside a Variable an Array or xtensor expression stands for images,
// kernel or bias.
#pragma once

#include <cstddef>

#include "../core/graph/tensor.hpp"
#include "operands.hpp"
#include "pair.hpp"

namespace xgrad {

/// What conv2d takes. A Pair is for the rows' axis H and the columns' axis W: one number for both,
/// {.padding = 1}, or one for each, {.padding = {1, 0}}.
struct Conv2dOptions {
  Pair stride = 1;
  Padding padding = 0;  ///< zeros around the images, on either side
  Pair dilation = 1;
  Count groups = 1;  ///< the channels fall into so many groups, which do not mix
};

/// What conv_transpose2d takes; otherwise as Conv2dOptions.
struct ConvTranspose2dOptions {
  Pair stride = 1;
  Padding padding = 0;      ///< taken off the result, on either side
  Pair output_padding = 0;  ///< added to the result's extent, at the end only
  Pair dilation = 1;
  Count groups = 1;
};

/// What conv1d takes; as Conv2dOptions, of one axis.
struct Conv1dOptions {
  Count stride = 1;
  Count padding = 0;
  Count dilation = 1;
  Count groups = 1;
};

/// images [N, C, H, W], kernel [O, C / groups, kH, kW] and bias [O] give [N, O, oH, oW], where
/// y[n, o, i, j] = bias[o] + the sum over c, p, q of kernel[o, c, p, q] times
/// images[n, c, i * stride + p * dilation - padding, ...], c running over the group of o. oH is
/// (H + 2 padding - dilation (kH - 1) - 1) / stride + 1, rounded down. ShapeError if a shape does not fit,
/// the kernel has no elements, or it is larger than the padded image; ValueError for groups, a stride or a
/// dilation of 0, and for a negative number.
template <detail::Tensor V>
V conv2d(const V& images, const V& kernel, const Conv2dOptions& options = {});
template <class Images, class Kernel>
requires detail::are_mixed<Images, Kernel>
auto conv2d(Images&& images, Kernel&& kernel, const Conv2dOptions& options = {}) {
  return detail::with_operands([&](const auto&... in) { return xgrad::conv2d(in..., options); },
                               std::forward<Images>(images), std::forward<Kernel>(kernel));
}
template <detail::Tensor V>
V conv2d(const V& images, const V& kernel, const V& bias, const Conv2dOptions& options = {});
template <class Images, class Kernel, class Bias>
requires detail::are_mixed<Images, Kernel, Bias>
auto conv2d(Images&& images, Kernel&& kernel, Bias&& bias, const Conv2dOptions& options = {}) {
  return detail::with_operands([&](const auto&... in) { return xgrad::conv2d(in..., options); },
                               std::forward<Images>(images), std::forward<Kernel>(kernel),
                               std::forward<Bias>(bias));
}

/// The transpose of conv2d, which is its gradient in the images: images [N, C, H, W], kernel
/// [C, O / groups, kH, kW] and bias [O] give [N, O, oH, oW], where oH is
/// (H - 1) stride - 2 padding + dilation (kH - 1) + output_padding + 1. Errors as conv2d's; ShapeError if no
/// element would be left, ValueError unless output_padding is less than the stride or the dilation.
template <detail::Tensor V>
V conv_transpose2d(const V& images, const V& kernel, const ConvTranspose2dOptions& options = {});
template <class Images, class Kernel>
requires detail::are_mixed<Images, Kernel>
auto conv_transpose2d(Images&& images, Kernel&& kernel, const ConvTranspose2dOptions& options = {}) {
  return detail::with_operands([&](const auto&... in) { return xgrad::conv_transpose2d(in..., options); },
                               std::forward<Images>(images), std::forward<Kernel>(kernel));
}
template <detail::Tensor V>
V conv_transpose2d(const V& images, const V& kernel, const V& bias,
                   const ConvTranspose2dOptions& options = {});
template <class Images, class Kernel, class Bias>
requires detail::are_mixed<Images, Kernel, Bias>
auto conv_transpose2d(Images&& images, Kernel&& kernel, Bias&& bias,
                      const ConvTranspose2dOptions& options = {}) {
  return detail::with_operands([&](const auto&... in) { return xgrad::conv_transpose2d(in..., options); },
                               std::forward<Images>(images), std::forward<Kernel>(kernel),
                               std::forward<Bias>(bias));
}

/// The gradient of conv2d in its kernel: of `gradient`, which has the shape of conv2d's result [N, O, oH,
/// oW], and a kernel of extents kH, kW; the result is [O, C / groups, kH, kW]. Errors as conv2d's.
template <detail::Tensor V>
V conv2d_kernel_gradient(const V& images, const V& gradient, const Pair& kernel,
                         const Conv2dOptions& options = {});

/// conv2d along one axis: [N, C, L], kernel [O, C / groups, k] and bias [O] give [N, O, oL]. Errors as
/// conv2d's.
template <detail::Tensor V>
V conv1d(const V& signals, const V& kernel, const Conv1dOptions& options = {});
template <class Signals, class Kernel>
requires detail::are_mixed<Signals, Kernel>
auto conv1d(Signals&& signals, Kernel&& kernel, const Conv1dOptions& options = {}) {
  return detail::with_operands([&](const auto&... in) { return xgrad::conv1d(in..., options); },
                               std::forward<Signals>(signals), std::forward<Kernel>(kernel));
}
template <detail::Tensor V>
V conv1d(const V& signals, const V& kernel, const V& bias, const Conv1dOptions& options = {});
template <class Signals, class Kernel, class Bias>
requires detail::are_mixed<Signals, Kernel, Bias>
auto conv1d(Signals&& signals, Kernel&& kernel, Bias&& bias, const Conv1dOptions& options = {}) {
  return detail::with_operands([&](const auto&... in) { return xgrad::conv1d(in..., options); },
                               std::forward<Signals>(signals), std::forward<Kernel>(kernel),
                               std::forward<Bias>(bias));
}

}  // namespace xgrad
