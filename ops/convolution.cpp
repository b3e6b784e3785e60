#include "convolution.hpp"

#include <algorithm>
#include <string>

#include "../core/array/instantiate.hpp"
#include "../core/graph/record.hpp"
#include "convolution_gemm.hpp"
#include "reduction.hpp"
#include "shape.hpp"

namespace xgrad {
using namespace detail;

namespace {

using detail::shape_of;

/// What the three operations share: they are the partial derivatives of <y, convolve(x, kernel)>.
struct Convolution {
  Window window;
  std::size_t groups = 1;
  void fields(auto& visit) const {
    window.fields(visit);
    visit("groups", groups);
  }

  ConvolutionSize size(std::size_t batch, const Shape& kernel) const {
    return {window, groups, batch, kernel[1], kernel[0] / groups};
  }
  Shape x_shape(std::size_t batch, const Shape& kernel) const {
    return {batch, checked_product(kernel[1], groups), window.in[0], window.in[1]};
  }
  Shape y_shape(std::size_t batch, const Shape& kernel) const {
    return {batch, kernel[0], window.out[0], window.out[1]};
  }
  /// Each factor is kept for the other one's gradient; a bias is not.
  bool saves(std::size_t input, const Wanted& wanted) const { return input < 2 && wanted[1 - input]; }
};

template <class V>
V sum_over_places(const V& images) {
  return sum(images, {.axes = {0, 2, 3}});
}

/// Each element of y is a sum of products with the kernel of its channel.
double operations(const Shape& y, const Shape& kernel) {
  return 2 * count_of(y) * count_of(kernel) / static_cast<double>(std::max<std::size_t>(kernel[0], 1));
}

struct ConvTranspose2d;
struct Conv2dKernelGradient;

/// y of x, kernel, and perhaps a bias.
struct Conv2d : Convolution {
  static constexpr std::string_view name = "conv2d";
  static constexpr bool is_bilinear = true;

  static double flops(Shapes in, const Shape& y) {
    return operations(y, in[1]) + (in.size() > 2 ? count_of(y) : 0);
  }

  template <class T, class... Bias>
  Dense<T> forward(const Dense<T>& x, const Dense<T>& kernel, const Bias&... bias) const {
    const T* const biases[] = {bias.data()..., nullptr};
    Dense<T> y(y_shape(x.shape[0], kernel.shape));
    if (y.size() > 0)
      convolve(size(x.shape[0], kernel.shape), x.data(), kernel.data(), biases[0], y.mutable_data());
    return y;
  }
  template <class V>
  void vjp(Backward<V>& b) const;
};

/// x of y, kernel, and perhaps a bias.
struct ConvTranspose2d : Convolution {
  static constexpr std::string_view name = "conv_transpose2d";
  static constexpr bool is_bilinear = true;

  static double flops(Shapes in, const Shape& x) {
    return operations(in[0], in[1]) + (in.size() > 2 ? count_of(x) : 0);
  }

  template <class T, class... Bias>
  Dense<T> forward(const Dense<T>& y, const Dense<T>& kernel, const Bias&... bias) const {
    const T* const biases[] = {bias.data()..., nullptr};
    Dense<T> x(x_shape(y.shape[0], kernel.shape));
    if (x.size() > 0)
      convolve_transposed(size(y.shape[0], kernel.shape), y.data(), kernel.data(), biases[0],
                          x.mutable_data());
    return x;
  }
  template <class V>
  void vjp(Backward<V>& b) const;
};

/// The kernel's shape, of x and y.
struct Conv2dKernelGradient : Convolution {
  static constexpr std::string_view name = "conv2d_kernel_gradient";
  static constexpr bool is_bilinear = true;

  static double flops(Shapes in, const Shape& kernel) { return operations(in[1], kernel); }

  template <class T>
  Dense<T> forward(const Dense<T>& x, const Dense<T>& y) const {
    Dense<T> kernel(Shape{y.shape[1], x.shape[1] / groups, window.kernel[0], window.kernel[1]});
    convolve_for_kernel(size(x.shape[0], kernel.shape), x.data(), y.data(), kernel.mutable_data());
    return kernel;
  }
  template <class V>
  void vjp(Backward<V>& b) const {
    if (b.wants(0)) b.give(0, apply(ConvTranspose2d{{*this}}, b.input(1), b.gradient()));
    if (b.wants(1)) b.give(1, apply(Conv2d{{*this}}, b.input(0), b.gradient()));
  }
};

template <class V>
void Conv2d::vjp(Backward<V>& b) const {
  if (b.wants(0)) b.give(0, apply(ConvTranspose2d{{*this}}, b.gradient(), b.input(1)));
  if (b.wants(1)) b.give(1, apply(Conv2dKernelGradient{{*this}}, b.input(0), b.gradient()));
  if (b.input_count() == 3 && b.wants(2)) b.give(2, sum_over_places(b.gradient()));
}

template <class V>
void ConvTranspose2d::vjp(Backward<V>& b) const {
  if (b.wants(0)) b.give(0, apply(Conv2d{{*this}}, b.gradient(), b.input(1)));
  if (b.wants(1)) b.give(1, apply(Conv2dKernelGradient{{*this}}, b.gradient(), b.input(0)));
  if (b.input_count() == 3 && b.wants(2)) b.give(2, sum_over_places(b.gradient()));
}

WindowCall call_of(std::string_view operation, const Shape& images, const char* what, const Shape& other) {
  return {operation, images, std::string(what) + " " + to_string(other)};
}

/// Both have so many axes: 4, or 3 along one axis.
void check_axes(const WindowCall& call, const Shape& images, const Shape& other, std::size_t count,
                const char* meant) {
  if (images.size() == count && other.size() == count) return;
  call.fail("both need " + std::to_string(count) + " axes", std::string("; give ") + meant);
}

std::size_t checked_groups(const WindowCall& call, const Count& groups) {
  if (groups.number() > 0) return static_cast<std::size_t>(groups.number());
  throw ValueError(std::string(call.operation) + ": " +
                   (groups.number() == 0 ? "no" : std::to_string(groups.number())) + " groups for images " +
                   to_string(call.images) + ", " + call.sliding + "; give at least 1");
}

std::string in_groups(std::size_t groups) {
  return groups == 1 ? "" : " in " + std::to_string(groups) + " groups";
}

/// conv2d's channels and filters, of [N, C, H, W] and [O, C / groups, kH, kW].
void check_channels(const WindowCall& call, const Shape& images, const Shape& kernel, const Count& count) {
  const std::size_t groups = checked_groups(call, count);
  if (images[1] % groups != 0 || images[1] / groups != kernel[1])
    call.fail("channels differ", " (axis 1: " + std::to_string(images[1]) + in_groups(groups) + " vs " +
                                     std::to_string(kernel[1]) +
                                     "); the kernel must be [O, C / groups, ...]");
  if (kernel[0] % groups != 0)
    call.fail("the groups do not divide the filters",
              " (axis 0: " + std::to_string(kernel[0]) + in_groups(groups) + "); give a divisor");
}

void check_bias(const WindowCall& call, const Shape& bias, std::size_t filters) {
  if (bias == Shape{filters}) return;
  throw ShapeError(std::string(call.operation) + ": the bias does not fit the kernel: " + to_string(bias) +
                   " and " + call.sliding + "; it must be [" + std::to_string(filters) + "]");
}

/// The window of a checked call of conv2d on [N, C, H, W].
Convolution plan_of(const WindowCall& call, const Shape& images, std::size_t filters, const Pair& kernel,
                    const Conv2dOptions& options) {
  Convolution plan{make_window(call, kernel, options.stride, options.padding, options.dilation),
                   options.groups};
  slide_over(plan.window, call, {images[2], images[3]});
  call.check_result({images[0], filters, plan.window.out[0], plan.window.out[1]});
  return plan;
}

Conv2d conv2d_of(const Shape& images, const Shape& kernel, const Shape* bias, const Conv2dOptions& options) {
  const WindowCall call = call_of("conv2d", images, "kernel", kernel);
  check_axes(call, images, kernel, 4, "[N, C, H, W] and [O, C / groups, kH, kW]");
  check_channels(call, images, kernel, options.groups);
  if (bias) check_bias(call, *bias, kernel[0]);
  return {plan_of(call, images, kernel[0], {kernel[2], kernel[3]}, options)};
}

/// As conv2d on signals of height 1.
Conv2d conv1d_of(const Shape& signals, const Shape& kernel, const Shape* bias, const Conv1dOptions& options) {
  const WindowCall call = call_of("conv1d", signals, "kernel", kernel);
  check_axes(call, signals, kernel, 3, "[N, C, L] and [O, C / groups, k]");
  check_channels(call, signals, kernel, options.groups);
  if (bias) check_bias(call, *bias, kernel[0]);
  return {plan_of(call, {signals[0], signals[1], 1, signals[2]}, kernel[0], {1, kernel[2]},
                  {.stride = {1, options.stride.number()},
                   .padding = {0, options.padding.number()},
                   .dilation = {1, options.dilation.number()},
                   .groups = options.groups})};
}

/// Sets `in` to the result's extents along one axis of a transposed convolution.
void grow_to(Window& window, const WindowCall& call, std::size_t axis, std::size_t out,
             std::size_t output_padding) {
  if (output_padding >= std::max(window.stride[axis], window.dilation[axis]))
    throw ValueError(std::string(call.operation) + ": an output_padding of " +
                     std::to_string(output_padding) + " for images " + to_string(call.images) + ", " +
                     call.sliding + " is not less than the stride or the dilation of axis " +
                     call.axis(2 + axis) + "; give a smaller one");
  const std::size_t last = out == 0 ? 0 : checked_product(out - 1, window.stride[axis]);
  const std::size_t extent = checked_sum(last, window.reach(axis) + output_padding),
                    cut = 2 * window.padding[axis];
  if (out == 0 || cut >= extent)
    call.fail("no element would be left", " (axis " + call.axis(2 + axis) + ": an extent of " +
                                              std::to_string(out) + " gives " +
                                              std::to_string(out == 0 ? 0 : extent) + ", less 2 * " +
                                              std::to_string(window.padding[axis]) + "); give less padding");
  window.out[axis] = out;
  window.in[axis] = extent - cut;
}

ConvTranspose2d conv_transpose2d_of(const Shape& images, const Shape& kernel, const Shape* bias,
                                    const ConvTranspose2dOptions& options) {
  const WindowCall call = call_of("conv_transpose2d", images, "kernel", kernel);
  check_axes(call, images, kernel, 4, "[N, C, H, W] and [C, O / groups, kH, kW]");
  const std::size_t groups = checked_groups(call, options.groups);
  if (images[1] != kernel[0])
    call.fail("channels differ", " (axis 1: " + std::to_string(images[1]) +
                                     " vs axis 0: " + std::to_string(kernel[0]) +
                                     "); the kernel must be [C, O / groups, kH, kW]");
  if (images[1] % groups != 0)
    call.fail("the groups do not divide the channels",
              " (axis 1: " + std::to_string(images[1]) + in_groups(groups) + "); give a divisor");
  if (bias) check_bias(call, *bias, checked_product(kernel[1], groups));
  ConvTranspose2d op{
      {make_window(call, {kernel[2], kernel[3]}, options.stride, options.padding, options.dilation), groups}};
  for (std::size_t axis : {0u, 1u})
    grow_to(op.window, call, axis, images[2 + axis],
            checked_number(call, "an output_padding", options.output_padding[axis], 0));
  call.check_result(op.x_shape(images[0], kernel));
  return op;
}

Conv2dKernelGradient kernel_gradient_of(const Shape& images, const Shape& gradient, const Pair& kernel,
                                        const Conv2dOptions& options) {
  const WindowCall call = call_of("conv2d_kernel_gradient", images, "gradient", gradient);
  check_axes(call, images, gradient, 4, "[N, C, H, W] and [N, O, oH, oW]");
  const std::size_t groups = checked_groups(call, options.groups);
  if (images[1] % groups != 0 || gradient[1] % groups != 0)
    call.fail("the groups do not divide the channels", " (axis 1: " + std::to_string(images[1]) + " and " +
                                                           std::to_string(gradient[1]) + in_groups(groups) +
                                                           "); give a divisor");
  const Convolution plan = plan_of(call, images, gradient[1], kernel, options);
  call.check_result({gradient[1], images[1] / groups, kernel[0], kernel[1]});
  const Shape expected{images[0], gradient[1], plan.window.out[0], plan.window.out[1]};
  if (!(gradient == expected))
    call.fail("the gradient does not fit",
              "; it must be " + to_string(expected) + ", as the result of conv2d");
  return {plan};
}

/// [N, C, L] as [N, C, 1, L], and back.
template <Tensor V>
V with_height(const V& x) {
  return expand_dims(x, 2);
}

}  // namespace

template <Tensor V>
V conv2d(const V& images, const V& kernel, const Conv2dOptions& options) {
  return apply(conv2d_of(shape_of(images), shape_of(kernel), nullptr, options), images, kernel);
}

template <Tensor V>
V conv2d(const V& images, const V& kernel, const V& bias, const Conv2dOptions& options) {
  return apply(conv2d_of(shape_of(images), shape_of(kernel), &shape_of(bias), options), images, kernel, bias);
}

template <Tensor V>
V conv_transpose2d(const V& images, const V& kernel, const ConvTranspose2dOptions& options) {
  return apply(conv_transpose2d_of(shape_of(images), shape_of(kernel), nullptr, options), images, kernel);
}

template <Tensor V>
V conv_transpose2d(const V& images, const V& kernel, const V& bias, const ConvTranspose2dOptions& options) {
  return apply(conv_transpose2d_of(shape_of(images), shape_of(kernel), &shape_of(bias), options), images,
               kernel, bias);
}

template <Tensor V>
V conv2d_kernel_gradient(const V& images, const V& gradient, const Pair& kernel,
                         const Conv2dOptions& options) {
  return apply(kernel_gradient_of(shape_of(images), shape_of(gradient), kernel, options), images, gradient);
}

template <Tensor V>
V conv1d(const V& signals, const V& kernel, const Conv1dOptions& options) {
  const Conv2d op = conv1d_of(shape_of(signals), shape_of(kernel), nullptr, options);
  return squeeze(apply(op, with_height(signals), with_height(kernel)), 2);
}

template <Tensor V>
V conv1d(const V& signals, const V& kernel, const V& bias, const Conv1dOptions& options) {
  const Conv2d op = conv1d_of(shape_of(signals), shape_of(kernel), &shape_of(bias), options);
  return squeeze(apply(op, with_height(signals), with_height(kernel), bias), 2);
}

[[gnu::used]] constexpr auto instances = instantiate::for_tensors([]<class V>() {
  return std::make_tuple(
      instantiate::overload<V(const V&, const V&, const Conv2dOptions&)>(conv2d),
      instantiate::overload<V(const V&, const V&, const V&, const Conv2dOptions&)>(conv2d),
      instantiate::overload<V(const V&, const V&, const ConvTranspose2dOptions&)>(conv_transpose2d),
      instantiate::overload<V(const V&, const V&, const V&, const ConvTranspose2dOptions&)>(conv_transpose2d),
      conv2d_kernel_gradient<V>, instantiate::overload<V(const V&, const V&, const Conv1dOptions&)>(conv1d),
      instantiate::overload<V(const V&, const V&, const V&, const Conv1dOptions&)>(conv1d));
});

}  // namespace xgrad
