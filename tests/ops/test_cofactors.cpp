// Derivatives of determinants, inverses and solutions where matrices are singular, or nearly so, against
// minors and inverses in arithmetic of twice the digits.
#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <string>
#include <vector>
#include <xgrad/core/kernels/random.hpp>
#include <xgrad/derivatives/grad.hpp>
#include <xgrad/derivatives/gradcheck.hpp>
#include <xgrad/derivatives/jvp.hpp>
#include <xgrad/ops/decomposition.hpp>
#include <xgrad/ops/linear_algebra.hpp>
#include <xgrad/ops/operators.hpp>
#include <xgrad/ops/reduction.hpp>
#include <xgrad/ops/shape.hpp>

namespace xg = xgrad;

namespace {

using Var = xg::Variable<double>;
#ifdef __SIZEOF_FLOAT128__
__extension__ using Wide = __float128;
#else
using Wide = long double;  // as wide on the machines without that type
#endif

/// A square matrix, row by row.
template <class T>
struct Matrix {
  std::size_t n;
  std::vector<T> of;
  T& operator()(std::size_t i, std::size_t j) { return of[i * n + j]; }
  const T& operator()(std::size_t i, std::size_t j) const { return of[i * n + j]; }
};

Matrix<Wide> wide(const xg::Array<double>& a) {
  return {a.shape()[0], std::vector<Wide>(a.storage().begin(), a.storage().end())};
}

/// By expansion along the first row, of the rows and columns that are not left out.
Wide minor_of(const Matrix<Wide>& a, std::vector<std::size_t> rows, std::vector<std::size_t> columns) {
  if (rows.empty()) return 1;
  Wide total = 0;
  const std::size_t first = rows.front();
  rows.erase(rows.begin());
  for (std::size_t k = 0; k < columns.size(); ++k) {
    auto others = columns;
    others.erase(others.begin() + static_cast<std::ptrdiff_t>(k));
    const Wide part = a(first, columns[k]) * minor_of(a, rows, others);
    total += k % 2 == 0 ? part : -part;
  }
  return total;
}

/// The derivative of the determinant in the elements (rows[k], columns[k]), by as many orders: a minor, with
/// the sign of the elements' places; 0 where two share a row or a column.
Wide derivative_of_determinant(const Matrix<Wide>& a, const std::vector<std::size_t>& rows,
                               const std::vector<std::size_t>& columns) {
  std::vector<std::size_t> kept_rows, kept_columns;
  const auto has = [](const std::vector<std::size_t>& all, std::size_t i) {
    return std::count(all.begin(), all.end(), i);
  };
  std::size_t signs = 0;
  for (std::size_t i = 0; i < a.n; ++i) {
    if (has(rows, i) > 1 || has(columns, i) > 1) return 0;
    if (has(rows, i) == 0) kept_rows.push_back(i);
    if (has(columns, i) == 0) kept_columns.push_back(i);
  }
  for (std::size_t k = 0; k < rows.size(); ++k) {
    signs += rows[k] + columns[k];
    for (std::size_t m = 0; m < k; ++m)
      signs +=
          static_cast<std::size_t>(rows[m] > rows[k]) + static_cast<std::size_t>(columns[m] > columns[k]);
  }
  const Wide minor = minor_of(a, kept_rows, kept_columns);
  return signs % 2 == 0 ? minor : -minor;
}

/// By elimination with pivots.
Matrix<Wide> inverse_of(Matrix<Wide> a) {
  const std::size_t n = a.n;
  Matrix<Wide> x{n, std::vector<Wide>(n * n, 0)};
  for (std::size_t i = 0; i < n; ++i) x(i, i) = 1;
  for (std::size_t k = 0; k < n; ++k) {
    std::size_t pivot = k;
    const auto size = [&](std::size_t i) { return a(i, k) < 0 ? -a(i, k) : a(i, k); };
    for (std::size_t i = k; i < n; ++i)
      if (size(i) > size(pivot)) pivot = i;
    for (std::size_t j = 0; j < n; ++j) {
      std::swap(a(k, j), a(pivot, j));
      std::swap(x(k, j), x(pivot, j));
    }
    for (std::size_t i = 0; i < n; ++i) {
      if (i == k) continue;
      const Wide factor = a(i, k) / a(k, k);
      for (std::size_t j = 0; j < n; ++j) {
        a(i, j) -= factor * a(k, j);
        x(i, j) -= factor * x(k, j);
      }
    }
  }
  for (std::size_t i = 0; i < n; ++i)
    for (std::size_t j = 0; j < n; ++j) x(i, j) /= a(i, i);
  return x;
}

/// Products of random factors: `rank` of it large, and `distance` times a random matrix to the next singular
/// one.
xg::Array<double> near_singular(std::size_t n, std::size_t rank, double distance, std::uint64_t seed) {
  xg::Generator from(seed);
  const auto made = [&](std::size_t rows, std::size_t columns) {
    return xg::constant(xg::random_uniform<double>({rows, columns}, -1, 1, from));
  };
  return (xg::matmul(made(n, rank), made(rank, n)) + distance * made(n, n)).value();
}

double largest(const Matrix<Wide>& a) {
  double most = 0;
  for (const Wide x : a.of) most = std::max(most, std::fabs(static_cast<double>(x)));
  return most;
}

/// Reads the elements of a recorded gradient's derivatives: [i, j, k, l] in two steps.
template <class T>
std::vector<T> hessian_of(const xg::Variable<T>& y, const xg::Variable<T>& a) {
  const auto first = xg::grad(y, {a}, {.create_graph = true})[0];
  std::vector<T> all;
  for (std::size_t i = 0; i < a.size(); ++i) {
    const auto element = xg::slice(xg::reshape(first, {a.size()}), {i});
    if (!element.requires_grad()) {
      all.resize(all.size() + a.size(), T(0));
      continue;
    }
    const auto row = xg::grad(element, {a}, {.retain_graph = true})[0].value();
    all.insert(all.end(), row.storage().begin(), row.storage().end());
  }
  return all;
}

/// The largest error, in units of the largest element or of `least`.
template <class T, class Exact>
double worst_error(std::size_t n, const std::vector<T>& got, double least, const Exact& exact) {
  double worst = 0, size = least;
  for (std::size_t m = 0; m < got.size(); ++m) {
    const std::size_t kl = m % (n * n), ij = m / (n * n);
    const Wide right = exact(ij / n, ij % n, kl / n, kl % n);
    const auto error = std::fabs(static_cast<double>(static_cast<Wide>(got[m]) - right));
    if (!(error <= worst)) worst = error;
    size = std::max(size, std::fabs(static_cast<double>(right)));
  }
  return worst / size;
}

constexpr double distances[] = {0, 1e-16, 1e-15, 1e-14, 1e-12, 1e-10, 1e-8, 1e-6, 1e-4, 1e-2, 1e-1};

}  // namespace

TEST_CASE("the Hessian of a 2x2 determinant is constant") {
  for (const double off : {0.0, 1e-16, 1e-15, 1e-12, 1e-3}) {
    CAPTURE(off);
    const Var a = xg::parameter(xt::xarray<double>{{.33, .27}, {.77, .63 + off}});
    CHECK(hessian_of(xg::determinant(a), a) ==
          std::vector<double>{0, 0, 0, 1, 0, 0, -1, 0, 0, -1, 0, 0, 1, 0, 0, 0});
  }
}

TEST_CASE("a singular matrix's determinant has the cofactors for its gradient") {
  const Var a = xg::parameter(xt::xarray<double>{{1, 2}, {2, 4}});
  xg::determinant(a).backward();
  CHECK(a.grad() == xt::xarray<double>{{4, -2}, {-2, 1}});
  const Var b = xg::parameter(xt::xarray<double>{{1, 2, 3}, {4, 5, 6}, {7, 8, 9}});
  xg::determinant(b).backward();
  CHECK(xt::allclose(b.grad(), xt::xarray<double>{{-3, 6, -3}, {6, -12, 6}, {-3, 6, -3}}, 1e-14, 1e-14));
  const Var zero = xg::parameter(xg::Array<double>(xt::zeros<double>({5, 5})));
  xg::determinant(zero).backward();
  CHECK(zero.grad() == xt::zeros<double>({5, 5}));
  const Var one = xg::parameter(xg::Array<double>(xt::zeros<double>({1, 1})));
  xg::determinant(one).backward();
  CHECK(one.grad()(0, 0) == 1);
  // The determinant underflows; all but two of the cofactors do, too.
  const Var tiny =
      xg::parameter(xt::xarray<double>{{1e-200, 0, 0, 0}, {0, 1e-200, 0, 0}, {0, 0, 2, 0}, {0, 0, 0, 1}});
  xg::determinant(tiny).backward();
  CHECK(tiny.grad()(0, 0) == doctest::Approx(2e-200).epsilon(1e-14));
  CHECK(tiny.grad()(1, 1) == doctest::Approx(2e-200).epsilon(1e-14));
}

TEST_CASE("first and second derivatives of determinants are the minors, however near a singular matrix is") {
  for (std::size_t n = 2; n <= 6; ++n)
    for (std::size_t lost = 1; lost <= std::min<std::size_t>(3, n); ++lost)
      for (const double distance : distances) {
        const std::uint64_t seed = 100 * n + lost;
        CAPTURE(n);
        CAPTURE(lost);
        CAPTURE(distance);
        CAPTURE(seed);
        const Var a = xg::parameter(near_singular(n, n - lost, distance, seed));
        const Matrix<Wide> exact = wide(a.value());
        const auto first = [&](std::size_t, std::size_t, std::size_t i, std::size_t j) {
          return derivative_of_determinant(exact, {i}, {j});
        };
        const auto second = [&](std::size_t i, std::size_t j, std::size_t k, std::size_t l) {
          return derivative_of_determinant(exact, {i, k}, {j, l});
        };
        // Elements are about 1, and so are the products that make up a minor.
        const auto plain = xg::grad(xg::determinant(a), {a})[0].value();
        CHECK(worst_error(n, std::vector<double>(plain.storage().begin(), plain.storage().end()), 1, first) <
              1e-14);
        const auto recorded = xg::grad(xg::determinant(a), {a}, {.create_graph = true})[0].value();
        CHECK(worst_error(n, std::vector<double>(recorded.storage().begin(), recorded.storage().end()), 1,
                          first) < 1e-14);
        CHECK(worst_error(n, hessian_of(xg::determinant(a), a), 1, second) < 1e-14);
      }
}

TEST_CASE("derivatives keep their digits where the singular values lie far apart") {
  for (const std::uint64_t seed : {1U, 2U, 3U}) {
    CAPTURE(seed);
    xg::Generator from(seed);
    const auto made = [&](std::size_t rows, std::size_t columns) {
      return xg::constant(xg::random_uniform<double>({rows, columns}, -1, 1, from));
    };
    const auto scales = xg::constant({300.0, 40.0, 3.0, 0.2, 0.01});
    const Var a = xg::parameter(xg::matmul(made(6, 5) * scales, made(5, 6)).value());
    const Matrix<Wide> exact = wide(a.value());
    CHECK(worst_error(6, hessian_of(xg::determinant(a), a), 0,
                      [&](std::size_t i, std::size_t j, std::size_t k, std::size_t l) {
                        return derivative_of_determinant(exact, {i, k}, {j, l});
                      }) < 1e-12);
  }
}

TEST_CASE("in float, too") {
  for (const std::size_t n : {3u, 4u, 5u})
    for (const float distance : {0.0f, 1e-7f, 1e-5f, 1e-2f}) {
      CAPTURE(n);
      CAPTURE(distance);
      const xg::Array<float> at = xt::cast<float>(near_singular(n, n - 1, distance, 7 + n));
      const auto a = xg::parameter(at);
      const Matrix<Wide> exact = wide(xt::cast<double>(at));
      CHECK(worst_error(n, hessian_of(xg::determinant(a), a), 1,
                        [&](std::size_t i, std::size_t j, std::size_t k, std::size_t l) {
                          return derivative_of_determinant(exact, {i, k}, {j, l});
                        }) < 5e-6);
    }
}

TEST_CASE("third and fourth derivatives of determinants of singular matrices are minors, too") {
  const auto element = [](const Var& x, std::size_t i, std::size_t j) { return xg::slice(x, {i, j}); };
  const auto next = [&](const Var& y, const Var& a) { return xg::grad(y, {a}, {.create_graph = true})[0]; };
  const xg::Array<double> matrices[] = {near_singular(5, 2, 0, 1),     near_singular(4, 1, 0, 2),
                                        near_singular(6, 3, 1e-13, 3), near_singular(5, 4, 1e-9, 4),
                                        xt::zeros<double>({4, 4}),     1e-120 * xt::eye<double>(4),
                                        near_singular(5, 5, 0.5, 5)};
  for (const auto& at : matrices) {
    CAPTURE(at);
    const Var a = xg::parameter(at);
    const Matrix<Wide> exact = wide(at);
    const Var first = next(xg::determinant(a), a);
    const Var second = next(element(first, 0, 1), a);
    const Var third = next(element(second, 1, 0), a);
    const Var fourth = next(element(third, 2, 3), a);
    for (std::size_t i = 0; i < at.shape()[0]; ++i)
      for (std::size_t j = 0; j < at.shape()[0]; ++j) {
        // Sums of 6 products of three elements of an inverse, up to 18, where the matrix has one; and of 24
        // products of four of them.
        CHECK(std::fabs(third.value()(i, j) -
                        static_cast<double>(derivative_of_determinant(exact, {0, 1, i}, {1, 0, j}))) <
              (&at == &matrices[6] ? 1e-13 : 2e-14));
        CHECK(std::fabs(fourth.value()(i, j) - static_cast<double>(derivative_of_determinant(
                                                   exact, {0, 1, 2, i}, {1, 0, 3, j}))) < 1e-13);
      }
  }
}

TEST_CASE("a stack of determinants may have regular and singular matrices beside each other") {
  for (const std::size_t n : {2u, 3u, 4u, 5u}) {
    CAPTURE(n);
    const std::vector<Var> parts{xg::constant(near_singular(n, n, 0.5, 1)),
                                 xg::constant(near_singular(n, n - 1, 0, 2)),
                                 xg::constant(near_singular(n, n - 2, 1e-12, 3)),
                                 xg::constant(xg::Array<double>(2 * xt::eye<double>(n)))};
    const Var a = xg::parameter(xg::reshape(xg::stack(parts), {2, 2, n, n}).value());
    const auto weights = xg::constant(xt::xarray<double>{{1, 2}, {3, 4}});
    const Var first = xg::grad(xg::sum(xg::determinant(a) * weights), {a}, {.create_graph = true})[0];
    const auto plain = xg::grad(xg::sum(xg::determinant(a) * weights), {a})[0].value();
    const auto second = xg::grad(xg::sum(xg::slice(first, {xg::all, xg::all, 0, 1})), {a})[0].value();
    for (std::size_t m = 0; m < 4; ++m) {
      const Matrix<Wide> exact = wide(parts[m].value());
      const double weight = static_cast<double>(m + 1);
      for (std::size_t i = 0; i < n; ++i)
        for (std::size_t j = 0; j < n; ++j) {
          const auto right = [&](Wide value) { return weight * static_cast<double>(value); };
          const double cofactor = right(derivative_of_determinant(exact, {i}, {j}));
          CHECK(std::fabs(plain(m / 2, m % 2, i, j) - cofactor) < 1e-12);
          CHECK(std::fabs(first.value()(m / 2, m % 2, i, j) - cofactor) < 1e-12);
          CHECK(std::fabs(second(m / 2, m % 2, i, j) -
                          right(derivative_of_determinant(exact, {0, i}, {1, j}))) < 1e-12);
        }
    }
  }
}

TEST_CASE("forward mode goes through the determinant of a singular matrix") {
  const auto at = near_singular(4, 2, 1e-14, 9), direction = near_singular(4, 4, 1, 10);
  const Matrix<Wide> exact = wide(at);
  double expected = 0;
  for (std::size_t i = 0; i < 4; ++i)
    for (std::size_t j = 0; j < 4; ++j)
      expected += static_cast<double>(derivative_of_determinant(exact, {i}, {j})) * direction(i, j);
  const auto moved = xg::jvp([](const Var& x) { return xg::determinant(x); }, xg::parameter(at), direction);
  CHECK(std::fabs(moved.tangent.item() - expected) < 1e-14);
}

TEST_CASE("NaN and infinities go through the cofactors of matrices that have no inverse") {
  for (const std::size_t n : {2u, 3u, 4u}) {
    xg::Array<double> at = xt::zeros<double>({n, n});
    at(0, n - 1) = std::numeric_limits<double>::quiet_NaN();
    const Var a = xg::parameter(at);
    const Var first = xg::grad(xg::determinant(a), {a}, {.create_graph = true})[0];
    CHECK(first.shape() == xg::Shape{n, n});
    CHECK(std::isnan(xt::sum(first.value())()));
  }
  // Where the inverse has a limit, it is taken at every order.
  xg::Array<double> at = xt::eye<double>(4) + 1.0;
  at(1, 1) = std::numeric_limits<double>::infinity();
  const Var a = xg::parameter(at);
  const auto plain = xg::grad(xg::logdet(a), {a})[0].value();
  CHECK(xt::all(xt::isfinite(plain)));
  CHECK(xg::grad(xg::logdet(a), {a}, {.create_graph = true})[0].value() == plain);
}

TEST_CASE("second derivatives of logdet, inverse and solve lose the digits of the condition, and no more") {
  for (std::size_t n = 2; n <= 6; ++n)
    for (std::size_t lost = 1; lost <= std::min<std::size_t>(3, n - 1); ++lost)
      for (const double distance : {1e-12, 1e-10, 1e-8, 1e-6, 1e-4, 1e-2, 1e-1}) {
        const std::uint64_t seed = 100 * n + lost;
        CAPTURE(n);
        CAPTURE(lost);
        CAPTURE(distance);
        CAPTURE(seed);
        xg::Array<double> at = near_singular(n, n - lost, distance, seed);
        if (xg::determinant(xg::constant(at)).item() < 0)
          for (std::size_t j = 0; j < n; ++j) at(0, j) = -at(0, j);
        const Var a = xg::parameter(at);
        const Matrix<Wide> exact = wide(at), inverse = inverse_of(exact);
        const double condition = largest(exact) * largest(inverse) * static_cast<double>(n);
        const double bound = 100 * std::numeric_limits<double>::epsilon() * condition;
        CHECK(worst_error(n, hessian_of(xg::logdet(a), a), 0,
                          [&](std::size_t i, std::size_t j, std::size_t k, std::size_t l) {
                            return -inverse(j, k) * inverse(l, i);
                          }) < bound);
        // u' a^-1 v, for sums u of rows and v of columns.
        std::vector<Wide> from_left(n, 0), from_right(n, 0);
        for (std::size_t i = 0; i < n; ++i)
          for (std::size_t j = 0; j < n; ++j) {
            from_left[j] += inverse(i, j);
            from_right[i] += inverse(i, j);
          }
        const auto second = [&](std::size_t i, std::size_t j, std::size_t k, std::size_t l) {
          return from_left[i] * inverse(j, k) * from_right[l] + from_left[k] * inverse(l, i) * from_right[j];
        };
        CHECK(worst_error(n, hessian_of(xg::sum(xg::inverse(a)), a), 0, second) < bound);
        const Var ones = xg::constant(xg::Array<double>(xt::ones<double>({n})));
        CHECK(worst_error(n, hessian_of(xg::sum(xg::solve(a, ones)), a), 0, second) < bound);
      }
}
