#include "batch_norm.hpp"

#include <algorithm>
#include <string>

#include "../core/array/instantiate.hpp"
#include "../core/array/threads.hpp"
#include "../core/array/worth_a_thread.hpp"
#include "../core/formula/elementwise_operation.hpp"
#include "../core/graph/broadcast.hpp"
#include "../core/graph/record.hpp"
#include "batch_norm_kernels.hpp"
#include "cast.hpp"
#include "exponential.hpp"
#include "normalization.hpp"
#include "slice.hpp"

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

template <class T>
Dense<T> ones(const Dense<T>& x) {
  return Dense<T>::filled(Shape{x.shape[1]}, T(1));
}

/// The channels' means, variances, and what they scale by.
enum Moment : std::size_t { mean_of_channel, variance_of_channel, scale_of_channel, moments_of_channel };

// The gradient's kernel reads the moments alone.
void set_moments(kernels::BatchNormChannels& all, const Dense<double>& moments) {
  all.mean = const_cast<double*>(moments.data());
  all.variance = all.mean + all.channels;
  all.scale = all.variance + all.channels;
}

template <class T>
void run(void (*const (&kernel)[2])(const kernels::BatchNormChannels&),
         const kernels::BatchNormChannels& all) {
  parallel_for(all.channels, channels_of_a_piece(all), [&](std::size_t begin, std::size_t end) {
    kernels::BatchNormChannels part = all;
    part.first = begin;
    part.count = end - begin;
    kernel[std::is_same_v<T, double>](part);
  });
}

/// One moment of the channels, with elements T.
template <class T>
Dense<T> moment(const Dense<double>& moments, Moment which) {
  const std::size_t channels = moments.shape[1];
  return rounded<T>(moments.data() + which * channels, channels);
}
template <class T>
Variable<T> moment(const Variable<double>& moments, Moment which) {
  return cast<T>(slice(moments, {static_cast<std::size_t>(which)}));
}

/// See normalization.hpp.
struct BatchNormGradient {
  static constexpr std::string_view name = "batch_norm_gradient";
  double epsilon = 0;
  void fields(auto& visit) const { visit("epsilon", epsilon); }

  static Axes lines(const Shape& x) { return other_axes(x); }
  static Shape beside(const Shape& x) { return xgrad::beside(x); }
  template <class V>
  auto normalized(const V& x) const;
  template <class V>
  static V scale(const reading_of<double, V>& moments, const Shape& x) {
    return reshape(moment<typename V::value_type>(moments, scale_of_channel), xgrad::beside(x));
  }

  bool saves(std::size_t, const Wanted&) const { return true; }
  template <class T>
  auto forward(const Dense<T>& x, const Dense<double>& moments, Dense<T> dy) const {
    return forward(x, ones(x), moments, std::move(dy));
  }
  /// dx goes into dy's own buffer, where it is given away.
  template <class T>
  std::tuple<Dense<T>, Dense<T>, Dense<T>> forward(const Dense<T>& x, const Dense<T>& gamma,
                                                   const Dense<double>& moments, Dense<T> dy) const {
    kernels::BatchNormChannels all = whole(x.shape, epsilon);
    Dense<T> dx = dy.buffer.unique() ? Dense<T>() : Dense<T>(dy.shape);
    Dense<double> sums(Shape{2, all.channels});
    set_moments(all, moments);
    all.x = x.data();
    all.gamma = gamma.data();
    all.out = dx.defined() ? dx.mutable_data() : dy.mutable_data();
    all.dy = dy.data();
    all.dgamma = sums.mutable_data();
    all.dbeta = all.dgamma + all.channels;
    run<T>(chosen().gradient, all);
    return {dx.defined() ? std::move(dx) : std::move(dy), rounded<T>(all.dgamma, all.channels),
            rounded<T>(all.dbeta, all.channels)};
  }
  template <class V>
  void vjp(Backward<V>& b) const {
    differentiate_gradient_of_normalization(b, *this);
  }
};

/// The second output are the moments, in double. Of them the scale is differentiated, by the gradient of the
/// gradient; means and variances are for running statistics, which take no gradient.
struct BatchNorm {
  static constexpr std::string_view name = "batch_norm";
  double epsilon = 0;
  void fields(auto& visit) const { visit("epsilon", epsilon); }

  bool saves(std::size_t input, const Wanted& wanted) const {
    return input == 0 ? wanted[0] || wanted[1] : input == 1 && wanted[0];
  }

  static double flops(Shapes in, const Shape&) { return 8 * count_of(in[0]); }

  template <class T>
  auto forward(const Dense<T>& x) const {
    return forward(x, ones(x), Dense<T>::filled(Shape{x.shape[1]}, T(0)));
  }
  template <class T>
  std::tuple<Dense<T>, Dense<double>> forward(const Dense<T>& x, const Dense<T>& gamma,
                                              const Dense<T>& beta) const {
    Dense<T> y(x.shape);
    kernels::BatchNormChannels all = whole(x.shape, epsilon);
    Dense<double> moments(Shape{moments_of_channel, all.channels});
    set_moments(all, moments);
    all.x = x.data();
    all.gamma = gamma.data();
    all.beta = beta.data();
    all.out = y.mutable_data();
    run<T>(chosen().value, all);
    return {std::move(y), std::move(moments)};
  }

  template <class V>
  void vjp(Backward<V>& b) const {
    std::optional<V> to_scale;
    if (b.has_gradient(1)) to_scale = BatchNormGradient::scale<V>(b.template gradient<double>(1), b.shape(0));
    differentiate_normalization(b, BatchNormGradient{epsilon}, b.template output<double>(1), to_scale);
  }
};

template <class V>
auto BatchNormGradient::normalized(const V& x) const {
  return apply_all(BatchNorm{epsilon}, x);
}

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

template <class V, class Outputs>
NormalizedChannels<V> with_moments(Outputs outputs) {
  using T = typename V::value_type;
  const NoGrad off;
  auto& [y, moments] = outputs;
  return {std::move(y), moment<T>(moments, mean_of_channel), moment<T>(moments, variance_of_channel)};
}

template <class V>
std::pair<V, BatchStatistics<typename V::value_type>> as_arrays(NormalizedChannels<V> made) {
  return {std::move(made.y), {to_array(plain_operand(made.mean)), to_array(plain_operand(made.variance))}};
}

/// The given statistics beside x, with what they leave to multiply by.
template <class V>
struct Given {
  using T = typename V::value_type;
  V mean, scale;

  Given(const Shape& x, const BatchStatistics<T>& statistics, double epsilon) {
    check(x, Shape(statistics.mean.shape()), Shape(statistics.variance.shape()), epsilon);
    mean = V(to_dense(statistics.mean).with_shape(beside(x)));
    scale = V(rsqrt(to_dense(statistics.variance) + epsilon).with_shape(beside(x)));
  }
  Given(const Shape& x, const V& mean_, const V& variance, double epsilon) {
    check(x, shape_of(mean_), shape_of(variance), epsilon);
    mean = reshape(mean_, beside(x));
    scale = reshape(rsqrt(variance + epsilon), beside(x));
  }

 private:
  static void check(const Shape& x, const Shape& of_mean, const Shape& of_variance, double epsilon) {
    check_input(x, epsilon);
    const Shape expected{x[1]};
    if (!(of_mean == expected) || !(of_variance == expected))
      throw ShapeError("batch_norm: mean " + to_string(of_mean) + " and variance " + to_string(of_variance) +
                       " do not fit axis 1 of " + to_string(x) + "; both must be " + to_string(expected));
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
  return apply(BatchNorm{options.epsilon}, x);
}

template <Tensor V>
V batch_norm(const V& x, const V& gamma, const V& beta, const NormalizationOptions& options) {
  check_batch(shape_of(x), options.epsilon);
  detail::check_affine("batch_norm", shape_of(x), 1, shape_of(gamma), shape_of(beta));
  return apply(BatchNorm{options.epsilon}, x, gamma, beta);
}

template <Tensor V>
NormalizedChannels<V> detail::batch_norm_with_moments(const V& x, const NormalizationOptions& options) {
  check_batch(shape_of(x), options.epsilon);
  return with_moments<V>(apply_all(BatchNorm{options.epsilon}, x));
}

template <Tensor V>
NormalizedChannels<V> detail::batch_norm_with_moments(const V& x, const V& gamma, const V& beta,
                                                      const NormalizationOptions& options) {
  check_batch(shape_of(x), options.epsilon);
  detail::check_affine("batch_norm", shape_of(x), 1, shape_of(gamma), shape_of(beta));
  return with_moments<V>(apply_all(BatchNorm{options.epsilon}, x, gamma, beta));
}

template <Tensor V>
std::pair<V, BatchStatistics<typename V::value_type>> batch_norm_with_statistics(
    const V& x, const NormalizationOptions& options) {
  return as_arrays(detail::batch_norm_with_moments(x, options));
}

template <Tensor V>
std::pair<V, BatchStatistics<typename V::value_type>> batch_norm_with_statistics(
    const V& x, const V& gamma, const V& beta, const NormalizationOptions& options) {
  return as_arrays(detail::batch_norm_with_moments(x, gamma, beta, options));
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

template <class T>
Variable<T> detail::batch_norm_by(const Variable<T>& x, const Variable<T>& gamma, const Variable<T>& beta,
                                  const Variable<T>& mean, const Variable<T>& variance,
                                  const NormalizationOptions& options) {
  const Given<Variable<T>> given(x.shape(), mean, variance, options.epsilon);
  if (!gamma.defined()) return standardized(x, given.mean, given.scale, Variable<T>(Dense<T>::scalar(0)));
  detail::check_affine("batch_norm", x.shape(), 1, gamma.shape(), beta.shape());
  const Shape shape = beside(x.shape());
  return standardized(x, given.mean, given.scale * reshape(gamma, shape), reshape(beta, shape));
}

[[gnu::used]] constexpr auto by_variables =
    instantiate::for_numbers([]<class T>() { return detail::batch_norm_by<T>; });

[[gnu::used]] constexpr auto instances = instantiate::for_tensors([]<class V>() {
  using Statistics = BatchStatistics<typename V::value_type>;
  using Options = NormalizationOptions;
  return std::make_tuple(
      instantiate::overload<V(const V&, const Options&)>(batch_norm),
      instantiate::overload<V(const V&, const V&, const V&, const Options&)>(batch_norm),
      instantiate::overload<std::pair<V, Statistics>(const V&, const Options&)>(batch_norm_with_statistics),
      instantiate::overload<std::pair<V, Statistics>(const V&, const V&, const V&, const Options&)>(
          batch_norm_with_statistics),
      instantiate::overload<NormalizedChannels<V>(const V&, const Options&)>(detail::batch_norm_with_moments),
      instantiate::overload<NormalizedChannels<V>(const V&, const V&, const V&, const Options&)>(
          detail::batch_norm_with_moments),
      instantiate::overload<V(const V&, const Statistics&, const Options&)>(batch_norm),
      instantiate::overload<V(const V&, const V&, const V&, const Statistics&, const Options&)>(batch_norm));
});

template <class Formula>
const Elementwise& LayerFormulas::operation() {
  return operation_of<Formula, LayerFormulas>();
}
const Registration registered{operations_of<LayerFormulas>()};

}  // namespace xgrad
