#include "layer_norm.hpp"

#include <algorithm>
#include <string>

#include "../core/array/instantiate.hpp"
#include "../core/array/threads.hpp"
#include "../core/array/worth_a_thread.hpp"
#include "../core/graph/broadcast.hpp"
#include "../core/graph/record.hpp"
#include "../core/kernels/dispatch.hpp"
#include "layer_norm_kernels.hpp"
#include "normalization.hpp"
#include "slice.hpp"

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

/// Rows of x, and what the kernels need beside them.
template <class T>
kernels::LayerNormRows rows_of(const Dense<T>& x, const Dense<T>& gamma, double epsilon) {
  const std::size_t columns = x.shape.back();
  return {x.data(), gamma.data(), nullptr, x.size() / std::max<std::size_t>(1, columns),
          columns,  epsilon,      nullptr, nullptr,
          nullptr,  nullptr,      nullptr};
}

/// The shape of what is kept of the rows; also where they have no elements.
Shape shape_of_row_data(const Shape& x) {
  return {element_count(Shape(x.begin(), x.end() - 1)), kernels::layer_norm_data};
}

template <class T>
Dense<T> rounded(const double* from, std::size_t count) {
  Dense<T> result(Shape{count});
  std::transform(from, from + count, result.mutable_data(), [](double x) { return static_cast<T>(x); });
  return result;
}

template <class T>
Dense<T> ones(const Dense<T>& x) {
  return Dense<T>::filled(Shape{x.shape.back()}, T(1));
}

/// See normalization.hpp.
struct LayerNormGradient {
  static constexpr std::string_view name = "layer_norm_gradient";
  double epsilon = 0;
  void fields(auto& visit) const { visit("epsilon", epsilon); }

  static Axes lines(const Shape&) { return {-1}; }
  static Shape beside(const Shape& x) { return {x.back()}; }
  template <class V>
  auto normalized(const V& x) const;
  template <class V>
  static V scale(const V& row_data, const Shape& x) {
    return reshape(slice(row_data, {all, 1}), beside_rows(x));
  }

  bool saves(std::size_t, const Wanted&) const { return true; }
  template <class T>
  auto forward(const Dense<T>& x, const Dense<T>& row_data, Dense<T> dy) const {
    return forward(x, ones(x), row_data, std::move(dy));
  }
  /// dx goes into dy's own buffer, where it is given away.
  template <class T>
  std::tuple<Dense<T>, Dense<T>, Dense<T>> forward(const Dense<T>& x, const Dense<T>& gamma,
                                                   const Dense<T>& row_data, Dense<T> dy) const {
    Dense<T> dx = dy.buffer.unique() ? Dense<T>() : Dense<T>(dy.shape);
    kernels::LayerNormRows rows = rows_of(x, gamma, epsilon);
    // The gradient reads them alone.
    rows.row_data = const_cast<T*>(row_data.data());
    rows.out = dx.defined() ? dx.mutable_data() : dy.mutable_data();
    rows.dy = dy.data();
    const std::size_t room = (rows.columns + 15) / 16 * 16;
    const Dense<double> sums = run<T>(rows, room);
    return {dx.defined() ? std::move(dx) : std::move(dy), rounded<T>(sums.data(), rows.columns),
            rounded<T>(sums.data() + room, rows.columns)};
  }
  template <class V>
  void vjp(Backward<V>& b) const {
    differentiate_gradient_of_normalization(b, *this);
  }

 private:
  /// The sums for gamma and beta, each in room for whole packs. Every piece of rows adds up its own, and then
  /// they are added up.
  template <class T>
  static Dense<double> run(const kernels::LayerNormRows& rows, std::size_t room) {
    const std::size_t grain = rows_of_a_piece(rows.columns);
    Dense<double> sums = Dense<double>::filled(Shape{(rows.rows + grain - 1) / grain, 2 * room}, 0);
    double* const first = sums.mutable_data();
    parallel_for(rows.rows, grain, [&](std::size_t begin, std::size_t end) {
      kernels::LayerNormRows part = part_of<T>(rows, begin, end);
      part.dgamma = first + begin / grain * 2 * room;
      part.dbeta = part.dgamma + room;
      chosen().gradient[std::is_same_v<T, double>](part);
    });
    return sum_to(sums, Shape{2 * room});
  }
  /// The rows' extents, as they broadcast with x.
  static Shape beside_rows(Shape x) {
    x.back() = 1;
    return x;
  }
};

/// The second output is what the gradient needs of each row; see layer_norm_kernels.hpp.
struct LayerNorm {
  static constexpr std::string_view name = "layer_norm";
  double epsilon = 0;
  void fields(auto& visit) const { visit("epsilon", epsilon); }

  bool saves(std::size_t input, const Wanted& wanted) const {
    return input == 0 ? wanted[0] || wanted[1] : input == 1 && wanted[0];
  }

  static double flops(Shapes in, const Shape&) { return 8 * count_of(in[0]); }

  template <class T>
  auto forward(const Dense<T>& x) const {
    return forward(x, ones(x), Dense<T>::filled(Shape{x.shape.back()}, T(0)));
  }
  template <class T>
  std::tuple<Dense<T>, Dense<T>> forward(const Dense<T>& x, const Dense<T>& gamma,
                                         const Dense<T>& beta) const {
    Dense<T> y(x.shape);
    kernels::LayerNormRows rows = rows_of(x, gamma, epsilon);
    const Shape shape = shape_of_row_data(x.shape);
    Dense<T> row_data = rows.columns == 0 ? Dense<T>::filled(shape, T(0)) : Dense<T>(shape);
    rows.beta = beta.data();
    rows.row_data = row_data.mutable_data();
    rows.out = y.mutable_data();
    parallel_for(rows.rows, rows_of_a_piece(rows.columns), [&](std::size_t begin, std::size_t end) {
      chosen().value[std::is_same_v<T, double>](part_of<T>(rows, begin, end));
    });
    return {std::move(y), std::move(row_data)};
  }

  template <class V>
  void vjp(Backward<V>& b) const {
    std::optional<V> to_scale;
    if (b.has_gradient(1)) to_scale = LayerNormGradient::scale<V>(b.gradient(1), b.shape(0));
    differentiate_normalization(b, LayerNormGradient{epsilon}, b.output(1), to_scale);
  }
};

template <class V>
auto LayerNormGradient::normalized(const V& x) const {
  return apply_all(LayerNorm{epsilon}, x);
}

void check_input(const Shape& x, double epsilon) {
  if (x.empty())
    throw ShapeError("layer_norm: a value without axes has no last one; reshape it to [1] or give [..., n]");
  detail::check_epsilon("layer_norm", epsilon);
}

}  // namespace

template <Tensor V>
V layer_norm(const V& x, const NormalizationOptions& options) {
  check_input(detail::shape_of(x), options.epsilon);
  return apply(LayerNorm{options.epsilon}, x);
}

template <Tensor V>
V layer_norm(const V& x, const V& gamma, const V& beta, const NormalizationOptions& options) {
  const Shape& shape = detail::shape_of(x);
  check_input(shape, options.epsilon);
  detail::check_affine("layer_norm", shape, shape.size() - 1, detail::shape_of(gamma),
                       detail::shape_of(beta));
  return apply(LayerNorm{options.epsilon}, x, gamma, beta);
}

[[gnu::used]] constexpr auto instances = instantiate::for_tensors([]<class V>() {
  return std::make_tuple(
      instantiate::overload<V(const V&, const NormalizationOptions&)>(layer_norm),
      instantiate::overload<V(const V&, const V&, const V&, const NormalizationOptions&)>(layer_norm));
});

}  // namespace xgrad
