#include "layer_norm.hpp"

#include <algorithm>
#include <string>

#include "../core/array/instantiate.hpp"
#include "../core/array/threads.hpp"
#include "../core/array/worth_a_thread.hpp"
#include "../core/graph/broadcast.hpp"
#include "../core/kernels/dispatch.hpp"
#include "families.hpp"
#include "layer_norm_kernels.hpp"
#include "normalization.hpp"

namespace xgrad {
using namespace detail;

namespace {

const kernels::LayerNormKernels& chosen() {
  const kernels::LayerNormKernels& kernels =
      chosen_kernels([]<class I>() { return kernels::layer_norm_kernels<I>(); });
  return kernels;
}

/// As many rows to a piece as are worth a thread, in fours: the kernel of the gradient takes four at a time.
std::size_t rows_of_a_piece(std::size_t columns) {
  return std::max<std::size_t>(1, worth_a_thread::computed_elements / std::max<std::size_t>(1, columns) / 4) *
         4;
}

template <class T>
kernels::LayerNormRows part_of(const kernels::LayerNormRows& all, std::size_t begin, std::size_t end) {
  kernels::LayerNormRows part = all;
  const std::size_t skipped = begin * all.columns;
  part.x = static_cast<const T*>(all.x) + skipped;
  part.out = static_cast<T*>(all.out) + skipped;
  if (all.dy != nullptr) part.dy = static_cast<const T*>(all.dy) + skipped;
  part.row_data = static_cast<T*>(all.row_data) + begin * kernels::layer_norm_data;
  part.rows = end - begin;
  return part;
}

struct LayerNorm {
  static constexpr std::string_view name = "layer_norm";
  double epsilon = 0;
  memory::Buffer row_data;

  bool saves(std::size_t input, const Wanted& wanted) const {
    return input == 0 ? wanted[0] || wanted[1] : input == 1 && wanted[0];
  }

  template <class T>
  Dense<T> forward(const Dense<T>& x) {
    const Shape row{x.shape.back()};
    return forward(x, Dense<T>::filled(row, T(1)), Dense<T>::filled(row, T(0)));
  }
  template <class T>
  Dense<T> forward(const Dense<T>& x, const Dense<T>& gamma, const Dense<T>& beta) {
    Dense<T> y(x.shape);
    kernels::LayerNormRows all = rows_of(x, gamma);
    row_data = memory::Buffer(all.rows * kernels::layer_norm_data * sizeof(T));
    all.beta = beta.data();
    all.row_data = row_data.mutable_data();
    all.out = y.mutable_data();
    parallel_for(all.rows, rows_of_a_piece(all.columns), [&](std::size_t begin, std::size_t end) {
      chosen().value[std::is_same_v<T, double>](part_of<T>(all, begin, end));
    });
    return y;
  }

  template <class T>
  void vjp(Backward<Dense<T>>& b) const {
    const bool has_affine = b.input_count() == 3;
    if (!b.wants(0) && !b.wants(1)) return b.give(2, sum_to(b.gradient(), b.shape(2)));
    const Dense<T> gamma =
        has_affine && b.wants(0) ? b.input(1) : Dense<T>::filled(Shape{b.shape(0).back()}, T(1));
    const Dense<double> sums = gradients(b.input(0), gamma, b);
    const double* parameter = sums.data();
    for (std::size_t k = 1; k < b.input_count(); ++k, parameter += sums.size() / 2)
      if (b.wants(k)) b.give(k, rounded<T>(parameter, b.shape(k)));
  }
  template <class T>
  void vjp(Backward<Variable<T>>& b) const {
    detail::recorded_normalization_gradient(b, {-1}, Shape{b.shape(0).back()}, epsilon);
  }

 private:
  template <class T>
  kernels::LayerNormRows rows_of(const Dense<T>& x, const Dense<T>& gamma) const {
    const std::size_t columns = x.shape.back();
    return {x.data(), gamma.data(), nullptr, x.size() / std::max<std::size_t>(1, columns),
            columns,  epsilon,      nullptr, nullptr,
            nullptr,  nullptr,      nullptr};
  }

  /// Gives x its gradient; those of gamma and beta come back, each in room for whole packs. Every piece of
  /// rows adds up its own, and then they are added up.
  template <class T>
  Dense<double> gradients(const Dense<T>& x, const Dense<T>& gamma, Backward<Dense<T>>& b) const {
    Dense<T> dy = b.take_gradient();
    Dense<T> dx = dy.buffer.unique() ? Dense<T>() : Dense<T>(dy.shape);
    kernels::LayerNormRows all = rows_of(x, gamma);
    all.row_data = const_cast<void*>(row_data.data());
    all.out = dx.defined() ? dx.mutable_data() : dy.mutable_data();
    all.dy = dy.data();
    const std::size_t grain = rows_of_a_piece(all.columns), room = (all.columns + 15) / 16 * 16;
    Dense<double> sums = Dense<double>::filled(Shape{(all.rows + grain - 1) / grain, 2 * room}, 0);
    double* const first = sums.mutable_data();
    parallel_for(all.rows, grain, [&](std::size_t begin, std::size_t end) {
      kernels::LayerNormRows part = part_of<T>(all, begin, end);
      part.dgamma = first + begin / grain * 2 * room;
      part.dbeta = part.dgamma + room;
      chosen().gradient[std::is_same_v<T, double>](part);
    });
    if (b.wants(0)) b.give(0, dx.defined() ? std::move(dx) : std::move(dy));
    return sum_to(sums, Shape{2 * room});
  }

  template <class T>
  static Dense<T> rounded(const double* from, const Shape& shape) {
    Dense<T> result(shape);
    std::transform(from, from + result.size(), result.mutable_data(),
                   [](double x) { return static_cast<T>(x); });
    return result;
  }
};

void check_input(const Shape& x, double epsilon) {
  if (x.empty())
    throw ShapeError("layer_norm: a value without axes has no last one; reshape it to [1] or give [..., n]");
  detail::check_epsilon("layer_norm", epsilon);
}

}  // namespace

template <Tensor V>
V layer_norm(const V& x, const NormalizationOptions& options) {
  check_input(detail::shape_of(x), options.epsilon);
  return apply(LayerNorm{options.epsilon, {}}, x);
}

template <Tensor V>
V layer_norm(const V& x, const V& gamma, const V& beta, const NormalizationOptions& options) {
  const Shape& shape = detail::shape_of(x);
  check_input(shape, options.epsilon);
  detail::check_affine("layer_norm", shape, shape.size() - 1, detail::shape_of(gamma),
                       detail::shape_of(beta));
  return apply(LayerNorm{options.epsilon, {}}, x, gamma, beta);
}

[[gnu::used]] constexpr auto instances = instantiate::for_tensors([]<class V>() {
  return std::make_tuple(
      instantiate::overload<V(const V&, const NormalizationOptions&)>(layer_norm),
      instantiate::overload<V(const V&, const V&, const V&, const NormalizationOptions&)>(layer_norm));
});

std::vector<std::string_view> detail::layer_norm_operation_names() {
  return names_of<kernels::List<LayerNorm>>();
}

}  // namespace xgrad
