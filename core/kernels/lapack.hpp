// Factors of square matrices and systems of equations on raw pointers: the one place that calls LAPACK.
// Matrices are row-major, contiguous and finite or not: NaN and infinities go through. BLAS's own threads are
// turned off as in gemm.hpp. ShapeError if an extent is beyond BLAS's integers.
#pragma once

#include <cstddef>
#include <cstdint>

namespace xgrad {

/// Overwrites an [n, n] matrix A by the factors of its transpose, A' = P L U: U' on and below the diagonal,
/// L' above it, whose own diagonal is ones. P is made of n exchanges: of i and swaps[i], the last one first.
/// Gives n, or the number of the first pivot (diagonal element of U) that is exactly 0; the factors are whole
/// then too.
template <class T>
std::size_t factor_lu(std::size_t n, T* a, std::int64_t* swaps);

/// B, [n, columns], becomes the X of A X = B, or of A' X = B (the transpose), by the factors of factor_lu; no
/// pivot may be 0. Columns are split over the thread pool.
template <class T>
void solve_lu(std::size_t n, const T* factors, const std::int64_t* swaps, bool transpose, T* b,
              std::size_t columns);

/// Overwrites a symmetric [n, n] matrix, of which it reads the lower triangle, by the lower triangular L of
/// A = L L', with zeros above. Gives n, or the number of the first row at which A is not positive definite.
template <class T>
std::size_t factor_cholesky(std::size_t n, T* a);

/// Singular values, the largest first, and vectors of a finite [n, n] matrix A, which is overwritten:
/// A = left diag(values) right, where left and right are orthogonal [n, n]. ValueError if they are not found.
template <class T>
void factor_singular(std::size_t n, T* a, T* values, T* left, T* right);

/// Which half of a matrix counts; the other is not read.
enum class Triangle { lower, upper };

/// B, [n, columns], becomes the X of A X = B, or of A' X = B, where A is triangular and its diagonal has no
/// 0. Columns are split over the thread pool.
template <class T>
void substitute(std::size_t n, const T* a, Triangle half, bool transpose, T* b, std::size_t columns);

}  // namespace xgrad
