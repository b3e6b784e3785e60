#include "batch_norm.hpp"

#include <algorithm>
#include <string>

#include "../core/array/instantiate.hpp"
#include "../core/array/threads.hpp"
#include "../core/array/worth_a_thread.hpp"
#include "../core/formula/elementwise_operation.hpp"
#include "../core/graph/broadcast.hpp"
#include "batch_norm_kernels.hpp"
#include "families.hpp"
#include "normalization.hpp"

namespace xgrad {
using namespace detail;
using namespace formulas;

namespace {

using detail::shape_of;

const kernels::BatchNormKernels& chosen() {
  const kernels::BatchNormKernels& kernels =
      chosen_kernels([]<class I>() { return kernels::batch_norm_kernels<I>(); });
  return kernels;
}

/// x as [samples, channels, inner].
kernels::BatchNormChannels whole(const Shape& x, double epsilon) {
  kernels::BatchNormChannels all{};
  all.samples = x[0];
  all.channels = x[1];
  all.inner = 1;
  for (std::size_t axis = 2; axis < x.size(); ++axis) all.inner *= x[axis];
  all.epsilon = epsilon;
  return all;
}

/// How many channels one thread should at least get. Columns come in strips of whole cache lines, long enough
/// to be streamed.
std::size_t channels_of_a_piece(const kernels::BatchNormChannels& all) {
  const std::size_t worth =
      worth_a_thread::computed_elements / std::max<std::size_t>(1, all.samples * all.inner);
  if (all.inner == 1) return std::clamp<std::size_t>(worth / 64 * 64, 256, 1024);
  return std::clamp<std::size_t>(worth, 1, 1024);
}

/// The channels' extents beside x: [C, 1, 1] for [N, C, H, W].
Shape beside(const Shape& x) {
  Shape shape(x.size() - 1, 1);
  shape[0] = x[1];
  return shape;
}

/// Every axis but that of the channels.
Axes other_axes(const Shape& x) {
  Axes axes{0};
  for (std::size_t axis = 2; axis < x.size(); ++axis) axes.push_back(static_cast<std::ptrdiff_t>(axis));
  return axes;
}

template <class T>
Dense<T> rounded(const double* from, std::size_t count) {
  Dense<T> result(Shape{count});
  std::transform(from, from + count, result.mutable_data(), [](double x) { return static_cast<T>(x); });
  return result;
}

struct BatchNorm {
  static constexpr std::string_view name = "batch_norm";
  double epsilon = 0;
  memory::Buffer moments;            ///< the channels' means, their variances, and what they scale by
  memory::Buffer* report = nullptr;  ///< where forward() leaves them for the caller, once

  bool saves(std::size_t input, const Wanted& wanted) const {
    return input == 0 ? wanted[0] || wanted[1] : input == 1 && wanted[0];
  }

  template <class T>
  Dense<T> forward(const Dense<T>& x) {
    const Shape channels{x.shape[1]};
    return forward(x, Dense<T>::filled(channels, T(1)), Dense<T>::filled(channels, T(0)));
  }
  template <class T>
  Dense<T> forward(const Dense<T>& x, const Dense<T>& gamma, const Dense<T>& beta) {
    Dense<T> y(x.shape);
    kernels::BatchNormChannels all = whole(x.shape, epsilon);
    moments = memory::Buffer(3 * all.channels * sizeof(double));
    all.x = x.data();
    all.gamma = gamma.data();
    all.beta = beta.data();
    all.mean = static_cast<double*>(moments.mutable_data());
    all.variance = all.mean + all.channels;
    all.scale = all.variance + all.channels;
    all.out = y.mutable_data();
    run<T>(chosen().value, all);
    if (report != nullptr) *std::exchange(report, nullptr) = moments;
    return y;
  }

  template <class T>
  void vjp(Backward<Dense<T>>& b) const {
    if (!b.wants(0) && !b.wants(1))
      return b.give(2, reshape(sum_to(b.gradient(), beside(b.shape(0))), b.shape(2)));
    kernels::BatchNormChannels all = whole(b.shape(0), epsilon);
    const Dense<T> x = b.input(0);
    const Dense<T> gamma =
        b.input_count() == 3 && b.wants(0) ? b.input(1) : Dense<T>::filled(Shape{all.channels}, T(1));
    Dense<T> dy = b.take_gradient();
    Dense<T> dx = dy.buffer.unique() ? Dense<T>() : Dense<T>(dy.shape);
    Dense<double> sums(Shape{2, all.channels});
    all.x = x.data();
    all.gamma = gamma.data();
    // The gradient reads the moments alone.
    all.mean = static_cast<double*>(const_cast<void*>(moments.data()));
    all.variance = all.mean + all.channels;
    all.scale = all.variance + all.channels;
    all.out = dx.defined() ? dx.mutable_data() : dy.mutable_data();
    all.dy = dy.data();
    all.dgamma = sums.mutable_data();
    all.dbeta = all.dgamma + all.channels;
    run<T>(chosen().gradient, all);
    if (b.wants(0)) b.give(0, dx.defined() ? std::move(dx) : std::move(dy));
    if (b.input_count() == 3 && b.wants(1)) b.give(1, rounded<T>(all.dgamma, all.channels));
    if (b.input_count() == 3 && b.wants(2)) b.give(2, rounded<T>(all.dbeta, all.channels));
  }
  template <class T>
  void vjp(Backward<Variable<T>>& b) const {
    detail::recorded_normalization_gradient(b, other_axes(b.shape(0)), beside(b.shape(0)), epsilon);
  }

 private:
  template <class T>
  static void run(void (*const (&kernel)[2])(const kernels::BatchNormChannels&),
                  const kernels::BatchNormChannels& all) {
    parallel_for(all.channels, channels_of_a_piece(all), [&](std::size_t begin, std::size_t end) {
      kernels::BatchNormChannels part = all;
      part.first = begin;
      part.count = end - begin;
      kernel[std::is_same_v<T, double>](part);
    });
  }
};

void check_input(const Shape& x, double epsilon) {
  if (x.size() < 2)
    throw ShapeError("batch_norm: " + to_string(x) +
                     " has no axis of channels; it must be [N, C] or [N, C, ...]");
  detail::check_epsilon("batch_norm", epsilon);
}

void check_batch(const Shape& x, double epsilon) {
  check_input(x, epsilon);
  const std::size_t values = x[1] == 0 ? 2 : element_count(x) / x[1];
  if (values < 2)
    throw ValueError(
        "batch_norm: " + to_string(x) + " has " + (values == 0 ? "no value" : "one value") +
        " a channel, which has no variance; give a larger batch, or evaluate with given statistics");
}

template <class V>
std::pair<V, BatchStatistics<typename V::value_type>> with_statistics(V y, const memory::Buffer& moments,
                                                                      std::size_t channels) {
  using T = typename V::value_type;
  const auto* from = static_cast<const double*>(moments.data());
  return {std::move(y),
          {to_array(rounded<T>(from, channels)), to_array(rounded<T>(from + channels, channels))}};
}

/// The given statistics beside x, with what they leave to multiply by.
template <class V>
struct Given {
  using T = typename V::value_type;
  V mean, scale;

  Given(const Shape& x, const BatchStatistics<T>& statistics, double epsilon) {
    check_input(x, epsilon);
    const Shape expected{x[1]};
    if (!(statistics.mean.shape() == expected) || !(statistics.variance.shape() == expected))
      throw ShapeError("batch_norm: mean " + to_string(statistics.mean.shape()) + " and variance " +
                       to_string(statistics.variance.shape()) + " do not fit axis 1 of " + to_string(x) +
                       "; both must be " + to_string(expected));
    mean = V(to_dense(statistics.mean).with_shape(beside(x)));
    scale = V(rsqrt(to_dense(statistics.variance) + epsilon).with_shape(beside(x)));
  }
};

template <class V>
V standardized(const V& x, const V& mean, const V& scale, const V& shift) {
  return apply(operation<Standardize, LayerFormulas>(), x, mean, scale, shift);
}

}  // namespace

template <Tensor V>
V batch_norm(const V& x, const NormalizationOptions& options) {
  check_batch(shape_of(x), options.epsilon);
  return apply(BatchNorm{options.epsilon, {}}, x);
}

template <Tensor V>
V batch_norm(const V& x, const V& gamma, const V& beta, const NormalizationOptions& options) {
  check_batch(shape_of(x), options.epsilon);
  detail::check_affine("batch_norm", shape_of(x), 1, shape_of(gamma), shape_of(beta));
  return apply(BatchNorm{options.epsilon, {}}, x, gamma, beta);
}

template <Tensor V>
std::pair<V, BatchStatistics<typename V::value_type>> batch_norm_with_statistics(
    const V& x, const NormalizationOptions& options) {
  check_batch(shape_of(x), options.epsilon);
  memory::Buffer moments;
  V y = apply(BatchNorm{options.epsilon, {}, &moments}, x);
  return with_statistics(std::move(y), moments, shape_of(x)[1]);
}

template <Tensor V>
std::pair<V, BatchStatistics<typename V::value_type>> batch_norm_with_statistics(
    const V& x, const V& gamma, const V& beta, const NormalizationOptions& options) {
  check_batch(shape_of(x), options.epsilon);
  detail::check_affine("batch_norm", shape_of(x), 1, shape_of(gamma), shape_of(beta));
  memory::Buffer moments;
  V y = apply(BatchNorm{options.epsilon, {}, &moments}, x, gamma, beta);
  return with_statistics(std::move(y), moments, shape_of(x)[1]);
}

template <Tensor V>
V batch_norm(const V& x, const BatchStatistics<typename V::value_type>& statistics,
             const NormalizationOptions& options) {
  const Given<V> given(shape_of(x), statistics, options.epsilon);
  return standardized(x, given.mean, given.scale, V(Dense<typename V::value_type>::scalar(0)));
}

template <Tensor V>
V batch_norm(const V& x, const V& gamma, const V& beta,
             const BatchStatistics<typename V::value_type>& statistics, const NormalizationOptions& options) {
  const Given<V> given(shape_of(x), statistics, options.epsilon);
  detail::check_affine("batch_norm", shape_of(x), 1, shape_of(gamma), shape_of(beta));
  const Shape shape = beside(shape_of(x));
  return standardized(x, given.mean, given.scale * reshape(gamma, shape), reshape(beta, shape));
}

[[gnu::used]] constexpr auto instances = instantiate::for_tensors([]<class V>() {
  using Statistics = BatchStatistics<typename V::value_type>;
  using Options = NormalizationOptions;
  return std::make_tuple(
      instantiate::overload<V(const V&, const Options&)>(batch_norm),
      instantiate::overload<V(const V&, const V&, const V&, const Options&)>(batch_norm),
      instantiate::overload<std::pair<V, Statistics>(const V&, const Options&)>(batch_norm_with_statistics),
      instantiate::overload<std::pair<V, Statistics>(const V&, const V&, const V&, const Options&)>(
          batch_norm_with_statistics),
      instantiate::overload<V(const V&, const Statistics&, const Options&)>(batch_norm),
      instantiate::overload<V(const V&, const V&, const V&, const Statistics&, const Options&)>(batch_norm));
});

OperationList detail::layer_formulas() { return operations_of<LayerFormulas>(); }

std::vector<std::string_view> detail::batch_norm_operation_names() {
  return names_of<kernels::List<BatchNorm>>();
}

}  // namespace xgrad
