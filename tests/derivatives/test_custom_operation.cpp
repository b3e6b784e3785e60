#include <doctest/doctest.h>

#include <cmath>
#include <sstream>
#include <string>
#include <xgrad/core/graph/broadcast.hpp>
#include <xgrad/derivatives/custom_operation.hpp>
#include <xgrad/derivatives/functions.hpp>
#include <xgrad/derivatives/gradcheck.hpp>
#include <xgrad/derivatives/jvp.hpp>
#include <xgrad/ops/arithmetic.hpp>
#include <xgrad/ops/exponential.hpp>
#include <xgrad/ops/operators.hpp>
#include <xgrad/ops/reduction.hpp>

#include "../message_of.hpp"

namespace xg = xgrad;
using xgrad::testing::message_of;
using Var = xg::Variable<double>;
using List = std::vector<Var>;
using Arrays = std::vector<xg::Array<double>>;

namespace {

auto product() {
  return xg::custom_operation<double>(
      "product", [](const Arrays& in) -> xg::Array<double> { return in[0] * in[1]; },
      [](const List& in, const Var&, const Var& dy) {
        return List{dy * in[1], dy * in[0]};
      });
}

/// exp, whose derivative reads the output.
auto exponential() {
  return xg::custom_operation<double>(
      "exponential", [](const Arrays& in) { return xt::exp(in[0]); },
      [](const List&, const Var& out, const Var& dy) { return List{dy * out}; });
}

/// The square, with a vjp of the test's choice.
auto square_with(xg::CustomVjp<double> vjp) {
  return xg::custom_operation<double>(
      "my_square", [](const Arrays& in) { return in[0] * in[0]; }, std::move(vjp));
}

xt::xarray<double> some_values() { return {{0.3, -0.7, 1.1}, {0.9, 0.2, -1.3}}; }

}  // namespace

TEST_CASE("a custom operation computes, records itself by its name, and passes gradients") {
  const auto op = product();
  const Var a = xg::parameter(some_values()), b = xg::parameter(some_values() * 2 + 1);
  const Var y = op({a, b});
  CHECK(y.value() == a.value() * b.value());
  CHECK(y.operation() == "product");
  y.backward({.grad_output = some_values()});
  CHECK(a.grad() == some_values() * b.value());
  CHECK(b.grad() == some_values() * a.value());
  CHECK(op(List{a, b}).value() == y.value());
  CHECK(op({a, a}).requires_grad());
  CHECK_FALSE(op({a.detach(), b.detach()}).requires_grad());
  const xg::NoGrad off;
  CHECK_FALSE(op({a, b}).requires_grad());
}

TEST_CASE("a custom operation of float") {
  const auto op = xg::custom_operation<float>(
      "twice", [](const std::vector<xg::Array<float>>& in) { return 2 * in[0]; },
      [](const auto&, const auto&, const xg::Variable<float>& dy) {
        return std::vector<xg::Variable<float>>{2 * dy};
      });
  const auto x = xg::parameter(xt::xarray<float>{1, 2});
  xg::sum(op({x})).backward();
  CHECK(x.grad() == xt::xarray<float>{2, 2});
}

TEST_CASE("a custom operation passes gradcheck at both orders") {
  const auto op = product();
  const auto e = exponential();
  const auto report = xg::gradcheck(
      [&](const Var& a, const Var& b) {
        return op({e({a}), xg::tanh(op({a, b}))});
      },
      {xg::constant(some_values()), xg::constant(some_values() + 0.5)}, {.second_order = true});
  std::ostringstream text;
  text << report;
  INFO(text.str());
  CHECK(report.ok());
}

TEST_CASE("a custom operation in forward mode, and under hvp and hessian") {
  const auto op = product();
  const Var x = xg::constant(xt::xarray<double>{0.4, -1.2});
  const xt::xarray<double> v{2, -1};
  const auto cube = [&](const Var& z) { return op({op({z, z}), z}); };
  const auto tangent = xg::jvp(cube, x, v).tangent.value();
  const auto product_with_hessian = xg::hvp([&](const Var& z) { return xg::sum(cube(z)); }, x, v).value();
  for (std::size_t i = 0; i < 2; ++i) {
    const double z = x.value()(i);
    CHECK(tangent(i) == doctest::Approx(3 * z * z * v(i)).epsilon(1e-14));
    CHECK(product_with_hessian(i) == doctest::Approx(6 * z * v(i)).epsilon(1e-14));
  }
}

TEST_CASE("the vjp is called with recording on where a graph is created, and off elsewhere") {
  std::vector<bool> recording, depends;
  const auto op = square_with([&](const List& in, const Var&, const Var& dy) {
    recording.push_back(xg::is_recording());
    depends.push_back(in[0].requires_grad());
    return List{2 * dy * in[0]};
  });
  const Var x = xg::parameter(3.0);
  op({x}).backward();
  CHECK(xg::grad(op({x}), {x}, {.create_graph = true})[0].requires_grad());
  {
    const xg::NoGrad off;
    CHECK(xg::grad(op({x}), {x})[0].item() == 0);  // nothing was recorded
  }
  CHECK(recording == std::vector<bool>{false, true});
  CHECK(depends == std::vector<bool>{false, true});
  CHECK(x.grad()() == 6);
}

TEST_CASE("an empty Variable means that an input has no gradient") {
  const auto op = xg::custom_operation<double>(
      "scaled", [](const Arrays& in) { return in[0] * in[1]; },
      [](const List& in, const Var&, const Var& dy) {
        return List{dy * in[1], Var()};
      });
  const Var a = xg::parameter(2.0), b = xg::parameter(5.0);
  op({a, b}).backward();
  CHECK(a.grad()() == 5);
  CHECK_FALSE(b.has_grad());
  CHECK(xg::grad(op({a, b}), {a, b}, {.create_graph = true})[1].item() == 0);
}

TEST_CASE("a wrong number of gradients is told, and no gradient changes") {
  const auto op = xg::custom_operation<double>(
      "pair", [](const Arrays& in) { return in[0] + in[1]; },
      [](const List&, const Var&, const Var& dy) { return List{dy}; });
  const Var a = xg::parameter(2.0), b = xg::parameter(5.0);
  a.backward();
  const Var y = op({a, b}) + a;
  CHECK(message_of<xg::ValueError>([&] { y.backward({.retain_graph = true}); }) ==
        "pair: the vjp gave 1 gradients for 2 inputs; give one for each, an empty Variable where there is "
        "none");
  CHECK(a.grad()() == 1);
  CHECK_FALSE(b.has_grad());
}

TEST_CASE("a gradient of a wrong shape is told with its position and both shapes") {
  const Var a = xg::parameter(some_values()), b = xg::parameter(xt::xarray<double>{1, 2, 3});
  const Var y = xg::sum(product()({a, b}));
  const std::string expected =
      "product: the vjp's gradient 1 has shape [2, 3], input 1 [3]; they must be equal: sum_to() undoes "
      "broadcasting";
  CHECK(message_of<xg::ShapeError>([&] { xg::grad(y, {a}, {.retain_graph = true}); }) == expected);
  CHECK(message_of<xg::ShapeError>([&] { xg::grad(y, {a}, {.create_graph = true}); }) == expected);
  CHECK(message_of<xg::ShapeError>([&] { y.backward(); }) == expected);
  CHECK_FALSE(a.has_grad());
}

TEST_CASE("without a vjp a custom operation computes, and its gradient is an error that says so") {
  const auto op = square_with({});
  const Var x = xg::parameter(3.0);
  const Var y = op({x});
  CHECK(y.item() == 9);
  const std::string expected =
      "my_square: the operation has no vjp, so there is no gradient through it; pass one to "
      "custom_operation, or detach its inputs";
  CHECK(message_of<xg::GraphError>([&] { y.backward({.retain_graph = true}); }) == expected);
  CHECK(message_of<xg::GraphError>(
            [&] { xg::jvp([&](const Var& z) { return op({z}); }, x, 1.0 * x.value()); }) == expected);
}

TEST_CASE("a vjp that leaves the graph serves the first order, and is refused at the second and in jvp") {
  const auto op = square_with([](const List& in, const Var&, const Var& dy) {
    return List{xg::constant(2 * dy.value() * in[0].value())};
  });
  const Var x = xg::parameter(xt::xarray<double>{1, 2});
  const auto f = [&](const Var& z) { return xg::sum(op({z})); };
  CHECK(xg::value_and_grad(f, x).gradient.value() == xt::xarray<double>{2, 4});
  const std::string expected =
      "my_square: the vjp's gradient 0 was not computed by operations on Variables, so it cannot be "
      "differentiated again; write the vjp in operations, or do without create_graph and jvp";
  CHECK(message_of<xg::GraphError>([&] { xg::hessian(f, x); }) == expected);
  CHECK(message_of<xg::GraphError>([&] { xg::jvp(f, x, xt::ones<double>({2})); }) == expected);
}

TEST_CASE("a linear custom operation has a constant gradient, which is no error") {
  const auto op = xg::custom_operation<double>(
      "tripled", [](const Arrays& in) { return 3 * in[0]; },
      [](const List&, const Var&, const Var& dy) { return List{3 * dy}; });
  const Var x = xg::parameter(xt::xarray<double>{1, 2});
  CHECK(xg::hessian([&](const Var& z) { return xg::sum(op({z})); }, x) == xt::zeros<double>({2, 2}));
}

TEST_CASE("a spent custom operation holds no values, and what a user does to arrays reaches none") {
  const auto op = product();
  Var a = xg::parameter(some_values());
  const auto before = xg::memory_stats().live_buffers;
  {
    const Var y = xg::sum(op({xg::exp(a), xg::exp(a)}));
    a.set_value(xt::zeros<double>({2, 3}));
    y.backward();
    CHECK(xt::allclose(a.grad(), 2 * xt::exp(2 * some_values())));
    CHECK(xg::memory_stats().live_buffers == before + 2);  // the gradient and the sum
  }
  xg::Array<double> kept;
  const auto keeping = xg::custom_operation<double>(
      "keeping",
      [&](const Arrays& in) {
        kept = in[0];
        kept(0, 0) = 77;
        return kept;
      },
      [](const List&, const Var&, const Var& dy) { return List{dy}; });
  const Var y = keeping({a});
  kept(0, 1) = 78;
  CHECK(a.value()(0, 0) == 0);
  CHECK(y.value()(0, 0) == 77);
  CHECK(y.value()(0, 1) == 0);
}

TEST_CASE("a custom operation refuses an empty name, no forward, and empty Variables") {
  CHECK_THROWS_AS(xg::custom_operation<double>("", [](const Arrays& in) { return in[0]; }), xg::ValueError);
  CHECK(message_of<xg::ValueError>([] { xg::custom_operation<double>("nothing", {}); }) ==
        "custom_operation: 'nothing' has no forward; pass a function");
  CHECK(message_of<xg::GraphError>([] {
          product()({xg::parameter(1.0), Var()});
        }) == "product: input 1 is an empty Variable; assign a value first");
}
