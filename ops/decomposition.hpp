// Systems of equations, inverses, determinants and Cholesky factors, through LAPACK. A matrix is [..., n, n]:
// axes before the last two count matrices. ShapeError if the last two extents differ. No elements (n = 0)
// are a matrix too, whose determinant is 1. NaN goes through; of an infinity comes the limit, or a NaN where
// elimination meets the difference of two. Of a and b one may be an Array or xtensor expression.
#pragma once

#include "../core/graph/tensor.hpp"
#include "operands.hpp"

namespace xgrad {

/// The x of a x = b. b is a vector [n] or matrices [..., n, r], whose other axes broadcast with a's; x has
/// b's shape then. ValueError if a matrix is singular, that is, a pivot of its LU factors exactly 0; one that
/// is nearly so is for the caller to know. ShapeError if b has other rows than a.
template <detail::Tensor V>
V solve(const V& a, const V& b);
template <class A, class B>
requires detail::are_mixed<A, B>
auto solve(A&& a, B&& b) {
  return detail::with_operands([](const auto&... in) { return xgrad::solve(in...); }, std::forward<A>(a),
                               std::forward<B>(b));
}

/// What solve_triangular takes: which half of a counts, and whether its transpose is meant.
struct TriangularOptions {
  Flag upper = false;
  Flag transpose = false;
};

/// solve for a triangular matrix; the other half of a is not read, and its gradient is 0. ValueError if an
/// element of the diagonal is 0.
template <detail::Tensor V>
V solve_triangular(const V& a, const V& b, const TriangularOptions& options = {});
template <class A, class B>
requires detail::are_mixed<A, B>
auto solve_triangular(A&& a, B&& b, const TriangularOptions& options = {}) {
  return detail::with_operands([&](const auto&... in) { return xgrad::solve_triangular(in..., options); },
                               std::forward<A>(a), std::forward<B>(b));
}

/// The inverse. ValueError if a matrix is singular. solve is faster and loses fewer digits where the inverse
/// would be multiplied.
template <detail::Tensor V>
V inverse(const V& a);

/// The determinant, of shape [...]. Its gradient is the matrix of cofactors (the adjugate, transposed), also
/// where a is singular; derivatives of every order are as exact where a is singular, or nearly, as elsewhere.
template <detail::Tensor V>
V determinant(const V& a);

/// log(determinant(a)), which neither overflows nor underflows; of shape [...]. ValueError if a matrix is
/// singular or its determinant negative.
template <detail::Tensor V>
V logdet(const V& a);

/// The lower triangular l with a positive diagonal and l l' = a, for a symmetric positive definite a;
/// otherwise a ValueError. A NaN in a is one in every element of l that depends on it. What is factored is
/// (a + a') / 2, so that the gradient is symmetric.
template <detail::Tensor V>
V cholesky(const V& a);

}  // namespace xgrad
