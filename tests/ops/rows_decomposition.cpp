#include <cmath>
#include <string>
#include <xgrad/ops/decomposition.hpp>
#include <xgrad/ops/linear_algebra.hpp>
#include <xgrad/ops/operators.hpp>

#include "gradient_of.hpp"
#include "operation_row.hpp"

namespace xgrad::testing {
namespace {

using Arrays = std::vector<Array<double>>;
using Matrix = std::vector<double>;

constexpr std::size_t n = 3;

/// An argument with 4 added to its diagonal: far from singular. One that is no square matrix passes, too, so
/// that it is the operation that refuses it.
template <class V>
V regular(const V& x) {
  using T = typename V::value_type;
  const Shape& shape = x.shape();
  if (shape.size() < 2) return x;
  return x + 4 * xt::eye<T>({shape[shape.size() - 2], shape.back()});
}

/// Matrix `number` of an argument, with the same 4; of its lower half or its upper half alone, or of both.
Matrix regular(const Array<double>& x, std::size_t number = 0, bool lower = true, bool upper = true) {
  Matrix made(n * n, 0);
  for (std::size_t i = 0; i < n; ++i)
    for (std::size_t j = 0; j < n; ++j)
      if (i == j || (j < i ? lower : upper))
        made[i * n + j] = x.storage().data()[(number * n + i) * n + j] + (i == j ? 4 : 0);
  return made;
}

double element(const Matrix& m, std::size_t i, std::size_t j) { return m[i % n * n + j % n]; }

/// What the element i, j has for a factor in the determinant.
double cofactor(const Matrix& m, std::size_t i, std::size_t j) {
  return element(m, i + 1, j + 1) * element(m, i + 2, j + 2) -
         element(m, i + 1, j + 2) * element(m, i + 2, j + 1);
}
double determinant_of(const Matrix& m) {
  double total = 0;
  for (std::size_t j = 0; j < n; ++j) total += element(m, 0, j) * cofactor(m, 0, j);
  return total;
}
Matrix inverse_of(const Matrix& m) {
  Matrix result(n * n);
  for (std::size_t i = 0; i < n; ++i)
    for (std::size_t j = 0; j < n; ++j) result[i * n + j] = cofactor(m, j, i) / determinant_of(m);
  return result;
}
Matrix transposed(const Matrix& m) {
  Matrix result(n * n);
  for (std::size_t i = 0; i < n; ++i)
    for (std::size_t j = 0; j < n; ++j) result[i * n + j] = m[j * n + i];
  return result;
}

/// m^-1 times matrix `number` of the right sides.
Matrix solution(const Matrix& m, const Array<double>& b, std::size_t columns, std::size_t number = 0) {
  const Matrix inverted = inverse_of(m);
  Matrix result(n * columns, 0);
  for (std::size_t i = 0; i < n; ++i)
    for (std::size_t j = 0; j < columns; ++j)
      for (std::size_t k = 0; k < n; ++k)
        result[i * columns + j] += inverted[i * n + k] * b.storage().data()[(number * n + k) * columns + j];
  return result;
}

/// The solution for a triangular m and matrix `number` of the right sides, by substitution from the row that
/// has its diagonal element alone.
Matrix substituted(const Matrix& m, bool lower, const Array<double>& b, std::size_t columns,
                   std::size_t number) {
  Matrix x(b.storage().data() + number * n * columns, b.storage().data() + (number + 1) * n * columns);
  for (std::size_t step = 0; step < n; ++step) {
    const std::size_t i = lower ? step : n - 1 - step;
    for (std::size_t j = 0; j < columns; ++j) {
      for (std::size_t before = 0; before < step; ++before) {
        const std::size_t k = lower ? before : n - 1 - before;
        x[i * columns + j] -= m[i * n + k] * x[k * columns + j];
      }
      x[i * columns + j] /= m[i * n + i];
    }
  }
  return x;
}

/// each(matrix number) for every matrix of x, one after the other.
template <class Each>
Matrix for_each_matrix(const Array<double>& x, const Each& each) {
  Matrix all;
  for (std::size_t i = 0; i < x.size() / (n * n); ++i)
    for (double element : each(i)) all.push_back(element);
  return all;
}

/// The factor of x x' + 4, of one matrix of x.
Matrix cholesky_of(const Array<double>& all, std::size_t number) {
  const auto x = [&](std::size_t i, std::size_t j) { return all.storage()[(number * n + i) * n + j]; };
  Matrix a(n * n, 0), l(n * n, 0);
  for (std::size_t i = 0; i < n; ++i)
    for (std::size_t j = 0; j < n; ++j) {
      a[i * n + j] = i == j ? 4 : 0;
      for (std::size_t k = 0; k < n; ++k) a[i * n + j] += x(i, k) * x(j, k);
    }
  for (std::size_t j = 0; j < n; ++j)
    for (std::size_t i = j; i < n; ++i) {
      double rest = a[i * n + j];
      for (std::size_t k = 0; k < j; ++k) rest -= l[i * n + k] * l[j * n + k];
      l[i * n + j] = i == j ? std::sqrt(rest) : rest / l[j * n + j];
    }
  return l;
}

std::vector<OperationRow> solve_rows() {
  const Argument matrix{{n, n}, -1, 1}, stack{{2, n, n}, -1, 1};
  return {
      row(
          "solve_factored", "", {stack, {{2, n, 2}}},
          [](const auto& in) {
            const auto solved = [&](const auto& x) { return solve(regular(in[0]), x); };
            return gradient_of(solved, in[1].shape(), in[1]);
          },
          [](const Arrays& in) {
            return for_each_matrix(
                in[0], [&](std::size_t i) { return solution(transposed(regular(in[0], i)), in[1], 2, i); });
          }),
      row(
          "solve", "vector", {matrix, {{n}}}, [](const auto& in) { return solve(regular(in[0]), in[1]); },
          [](const Arrays& in) { return solution(regular(in[0]), in[1], 1); }),
      row(
          "solve", "matrix", {matrix, {{n, 2}}}, [](const auto& in) { return solve(regular(in[0]), in[1]); },
          [](const Arrays& in) { return solution(regular(in[0]), in[1], 2); }),
      row(
          "solve", "stacks", {stack, {{2, n, 2}}},
          [](const auto& in) { return solve(regular(in[0]), in[1]); },
          [](const Arrays& in) {
            return for_each_matrix(in[0],
                                   [&](std::size_t i) { return solution(regular(in[0], i), in[1], 2, i); });
          }),
      row(
          "solve", "one matrix, a stack of right sides", {matrix, {{2, n, 1}}},
          [](const auto& in) { return solve(regular(in[0]), in[1]); },
          [](const Arrays& in) {
            Matrix both = solution(regular(in[0]), in[1], 1, 0);
            for (double x : solution(regular(in[0]), in[1], 1, 1)) both.push_back(x);
            return both;
          }),
  };
}

OperationRow triangular_row(bool upper, bool transpose) {
  return row(
      "solve_triangular", std::string(upper ? "upper" : "lower") + (transpose ? ", transposed" : ""),
      {{{n, n}, -1, 1}, {{n, 2}}},
      [=](const auto& in) {
        return solve_triangular(regular(in[0]), in[1], {.upper = upper, .transpose = transpose});
      },
      [=](const Arrays& in) {
        return for_each_matrix(in[0], [&](std::size_t i) {
          const Matrix half = regular(in[0], i, !upper, upper);
          return substituted(transpose ? transposed(half) : half, upper == transpose, in[1], 2, i);
        });
      });
}

}  // namespace

std::vector<OperationRow> decomposition_rows() {
  const Argument matrix{{n, n}, -1, 1}, stack{{2, n, n}, -1, 1};
  std::vector<OperationRow> all = solve_rows();
  for (bool upper : {false, true})
    for (bool transpose : {false, true}) all.push_back(triangular_row(upper, transpose));
  all.push_back(row(
      "inverse", "", {matrix}, [](const auto& in) { return inverse(regular(in[0])); },
      [](const Arrays& in) { return inverse_of(regular(in[0])); }));
  all.push_back(row(
      "inverse", "stack", {stack}, [](const auto& in) { return inverse(regular(in[0])); },
      [](const Arrays& in) {
        return for_each_matrix(in[0], [&](std::size_t i) { return inverse_of(regular(in[0], i)); });
      }));
  all.push_back(row(
      "determinant", "", {matrix}, [](const auto& in) { return determinant(in[0]); },
      [](const Arrays& in) {
        Matrix m(in[0].storage().data(), in[0].storage().data() + n * n);
        return Matrix{determinant_of(m)};
      }));
  all.push_back(row(
      "determinant", "stack", {stack}, [](const auto& in) { return determinant(regular(in[0])); },
      [](const Arrays& in) {
        return for_each_matrix(in[0],
                               [&](std::size_t i) { return Matrix{determinant_of(regular(in[0], i))}; });
      }));
  all.push_back(row(
      "determinant_gradient", "", {stack, {{2}}},
      [](const auto& in) {
        return gradient_of([](const auto& x) { return determinant(regular(x)); }, in[0], in[1]);
      },
      [](const Arrays& in) {
        return for_each_matrix(in[0], [&](std::size_t number) {
          Matrix gradient;
          for (std::size_t i = 0; i < n; ++i)
            for (std::size_t j = 0; j < n; ++j)
              gradient.push_back(in[1].storage()[number] * cofactor(regular(in[0], number), i, j));
          return gradient;
        });
      }));
  all.push_back(row(
      "logdet", "", {stack}, [](const auto& in) { return logdet(regular(in[0])); },
      [](const Arrays& in) {
        return for_each_matrix(
            in[0], [&](std::size_t i) { return Matrix{std::log(determinant_of(regular(in[0], i)))}; });
      }));
  all.push_back(row(
      "cholesky", "", {matrix},
      [](const auto& in) { return cholesky(regular(matmul(in[0], in[0], {.transpose_b = true}))); },
      [](const Arrays& in) {
        return for_each_matrix(in[0], [&](std::size_t i) { return cholesky_of(in[0], i); });
      }));
  return all;
}

}  // namespace xgrad::testing
