#include "softmax.hpp"

#include "../core/array/instantiate.hpp"
#include "../core/kernels/dispatch.hpp"
#include "../core/kernels/reduction.hpp"
#include "exponential.hpp"
#include "families.hpp"
#include "operators.hpp"
#include "reduction.hpp"
#include "shape.hpp"
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

struct Softmax {
  static constexpr std::string_view name = "softmax";
  static constexpr bool saves_output = true;
  std::size_t axis = 0;

  template <class T>
  Dense<T> forward(const Dense<T>& x) const {
    return run(chosen().softmax, x, axis);
  }
  template <class T>
  void vjp(Backward<Dense<T>>& b) const {
    b.give(0, run_gradient(chosen().softmax_gradient, b.output(), b.take_gradient(), axis));
  }
  template <class T>
  void vjp(Backward<Variable<T>>& b) const {
    const Variable<T> y = b.output();
    b.give(0, y * (b.gradient() - sum_along(b.gradient() * y, axis)));
  }
};

struct LogSoftmax {
  static constexpr std::string_view name = "log_softmax";
  static constexpr bool saves_output = true;
  std::size_t axis = 0;

  template <class T>
  Dense<T> forward(const Dense<T>& x) const {
    return run(chosen().log_softmax, x, axis);
  }
  template <class T>
  void vjp(Backward<Dense<T>>& b) const {
    b.give(0, run_gradient(chosen().log_softmax_gradient, b.output(), b.take_gradient(), axis));
  }
  template <class T>
  void vjp(Backward<Variable<T>>& b) const {
    b.give(0, b.gradient() - exp(b.output()) * sum_along(b.gradient(), axis));
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

[[gnu::used]] constexpr auto instances =
    instantiate::for_tensors([]<class V>() { return std::make_tuple(softmax<V>, log_softmax<V>); });

std::vector<std::string_view> detail::softmax_operation_names() {
  return names_of<kernels::List<Softmax, LogSoftmax>>();
}

}  // namespace xgrad
