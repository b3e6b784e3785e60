#include <algorithm>
#include <string>
#include <xgrad/ops/linear_algebra.hpp>
#include <xgrad/ops/operators.hpp>

#include "gradient_of.hpp"
#include "row_refusals.hpp"
#include "row_shapes.hpp"

namespace xgrad::testing {
namespace {

using Arrays = std::vector<Array<double>>;

double element(const Array<double>& matrix, bool transposed, std::size_t row, std::size_t column) {
  const std::size_t width = matrix.dimension() == 1 ? 1 : matrix.shape(1);
  return matrix.storage().data()[transposed ? column * width + row : row * width + column];
}

/// op(a) op(b) of [m, k] and [k, n].
std::vector<double> product(const Array<double>& a, const Array<double>& b, std::size_t m, std::size_t k,
                            std::size_t n, bool transpose_a, bool transpose_b) {
  std::vector<double> result(m * n, 0);
  for (std::size_t i = 0; i < m; ++i)
    for (std::size_t j = 0; j < n; ++j)
      for (std::size_t p = 0; p < k; ++p)
        result[i * n + j] += element(a, transpose_a, i, p) * element(b, transpose_b, p, j);
  return result;
}

OperationRow flags_row(bool transpose_a, bool transpose_b) {
  const Shape a = transpose_a ? Shape{4, 3} : Shape{3, 4}, b = transpose_b ? Shape{5, 4} : Shape{4, 5};
  const std::string variant = transpose_a ? (transpose_b ? "both transposed" : "first transposed")
                                          : (transpose_b ? "second transposed" : "");
  return row(
      "matmul", variant, {{a}, {b}},
      [=](const auto& in) {
        return matmul(in[0], in[1], {.transpose_a = transpose_a, .transpose_b = transpose_b});
      },
      [=](const Arrays& in) {
        const std::size_t m = in[0].shape(transpose_a ? 1 : 0), k = in[0].shape(transpose_a ? 0 : 1);
        return product(in[0], in[1], m, k, in[1].shape(transpose_b ? 0 : 1), transpose_a, transpose_b);
      });
}

/// op(a) op(b) for each of `count` matrices, one after the other; a factor with a single one repeats it.
std::vector<double> products(const Arrays& in, std::size_t count, std::size_t m, std::size_t k, std::size_t n,
                             bool transpose_b) {
  std::vector<double> result;
  for (std::size_t i = 0; i < count; ++i) {
    const auto matrix = [&](const Array<double>& from, std::size_t rows, std::size_t columns) {
      const std::size_t first = from.size() == rows * columns ? 0 : i * rows * columns;
      Array<double> part = to_array(Dense<double>(Shape{rows, columns}));
      std::copy_n(from.storage().data() + first, rows * columns, part.storage().data());
      return part;
    };
    const Array<double> a = matrix(in[0], m, k);
    const Array<double> b = transpose_b ? matrix(in[1], n, k) : matrix(in[1], k, n);
    for (double each : product(a, b, m, k, n, false, transpose_b)) result.push_back(each);
  }
  return result;
}

std::vector<OperationRow> batched_rows() {
  return {
      row(
          "matmul", "stacks", {{{4, 2, 3}}, {{4, 3, 2}}}, [](const auto& in) { return matmul(in[0], in[1]); },
          [](const Arrays& in) {
            return products(in, in[0].shape(0), in[0].shape(1), in[0].shape(2), in[1].shape(2), false);
          }),
      row(
          "matmul", "a stack and a matrix", {{{2, 2, 2, 3}}, {{2, 3}}},
          [](const auto& in) { return matmul(in[0], in[1], {.transpose_b = true}); },
          [](const Arrays& in) { return products(in, 4, 2, 3, 2, true); }),
      row(
          "matmul", "a matrix and a stack", {{{2, 3}}, {{3, 1, 3, 2}}},
          [](const auto& in) { return matmul(in[0], in[1]); },
          [](const Arrays& in) { return products(in, 3, 2, 3, 2, false); }),
      row(
          "matmul", "a vector and a stack", {{{3}}, {{4, 2, 3}}},
          [](const auto& in) { return matmul(in[0], in[1], {.transpose_b = true}); },
          [](const Arrays& in) { return products(in, 4, 1, 3, 2, true); }),
  };
}

std::vector<OperationRow> matmul_rows() {
  std::vector<OperationRow> all = {
      row(
          "matmul", "by itself, transposed", {{{3, 4}}},
          [](const auto& in) { return matmul(in[0], in[0], {.transpose_b = true}); },
          [](const Arrays& in) { return product(in[0], in[0], 3, 4, 3, false, true); }),
      row(
          "matmul", "dot", {{{7}}, {{7}}}, [](const auto& in) { return matmul(in[0], in[1]); },
          [](const Arrays& in) { return product(in[0], in[1], 1, in[0].size(), 1, true, false); }),
      row(
          "matmul", "matrix and vector", {{{3, 4}}, {{4}}},
          [](const auto& in) { return matmul(in[0], in[1]); },
          [](const Arrays& in) { return product(in[0], in[1], 3, 4, 1, false, false); }),
      row(
          "matmul", "transposed matrix and vector", {{{4, 3}}, {{4}}},
          [](const auto& in) { return matmul(in[0], in[1], {.transpose_a = true}); },
          [](const Arrays& in) { return product(in[0], in[1], 3, 4, 1, true, false); }),
      row(
          "matmul", "vector and matrix", {{{4}}, {{4, 3}}},
          [](const auto& in) { return matmul(in[0], in[1]); },
          [](const Arrays& in) { return product(in[0], in[1], 1, 4, 3, true, false); }),
      row(
          "matmul", "vector and transposed matrix", {{{4}}, {{3, 4}}},
          [](const auto& in) { return matmul(in[0], in[1], {.transpose_b = true}); },
          [](const Arrays& in) { return product(in[0], in[1], 1, 4, 3, true, true); }),
  };
  for (bool transpose_a : {false, true})
    for (bool transpose_b : {false, true}) all.push_back(flags_row(transpose_a, transpose_b));
  return all;
}

std::vector<double> with_bias(std::vector<double> rows, const Array<double>& bias) {
  for (std::size_t i = 0; i < rows.size(); ++i) rows[i] += bias(i % bias.size());
  return rows;
}

std::vector<OperationRow> linear_rows() {
  return {
      row(
          "linear", "", {{{5, 3}}, {{3, 4}}, {{4}}},
          [](const auto& in) { return linear(in[0], in[1], in[2]); },
          [](const Arrays& in) {
            return with_bias(
                product(in[0], in[1], in[0].shape(0), in[0].shape(1), in[1].shape(1), false, false), in[2]);
          }),
      row(
          "linear", "without bias", {{{5, 3}}, {{3, 4}}}, [](const auto& in) { return linear(in[0], in[1]); },
          [](const Arrays& in) { return product(in[0], in[1], 5, 3, 4, false, false); }),
      row(
          "linear", "more axes", {{{2, 3, 3}}, {{3, 4}}, {{4}}},
          [](const auto& in) { return linear(in[0], in[1], in[2]); },
          [](const Arrays& in) {
            const Array<double> flat = xt::reshape_view(in[0], {6, 3});
            return with_bias(product(flat, in[1], 6, 3, 4, false, false), in[2]);
          }),
      row(
          "linear", "one sample, one output", {{{3}}, {{3, 1}}, {{1}}},
          [](const auto& in) { return linear(in[0], in[1], in[2]); },
          [](const Arrays& in) { return with_bias(product(in[0], in[1], 1, 3, 1, true, false), in[2]); }),
  };
}

/// Of a factor of two products: that of the one is added to that of the other.
OperationRow add_product_row() {
  return row(
      "add_product", "", {{{3, 5}}, {{4, 5}}, {{4, 5}}},
      [](const auto& in) {
        Shape shape = in[0].shape();
        if (shape.size() == 2) shape[1] = in[1].shape()[0];
        const auto both = [&](const auto& x) { return matmul(x, in[1]) + matmul(x, in[2]); };
        return gradient_of(both, shape, in[0]);
      },
      [](const Arrays& in) {
        const std::size_t m = in[0].shape(0), k = in[0].shape(1), n = in[1].shape(0);
        std::vector<double> sum = product(in[0], in[1], m, k, n, false, true);
        const std::vector<double> other = product(in[0], in[2], m, k, n, false, true);
        for (std::size_t i = 0; i < sum.size(); ++i) sum[i] += other[i];
        return sum;
      });
}

OperationRow add_product_of_vectors_row() {
  return row(
      "add_product", "a vector, matrices transposed", {{{3}}, {{4, 3}}, {{4, 3}}},
      [](const auto& in) {
        const MatmulOptions transposed{.transpose_a = true};
        const auto both = [&](const auto& x) {
          return matmul(in[1], x, transposed) + matmul(in[2], x, transposed);
        };
        return gradient_of(both, Shape{in[1].shape()[0]}, in[0]);
      },
      [](const Arrays& in) {
        std::vector<double> sum = product(in[1], in[0], 4, 3, 1, false, false);
        const std::vector<double> other = product(in[2], in[0], 4, 3, 1, false, false);
        for (std::size_t i = 0; i < sum.size(); ++i) sum[i] += other[i];
        return sum;
      });
}

OperationRow add_product_of_layers_row() {
  return row(
      "add_product", "a layer's weight, used twice", {{{5, 4}}, {{5, 3}}, {{5, 3}}},
      [](const auto& in) {
        const auto both = [&](const auto& w) { return linear(in[1], w) + linear(in[2], w); };
        return gradient_of(both, Shape{3, 4}, in[0]);
      },
      [](const Arrays& in) {
        std::vector<double> sum = product(in[1], in[0], 3, 5, 4, true, false);
        const std::vector<double> other = product(in[2], in[0], 3, 5, 4, true, false);
        for (std::size_t i = 0; i < sum.size(); ++i) sum[i] += other[i];
        return sum;
      });
}

}  // namespace

std::vector<OperationRow> linear_algebra_rows() {
  std::vector<OperationRow> all = matmul_rows();
  for (const OperationRow& made : batched_rows()) all.push_back(made);
  for (const OperationRow& made : linear_rows()) all.push_back(made);
  for (const auto made : {add_product_row, add_product_of_vectors_row, add_product_of_layers_row})
    all.push_back(made());
  return all;
}

std::vector<FurtherShapes> linear_algebra_shapes() {
  const std::vector<Shape> in_one{{0, 3, 3}};
  return {
      {"matmul",
       {{{0, 4}, {4, 5}}, {{3, 0}, {0, 5}}, {{3, 4}, {4, 0}}},
       {{{340, 330}, {330, 350}}, {{100, 100}, {100, 100}}}},
      {"matmul (both transposed)", {{{0, 3}, {5, 0}}, {{4, 0}, {5, 4}}}, {{{330, 340}, {350, 330}}}},
      {"matmul (stacks)", {{{0, 2, 3}, {0, 3, 2}}, {{4, 2, 0}, {4, 0, 2}}}, {{{101, 40, 30}, {101, 30, 50}}}},
      {"matmul (dot)", {{{0}, {0}}, {{1}, {1}}}},
      {"linear",
       {{{0, 3}, {3, 4}, {4}}, {{5, 0}, {0, 4}, {4}}, {{5, 3}, {3, 0}, {0}}},
       {{{340, 330}, {330, 350}, {350}}}},
      {"add_product",
       {{{0, 5}, {4, 5}, {4, 5}}, {{3, 0}, {4, 0}, {4, 0}}, {{3, 5}, {0, 5}, {0, 5}}},
       {{{340, 350}, {330, 350}, {330, 350}}}},
      {"solve_factored", {{{0, 3, 3}, {0, 3, 2}}, {{1, 3, 3}, {1, 3, 2}}}, {{{20001, 3, 3}, {20001, 3, 2}}}},
      {"solve (stacks)", {{{0, 3, 3}, {0, 3, 2}}, {{1, 3, 3}, {1, 3, 2}}}, {{{20001, 3, 3}, {20001, 3, 2}}}},
      {"solve_triangular (lower)", {{{0, 3, 3}, {0, 3, 2}}}, {{{20001, 3, 3}, {20001, 3, 2}}}},
      {"solve_triangular (upper, transposed)", {{{0, 3, 3}, {0, 3, 2}}}, {{{20001, 3, 3}, {20001, 3, 2}}}},
      of_one("inverse (stack)", in_one, {{20001, 3, 3}}),
      of_one("determinant (stack)", in_one, {{20001, 3, 3}}),
      {"determinant_gradient", {{{0, 3, 3}, {0}}}, {{{20001, 3, 3}, {20001}}}},
      of_one("logdet", in_one, {{20001, 3, 3}}),
      of_one("cholesky", in_one, {{20001, 3, 3}}),
  };
}

std::vector<Refusal> linear_algebra_refusals() {
  return {
      {"matmul", {{3, 4}, {5, 2}}, {"[3, 4] x [5, 2]", "4 vs 5"}},
      {"matmul (first transposed)", {{3, 4}, {4, 5}}, {"transposed [3, 4] x [4, 5]", "3 vs 4"}},
      {"matmul (stacks)", {{4, 2, 3}, {3, 3, 2}}, {"[4, 2, 3] x [3, 3, 2]", "4 vs 3"}},
      {"matmul (dot)", {{7}, {}}, {"[7] x []"}},
      {"linear", {{5, 3}, {4, 3}, {3}}, {"[5, 3] x [4, 3]", "3 vs 4"}},
      {"linear", {{5, 3}, {3, 4}, {3}}, {"bias", "[3]", "[3, 4]"}},
      {"linear (without bias)", {{5, 3}, {3}}, {"no matrix", "[5, 3] x [3]"}},
      {"linear", {{}, {3, 4}, {4}}, {"[] x [3, 4]"}},
      {"solve (matrix)", {{3, 3}, {4, 2}}, {"solve: ", "[3, 3]", "[4, 2]"}},
      {"solve (vector)", {{3, 4}, {3}}, {"solve: ", "square", "[3, 4]"}},
      {"solve (vector)", {{3, 3}, {}}, {"solve: ", "[3, 3]", "[]"}},
      {"solve_triangular (lower)", {{3, 3}, {2, 2}}, {"solve_triangular: ", "[3, 3]", "[2, 2]"}},
      {"solve_triangular (lower)", {{3, 3}, {}}, {"solve_triangular: ", "[3, 3]", "[]"}},
      {"add_product", {{}, {4, 5}, {4, 5}}, {"matmul: ", "[]"}},
      {"solve_factored", {{}, {2, 3, 2}}, {"solve: ", "square", "[]"}},
      {"determinant_gradient", {{}, {}}, {"determinant: ", "square", "[]"}},
      {"determinant", {{3, 4}}, {"square", "[3, 4]"}},
      {"determinant", {{3}}, {"square", "[3]"}},
      {"determinant", {{}}, {"square", "[]"}},
      {"inverse", {{3, 4}}, {"inverse: ", "square", "[3, 4]"}},
      {"inverse", {{}}, {"inverse: ", "square", "[]"}},
      {"logdet", {{}}, {"logdet: ", "square", "[]"}},
      {"logdet", {{2, 4, 3}}, {"logdet: ", "square", "[2, 4, 3]"}},
  };
}

}  // namespace xgrad::testing
