#include "window.hpp"

#include "../core/error.hpp"

namespace xgrad {
namespace {

constexpr std::size_t most = std::size_t{1} << 31;

void check_number(const WindowCall& call, const char* what, std::size_t number, std::size_t least) {
  if (number >= least && number < most) return;
  throw ValueError(std::string(call.operation) + ": " + what + " of " + std::to_string(number) +
                   " for images " + to_string(call.images) + ", " + call.sliding +
                   " is out of range; give at least " + std::to_string(least) + " and less than 2^31");
}

}  // namespace

void WindowCall::fail(const std::string& what, const std::string& advice) const {
  throw ShapeError(std::string(operation) + ": " + what + ": images " + to_string(images) + ", " + sliding +
                   advice);
}

void WindowCall::check_result(const Shape& shape) const {
  if (!is_possible(shape))
    fail("the result would have 2^60 elements or more", ", and no value has so many; make it smaller");
}

std::string WindowCall::axis(std::size_t of_four) const {
  return std::to_string(of_four + images.size() - 4);
}

Window make_window(const WindowCall& call, const Pair& kernel, const Pair& stride, const Pair& padding,
                   const Pair& dilation) {
  Window window;
  for (std::size_t k : {0u, 1u}) {
    if (kernel[k] == 0)
      call.fail("a window without elements",
                " (axis " + call.axis(2 + k) + "); its extents must be at least 1");
    check_number(call, "a kernel extent", kernel[k], 1);
    check_number(call, "a stride", stride[k], 1);
    check_number(call, "a padding", padding[k], 0);
    check_number(call, "a dilation", dilation[k], 1);
    window.kernel[k] = kernel[k];
    window.stride[k] = stride[k];
    window.padding[k] = padding[k];
    window.dilation[k] = dilation[k];
  }
  return window;
}

void slide_over(Window& window, const WindowCall& call, const Pair& in) {
  for (std::size_t k : {0u, 1u}) {
    const std::size_t padded = checked_sum(in[k], 2 * window.padding[k]), reach = window.reach(k);
    if (reach > padded)
      call.fail("the window is larger than the padded image",
                " (axis " + call.axis(2 + k) + ": " + std::to_string(reach) +
                    (window.dilation[k] > 1 ? " with its dilation" : "") + " vs " + std::to_string(in[k]) +
                    " + 2 * " + std::to_string(window.padding[k]) +
                    "); add padding, or make the window smaller");
    window.in[k] = in[k];
    window.out[k] = (padded - reach) / window.stride[k] + 1;
  }
}

}  // namespace xgrad
