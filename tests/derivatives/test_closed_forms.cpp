// jacobian, hessian, hvp and jvp against formulas written down by hand, to 1e-12.
#include <doctest/doctest.h>

#include <cmath>
#include <xgrad/core/kernels/random.hpp>
#include <xgrad/derivatives/functions.hpp>
#include <xgrad/derivatives/grad.hpp>
#include <xgrad/derivatives/jvp.hpp>
#include <xgrad/ops/arithmetic.hpp>
#include <xgrad/ops/exponential.hpp>
#include <xgrad/ops/linear_algebra.hpp>
#include <xgrad/ops/operators.hpp>
#include <xgrad/ops/reduction.hpp>
#include <xgrad/ops/softmax.hpp>

#include "../variables.hpp"

namespace xg = xgrad;
using xgrad::testing::largest_difference;
using Var = xg::Variable<double>;
using Numbers = xg::Array<double>;

namespace {

constexpr double tolerance = 1e-12;

Numbers normal(const xg::Shape& shape, std::uint64_t seed) {
  xg::Generator numbers(seed);
  return xg::random_normal<double>(shape, 0, 1, numbers);
}

/// How far a matrix times v, all in row-major order, is from what is expected.
double product_difference(const Numbers& matrix, const Numbers& v, const Numbers& expected) {
  const std::size_t columns = v.size(), rows = matrix.size() / columns;
  REQUIRE(expected.size() == rows);
  double worst = 0;
  for (std::size_t i = 0; i < rows; ++i) {
    double sum = 0;
    for (std::size_t j = 0; j < columns; ++j) sum += matrix.flat(i * columns + j) * v.flat(j);
    worst = std::fmax(worst, std::fabs(sum - expected.flat(i)));
  }
  return worst;
}

std::vector<double> softmax_of(const Numbers& x) {
  std::vector<double> s(x.size());
  double total = 0;
  for (std::size_t i = 0; i < s.size(); ++i) total += s[i] = std::exp(x.flat(i));
  for (double& share : s) share /= total;
  return s;
}

/// x tanh-ed by a hidden layer and read out linearly: tanh(x w + b) r.
struct Network {
  Numbers w = normal({3, 5}, 1), b = normal({5}, 2), r = normal({5, 2}, 3);

  Var operator()(const Var& x) const {
    return xg::matmul(xg::tanh(xg::linear(x, xg::constant(w), xg::constant(b))), xg::constant(r));
  }
  double hidden(const Numbers& x, std::size_t k) const {
    double sum = b(k);
    for (std::size_t a = 0; a < 3; ++a) sum += x(a) * w(a, k);
    return std::tanh(sum);
  }
};

}  // namespace

TEST_CASE("the Jacobian of softmax is diag(s) - s s^T") {
  const Numbers x = normal({6}, 10), v = normal({6}, 11);
  const auto s = softmax_of(x);
  Numbers expected(xg::Shape{6, 6});
  for (std::size_t i = 0; i < 6; ++i)
    for (std::size_t j = 0; j < 6; ++j) expected(i, j) = (i == j ? s[i] : 0) - s[i] * s[j];
  const auto h = [](const Var& z) { return xg::softmax(z); };
  const Numbers found = xg::jacobian(h, xg::constant(x));
  CHECK(largest_difference(found, expected) < tolerance);
  CHECK(product_difference(found, v, xg::jvp(h, xg::constant(x), v).tangent.value()) < tolerance);
  CHECK(product_difference(found, v, xg::vjp(h, xg::constant(x), v).cotangent.value()) < tolerance);
}

TEST_CASE("the Jacobian of a softmax of rows has a block for each row") {
  const Numbers x = normal({2, 3}, 12);
  const Numbers found = xg::jacobian([](const Var& z) { return xg::softmax(z, 1); }, xg::constant(x));
  Numbers expected = xt::zeros<double>({2, 3, 2, 3});
  for (std::size_t n = 0; n < 2; ++n) {
    const auto s = softmax_of(Numbers(xt::xarray<double>{x(n, 0), x(n, 1), x(n, 2)}));
    for (std::size_t i = 0; i < 3; ++i)
      for (std::size_t j = 0; j < 3; ++j) expected(n, i, n, j) = (i == j ? s[i] : 0) - s[i] * s[j];
  }
  CHECK(largest_difference(found, expected) < tolerance);
}

TEST_CASE("the Hessian of a weighed softmax, and of log-sum-exp") {
  const Numbers x = normal({6}, 13), c = normal({6}, 14), v = normal({6}, 15);
  const auto s = softmax_of(x);
  double mean = 0;  // f = sum c s
  for (std::size_t i = 0; i < 6; ++i) mean += c(i) * s[i];
  Numbers expected(xg::Shape{6, 6}), covariance(xg::Shape{6, 6});
  for (std::size_t i = 0; i < 6; ++i)
    for (std::size_t j = 0; j < 6; ++j) {
      covariance(i, j) = (i == j ? s[i] : 0) - s[i] * s[j];
      expected(i, j) = covariance(i, j) * (c(i) - mean) - s[i] * s[j] * (c(j) - mean);
    }
  const auto f = [&](const Var& z) { return xg::sum(xg::softmax(z) * c); };
  const Numbers found = xg::hessian(f, xg::constant(x));
  CHECK(largest_difference(found, expected) < tolerance);
  CHECK(product_difference(found, v, xg::hvp(f, xg::constant(x), v).value()) < tolerance);
  const auto g = [](const Var& z) { return xg::logsumexp(z); };
  CHECK(largest_difference(xg::hessian(g, xg::constant(x)), covariance) < tolerance);
  const auto picked = [&](const Var& z) { return xg::sum(xg::log_softmax(z) * c); };
  double weight = 0;
  for (std::size_t i = 0; i < 6; ++i) weight += c(i);
  CHECK(largest_difference(xg::hessian(picked, xg::constant(x)), Numbers(-weight * covariance)) < tolerance);
}

TEST_CASE("the Jacobian of a two-layer network is r^T diag(1 - h^2) w^T") {
  const Network net;
  const Numbers x = normal({3}, 20), v = normal({3}, 21);
  Numbers expected = xt::zeros<double>({2, 3});
  for (std::size_t k = 0; k < 5; ++k) {
    const double h = net.hidden(x, k);
    for (std::size_t o = 0; o < 2; ++o)
      for (std::size_t a = 0; a < 3; ++a) expected(o, a) += net.r(k, o) * (1 - h * h) * net.w(a, k);
  }
  const Numbers found = xg::jacobian(net, xg::constant(x));
  CHECK(largest_difference(found, expected) < tolerance);
  CHECK(product_difference(found, v, xg::jvp(net, xg::constant(x), v).tangent.value()) < tolerance);
}

TEST_CASE("the Hessian of a two-layer network in its input is w diag(-2 h (1 - h^2) r u) w^T") {
  const Network net;
  const Numbers x = normal({3}, 22), u = normal({2}, 23), v = normal({3}, 24);
  Numbers expected = xt::zeros<double>({3, 3});
  for (std::size_t k = 0; k < 5; ++k) {
    const double h = net.hidden(x, k);
    const double bend = -2 * h * (1 - h * h) * (net.r(k, 0) * u(0) + net.r(k, 1) * u(1));
    for (std::size_t a = 0; a < 3; ++a)
      for (std::size_t b = 0; b < 3; ++b) expected(a, b) += net.w(a, k) * bend * net.w(b, k);
  }
  const auto f = [&](const Var& z) { return xg::sum(net(z) * u); };
  const Numbers found = xg::hessian(f, xg::constant(x));
  CHECK(largest_difference(found, expected) < tolerance);
  CHECK(product_difference(found, v, xg::hvp(f, xg::constant(x), v).value()) < tolerance);
}

TEST_CASE("the Hessian of a two-layer network's squared error in its weights") {
  const Network net;
  const Numbers x = normal({3}, 25), target = normal({2}, 26), v = normal({3, 5}, 27);
  const auto loss = [&](const Var& w) {
    const Var h = xg::tanh(xg::linear(xg::constant(x), w, xg::constant(net.b)));
    return 0.5 * xg::sum(xg::square(xg::matmul(h, xg::constant(net.r)) - target));
  };
  double h[5], error[2] = {-target(0), -target(1)};
  for (std::size_t k = 0; k < 5; ++k) {
    h[k] = net.hidden(x, k);
    for (std::size_t o = 0; o < 2; ++o) error[o] += h[k] * net.r(k, o);
  }
  Numbers expected(xg::Shape{3, 5, 3, 5});
  for (std::size_t k = 0; k < 5; ++k)
    for (std::size_t l = 0; l < 5; ++l) {
      const double slopes = (1 - h[k] * h[k]) * (1 - h[l] * h[l]);
      double bend = slopes * (net.r(k, 0) * net.r(l, 0) + net.r(k, 1) * net.r(l, 1));
      if (k == l) bend -= 2 * h[k] * (1 - h[k] * h[k]) * (error[0] * net.r(k, 0) + error[1] * net.r(k, 1));
      for (std::size_t a = 0; a < 3; ++a)
        for (std::size_t b = 0; b < 3; ++b) expected(a, k, b, l) = x(a) * bend * x(b);
    }
  const Numbers found = xg::hessian(loss, xg::constant(net.w));
  CHECK(largest_difference(found, expected) < tolerance);
  CHECK(product_difference(found, v, xg::hvp(loss, xg::constant(net.w), v).value()) < tolerance);
}

TEST_CASE("second derivatives by a column that a large matrix repeats") {
  const std::size_t rows = 300, columns = 400;
  Numbers elements = normal({rows, columns}, 3), exponents = normal({rows, 1}, 4);
  for (double& x : elements) x = std::fabs(x) + 0.5;
  const auto x = xg::parameter(elements), column = xg::parameter(exponents);
  const auto second = [&](const Var& y) {
    const Var slope = xg::grad(xg::sum(y), {column}, {.create_graph = true})[0];
    return xg::grad(xg::sum(slope), {column})[0].value();
  };
  // (x^c)'' = x^c log(x)^2, and that of maximum is 0.
  const Numbers of_powers = second(xg::pow(x, column)), of_largest = second(xg::maximum(x, column));
  for (std::size_t i = 0; i < rows; ++i) {
    double expected = 0;
    for (std::size_t j = 0; j < columns; ++j) {
      const double each = elements.flat(i * columns + j), log = std::log(each);
      expected += std::pow(each, exponents.flat(i)) * log * log;
    }
    CHECK(of_powers.flat(i) == doctest::Approx(expected).epsilon(tolerance));
    CHECK(of_largest.flat(i) == 0);
  }
}
