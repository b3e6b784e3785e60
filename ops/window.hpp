// A window that slides over the last two axes of images: what convolution and pooling have in common.
#pragma once

#include <cstddef>
#include <span>

// Kernel files need the window alone.
#ifndef XGRAD_ISA
#include <string>
#include <string_view>

#include "../core/array/shape.hpp"
#include "pair.hpp"
#endif

namespace xgrad {

/// [0] is along the rows' axis, [1] along the columns'. Element k of the window at place o lies at
/// o * stride + k * dilation - padding of the image, or in the padding around it.
struct Window {
  std::size_t in[2] = {}, kernel[2] = {}, stride[2] = {}, padding[2] = {}, dilation[2] = {}, out[2] = {};

  std::size_t in_size() const { return in[0] * in[1]; }
  std::size_t kernel_size() const { return kernel[0] * kernel[1]; }
  std::size_t out_size() const { return out[0] * out[1]; }
  /// From the window's first element to its last, both included.
  std::size_t reach(std::size_t axis) const { return dilation[axis] * (kernel[axis] - 1) + 1; }

  /// For an operation that has a window, whose `fields` calls it.
  void fields(auto& visit) const {
    visit("in", std::span(in));
    visit("kernel", std::span(kernel));
    visit("stride", std::span(stride));
    visit("padding", std::span(padding));
    visit("dilation", std::span(dilation));
    visit("out", std::span(out));
  }
};

#ifndef XGRAD_ISA

/// "[2, -1]".
std::string to_string(const Pair& pair);

/// A call as its user sees it, for messages: the operation, the images' shape, and what slides over them,
/// "kernel [8, 3, 5, 5]".
struct WindowCall {
  std::string_view operation;
  Shape images;
  std::string sliding;

  /// ShapeError: `operation: what: images [...], kernel [...]advice`.
  [[noreturn]] void fail(const std::string& what, const std::string& advice) const;
  /// ShapeError if no value can have the result's shape.
  void check_result(const Shape& shape) const;
  /// The number that the user's images have for axis 2 or 3 of [N, C, H, W].
  std::string axis(std::size_t of_four) const;
};

/// A window without `in` and `out`. ValueError for a stride or dilation of 0, ShapeError for a kernel without
/// elements; ValueError if a number is negative, or beyond all reason (2^31), so that sums of them cannot
/// overflow.
Window make_window(const WindowCall& call, const Pair& kernel, const Pair& stride, const Padding& padding,
                   const Pair& dilation);
/// A number of an option, in that range; ValueError "operation: a padding of -1 for images ...".
std::size_t checked_number(const WindowCall& call, const char* what, const Count& number, std::int64_t least);

/// Sets `in`, and `out` to all places where the window fits into the padded image; ShapeError if there is
/// none.
void slide_over(Window& window, const WindowCall& call, const Pair& in);

#endif

}  // namespace xgrad
