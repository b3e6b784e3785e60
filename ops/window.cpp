#include "window.hpp"

#include "../core/array/error.hpp"

namespace xgrad {
using namespace detail;

namespace {

constexpr std::int64_t most = std::int64_t{1} << 31;

}  // namespace

std::string to_string(const Pair& pair) {
  return std::string("[") + std::to_string(pair[0].number()) + ", " + std::to_string(pair[1].number()) + "]";
}

std::size_t checked_number(const WindowCall& call, const char* what, const Count& count, std::int64_t least) {
  const std::int64_t number = count.number();
  if (number >= least && number < most) return static_cast<std::size_t>(number);
  throw ValueError(std::string(call.operation) + ": " + what + " of " + std::to_string(number) +
                   " for images " + to_string(call.images) + ", " + call.sliding +
                   " is out of range; give at least " + std::to_string(least) + " and less than 2^31");
}

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

Window make_window(const WindowCall& call, const Pair& kernel, const Pair& stride, const Padding& padding,
                   const Pair& dilation) {
  Window window;
  for (std::size_t k : {0u, 1u}) {
    if (kernel[k].number() == 0)
      call.fail("a window without elements",
                " (axis " + call.axis(2 + k) + "); its extents must be at least 1");
    window.kernel[k] = checked_number(call, "a kernel extent", kernel[k], 1);
    window.stride[k] = checked_number(call, "a stride", stride[k], 1);
    window.padding[k] = checked_number(call, "a padding", padding.sides()[k], 0);
    window.dilation[k] = checked_number(call, "a dilation", dilation[k], 1);
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
