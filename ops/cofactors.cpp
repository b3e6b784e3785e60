#include "cofactors.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <vector>

#include "../core/array/instantiate.hpp"
#include "arrange.hpp"
#include "decomposition.hpp"
#include "indexing.hpp"
#include "linear_algebra.hpp"
#include "lu_factors.hpp"
#include "operators.hpp"
#include "shape.hpp"

namespace xgrad::detail {
namespace {

template <class T>
const Dense<T>& plain(const Dense<T>& x) {
  return x;
}
template <class T>
const Dense<T>& plain(const Variable<T>& x) {
  return x.dense();
}

template <class T>
bool is_finite(const Dense<T>& x) {
  return std::all_of(x.data(), x.data() + x.size(), [](T element) { return std::isfinite(element); });
}

template <class V>
V identity(std::size_t n) {
  return banded<V>(n, 0, 1, 0);
}

/// Of matrices of at most 3 rows: polynomials of their elements.
template <class V>
V small_cofactors(const V& a) {
  const Shape& shape = shape_of(a);
  if (shape.back() == 0) return a;
  if (shape.back() == 1) return broadcast_to(identity<V>(1), shape);
  const auto moved = [&](std::ptrdiff_t rows, std::ptrdiff_t columns) {
    return roll(a, Axes{-rows, -columns}, Axes{-2, -1});
  };
  if (shape.back() == 2) return moved(1, 1) * banded<V>(2, -1, 1, -1);
  return moved(1, 1) * moved(2, 2) - moved(1, 2) * moved(2, 1);
}

/// By the method of Faddeev and LeVerrier, which divides by integers alone. It is for matrices that are 0, or
/// nearly: of others it loses digits.
template <class V>
V cofactors_at_zero(const V& a) {
  const std::size_t n = shape_of(a).back();
  const V one = identity<V>(n);
  V sum = one;
  for (std::size_t k = 1; k < n; ++k) {
    const V product = matmul(a, sum);
    sum = product - one * trace(product) / static_cast<double>(k);
  }
  const V adjugate = n % 2 == 0 ? -sum : sum;
  return swap_axes(adjugate, -1, -2);
}

/// The sign of an orthogonal matrix's determinant.
template <class T>
bool reflects(std::size_t n, Dense<T> q) {
  std::vector<std::int64_t> swaps(n);
  T* const factors = q.mutable_data();
  factor_lu(n, factors, swaps.data());
  bool odd = false;
  for (std::size_t i = 0; i < n; ++i)
    odd ^= (swaps[i] != static_cast<std::int64_t>(i)) ^ (factors[i * n + i] < 0);
  return odd;
}

/// a = left diag(values) right, left and right orthogonal.
template <class T>
struct SingularFactors {
  Dense<T> left, right;
  std::vector<T> values;
  bool odd;  ///< det(left right) is -1

  explicit SingularFactors(Dense<T> a) : left(a.shape), right(a.shape), values(a.shape.back()) {
    const std::size_t n = a.shape.back();
    factor_singular(n, a.mutable_data(), values.data(), left.mutable_data(), right.mutable_data());
    odd = reflects(n, left) != reflects(n, right);
  }
  /// How many values are as large as the largest, roughly; none if that is too small to be divided by.
  std::size_t large() const {
    if (values[0] < std::cbrt(std::numeric_limits<T>::min())) return 0;
    const auto is_large = [&](T value) { return value * 32 >= values[0]; };
    return static_cast<std::size_t>(std::count_if(values.begin(), values.end(), is_large));
  }
};

/// Of one matrix of four rows or more. With a's singular vectors as constants u and v, det(a) is
/// +-det(b), b = u' a v: at a itself diagonal, with the singular values, and as a function of a's elements
/// linear. Of b's corner b11, with the large ones, the inverse loses nothing; the others remain in its Schur
/// complement z = b22 - b21 b11^-1 b12, and det(b) = det(b11) det(z). So the gradient is that of det(b11),
/// and that of det(z), whose cofactors are found in the same way.
template <class V>
V cofactors_of_one(const V& a) {
  using T = typename V::value_type;
  const std::size_t n = shape_of(a).back();
  if (!is_finite(plain(a))) return cofactors_at_zero(a);
  const SingularFactors<T> factors(plain(a));
  const auto k = static_cast<std::ptrdiff_t>(factors.large());
  if (k == 0) return cofactors_at_zero(a);
  if (static_cast<std::size_t>(k) == n) return determinant(a) * swap_axes(inverse(a), -1, -2);
  const auto columns = [&](const Range& which) { return V(slice(factors.left, {all, which})); };
  const auto rows = [&](const Range& which) { return V(slice(factors.right, {which})); };
  const V u1 = columns(range(0, k)), u2 = columns(range(k, {})), v1 = rows(range(0, k)),
          v2 = rows(range(k, {}));
  const V upper = matmul(u1, a, {.transpose_a = true}), lower = matmul(u2, a, {.transpose_a = true});
  const V b11 = matmul(upper, v1, {.transpose_b = true}), inverted = inverse(b11);
  const V x = matmul(inverted, matmul(upper, v2, {.transpose_b = true}));
  const V y = matmul(matmul(lower, v1, {.transpose_b = true}), inverted);
  const V p = u2 - matmul(u1, y, {.transpose_b = true}), q = v2 - matmul(x, v1, {.transpose_a = true});
  const V z = matmul(lower, q, {.transpose_b = true});
  const V scale = factors.odd ? -determinant(b11) : determinant(b11);
  return scale * (determinant(z) * matmul(matmul(u1, inverted, {.transpose_b = true}), v1) +
                  matmul(matmul(p, cofactors(z)), q));
}

template <class T>
Dense<T> joined(const std::vector<Dense<T>>& matrices) {
  Dense<T> all(Shape{matrices.size(), matrices[0].shape[0], matrices[0].shape[1]});
  T* out = all.mutable_data();
  for (const Dense<T>& matrix : matrices) out = std::copy_n(matrix.data(), matrix.size(), out);
  return all;
}
template <class T>
Variable<T> joined(const std::vector<Variable<T>>& matrices) {
  return stack(matrices);
}

Indices positions(const std::vector<bool>& where, bool value) {
  std::vector<std::int64_t> found;
  for (std::size_t i = 0; i < where.size(); ++i)
    if (where[i] == value) found.push_back(static_cast<std::int64_t>(i));
  Indices result(Shape{found.size()});
  std::copy(found.begin(), found.end(), result.begin());
  return result;
}

/// The sum of the columns' elements without their signs, of the column where that is largest.
template <class T>
T norm(const T* a, std::size_t n) {
  T largest = 0;
  for (std::size_t j = 0; j < n; ++j) {
    T sum = 0;
    for (std::size_t i = 0; i < n; ++i) sum += std::fabs(a[i * n + j]);
    if (!(sum <= largest)) largest = sum;  // NaN stays
  }
  return largest;
}

}  // namespace

template <class T>
std::vector<bool> inverse_serves(const Dense<T>& a) {
  // A second derivative has products of two elements of the inverse, which cancel as far as it is large.
  constexpr T worst_condition = 1000;
  const Stack stack(a.shape);
  const std::size_t n = stack.n;
  const Factors<T> factors = factored(a);
  std::vector<std::uint8_t> serves(stack.count);
  for_matrices(stack, [&](std::size_t matrix) {
    if (factors.zero_pivot(matrix) < n) return;
    T determinant = 1;
    for (std::size_t i = 0; i < n; ++i) determinant *= factors.diagonal(matrix, i);
    if (std::fabs(determinant) < std::numeric_limits<T>::min()) return;
    Dense<T> inverted = identity<Dense<T>>(n);
    factors.solve(matrix, false, inverted.mutable_data(), n);
    const T size = norm(a.data() + matrix * n * n, n);
    serves[matrix] = !std::isfinite(size) || !(size * norm(inverted.data(), n) > worst_condition);
  });
  return {serves.begin(), serves.end()};
}

template <Tensor V>
V cofactors(const V& a) {
  const Shape shape = shape_of(a);
  const std::size_t n = shape.back();
  if (n <= 3) return small_cofactors(a);
  const Stack stack(shape);
  if (stack.count == 0) return a;
  const Shape flat{stack.count, n, n};
  const V matrices = reshape(a, flat);
  const std::vector<bool> serves = inverse_serves(plain(matrices));
  const Indices regular = positions(serves, true), others = positions(serves, false);
  V result;
  if (regular.size() > 0) {
    const V some = take(matrices, regular);
    const V each = reshape(determinant(some), Shape{regular.size(), 1, 1}) * swap_axes(inverse(some), -1, -2);
    result = scatter_slices(each, regular, 0, flat);
  }
  if (others.size() > 0) {
    std::vector<V> found;
    for (const std::int64_t i : others) found.push_back(cofactors_of_one(slice(matrices, {i})));
    const V each = scatter_slices(joined(found), others, 0, flat);
    result = regular.size() > 0 ? result + each : each;
  }
  return reshape(result, shape);
}

[[gnu::used]] constexpr auto instances = instantiate::for_numbers([]<class T>() {
  return std::make_tuple(inverse_serves<T>, cofactors<Dense<T>>, cofactors<Variable<T>>);
});

}  // namespace xgrad::detail
