#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>
#include <string>
#include <vector>
#include <xgrad/core/array/memory.hpp>
#include <xgrad/core/kernels/random.hpp>
#include <xgrad/derivatives/grad.hpp>
#include <xgrad/derivatives/gradcheck.hpp>
#include <xgrad/ops/decomposition.hpp>
#include <xgrad/ops/linear_algebra.hpp>
#include <xgrad/ops/operators.hpp>
#include <xgrad/ops/reduction.hpp>
#include <xgrad/ops/shape.hpp>

#include "../message_of.hpp"
#include "../threads.hpp"
#include "../variables.hpp"

namespace xg = xgrad;
using xgrad::testing::Threads;

namespace {

using xg::testing::message_of;
using xg::testing::random_variable;
using Var = xg::Variable<double>;

xg::Array<double> filled(const xg::Shape& shape, double value) {
  return xg::to_array(xg::Dense<double>::filled(shape, value));
}
xg::Array<double> identity(std::size_t n) { return xt::eye<double>(n); }

/// Matrices far from singular, in which LU exchanges rows: large elements stand off the diagonal.
Var matrices(const xg::Shape& shape, std::uint64_t seed) {
  const std::size_t n = shape.back();
  xg::Dense<double> made = random_variable(shape, seed).dense();
  double* out = made.mutable_data();
  for (std::size_t i = 0; i < made.size() / std::max<std::size_t>(n, 1); ++i) out[i * n + (i + 1) % n] += 3;
  return xg::detail::parameter_from(made);
}
/// Symmetric positive definite ones.
Var definite(const xg::Shape& shape, std::uint64_t seed) {
  const Var x = random_variable(shape, seed);
  return xg::parameter((xg::matmul(x, x, {.transpose_b = true}) + identity(shape.back())).value());
}

bool near(const xg::Array<double>& a, const xg::Array<double>& b, double tolerance = 1e-12) {
  return a.shape() == b.shape() && xt::allclose(a, b, tolerance, tolerance);
}

/// By expansion along the first row.
double determinant_by_minors(const std::vector<double>& a, std::size_t n) {
  if (n == 0) return 1;
  double total = 0;
  for (std::size_t column = 0; column < n; ++column) {
    std::vector<double> minor;
    for (std::size_t i = 1; i < n; ++i)
      for (std::size_t j = 0; j < n; ++j)
        if (j != column) minor.push_back(a[i * n + j]);
    total += (column % 2 == 0 ? 1 : -1) * a[column] * determinant_by_minors(minor, n - 1);
  }
  return total;
}

template <class F, std::size_t N>
void check(F&& f, const Var (&inputs)[N]) {
  const auto report = xg::gradcheck(f, inputs, {.second_order = true, .max_elements = 20});
  INFO(report);
  CHECK(report.ok());
}

}  // namespace

TEST_CASE("what solve gives solves the system, for vectors, matrices and stacks that broadcast") {
  const struct {
    xg::Shape a, b, x;
  } cases[] = {{{3, 3}, {3}, {3}},
               {{3, 3}, {3, 2}, {3, 2}},
               {{1, 1}, {1}, {1}},
               {{20, 20}, {20, 300}, {20, 300}},
               {{4, 3, 3}, {3}, {4, 3}},
               {{4, 3, 3}, {3, 2}, {4, 3, 2}},
               {{4, 3, 3}, {4, 3, 2}, {4, 3, 2}},
               {{3, 3}, {4, 3, 2}, {4, 3, 2}},
               {{2, 1, 3, 3}, {4, 3, 2}, {2, 4, 3, 2}},
               {{1, 3, 3}, {4, 3, 2}, {4, 3, 2}}};
  for (const auto& each : cases) {
    INFO("seeds 1 and 2: " << to_string(each.a) << " and " << to_string(each.b));
    const Var a = matrices(each.a, 1), b = random_variable(each.b, 2);
    const Var x = xg::solve(a, b);
    CHECK(x.shape() == each.x);
    const bool is_vector = each.b.size() == 1;
    const Var product = xg::matmul(a, is_vector ? xg::expand_dims(x, -1) : x);
    const Var right = is_vector ? xg::expand_dims(b, -1) : b;
    CHECK(near(product.value(), xg::broadcast_to(right, product.shape()).value()));
  }
}

TEST_CASE("solve has right gradients at both orders") {
  const auto squared = [](const Var& a, const Var& b) { return xg::square(xg::solve(a, b)); };
  check(squared, {matrices({3, 3}, 1), random_variable({3}, 2)});
  check(squared, {matrices({3, 3}, 1), random_variable({3, 2}, 2)});
  check(squared, {matrices({2, 3, 3}, 1), random_variable({2, 3, 2}, 2)});
  check(squared, {matrices({3, 3}, 1), random_variable({2, 3, 2}, 2)});
  check(squared, {matrices({2, 1, 3, 3}, 1), random_variable({2, 3, 1}, 2)});
  check(squared, {matrices({2, 3, 3}, 1), random_variable({3}, 2)});
  check([](const Var& a) { return xg::solve(a, xg::matmul(a, a)); }, {matrices({3, 3}, 3)});
}

TEST_CASE("third derivatives of solve, inverse and logdet are right too") {
  const Var w = matrices({2, 2}, 5), b = random_variable({2}, 6);
  const auto report = xg::gradcheck(
      [&](const Var& v) {
        const Var a = v.requires_grad() ? v : xg::detail::parameter_from(v.dense());
        const Var y = xg::sum(xg::square(xg::solve(a, b))) + xg::sum(xg::square(xg::inverse(a))) +
                      xg::square(xg::logdet(xg::matmul(a, a)));
        return xg::grad(y, {a}, {.create_graph = true})[0];
      },
      {w}, {.relative_tolerance = 1e-4, .second_order = true});
  INFO(report);
  CHECK(report.ok());
}

TEST_CASE("solve_triangular reads one half alone") {
  const Var a = matrices({3, 3}, 1), b = random_variable({3, 2}, 2);
  for (const bool upper : {false, true})
    for (const bool transpose : {false, true}) {
      INFO("upper " << upper << ", transposed " << transpose);
      xg::Array<double> half = a.value();
      for (std::size_t i = 0; i < 3; ++i)
        for (std::size_t j = 0; j < 3; ++j)
          if (upper ? j < i : j > i) half(i, j) = 0;
      const Var expected =
          xg::solve(xg::constant(transpose ? xg::Array<double>(xt::transpose(half)) : half), b);
      CHECK(near(xg::solve_triangular(a, b, {upper, transpose}).value(), expected.value()));
      check(
          [&](const Var& m, const Var& r) {
            return xg::square(xg::solve_triangular(m, r, {upper, transpose}));
          },
          {a, b});
      check(
          [&](const Var& m, const Var& r) {
            return xg::square(xg::solve_triangular(m, r, {upper, transpose}));
          },
          {a, random_variable({2, 3, 1}, 3)});
    }
}

TEST_CASE("a matrix times its inverse is the identity") {
  const Var a = matrices({2, 5, 5}, 1);
  const Var product = xg::matmul(a, xg::inverse(a));
  CHECK(near(product.value(), xg::broadcast_to(xg::constant(identity(5)), {2, 5, 5}).value()));
  CHECK(xg::inverse(xg::constant(xt::xarray<double>{{0, 2}, {4, 0}})).value() ==
        xt::xarray<double>{{0, 0.25}, {0.5, 0}});
  check([](const Var& x) { return xg::square(xg::inverse(x)); }, {matrices({3, 3}, 2)});
  check([](const Var& x) { return xg::square(xg::inverse(x)); }, {matrices({2, 2, 2}, 3)});
}

TEST_CASE("determinants are those of the expansion by minors, with their sign") {
  for (std::uint64_t seed = 0; seed < 20; ++seed) {
    const std::size_t n = seed % 6;
    INFO("seed " << seed << ", n " << n);
    const Var a = random_variable({n, n}, seed);
    const double* in = a.dense().data();
    const double expected = determinant_by_minors({in, in + n * n}, n);
    CHECK(std::fabs(xg::determinant(a).item() - expected) < 1e-13);
    if (expected > 0) CHECK(xg::logdet(a).item() == doctest::Approx(std::log(expected)).epsilon(1e-10));
  }
  CHECK(xg::determinant(xg::constant(xt::xarray<double>{{0, 1}, {1, 0}})).item() == -1);
  CHECK(xg::determinant(random_variable({2, 4, 3, 3}, 1)).shape() == xg::Shape{2, 4});
  check([](const Var& x) { return xg::square(xg::determinant(x)); }, {matrices({3, 3}, 1)});
  check([](const Var& x) { return xg::square(xg::determinant(x)); }, {matrices({3, 2, 2}, 2)});
}

TEST_CASE("logdet stays finite where the determinant does not") {
  const Var large = xg::parameter(1e10 * identity(100));
  CHECK(std::isinf(xg::determinant(large).item()));
  CHECK(xg::logdet(large).item() == doctest::Approx(100 * std::log(1e10)));
  CHECK(near(xg::grad(xg::logdet(large), {large})[0].value(), 1e-10 * identity(100)));
  check([](const Var& x) { return xg::square(xg::logdet(xg::matmul(x, x))); }, {matrices({3, 3}, 1)});
  check([](const Var& x) { return xg::square(xg::logdet(x)); }, {definite({2, 3, 3}, 2)});
}

TEST_CASE("of two infinite pivots comes a NaN, and no number of either sign") {
  const double inf = std::numeric_limits<double>::infinity();
  // As the element grows, the determinant does to -inf.
  const Var a = xg::parameter(xt::xarray<double>{{0.8, -0.3, 0.9}, {0, 0, -inf}, {0.8, -0.4, 0.3}});
  CHECK_FALSE(xg::determinant(a).item() > -inf);
  // Where there is one, its row takes no part: the limit.
  const Var b = xg::constant(xt::xarray<double>{{inf, 1}, {1, 2}});
  CHECK(xg::inverse(b).value() == xt::xarray<double>{{0, 0}, {0, 0.5}});
  CHECK(xg::determinant(b).item() == inf);
}

TEST_CASE("a NaN that rows were exchanged for is the logdet, and no negative determinant") {
  const double nan = std::numeric_limits<double>::quiet_NaN();
  CHECK(std::isnan(xg::logdet(xg::constant(xt::xarray<double>{{0, 1}, {1, nan}})).item()));
  CHECK(std::isnan(xg::logdet(xg::constant(xt::xarray<double>{{1, 2}, {nan, 1}})).item()));
}

TEST_CASE("cholesky's factor is lower triangular and gives the matrix back") {
  const Var a = definite({2, 5, 5}, 1);
  const Var l = xg::cholesky(a);
  CHECK(near(xg::matmul(l, l, {.transpose_b = true}).value(), a.value()));
  const auto v = l.value();
  for (std::size_t i = 0; i < 5; ++i) {
    CHECK(v(1, i, i) > 0);
    for (std::size_t j = i + 1; j < 5; ++j) CHECK(v(1, i, j) == 0);
  }
  check([](const Var& x) { return xg::square(xg::cholesky(x)); }, {definite({3, 3}, 2)});
  check([](const Var& x) { return xg::square(xg::cholesky(x)); }, {definite({2, 2, 2}, 3)});
}

TEST_CASE("cholesky takes the symmetric part, and its gradient is symmetric") {
  const Var a = xg::parameter(xt::xarray<double>{{4, 3}, {1, 5}});
  const auto l = xg::cholesky(a);
  CHECK(near(xg::matmul(l, l, {.transpose_b = true}).value(), xt::xarray<double>{{4, 2}, {2, 5}}));
  const auto g = xg::grad(xg::sum(l), {a})[0].value();
  CHECK(g(0, 1) == doctest::Approx(g(1, 0)));
}

TEST_CASE("a NaN in a matrix is one in every element of its Cholesky factor that depends on it") {
  const double nan = std::numeric_limits<double>::quiet_NaN();
  for (std::size_t row = 0; row < 3; ++row)
    for (std::size_t column = 0; column < 3; ++column) {
      xt::xarray<double> a = 4 * xt::eye<double>(3) + 1;
      a(row, column) = nan;
      INFO("a NaN at " << row << ", " << column);
      const auto in_double = xg::cholesky(xg::constant(a)).value();
      const auto in_float = xg::cholesky(xg::constant(xt::xarray<float>(xt::cast<float>(a)))).value();
      // Its own element, and what comes from the pivot of its row on.
      const std::size_t last = std::max(row, column), first = std::min(row, column);
      for (std::size_t i = 0; i < 3; ++i)
        for (std::size_t j = 0; j < 3; ++j) {
          const bool depends = (i == last && j >= first && j <= i) || (i >= j && j >= last);
          CHECK(std::isnan(in_double(i, j)) == depends);
          CHECK(std::isnan(in_float(i, j)) == depends);
        }
    }
}

TEST_CASE("singular matrices are a ValueError that names the pivot, and the matrix of a stack") {
  const auto singular = xg::constant(xt::xarray<double>{{1, 2, 4}, {2, 4, 8}, {1, 0, 1}});
  const auto b = xg::constant(xt::xarray<double>{1, 2, 3});
  const std::string advice =
      ": row 1 depends on the rows before it); change that row, or add a multiple of the identity";
  CHECK(message_of<xg::ValueError>([&] { xg::solve(singular, b); }) ==
        "solve: a of shape [3, 3] is singular (pivot 1 of its LU factors is 0" + advice);
  CHECK(message_of<xg::ValueError>([&] { xg::inverse(singular); }) ==
        "inverse: a of shape [3, 3] is singular (pivot 1 of its LU factors is 0" + advice);
  CHECK(message_of<xg::ValueError>([&] { xg::logdet(singular); }) ==
        "logdet: a of shape [3, 3] is singular (pivot 1 of its LU factors is 0" + advice);
  const auto stack = xg::stack({xg::constant(identity(3)), singular, singular});
  CHECK(message_of<xg::ValueError>([&] { xg::inverse(stack); }) ==
        "inverse: matrix [1] of a of shape [3, 3, 3] is singular (pivot 1 of its LU factors is 0" + advice);
  CHECK(
      message_of<xg::ValueError>([&] { xg::cholesky(-stack); }) ==
      "cholesky: matrix [0] of a of shape [3, 3, 3] is not positive definite (pivot 0 is not above 0); add a "
      "multiple of the identity");
  CHECK(message_of<xg::ValueError>([&] {
          xg::logdet(xg::constant(xt::xarray<double>{{0, 1}, {1, 0}}));
        }) ==
        "logdet: a of shape [2, 2] has a negative determinant; exchange two rows, or take "
        "log(abs(determinant(a)))");
  CHECK(
      message_of<xg::ValueError>([&] {
        xg::solve_triangular(xg::constant(xt::xarray<double>{{1, 5}, {5, 0}}),
                             xg::constant(xt::xarray<double>{1, 2}));
      }) ==
      "solve_triangular: a of shape [2, 2] is singular (element 1 of its diagonal is 0); no diagonal element "
      "may be");
}

TEST_CASE("matrices that are not square, and right sides that do not fit, are named") {
  const Var wide = random_variable({2, 3}, 1), square = matrices({3, 3}, 1);
  CHECK(message_of<xg::ShapeError>([&] { xg::inverse(wide); }) ==
        "inverse: a is no square matrix: [2, 3]; its last two extents must be equal");
  for (const xg::Shape& shape : {xg::Shape{}, xg::Shape{3}, xg::Shape{3, 3, 2}}) {
    const Var bad = random_variable(shape, 1);
    CHECK_THROWS_AS(xg::determinant(bad), xg::ShapeError);
    CHECK_THROWS_AS(xg::logdet(bad), xg::ShapeError);
    CHECK_THROWS_AS(xg::cholesky(bad), xg::ShapeError);
    CHECK_THROWS_AS(xg::solve(bad, random_variable({3}, 1)), xg::ShapeError);
  }
  CHECK(message_of<xg::ShapeError>([&] {
          xg::solve(square, random_variable({4, 2}, 1));
        }) == "solve: the right side does not fit: [3, 3] and [4, 2]; it must have 3 rows, as a has");
  CHECK_THROWS_AS(xg::solve(square, xg::constant(1.0)), xg::ShapeError);
  CHECK(message_of<xg::ShapeError>([&] {
          xg::solve(matrices({2, 3, 3}, 1), random_variable({4, 3, 2}, 1));
        }) ==
        "solve: batch axes: shapes do not broadcast: [2] and [4] (axis 0: 2 vs 4); make the extents equal or "
        "1");
}

TEST_CASE("matrices without elements are solved, inverted and factored to nothing") {
  const Var none = random_variable({0, 0}, 1), many = random_variable({3, 0, 0}, 1),
            no_stack = matrices({0, 2, 2}, 1);
  CHECK(xg::determinant(none).item() == 1);
  CHECK(xg::logdet(none).item() == 0);
  CHECK(xg::determinant(many).value() == filled({3}, 1));
  CHECK(xg::inverse(many).shape() == xg::Shape{3, 0, 0});
  CHECK(xg::cholesky(none).shape() == xg::Shape{0, 0});
  CHECK(xg::solve(none, random_variable({0}, 1)).shape() == xg::Shape{0});
  CHECK(xg::solve(none, random_variable({0, 4}, 1)).shape() == xg::Shape{0, 4});
  CHECK(xg::solve(matrices({2, 2}, 1), random_variable({2, 0}, 1)).shape() == xg::Shape{2, 0});
  CHECK(xg::solve(no_stack, random_variable({2}, 1)).shape() == xg::Shape{0, 2});
  CHECK(xg::inverse(no_stack).shape() == xg::Shape{0, 2, 2});
  const auto gradients = [](const Var& y, const Var& x) {
    return xg::grad(y, {x}, {.grad_output = filled(y.shape(), 1)})[0].shape();
  };
  CHECK(gradients(xg::determinant(many), many) == xg::Shape{3, 0, 0});
  CHECK(gradients(xg::inverse(no_stack), no_stack) == xg::Shape{0, 2, 2});
  CHECK(gradients(xg::cholesky(none), none) == xg::Shape{0, 0});
  CHECK(gradients(xg::solve(no_stack, random_variable({2}, 1)), no_stack) == xg::Shape{0, 2, 2});
}

TEST_CASE("NaN goes through solve, inverse, determinant and cholesky") {
  xg::Array<double> a = identity(3);
  a(1, 1) = std::numeric_limits<double>::quiet_NaN();
  CHECK(std::isnan(xg::determinant(xg::constant(a)).item()));
  CHECK(std::isnan(xg::logdet(xg::constant(a)).item()));
  CHECK(std::isnan(xg::inverse(xg::constant(a)).value()(1, 1)));
  CHECK(std::isnan(xg::solve(xg::constant(a), xg::constant(xt::xarray<double>{1, 1, 1})).value()(1)));
  CHECK(std::isnan(xg::cholesky(xg::constant(a)).value()(1, 1)));
}

TEST_CASE("backward uses the factors of forward, and a replaced leaf does not disturb them") {
  const Var a = matrices({3, 3}, 1), b = random_variable({3}, 2);
  const auto expected = xg::grad(xg::sum(xg::solve(a, b)), {a, b});
  Var changed = xg::detail::parameter_from(a.dense());
  const Var y = xg::sum(xg::solve(changed, b));
  changed.set_value(identity(3));
  const auto first = xg::grad(y, {changed, b}, {.retain_graph = true});
  const auto recorded = xg::grad(y, {changed, b}, {.create_graph = true});
  for (std::size_t i = 0; i < 2; ++i) {
    CHECK(near(first[i].value(), expected[i].value()));
    CHECK(near(recorded[i].value(), expected[i].value()));
  }
}

TEST_CASE("large systems are the same on one thread and on two, bit for bit") {
  const struct { xg::Shape a, b; } cases[] = {{{300, 300}, {300, 400}}, {{2000, 6, 6}, {2000, 6, 3}}};
  for (const auto& [a_shape, b_shape] : cases) {
    const Var a = matrices(a_shape, 1), b = random_variable(b_shape, 2);
    const auto run = [&](std::size_t threads) {
      Threads use(threads);
      const Var y = xg::solve(a, b);
      CHECK(use.shared_a_loop() == (threads > 1));
      auto all = xg::grad(y, {a, b}, {.grad_output = y.detach()});
      CHECK(use.shared_a_loop() == (threads > 1));
      all.push_back(y.detach());
      all.push_back(xg::inverse(a).detach());
      CHECK(use.shared_a_loop() == (threads > 1));
      return all;
    };
    const auto alone = run(1), together = run(2);
    for (std::size_t i = 0; i < alone.size(); ++i)
      CHECK(std::memcmp(alone[i].dense().data(), together[i].dense().data(),
                        alone[i].size() * sizeof(double)) == 0);
  }
}
