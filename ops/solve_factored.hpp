// Solutions by known LU factors as an operation, and what decompositions have in common beside it.
#pragma once

#include <string>
#include <string_view>

#include "../core/graph/record.hpp"
#include "linear_algebra.hpp"
#include "lu_factors.hpp"
#include "operators.hpp"

namespace xgrad::detail {

// Operations as LAPACK counts them, to the highest power.

/// `factor` n^3 for each matrix of n rows: 1/3 of a Cholesky factorisation, 2 of an inverse.
inline double cubes(const Shape& matrices, double factor) {
  return matrices.empty() ? 0 : factor * count_of(matrices) * static_cast<double>(matrices.back());
}
/// Of an LU factorisation.
inline double factoring(const Shape& matrices) { return cubes(matrices, 2.0 / 3); }
/// Forward and back through two triangles: 2 n^2 for each right side.
inline double solving(const Shape& matrices, const Shape& sides) {
  return 2 * count_of(sides) * static_cast<double>(matrices.back());
}

/// A stack's gradient from that of a solution: 2.3.1, also for the transposed system.
template <class V>
V matrix_gradient(const Shape& a, const V& db, const V& x, bool transpose) {
  const MatmulOptions second{.transpose_b = true};
  return -(transpose ? detail::matmul_to(stack_axes(a), x, db, second)
                     : detail::matmul_to(stack_axes(a), db, x, second));
}

/// The solution by the factors of `a`, which are a help: it is a function of `a` and the right side.
struct SolveFactored {
  static constexpr std::string_view name = "solve_factored";
  static constexpr bool saves_output = true;
  static constexpr std::uint64_t shares = 0b1000;
  bool transpose = false;
  void fields(auto& visit) const { visit("transpose", transpose); }

  bool saves(std::size_t input, const Wanted&) const { return input < 3; }

  static double flops(Shapes in, const Shape& x) { return solving(in[0], x); }

  template <class T>
  Dense<T> forward(const Dense<T>& a, const Dense<T>& lu, const Dense<std::int64_t>& swaps,
                   Dense<T> b) const {
    if (a.size() == 0) return b;
    return solve_by({lu, swaps}, transpose, std::move(b));
  }
  template <class V>
  void vjp(Backward<V>& b) const {
    const V db = apply(SolveFactored{!transpose}, b.input(0), b.input(1),
                       b.template discrete_input<std::int64_t>(2), b.gradient());
    if (b.wants(0)) b.give(0, matrix_gradient(b.shape(0), db, b.output(), transpose));
    if (b.wants(3)) b.give(3, db);
  }
};

inline void check_square(std::string_view operation, const Shape& a) {
  if (a.size() >= 2 && a[a.size() - 1] == a[a.size() - 2]) return;
  throw ShapeError(std::string(operation) + ": a is no square matrix: " + to_string(a) +
                   "; its last two extents must be equal");
}

/// Performs an operation on square matrices alone.
template <class Op, class V>
V of_square(const V& a) {
  check_square(Op::name, shape_of(a));
  return apply(Op{}, a);
}

}  // namespace xgrad::detail
