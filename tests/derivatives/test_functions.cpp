#include <doctest/doctest.h>

#include <cmath>
#include <vector>
#include <xgrad/core/graph/broadcast.hpp>
#include <xgrad/derivatives/checkpoint.hpp>
#include <xgrad/derivatives/custom_operation.hpp>
#include <xgrad/derivatives/functions.hpp>
#include <xgrad/derivatives/jvp.hpp>
#include <xgrad/ops/arithmetic.hpp>
#include <xgrad/ops/exponential.hpp>
#include <xgrad/ops/operators.hpp>

#include "../message_of.hpp"

namespace xg = xgrad;
using xgrad::testing::message_of;

namespace {

using Real = xg::Variable<double>;

Real total(const Real& x) { return xg::sum_to(x, xg::Shape{}); }

/// x0^2 x1 + sin(x1), with a Hessian that is easily written down.
Real f(const Real& x) {
  const Real e0 = xg::constant(xt::xarray<double>{1, 0}), e1 = xg::constant(xt::xarray<double>{0, 1});
  const Real x0 = total(x * e0), x1 = total(x * e1);
  return x0 * x0 * x1 + xg::sin(x1);
}

xt::xarray<double> hessian_of_f(double x0, double x1) { return {{2 * x1, 2 * x0}, {2 * x0, -std::sin(x1)}}; }

}  // namespace

TEST_CASE("value_and_grad gives both, as constants, for any kind of x") {
  for (const Real& x : {xg::parameter(xt::xarray<double>{3, 0.5}), xg::constant(xt::xarray<double>{3, 0.5}),
                        xg::parameter(xt::xarray<double>{3, 0.5}) * 1.0}) {
    const auto [value, gradient] = xg::value_and_grad(f, x);
    CHECK(value.item() == doctest::Approx(4.5 + std::sin(0.5)));
    CHECK(xt::allclose(gradient.value(), xt::xarray<double>{3, 9 + std::cos(0.5)}));
    CHECK(value.operation() == "constant");
    CHECK_FALSE(gradient.requires_grad());
    CHECK_FALSE(x.has_grad());
  }
}

TEST_CASE("value_and_grad with create_graph can be differentiated in x and in what the function captures") {
  const auto x = xg::parameter(2.0);
  const auto w = xg::parameter(3.0);
  const auto g = [&](const Real& a) { return a * a * w; };
  const auto [value, gradient] = xg::value_and_grad(g, x, {.create_graph = true});
  const auto second = xg::grad(gradient, {x, w}, {.retain_graph = true});
  CHECK(second[0].item() == 6);
  CHECK(second[1].item() == 4);
  CHECK(xg::grad(value, {x, w})[1].item() == 4);
  // x a constant: its gradient can still be differentiated in w, as a gradient penalty wants.
  const auto at_constant = xg::value_and_grad(g, xg::constant(2.0), {.create_graph = true});
  CHECK(xg::grad(at_constant.gradient, {w})[0].item() == 4);
}

TEST_CASE("derivatives work where the caller records nothing, and spend no graph of the caller's") {
  const auto x = xg::parameter(2.0);
  const auto outside = x * 5.0;
  const auto y = xg::square(outside);
  {
    const xg::NoGrad off;
    CHECK(xg::value_and_grad([&](const Real& a) { return a * a * y; }, outside).gradient.item() == 2000);
    CHECK(xg::hessian([](const Real& a) { return a * a * a; }, x).at() == 12);
  }
  y.backward();
  CHECK(x.grad()() == 100);
}

TEST_CASE("vjp gives the output and u's product with the Jacobian") {
  const auto x = xg::parameter(xt::xarray<double>{1, 2, 3});
  const auto h = [](const Real& a) { return xg::exp(a) * total(a); };
  const xt::xarray<double> u{1, -2, 0.5};
  const auto [out, cotangent] = xg::vjp(h, x, u);
  const xg::Array<double> J = xg::jacobian(h, x);
  for (std::size_t j = 0; j < 3; ++j)
    CHECK(cotangent.value()(j) == doctest::Approx(u(0) * J(0, j) + u(1) * J(1, j) + u(2) * J(2, j)));
  CHECK(xt::allclose(out.value(), 6 * xt::exp(x.value())));
  // A Variable as u: the cotangent is linear in it.
  const auto v = xg::parameter(u);
  const auto linear = xg::vjp(h, x, v, {.create_graph = true}).cotangent;
  const auto row = xg::grad(linear, {v}, {.grad_output = xt::xarray<double>{1, 0, 0}})[0];
  for (std::size_t i = 0; i < 3; ++i) CHECK(row.value()(i) == doctest::Approx(J(i, 0)));
}

TEST_CASE("jacobian has the output's shape, then the input's") {
  const auto x = xg::parameter(xt::xarray<double>{{1, 2, 3}, {4, 5, 6}});
  const xg::Array<double> J = xg::jacobian(
      [](const Real& a) {
        return xg::sum_to(a * a, xg::Shape{1, 3});
      },
      x);
  REQUIRE(J.shape() == xg::Shape{1, 3, 2, 3});
  for (std::size_t j = 0; j < 3; ++j)
    for (std::size_t r = 0; r < 2; ++r)
      for (std::size_t c = 0; c < 3; ++c) CHECK(J(0, j, r, c) == (j == c ? 2 * x.value()(r, c) : 0));
  const auto zeros = xg::jacobian([](const Real&) { return xg::constant(xt::xarray<double>{1, 2}); }, x);
  CHECK(zeros == xt::zeros<double>({2, 2, 3}));
  CHECK(xg::jacobian([](const Real& a) { return total(a); }, x) == xt::ones<double>({2, 3}));
}

TEST_CASE("jacobian sweeps backwards for few outputs and forwards for few inputs") {
  int calls = 0;
  const auto counted = xg::custom_operation<double>(
      "counted", [](const std::vector<xg::Array<double>>& in) -> xg::Array<double> { return in[0]; },
      [&](const std::vector<Real>&, const Real&, const Real& dy) {
        ++calls;
        return std::vector<Real>{dy * 1};
      });
  const auto row = xg::parameter(xt::xarray<double>{{1, 2, 3, 4, 5, 6, 7, 8, 9}});
  const auto column = xg::parameter(xg::Array<double>(3 * xt::ones<double>({2, 1})));
  const auto sum = xg::jacobian([&](const Real& a) { return total(xg::square(counted({a}))); }, row);
  CHECK(sum == 2 * row.value());
  CHECK(calls == 1);
  calls = 0;
  const auto wide = xg::jacobian([&](const Real& a) { return counted({a}) * row; }, column);
  CHECK(calls == 3);  // one for each column, and one to see whether there is forward mode
  REQUIRE(wide.shape() == xg::Shape{2, 9, 2, 1});
  for (std::size_t i = 0; i < 2; ++i)
    for (std::size_t j = 0; j < 9; ++j)
      for (std::size_t k = 0; k < 2; ++k) CHECK(wide(i, j, k, 0) == (i == k ? row.value()(0, j) : 0));
  const auto none = xg::jacobian([&](const Real&) { return row * 1; }, xg::parameter(xt::xarray<double>{1}));
  CHECK(none == xt::zeros<double>({1, 9, 1}));
}

TEST_CASE("jacobian sweeps backwards where a custom operation has no forward mode") {
  const auto on_values = xg::custom_operation<double>(
      "on_values", [](const std::vector<xg::Array<double>>& in) { return in[0] * in[0]; },
      [](const std::vector<Real>& in, const Real&, const Real& dy) {
        return std::vector<Real>{xg::constant(2 * in[0].value() * dy.value())};
      });
  const auto x = xg::parameter(xt::xarray<double>{1.5});
  const auto row = xg::constant(xt::xarray<double>{1, 2, 3, 4, 5, 6, 7, 8, 9});
  const auto tall = [&](const Real& a) { return on_values({a * row}); };
  const auto in_a_block = [&](const Real& a) { return xg::checkpoint(tall, {a}) * 1; };
  const auto beside_the_path = [&](const Real& a) { return a * on_values({row}); };
  const xt::xarray<double> squares = row.value() * row.value();
  CHECK_THROWS_AS(xg::jvp(tall, x, xt::ones<double>({1})), xg::GraphError);
  CHECK(xg::jacobian(tall, x) == xt::reshape_view(3 * squares, {9, 1}));
  CHECK_THROWS_AS(xg::jvp(in_a_block, x, xt::ones<double>({1})), xg::GraphError);
  CHECK(xg::jacobian(in_a_block, x) == xt::reshape_view(3 * squares, {9, 1}));
  CHECK(xg::jacobian(beside_the_path, x) == xt::reshape_view(squares, {9, 1}));
}

TEST_CASE("what a custom operation's vjp throws passes through jacobian") {
  const auto failing = xg::custom_operation<double>(
      "failing", [](const std::vector<xg::Array<double>>& in) { return in[0]; },
      [](const std::vector<Real>&, const Real&, const Real&) -> std::vector<Real> {
        throw xg::ValueError("failing: on purpose");
      });
  const auto row = xg::constant(xt::xarray<double>{1, 2, 3, 4});
  const auto tall = [&](const Real& a) { return failing({a}) * row; };
  CHECK(message_of<xg::ValueError>([&] { xg::jacobian(tall, xg::parameter(xt::xarray<double>{1})); }) ==
        "failing: on purpose");
}

TEST_CASE("hessian and hvp agree with second derivatives written by hand") {
  const auto x = xg::parameter(xt::xarray<double>{1.5, -0.7});
  const auto expected = hessian_of_f(1.5, -0.7);
  const xg::Array<double> H = xg::hessian(f, x);
  CHECK(xt::allclose(H, expected));
  const xt::xarray<double> v{2, -3};
  const auto Hv = xg::hvp(f, x, v);
  CHECK(Hv.value()(0) == doctest::Approx(2 * expected(0, 0) - 3 * expected(0, 1)));
  CHECK(Hv.value()(1) == doctest::Approx(2 * expected(1, 0) - 3 * expected(1, 1)));
  CHECK_FALSE(Hv.requires_grad());
  CHECK_FALSE(x.has_grad());
  // A third derivative, through a product that was recorded: d(v'Hv)/dx.
  const auto recorded = xg::hvp(f, x, v, {.create_graph = true});
  const auto third = xg::grad(recorded, {x}, {.grad_output = v})[0];
  CHECK(third.value()(0) == doctest::Approx(2 * 2 * -3 * 2));  // d3f/dx0 dx0 dx1 = 2, in either order
  CHECK(third.value()(1) == doctest::Approx(2 * 2 * 2 - 9 * std::cos(-0.7)));
}

TEST_CASE("a linear function has a Hessian of zeros") {
  const auto x = xg::parameter(xt::xarray<double>{1, 2});
  const auto linear = [](const Real& a) { return total(a * 3.0); };
  CHECK(xg::hessian(linear, x) == xt::zeros<double>({2, 2}));
  CHECK(xg::hvp(linear, x, xt::ones<double>({2})).value() == xt::zeros<double>({2}));
}

TEST_CASE("derivatives of functions name what is wrong") {
  const auto x = xg::parameter(xt::xarray<double>{1, 2});
  const auto h = [](const Real& a) { return a * a; };
  CHECK(message_of([&] { xg::value_and_grad(h, x); }) ==
        "value_and_grad: the function's result of shape [2] has 2 elements, not one; reduce it, or use vjp() "
        "or jacobian()");
  CHECK_THROWS_AS(xg::hessian(h, x), xg::GraphError);
  CHECK_THROWS_AS(xg::hvp(h, x, xt::ones<double>({2})), xg::GraphError);
  CHECK(message_of([&] { xg::vjp(h, x, xt::ones<double>({3})); }) ==
        "vjp: u has shape [3], the output [2]; they must be equal");
  CHECK(message_of([&] { xg::hvp(f, x, xt::ones<double>({1})); }) ==
        "hvp: v has shape [1], x [2]; they must be equal");
  CHECK_THROWS_AS(xg::vjp(h, x, {}), xg::GraphError);
  const auto wide = xg::parameter(xt::xarray<double>(xt::ones<double>({1, 1, 1, 1, 1})));
  CHECK(
      message_of([&] { xg::jacobian(h, wide); }) ==
      "jacobian: an output of shape [1, 1, 1, 1, 1] and an input of shape [1, 1, 1, 1, 1] give 10 axes, more "
      "than 8; flatten one of them first");
}

TEST_CASE("derivatives of functions in float") {
  const auto x = xg::parameter(xt::xarray<float>{1.0f, 2.0f});
  const auto h = [](const xg::Variable<float>& a) { return a * a; };
  const xg::Array<float> J = xg::jacobian(h, x);
  CHECK(J == xt::xarray<float>{{2, 0}, {0, 4}});
  CHECK(xg::vjp(h, x, xt::ones<float>({2})).cotangent.value() == xt::xarray<float>{2, 4});
}
