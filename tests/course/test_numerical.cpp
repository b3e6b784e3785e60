// Numerical differentiation, and the computational graph checked against it: the first steps of the course.
#include <doctest/doctest.h>

#include <cmath>
#include <functional>
#include <map>
#include <string>
#include <vector>
#include <xgrad/core/array/memory.hpp>
#include <xgrad/core/kernels/random.hpp>
#include <xgrad/derivatives/functions.hpp>
#include <xgrad/derivatives/gradcheck.hpp>
#include <xgrad/derivatives/numerical_gradient.hpp>
#include <xgrad/ops/activation.hpp>
#include <xgrad/ops/arithmetic.hpp>
#include <xgrad/ops/cross_entropy.hpp>
#include <xgrad/ops/exponential.hpp>
#include <xgrad/ops/linear_algebra.hpp>
#include <xgrad/ops/operators.hpp>
#include <xgrad/ops/reduction.hpp>

namespace xg = xgrad;

namespace {

using Real = xg::Variable<double>;

double largest_size(const xg::Array<double>& values) {
  double largest = 0;
  for (const double value : values) largest = std::max(largest, std::fabs(value));
  return largest;
}

Real random_parameter(const xg::Shape& shape, double deviation, xg::Generator& from) {
  return xg::parameter(xg::random_normal<double>(shape, 0, deviation, from));
}

/// x0^2 + x1^2
Real bowl(const Real& x) { return xg::sum(x * x); }

/// 100 steps downhill at rate 0.1 from (-3, 4), by any gradient.
xg::Array<double> descend(const std::function<xg::Array<double>(const Real&)>& gradient) {
  Real x = xg::parameter(xt::xarray<double>{-3.0, 4.0});
  for (int step = 0; step < 100; ++step) x.set_value(x.value() - 0.1 * gradient(x));
  return x.value();
}

}  // namespace

TEST_CASE("the derivative of 0.01 x^2 + 0.1 x is 0.2 at 5 and 0.3 at 10, and its tangents touch the curve") {
  const auto f = [](const Real& x) { return 0.01 * xg::square(x) + 0.1 * x; };
  const struct { double at, slope, intercept; } tangents[] = {{5.0, 0.2, -0.25}, {10.0, 0.3, -1.0}};
  for (const auto& tangent : tangents) {
    const Real x = xg::parameter(tangent.at);
    const double numeric = xg::numerical_gradient([&] { return f(x).item(); }, x)();
    CHECK(numeric == doctest::Approx(tangent.slope).epsilon(1e-9));
    const auto [value, gradient] = xg::value_and_grad(f, x);
    CHECK(gradient.item() == doctest::Approx(tangent.slope).epsilon(1e-14));
    // The tangent slope * x + intercept meets the curve at x, and lies below it elsewhere.
    CHECK(value.item() - numeric * tangent.at == doctest::Approx(tangent.intercept).epsilon(1e-9));
    for (const double other : {0.0, 4.0, 12.0, 20.0})
      CHECK(f(xg::constant(other)).item() > tangent.slope * other + tangent.intercept);
  }
}

TEST_CASE("the gradient of x0^2 + x1^2 is (6, 8) at (3, 4), (0, 4) at (0, 2), (6, 0) at (3, 0)") {
  for (const xt::xarray<double>& at : {xt::xarray<double>{3, 4}, {0, 2}, {3, 0}}) {
    const Real x = xg::parameter(at);
    const auto numeric = xg::numerical_gradient([&] { return bowl(x).item(); }, x);
    const auto gradient = xg::value_and_grad(bowl, x).gradient;
    for (std::size_t i = 0; i < 2; ++i) {
      CHECK(std::fabs(numeric(i) - 2 * at(i)) < 1e-9);
      CHECK(gradient.value()(i) == 2 * at(i));
    }
  }
}

TEST_CASE("gradient descent on x0^2 + x1^2 arrives where the course does, by either gradient") {
  const auto by_graph = descend([](const Real& x) { return xg::value_and_grad(bowl, x).gradient.value(); });
  const auto by_differences =
      descend([](const Real& x) { return xg::numerical_gradient([&] { return bowl(x).item(); }, x); });
  for (const auto& end : {by_graph, by_differences}) {
    // Nine digits were printed.
    CHECK(std::fabs(end(0) + 6.11110793e-10) < 0.5e-18);
    CHECK(std::fabs(end(1) - 8.14814391e-10) < 0.5e-18);
  }
}

TEST_CASE("the numerical gradient of every parameter array of a two-layer network agrees with backprop") {
  xg::Generator random(2);
  const Real x = xg::constant(xg::random_normal<double>({5, 4}, 0, 1, random));
  const xg::Indices labels = xt::xarray<std::int64_t>{0, 2, 1, 1, 2};
  for (const bool with_relu : {false, true}) {
    CAPTURE(with_relu);
    std::map<std::string, Real> p{{"W1", random_parameter({4, 6}, 0.5, random)},
                                  {"b1", random_parameter({6}, 0.1, random)},
                                  {"W2", random_parameter({6, 3}, 0.5, random)},
                                  {"b2", random_parameter({3}, 0.1, random)}};
    const auto loss = [&] {
      const Real z = xg::matmul(x, p["W1"]) + p["b1"];
      const Real hidden = with_relu ? xg::relu(z) : xg::sigmoid(z);
      return xg::cross_entropy(xg::matmul(hidden, p["W2"]) + p["b2"], labels);
    };
    loss().backward();
    for (const auto& entry : p) {
      CAPTURE(entry.first);
      const Real& parameter = entry.second;
      const auto backprop = parameter.grad();
      const auto numeric = xg::numerical_gradient([&] { return loss().item(); }, parameter);
      const double largest = largest_size(backprop);
      CHECK(largest > 1e-3);
      CHECK(largest_size(numeric - backprop) < 1e-7 * largest);
    }
    const auto report = xg::gradcheck(loss, {p["W1"], p["b1"], p["W2"], p["b2"]}, {.second_order = true});
    INFO(report);
    CHECK(report.ok());
  }
}

TEST_CASE("in the graph, an add node passes its gradient on and a mul node swaps its inputs") {
  // Two apples at 100 and three oranges at 150, with tax.
  const Real apple = xg::parameter(100.0), apples = xg::parameter(2.0);
  const Real orange = xg::parameter(150.0), oranges = xg::parameter(3.0), tax = xg::parameter(1.1);
  const Real apple_price = apple * apples, orange_price = orange * oranges;
  const Real both = apple_price + orange_price;
  const Real price = both * tax;
  CHECK(price.item() == doctest::Approx(715.0));
  const auto g = xg::grad(price, {both, apple_price, orange_price, apple, apples, orange, oranges, tax});
  const double expected[] = {1.1, 1.1, 1.1, 2.2, 110, 3.3, 165, 650};
  for (std::size_t i = 0; i < g.size(); ++i) CHECK(g[i].item() == doctest::Approx(expected[i]));
}

TEST_CASE("a relu node lets the gradient through where its input was positive") {
  const Real x = xg::parameter(xt::xarray<double>{{1.0, -0.5}, {-2.0, 3.0}});
  xg::relu(x).backward({.grad_output = xt::xarray<double>{{10, 20}, {30, 40}}});
  CHECK(x.grad() == xt::xarray<double>{{10, 0}, {0, 40}});
}

TEST_CASE("a sigmoid node's gradient is y (1 - y), and it keeps its output alone") {
  const Real x = xg::parameter(xt::xarray<double>{-2.0, 0.0, 0.5});
  const auto before = xg::memory_stats().live_buffers;
  const Real y = xg::sigmoid(x * 1.0);  // the product is a buffer that nobody else holds
  // The value of y, and the scalar 1, which the product needs; not the product.
  CHECK(xg::memory_stats().live_buffers - before <= 2);
  const auto out = y.value();
  y.backward({.grad_output = xt::ones<double>({3})});
  const auto g = x.grad();
  for (std::size_t i = 0; i < 3; ++i) CHECK(g(i) == doctest::Approx(out(i) * (1 - out(i))).epsilon(1e-15));
}

TEST_CASE("an affine node gives dX = dY W', dW = X' dY, db = the columns' sums") {
  const xt::xarray<double> dY{{1, 2, 3}, {4, 5, 6}, {7, 8, 10}};
  for (const bool fused : {false, true}) {
    CAPTURE(fused);
    const Real X = xg::parameter(xt::xarray<double>{{1, 2}, {3, 4}, {5, 6}});
    const Real W = xg::parameter(xt::xarray<double>{{1, -1, 2}, {0.5, 3, -2}});
    const Real b = xg::parameter(xt::xarray<double>{0.1, 0.2, 0.3});
    const Real Y = fused ? xg::linear(X, W, b) : xg::matmul(X, W) + b;
    Y.backward({.grad_output = dY});
    CHECK(Y.value()(2, 1) == doctest::Approx(-5 + 18 + 0.2));
    // By hand: dY's rows times W's, X's columns times dY's.
    CHECK(xt::allclose(X.grad(), xt::xarray<double>{{5, 0.5}, {11, 5}, {19, 7.5}}));
    CHECK(xt::allclose(W.grad(), xt::xarray<double>{{48, 57, 71}, {60, 72, 90}}));
    CHECK(b.grad() == xt::xarray<double>{12, 15, 19});
  }
}

TEST_CASE("softmax with cross entropy gives y - t: (.3, -.8, .5) for y = (.3, .2, .5), t = (0, 1, 0)") {
  const xt::xarray<double> y{{0.3, 0.2, 0.5}};
  const xt::xarray<double> expected{{0.3, -0.8, 0.5}};
  const Real by_label = xg::parameter(xt::log(y)), by_row = xg::parameter(xt::log(y));
  xg::cross_entropy(by_label, xg::Indices(xt::xarray<std::int64_t>{1})).backward();
  xg::cross_entropy(by_row, xt::xarray<double>{{0, 1, 0}}).backward();
  for (const Real& logits : {by_label, by_row}) CHECK(largest_size(logits.grad() - expected) < 1e-15);
}
