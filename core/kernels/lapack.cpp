#include "lapack.hpp"

#include <algorithm>
#include <cmath>
#include <string>
#include <vector>

#include "../array/error.hpp"
#include "../array/instantiate.hpp"
#include "../array/threads.hpp"
#include "../array/worth_a_thread.hpp"
#include "blas_call.hpp"
#include "blas_library.hpp"
#include "typed_blas.hpp"

namespace xgrad {
using namespace detail;

namespace {

using detail::BlasIndex;

BlasIndex blas(std::size_t extent) {
  if (extent > detail::largest_blas_index)
    throw ShapeError("solve: an extent of " + std::to_string(extent) + " is larger than LAPACK takes (" +
                     std::to_string(detail::largest_blas_index) + "); split the right side");
  return detail::blas_index(extent);
}

/// Which half of a triangular matrix is read, as it stands or transposed, and whether its diagonal is ones.
struct Side {
  cxxblas::StorageUpLo half;
  cxxblas::Transpose transpose;
  cxxblas::Diag diagonal;
};

template <class T>
void trsm(const Side& s, BlasIndex n, BlasIndex columns, const T* a, T* b, BlasIndex ldb) {
  const detail::BlasCall call;
  cxxblas::trsm(cxxblas::RowMajor, cxxblas::Left, s.half, s.transpose, s.diagonal, n, columns, T(1), a, n, b,
                ldb);
}

/// Calls each(first, count) on pieces of the columns of a right side.
template <class Each>
void for_columns(std::size_t n, std::size_t columns, const Each& each) {
  // Narrower pieces than 64 columns read the matrix too often.
  const std::size_t worth = worth_a_thread::solved_columns / std::max<std::size_t>(n * n, 1) + 1;
  parallel_for(columns, std::max<std::size_t>(worth, 64),
               [&](std::size_t begin, std::size_t end) { each(begin, end - begin); });
}

}  // namespace

// LAPACK reads columns where we have rows: what it factors is the transpose of A.

namespace {

/// The place of what elimination divides by: the largest of `count` elements, the first NaN being larger than
/// all.
template <class T>
std::size_t pivot_among(const T* x, std::size_t count) {
  std::size_t best = 0;
  for (std::size_t i = 1; i < count && !std::isnan(x[best]); ++i)
    if (std::isnan(x[i]) || std::fabs(x[i]) > std::fabs(x[best])) best = i;
  return best;
}

/// What LAPACK's getrf computes, by plain loops. LAPACKs differ in what they make of NaN and infinities: for
/// one, a multiplier of infinity by infinity may be 0 in place of NaN, and the factors wrong numbers.
template <class T>
std::size_t factor_not_finite(std::size_t n, T* a, std::int64_t* swaps) {
  std::size_t first_zero = n;
  for (std::size_t k = 0; k < n; ++k) {
    T* const column = a + k * n;
    const std::size_t pivot = k + pivot_among(column + k, n - k);
    swaps[k] = static_cast<std::int64_t>(pivot);
    if (column[pivot] == T(0)) {
      first_zero = std::min(first_zero, k);
      continue;
    }
    if (pivot != k)
      for (std::size_t c = 0; c < n; ++c) std::swap(a[c * n + k], a[c * n + pivot]);
    for (std::size_t r = k + 1; r < n; ++r) column[r] /= column[k];
    for (std::size_t c = k + 1; c < n; ++c)
      for (std::size_t r = k + 1; r < n; ++r) a[c * n + r] -= column[r] * a[c * n + k];
  }
  return first_zero;
}

}  // namespace

template <class T>
std::size_t factor_lu(std::size_t n, T* a, std::int64_t* swaps) {
  if (n == 0) return 0;
  if (!std::all_of(a, a + n * n, [](T element) { return std::isfinite(element); }))
    return factor_not_finite(n, a, swaps);
  detail::claim_blas_threads();
  std::vector<BlasIndex> pivots(n);
  const BlasIndex order = blas(n);
  const BlasIndex info = [&] {
    const detail::BlasCall call;
    return cxxlapack::getrf(order, order, a, order, pivots.data());
  }();
  for (std::size_t i = 0; i < n; ++i) swaps[i] = pivots[i] - 1;
  return info > 0 ? static_cast<std::size_t>(info - 1) : n;
}

template <class T>
void solve_lu(std::size_t n, const T* factors, const std::int64_t* swaps, bool transpose, T* b,
              std::size_t columns) {
  if (n == 0 || columns == 0) return;
  detail::claim_blas_threads();
  const BlasIndex order = blas(n), width = blas(columns);
  for_columns(n, columns, [&](std::size_t first, std::size_t count) {
    T* part = b + first;
    const auto exchange = [&](std::size_t row) {
      const auto other = static_cast<std::size_t>(swaps[row]);
      if (other != row)
        std::swap_ranges(part + row * columns, part + row * columns + count, part + other * columns);
    };
    const auto solve = [&](const Side& side) { trsm(side, order, blas(count), factors, part, width); };
    if (transpose) {
      for (std::size_t row = 0; row < n; ++row) exchange(row);
      solve({cxxblas::Upper, cxxblas::Trans, cxxblas::Unit});
      solve({cxxblas::Lower, cxxblas::Trans, cxxblas::NonUnit});
    } else {
      solve({cxxblas::Lower, cxxblas::NoTrans, cxxblas::NonUnit});
      solve({cxxblas::Upper, cxxblas::NoTrans, cxxblas::Unit});
      for (std::size_t row = n; row-- > 0;) exchange(row);
    }
  });
}

template <class T>
std::size_t factor_cholesky(std::size_t n, T* a) {
  if (n == 0) return 0;
  detail::claim_blas_threads();
  const BlasIndex order = blas(n);
  const BlasIndex info = [&] {
    const detail::BlasCall call;
    return cxxlapack::potrf('U', order, a, order);
  }();
  for (std::size_t row = 0; row < n; ++row) std::fill(a + row * n + row + 1, a + (row + 1) * n, T(0));
  return info > 0 ? static_cast<std::size_t>(info - 1) : n;
}

template <class T>
void factor_singular(std::size_t n, T* a, T* values, T* left, T* right) {
  if (n == 0) return;
  detail::claim_blas_threads();
  const BlasIndex order = blas(n), room = blas(64 * n);
  std::vector<T> work(64 * n);
  // Of the transpose, which LAPACK reads: its left vectors, read by rows, are our right ones.
  if (cxxlapack::gesvd('A', 'A', order, order, a, order, values, right, order, left, order, work.data(),
                       room) != 0)
    throw ValueError("determinant: the singular values of a matrix of " + std::to_string(n) +
                     " rows were not found; scale its elements nearer to 1");
}

template <class T>
void substitute(std::size_t n, const T* a, Triangle half, bool transpose, T* b, std::size_t columns) {
  if (n == 0 || columns == 0) return;
  detail::claim_blas_threads();
  const Side side{half == Triangle::lower ? cxxblas::Lower : cxxblas::Upper,
                  transpose ? cxxblas::Trans : cxxblas::NoTrans, cxxblas::NonUnit};
  const BlasIndex order = blas(n), width = blas(columns);
  for_columns(n, columns, [&](std::size_t first, std::size_t count) {
    trsm(side, order, blas(count), a, b + first, width);
  });
}

[[gnu::used]] constexpr auto instances = instantiate::for_numbers([]<class T>() {
  return std::make_tuple(factor_lu<T>, solve_lu<T>, factor_cholesky<T>, factor_singular<T>, substitute<T>);
});

}  // namespace xgrad
