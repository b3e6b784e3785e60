// The three products of a convolution on raw pointers: direct where that is faster (convolution_direct.hpp),
// else lowered to gemm. Each is linear in both of its factors, and their gradients are each other.
#pragma once

#include <cstddef>

#include "window.hpp"

namespace xgrad {

/// The extents of y [batch, groups * filters, out] = x [batch, groups * depth, in] * kernel
/// [groups * filters, depth, window]. `out` is not
/// empty, and may be less than all places where the window fits.
struct ConvolutionSize {
  Window window;
  std::size_t groups = 1, batch = 0, depth = 0, filters = 0;

  /// Elements of one patch within a group.
  std::size_t patch() const { return depth * window.kernel_size(); }
};

// Work is split by the extents alone, so the bits do not depend on the number of threads.

/// Writes y; `bias`, one number a filter, is added unless it is null.
template <class T>
void convolve(const ConvolutionSize& size, const T* x, const T* kernel, const T* bias, T* y);

/// Writes the x for which <x, x'> = <y, convolve(x')>, plus `bias`, one number a channel of x, unless it is
/// null.
template <class T>
void convolve_transposed(const ConvolutionSize& size, const T* y, const T* kernel, const T* bias, T* x);

/// Writes the kernel for which <kernel, kernel'> = <y, convolve(x, kernel')>.
template <class T>
void convolve_for_kernel(const ConvolutionSize& size, const T* x, const T* y, T* kernel);

}  // namespace xgrad
