#include "decomposition.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <string>
#include <vector>

#include "../core/array/instantiate.hpp"
#include "../core/graph/record.hpp"
#include "arrange.hpp"
#include "linear_algebra.hpp"
#include "operators.hpp"
#include "shape.hpp"
#include "solve_factored.hpp"

// The gradients are those of M. Giles, "An extended collection of matrix derivative results for forward and
// reverse mode algorithmic differentiation" (2008), by its sections; a' is the transpose of a.

namespace xgrad {
namespace {

using namespace detail;

/// a x = b; b has as many axes as it takes, and a one matrix or as many as b. The factors and their exchanges
/// are outputs, too, for the gradient.
struct Solve {
  static constexpr std::string_view name = "solve";
  static constexpr bool saves_output = true;
  static constexpr std::uint64_t shares = 0b10;

  bool saves(std::size_t input, const Wanted&) const { return input == 0; }

  static double flops(Shapes in, const Shape& x) { return factoring(in[0]) + solving(in[0], x); }

  template <class T>
  std::tuple<Dense<T>, Dense<T>, Dense<std::int64_t>> forward(const Dense<T>& a, const Dense<T>& b) const {
    Factors<T> factors = factored(a);
    if (a.size() == 0) return {b, std::move(factors.lu), std::move(factors.swaps)};
    factors.check_regular(name);
    Dense<T> x = solve_by(factors, false, b);
    return {std::move(x), std::move(factors.lu), std::move(factors.swaps)};
  }
  template <class V>
  void vjp(Backward<V>& b) const {
    const V db =
        apply(SolveFactored{true}, b.input(0), b.output(1), b.template output<std::int64_t>(2), b.gradient());
    if (b.wants(0)) b.give(0, matrix_gradient(b.shape(0), db, b.output(), false));
    if (b.wants(1)) b.give(1, db);
  }
};

struct SolveTriangular {
  static constexpr std::string_view name = "solve_triangular";
  static constexpr bool saves_output = true;
  static constexpr std::uint64_t shares = 0b10;
  TriangularOptions options;
  void fields(auto& visit) const {
    visit("upper", bool(options.upper));
    visit("transpose", bool(options.transpose));
  }

  bool saves(std::size_t input, const Wanted&) const { return input == 0; }

  static double flops(Shapes in, const Shape& x) { return solving(in[0], x) / 2; }

  template <class T>
  Dense<T> forward(const Dense<T>& a, const Dense<T>& b) const {
    if (a.size() == 0) return b;
    const Stack stack(a.shape);
    const T* in = a.data();
    for (std::size_t i = 0; i < stack.count * stack.n; ++i)
      if (in[i * stack.n + i % stack.n] == T(0))
        throw ValueError("solve_triangular: " + describe(i / stack.n, a.shape) + " is singular (element " +
                         std::to_string(i % stack.n) + " of its diagonal is 0); no diagonal element may be");
    const Triangle half = options.upper ? Triangle::upper : Triangle::lower;
    return solve_each(a, b, [&](std::size_t matrix, T* right, std::size_t columns) {
      substitute(stack.n, in + matrix * stack.n * stack.n, half, options.transpose, right, columns);
    });
  }
  template <class V>
  void vjp(Backward<V>& b) const {
    const auto [upper, transpose] = options;
    const V db = apply(SolveTriangular{{upper, !transpose}}, b.input(0), b.gradient());
    if (b.wants(0)) {
      const V whole = matrix_gradient(b.shape(0), db, b.output(), transpose);
      b.give(0, upper ? triu(whole) : tril(whole));
    }
    if (b.wants(1)) b.give(1, db);
  }
};

struct Inverse {
  static constexpr std::string_view name = "inverse";
  static constexpr bool saves_output = true;
  static constexpr std::uint64_t shares = 1;

  static double flops(Shapes in, const Shape&) { return cubes(in[0], 2); }

  template <class T>
  Dense<T> forward(const Dense<T>& a) const {
    if (a.size() == 0) return a;
    const Factors<T> factors = factored(a);
    factors.check_regular(name);
    const Dense<T> identity = banded<Dense<T>>(a.shape.back(), 0, 1, 0);
    return solve_by(factors, false, broadcast_to(identity, a.shape));
  }
  /// 2.2.3.
  template <class V>
  void vjp(Backward<V>& b) const {
    const V y = b.output();
    b.give(0, -matmul(matmul(y, b.gradient(), {.transpose_a = true}), y, {.transpose_b = true}));
  }
};

/// A factor's elements from the first pivot on that is NaN or infinite, all NaN; whether there is one among
/// those that LAPACK went through, `rows` and the one it stopped at. LAPACKs differ in what they make of such
/// a pivot, and may leave finite numbers behind it.
template <class T>
bool pass_nan_on(std::size_t n, std::size_t rows, T* factor) {
  std::size_t first = 0;
  while (first < rows && std::isfinite(factor[first * n + first])) ++first;
  if (first == n || (first == rows && !std::isnan(factor[first * n + first]))) return false;
  for (std::size_t i = first; i < n; ++i)
    std::fill(factor + i * n + first, factor + i * n + i + 1, std::numeric_limits<T>::quiet_NaN());
  return true;
}

struct Cholesky {
  static constexpr std::string_view name = "cholesky";
  static constexpr bool saves_output = true;
  static constexpr std::uint64_t shares = 1;

  static double flops(Shapes in, const Shape&) { return cubes(in[0], 1.0 / 3); }

  template <class T>
  Dense<T> forward(const Dense<T>& a) const {
    if (a.size() == 0) return a;
    const Stack stack(a.shape);
    const std::size_t n = stack.n;
    Dense<T> result(a.shape);
    const T* in = a.data();
    T* out = result.mutable_data();
    std::vector<std::size_t> bad_rows(stack.count, n);
    for_matrices(stack, [&](std::size_t matrix) {
      const T* from = in + matrix * n * n;
      T* to = out + matrix * n * n;
      for (std::size_t i = 0; i < n; ++i)
        for (std::size_t j = 0; j <= i; ++j) to[i * n + j] = from[i * n + j] / 2 + from[j * n + i] / 2;
      const std::size_t rows = factor_cholesky(n, to);
      bad_rows[matrix] = pass_nan_on(n, rows, to) ? n : rows;
    });
    check_each(bad_rows, n, [&](std::size_t matrix, std::size_t row) {
      throw ValueError("cholesky: " + describe(matrix, a.shape) + " is not positive definite (pivot " +
                       std::to_string(row) + " is not above 0); add a multiple of the identity");
    });
    return result;
  }
  /// I. Murray, "Differentiation of the Cholesky decomposition" (2016), eq. 10: with the lower half of l' dl,
  /// its diagonal halved, l'^-1 half l^-1, and of that the symmetric part.
  template <class V>
  void vjp(Backward<V>& b) const {
    const V l = b.output();
    const V half =
        matmul(l, b.gradient(), {.transpose_a = true}) * banded<V>(b.shape(0).back(), 0.5, 0.25, 0);
    const auto divide = [&](const V& x) { return apply(SolveTriangular{{.transpose = true}}, l, x); };
    b.give(0, divide(swap_axes(divide(half + swap_axes(half, -1, -2)), -1, -2)));
  }
};

/// Performs `op` with the batch axes of both broadcast, and a vector as a column.
template <class Op, class V>
V solved(Op op, const V& a, const V& b) {
  const Shape &matrix = shape_of(a), &right = shape_of(b);
  check_square(Op::name, matrix);
  const std::size_t n = matrix.back(), dim = right.size();
  if (dim == 0 || right[dim == 1 ? 0 : dim - 2] != n)
    throw ShapeError(std::string(Op::name) + ": the right side does not fit: " + to_string(matrix) + " and " +
                     to_string(right) + "; it must have " + std::to_string(n) + " rows, as a has");
  const Shape columns = dim == 1 ? Shape{n, 1} : right;
  Shape shape =
      broadcast_shapes(std::string(Op::name) + ": batch axes", stack_axes(matrix), stack_axes(columns));
  const Shape batch = shape;
  shape.push_back(n);
  shape.push_back(columns.back());
  check_possible(Op::name, shape, matrix, right);
  const V wide = broadcast_to(reshape(b, columns), shape);
  // One matrix serves all right sides as it is.
  V x;
  if (element_count(stack_axes(matrix)) == 1) {
    x = apply(std::move(op), a, wide);
  } else {
    Shape every = batch;
    every.push_back(n);
    every.push_back(n);
    x = apply(std::move(op), broadcast_to(a, every), wide);
  }
  if (dim > 1) return x;
  shape.erase(shape.size() - 1);
  return reshape(std::move(x), shape);
}

}  // namespace

template <Tensor V>
V solve(const V& a, const V& b) {
  return solved(Solve{}, a, b);
}
template <Tensor V>
V solve_triangular(const V& a, const V& b, const TriangularOptions& options) {
  return solved(SolveTriangular{options}, a, b);
}
template <Tensor V>
V inverse(const V& a) {
  return of_square<Inverse>(a);
}
template <Tensor V>
V cholesky(const V& a) {
  return of_square<Cholesky>(a);
}

[[gnu::used]] constexpr auto instances = instantiate::for_tensors(
    []<class V>() { return std::make_tuple(solve<V>, solve_triangular<V>, inverse<V>, cholesky<V>); });

}  // namespace xgrad
