#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <string>
#include <vector>
#include <xgrad/core/kernels/random.hpp>
#include <xgrad/derivatives/grad.hpp>
#include <xgrad/derivatives/gradcheck.hpp>
#include <xgrad/ops/linear_algebra.hpp>
#include <xgrad/ops/operators.hpp>
#include <xgrad/ops/shape.hpp>

#include "../threads.hpp"
#include "../variables.hpp"

namespace xg = xgrad;
using xgrad::testing::random_variable;
using xgrad::testing::Threads;

namespace {

using Var = xg::Variable<double>;

xg::Array<double> filled(const xg::Shape& shape, double value) {
  return xg::to_array(xg::Dense<double>::filled(shape, value));
}

/// The element of a stack of matrices that broadcasts to a batch of shape `batch`.
double element(const Var& x, const xg::Shape& batch, std::size_t matrix, std::size_t row,
               std::size_t column) {
  const xg::Shape& shape = x.shape();
  const std::size_t dim = shape.size(), width = shape[dim - 1], size = shape[dim - 2] * width;
  std::size_t offset = 0, stride = size;
  for (std::size_t k = 1; k <= batch.size(); ++k) {
    const std::size_t extent = batch[batch.size() - k], index = matrix % extent;
    matrix /= extent;
    if (k + 2 > dim) break;
    const std::size_t own = shape[dim - 2 - k];
    offset += (own == 1 ? 0 : index) * stride;
    stride *= own;
  }
  return x.dense().data()[offset + row * width + column];
}

/// What matmul should give, by loops; empty, or the first element that differs.
std::string difference_from_loops(const Var& a, const Var& b, const xg::MatmulOptions& options) {
  const Var y = xg::matmul(a, b, options);
  const xg::Shape& shape = y.shape();
  const xg::Shape batch(shape.begin(), shape.end() - 2);
  const std::size_t m = shape[shape.size() - 2], n = shape.back();
  const std::size_t k = a.shape()[a.dim() - (options.transpose_a ? 2 : 1)];
  for (std::size_t i = 0; i < y.size(); ++i) {
    const std::size_t matrix = i / (m * n), row = i / n % m, column = i % n;
    double expected = 0;
    for (std::size_t p = 0; p < k; ++p)
      expected +=
          (options.transpose_a ? element(a, batch, matrix, p, row) : element(a, batch, matrix, row, p)) *
          (options.transpose_b ? element(b, batch, matrix, column, p) : element(b, batch, matrix, p, column));
    const double got = y.dense().data()[i];
    if (std::fabs(got - expected) > 1e-13 * static_cast<double>(k + 1))
      return "element " + std::to_string(i) + " is " + std::to_string(got) + " instead of " +
             std::to_string(expected);
  }
  return "";
}

struct Shapes {
  xg::Shape a, b, result;  ///< batch axes alone
};

/// Every kind of batch: one side alone, both, broadcast in the first or last axis, of extent 1, several.
const std::vector<Shapes>& batches() {
  static const std::vector<Shapes> all = {
      {{3}, {}, {3}},
      {{}, {3}, {3}},
      {{3}, {3}, {3}},
      {{3}, {1}, {3}},
      {{1}, {3}, {3}},
      {{2, 3}, {2, 3}, {2, 3}},
      {{2, 3}, {3}, {2, 3}},
      {{3}, {2, 1}, {2, 3}},
      {{2, 1}, {1, 3}, {2, 3}},
      {{2, 1}, {2, 3}, {2, 3}},
      {{2, 3}, {2, 1}, {2, 3}},
      {{1, 1}, {1}, {1, 1}},
      {{2, 1, 2}, {2, 3, 1}, {2, 3, 2}},
  };
  return all;
}

xg::Shape with(xg::Shape shape, std::size_t rows, std::size_t columns) {
  shape.push_back(rows);
  shape.push_back(columns);
  return shape;
}

/// Calls check(a, b, options, result's batch) for each kind of batch and transposition.
template <class Check>
void for_each_case(std::size_t m, std::size_t k, std::size_t n, const Check& check) {
  for (const Shapes& shapes : batches())
    for (const bool ta : {false, true})
      for (const bool tb : {false, true}) {
        const Var a = random_variable(ta ? with(shapes.a, k, m) : with(shapes.a, m, k), 1);
        const Var b = random_variable(tb ? with(shapes.b, n, k) : with(shapes.b, k, n), 2);
        INFO("seeds 1 and 2: " << to_string(a.shape()) << " x " << to_string(b.shape()) << ", transposed "
                               << ta << " " << tb);
        check(a, b, xg::MatmulOptions{ta, tb}, shapes.result);
      }
}

}  // namespace

TEST_CASE("matmul multiplies stacks of matrices as plain loops do, whatever broadcasts") {
  const std::size_t sizes[][3] = {{2, 3, 4}, {1, 3, 4}, {2, 1, 4}, {2, 3, 1}, {1, 3, 1}};
  for (const auto& [m, k, n] : sizes)
    for_each_case(m, k, n,
                  [&, m = m, n = n](const Var& a, const Var& b, const xg::MatmulOptions& options,
                                    const xg::Shape& batch) {
                    CHECK(xg::matmul(a, b, options).shape() == with(batch, m, n));
                    CHECK(difference_from_loops(a, b, options) == "");
                  });
}

TEST_CASE("gradients of stacks are summed to their factors' shapes, at both orders") {
  for_each_case(2, 3, 2, [](const Var& a, const Var& b, const xg::MatmulOptions& options, const xg::Shape&) {
    const auto report =
        xg::gradcheck([&](const Var& x, const Var& y) { return xg::square(xg::matmul(x, y, options)); },
                      {a, b}, {.second_order = true, .max_elements = 12});
    INFO(report);
    CHECK(report.ok());
  });
}

TEST_CASE("rows and columns among the stacks have right gradients too") {
  const std::size_t sizes[][3] = {{1, 3, 2}, {2, 3, 1}, {1, 2, 1}};
  for (const auto& [m, k, n] : sizes)
    for_each_case(
        m, k, n, [](const Var& a, const Var& b, const xg::MatmulOptions& options, const xg::Shape&) {
          const auto report =
              xg::gradcheck([&](const Var& x, const Var& y) { return xg::square(xg::matmul(x, y, options)); },
                            {a, b}, {.max_elements = 8});
          INFO(report);
          CHECK(report.ok());
        });
}

TEST_CASE("a vector beside a stack multiplies each of its matrices") {
  const Var stack = random_variable({2, 3, 4}, 3), four = random_variable({4}, 4),
            three = random_variable({3}, 5);
  const Var right = xg::matmul(stack, four), left = xg::matmul(three, stack);
  CHECK(right.shape() == xg::Shape{2, 3});
  CHECK(left.shape() == xg::Shape{2, 4});
  for (int i = 0; i < 2; ++i) {
    CHECK(xt::allclose(xg::slice(right, {i}).value(), xg::matmul(xg::slice(stack, {i}), four).value(), 0,
                       1e-14));
    CHECK(xt::allclose(xg::slice(left, {i}).value(), xg::matmul(three, xg::slice(stack, {i})).value(), 0,
                       1e-14));
  }
  CHECK(xg::matmul(four, stack, {.transpose_b = true}).shape() == xg::Shape{2, 3});
  const auto report = xg::gradcheck(
      [](const Var& x, const Var& u, const Var& v) {
        return xg::square(xg::matmul(v, x)) + xg::matmul(xg::matmul(x, u), x);
      },
      {random_variable({3, 3, 3}, 6), random_variable({3}, 7), random_variable({3}, 8)},
      {.second_order = true});
  INFO(report);
  CHECK(report.ok());
}

TEST_CASE("stacks without matrices, and matrices without elements") {
  const auto shape_of = [](const xg::Shape& a, const xg::Shape& b) {
    return xg::matmul(Var(xg::Dense<double>::filled(a, 1)), Var(xg::Dense<double>::filled(b, 1))).shape();
  };
  CHECK(shape_of({0, 2, 3}, {3, 4}) == xg::Shape{0, 2, 4});
  CHECK(shape_of({0, 2, 3}, {1, 3, 4}) == xg::Shape{0, 2, 4});
  CHECK(shape_of({5, 0, 3}, {3, 4}) == xg::Shape{5, 0, 4});
  const Var a = random_variable({2, 3, 0}, 1), b = random_variable({0, 4}, 2);
  CHECK(xg::matmul(a, b).value() == filled({2, 3, 4}, 0));
  // A factor that no matrix of the stack reaches has gradient 0.
  const Var none = random_variable({0, 2, 3}, 3), some = random_variable({3, 4}, 4);
  const auto gradients =
      xg::grad(xg::matmul(none, some), {none, some}, {.grad_output = filled({0, 2, 4}, 1)});
  CHECK(gradients[0].shape() == xg::Shape{0, 2, 3});
  CHECK(gradients[1].value() == filled({3, 4}, 0));
}

TEST_CASE("large stacks are the same on one thread and on two, bit for bit") {
  const struct {
    xg::Shape a, b;
  } cases[] = {{{64, 40, 40}, {64, 40, 40}},
               {{2, 330, 330}, {2, 330, 330}},
               {{1100, 32, 32}, {32, 32}},
               {{16, 16}, {3000, 16, 16}}};
  for (const auto& [a_shape, b_shape] : cases) {
    const Var a = random_variable(a_shape, 1), b = random_variable(b_shape, 2);
    const auto run = [&](std::size_t threads) {
      Threads use(threads);
      const Var y = xg::matmul(a, b);
      CHECK(use.shared_a_loop() == (threads > 1));
      auto all = xg::grad(y, {a, b}, {.grad_output = y.detach()});
      CHECK(use.shared_a_loop() == (threads > 1));
      all.push_back(y.detach());
      return all;
    };
    const auto alone = run(1), together = run(2);
    for (std::size_t i = 0; i < alone.size(); ++i)
      CHECK(std::memcmp(alone[i].dense().data(), together[i].dense().data(),
                        alone[i].size() * sizeof(double)) == 0);
    CHECK(difference_from_loops(a, b, {}) == "");
  }
}

TEST_CASE("dot sums over the last axis of one and the last but one of the other") {
  const Var a = random_variable({2, 3, 4}, 1), b = random_variable({5, 4, 2}, 2);
  const Var y = xg::dot(a, b);
  REQUIRE(y.shape() == xg::Shape{2, 3, 5, 2});
  for (std::size_t i = 0; i < 6; ++i)
    for (std::size_t j = 0; j < 5; ++j)
      for (std::size_t l = 0; l < 2; ++l) {
        double expected = 0;
        for (std::size_t k = 0; k < 4; ++k) expected += a.dense().data()[i * 4 + k] * b.value()(j, k, l);
        CHECK(y.dense().data()[(i * 5 + j) * 2 + l] == doctest::Approx(expected).epsilon(1e-13));
      }
  CHECK(xg::dot(random_variable({4}, 1), b).shape() == xg::Shape{5, 2});
  CHECK(xg::dot(a, random_variable({4}, 1)).shape() == xg::Shape{2, 3});
  CHECK(xg::dot(random_variable({4}, 1), random_variable({4}, 2)).dim() == 0);
  CHECK(xg::dot(xg::constant(2.0), xg::constant(xt::xarray<double>{1, 2})).value() ==
        xt::xarray<double>{2, 4});
  CHECK(xg::dot(random_variable({2, 0}, 1), random_variable({3, 0, 2}, 2)).value() == filled({2, 3, 2}, 0));
  CHECK_THROWS_WITH_AS(
      xg::dot(a, random_variable({4, 3, 2}, 1)),
      "dot: the axes to sum over differ: [2, 3, 4] and [4, 3, 2] (4 vs 3); the last axis of the "
      "one goes with the last but one of the other",
      xg::ShapeError);
  const auto report = xg::gradcheck([](const Var& x, const Var& z) { return xg::square(xg::dot(x, z)); },
                                    {a, b}, {.second_order = true, .max_elements = 10});
  INFO(report);
  CHECK(report.ok());
}

TEST_CASE("outer multiplies every element by every element") {
  const auto a = xg::constant(xt::xarray<double>{1, 2}), b = xg::constant(xt::xarray<double>{{3, 4}, {5, 6}});
  CHECK(xg::outer(a, b).value() == xt::xarray<double>{{3, 4, 5, 6}, {6, 8, 10, 12}});
  CHECK(xg::outer(xg::constant(2.0), a).value() == xt::xarray<double>{{2, 4}});
  CHECK(xg::outer(random_variable({0}, 1), b).shape() == xg::Shape{0, 4});
  const auto report =
      xg::gradcheck([](const Var& x, const Var& y) { return xg::square(xg::outer(x, y)); },
                    {random_variable({2, 2}, 1), random_variable({3}, 2)}, {.second_order = true});
  INFO(report);
  CHECK(report.ok());
}

TEST_CASE("trace sums a diagonal, of any two axes and any offset") {
  const auto x = xg::constant(xt::xarray<double>{{1, 2, 3}, {4, 5, 6}});
  CHECK(xg::trace(x).item() == 6);
  CHECK(xg::trace(x, 1).item() == 8);
  CHECK(xg::trace(x, 2).item() == 3);
  CHECK(xg::trace(x, -1).item() == 4);
  for (const std::ptrdiff_t far :
       {std::ptrdiff_t{3}, std::ptrdiff_t{-2}, std::ptrdiff_t{100}, PTRDIFF_MIN, PTRDIFF_MAX})
    CHECK(xg::trace(x, far).item() == 0);
  CHECK(xg::trace(x, 1, 1, 0).item() == 4);
  const Var stack = random_variable({2, 3, 4}, 1);
  const auto v = stack.value();
  for (std::size_t j = 0; j < 3; ++j)
    CHECK(xg::trace(stack, 1, 0, -1).value()(j) == doctest::Approx(v(0, j, 1) + v(1, j, 2)));
  CHECK(xg::trace(random_variable({0, 0}, 1)).item() == 0);
  CHECK(xg::trace(random_variable({0, 3, 3}, 1), 0, 1, 2).shape() == xg::Shape{0});
  CHECK_THROWS_WITH_AS(xg::trace(x, 0, 1, -1), "trace: axis 1 of shape [2, 3] is named twice; give two axes",
                       xg::ShapeError);
  CHECK_THROWS_AS(xg::trace(xg::constant(1.0)), xg::ShapeError);
  const auto report = xg::gradcheck([](const Var& y) { return xg::square(xg::trace(y, -1, 2, 1)); }, {stack},
                                    {.second_order = true});
  INFO(report);
  CHECK(report.ok());
}
