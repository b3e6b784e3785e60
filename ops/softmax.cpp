#include "softmax.hpp"

#include "../core/array/instantiate.hpp"
#include "../core/graph/record.hpp"
#include "../core/kernels/dispatch.hpp"
#include "../core/kernels/reduction.hpp"
#include "exponential.hpp"
#include "operators.hpp"
#include "reduction.hpp"
#include "shape.hpp"
#include "softmax_gradient.hpp"
#include "softmax_kernels.hpp"

namespace xgrad {
using namespace detail;

namespace {

const kernels::SoftmaxKernels& chosen() {
  const kernels::SoftmaxKernels& kernels =
      chosen_kernels([]<class I>() { return kernels::softmax_kernels<I>(); });
  return kernels;
}

/// One axis of a shape, as kernels walk it.
kernels::AxisLoop along(const Shape& shape, std::size_t axis) {
  kernels::AxisLoop loop{{}, nullptr, 1, shape[axis], 1, 1, 1};
  for (std::size_t k = 0; k < axis; ++k) loop.outer *= shape[k];
  for (std::size_t k = axis + 1; k < shape.size(); ++k) loop.inner *= shape[k];
  loop.stride = loop.inner;
  return loop;
}

template <class T>
Dense<T> run(const kernels::AxisKernel (&kernel)[2], const Dense<T>& x, std::size_t axis) {
  Dense<T> y(x.shape);
  kernels::AxisLoop loop = along(x.shape, axis);
  loop.in[0] = x.data();
  loop.out = y.mutable_data();
  run_along_axis(kernel[std::is_same_v<T, double>], sizeof(T), loop);
  return y;
}

/// Into dy's own buffer, where nobody else holds it.
template <class T>
Dense<T> run_gradient(const kernels::AxisKernel (&kernel)[2], const Dense<T>& y, Dense<T> dy,
                      std::size_t axis) {
  Dense<T> dx = dy.buffer.unique() ? Dense<T>() : Dense<T>(dy.shape);
  kernels::AxisLoop loop = along(y.shape, axis);
  loop.out = dx.defined() ? dx.mutable_data() : dy.mutable_data();
  loop.in[0] = y.data();
  loop.in[1] = dy.data();
  run_along_axis(kernel[std::is_same_v<T, double>], sizeof(T), loop);
  return dx.defined() ? dx : dy;
}

template <class V>
V sum_along(const V& x, std::size_t axis) {
  return sum(x, {.axes = {static_cast<std::ptrdiff_t>(axis)}, .keep_dims = true});
}

struct SoftmaxGradient {
  static constexpr std::string_view name = "softmax_gradient";
  std::size_t axis = 0;
  void fields(auto& visit) const { visit("axis", axis); }

  template <class T>
  Dense<T> forward(const Dense<T>& y, Dense<T> dy) const {
    return run_gradient(chosen().softmax_gradient, y, std::move(dy), axis);
  }
  template <class V>
  void vjp(Backward<V>& b) const {
    const V y = b.input(0);
    if (b.wants(0)) {
      const V& g = b.gradient();
      const V dy = b.input(1);
      b.give(0, g * (dy - sum_along(dy * y, axis)) - dy * sum_along(g * y, axis));
    }
    // As a matrix it is symmetric.
    if (b.wants(1)) b.give(1, apply(SoftmaxGradient{axis}, y, b.take_gradient()));
  }
  bool saves(std::size_t input, const Wanted& wanted) const { return input == 0 || wanted[0]; }
};

struct LogSoftmaxGradient {
  static constexpr std::string_view name = "log_softmax_gradient";
  std::size_t axis = 0;
  void fields(auto& visit) const { visit("axis", axis); }

  template <class T>
  Dense<T> forward(const Dense<T>& y, Dense<T> dy) const {
    return run_gradient(chosen().log_softmax_gradient, y, std::move(dy), axis);
  }
  template <class V>
  void vjp(Backward<V>& b) const {
    const V& g = b.gradient();
    const V share = g * exp(b.input(0));
    if (b.wants(0)) b.give(0, -share * sum_along(b.input(1), axis));
    if (b.wants(1)) b.give(1, g - sum_along(share, axis));
  }
  bool saves(std::size_t input, const Wanted& wanted) const { return input == 0 || wanted[0]; }
};

struct Softmax {
  static constexpr std::string_view name = "softmax";
  static constexpr bool saves_output = true;
  std::size_t axis = 0;
  void fields(auto& visit) const { visit("axis", axis); }

  static double flops(Shapes in, const Shape&) { return 5 * count_of(in[0]); }

  template <class T>
  Dense<T> forward(const Dense<T>& x) const {
    return run(chosen().softmax, x, axis);
  }
  template <class V>
  void vjp(Backward<V>& b) const {
    b.give(0, apply(SoftmaxGradient{axis}, b.output(), b.take_gradient()));
  }
};

struct LogSoftmax {
  static constexpr std::string_view name = "log_softmax";
  static constexpr bool saves_output = true;
  std::size_t axis = 0;
  void fields(auto& visit) const { visit("axis", axis); }

  static double flops(Shapes in, const Shape&) { return 5 * count_of(in[0]); }

  template <class T>
  Dense<T> forward(const Dense<T>& x) const {
    return run(chosen().log_softmax, x, axis);
  }
  template <class V>
  void vjp(Backward<V>& b) const {
    b.give(0, apply(LogSoftmaxGradient{axis}, b.output(), b.take_gradient()));
  }
};

}  // namespace

template <Tensor V>
V softmax(const V& x, Integer axis) {
  return apply(Softmax{normalize_axis("softmax", axis, detail::shape_of(x))}, x);
}
template <Tensor V>
V log_softmax(const V& x, Integer axis) {
  return apply(LogSoftmax{normalize_axis("log_softmax", axis, detail::shape_of(x))}, x);
}

template <Tensor V>
V detail::softmax_gradient(const V& y, V dy, std::size_t axis) {
  return apply(SoftmaxGradient{axis}, y, std::move(dy));
}

[[gnu::used]] constexpr auto instances = instantiate::for_tensors(
    []<class V>() { return std::make_tuple(softmax<V>, log_softmax<V>, detail::softmax_gradient<V>); });

}  // namespace xgrad
