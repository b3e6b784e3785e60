#include <doctest/doctest.h>

#include <type_traits>
#include <xgrad/derivatives/grad.hpp>
#include <xgrad/ops/arithmetic.hpp>
#include <xgrad/ops/exponential.hpp>
#include <xgrad/ops/operators.hpp>

#include "../message_of.hpp"

namespace xg = xgrad;
using xgrad::testing::message_of;

TEST_CASE("grad gives the gradients in the order of the list, and touches no leaf's own") {
  auto x = xg::parameter(2.0);
  auto w = xg::parameter(3.0);
  const auto y = x * x * w;
  const std::vector<xg::Variable<double>> gs = xg::grad(y, {x, w});
  REQUIRE(gs.size() == 2);
  CHECK(gs[0].item() == 12);
  CHECK(gs[1].item() == 4);
  CHECK_FALSE(gs[0].requires_grad());
  CHECK_FALSE(x.has_grad());
  CHECK_FALSE(w.has_grad());
}

TEST_CASE("grad takes a list, a vector, one Variable twice, and the output itself") {
  const auto x = xg::parameter(xt::xarray<double>{1, 2});
  const auto y = x * 3.0;
  const auto ones = xt::ones<double>({2});
  const std::vector<xg::Variable<double>> list{x, x, y};
  const auto gs = xg::grad(y, list, {.grad_output = ones});
  CHECK(gs[0].value() == xt::xarray<double>{3, 3});
  CHECK(gs[1].value() == xt::xarray<double>{3, 3});
  CHECK(gs[2].value() == xt::xarray<double>{1, 1});
  CHECK(xg::grad(x, {x}, {.grad_output = ones})[0].value() == xt::xarray<double>{1, 1});
  CHECK(xg::grad(x * x, std::vector<xg::Variable<double>>{}, {.grad_output = ones}).empty());
}

TEST_CASE("gradients with create_graph can be differentiated again, to any order") {
  for (const double at : {-1.5, 0.5, 2.0}) {
    const auto x = xg::parameter(at);
    auto y = xg::square(xg::square(x)) * x;  // x^5
    double expected = at * at * at * at * at;
    for (int order = 1; order <= 6; ++order) {
      CAPTURE(order);
      expected *= (6 - order) / at;
      y = xg::grad(y, {x}, {.create_graph = true})[0];
      CHECK(y.item() == doctest::Approx(expected).epsilon(1e-12));
    }
  }
}

TEST_CASE("an x that y does not depend on gets zeros of its shape, as a constant") {
  const auto x = xg::parameter(1.0);
  const auto other = xg::parameter(xt::xarray<double>{{1, 2, 3}});
  for (const bool create_graph : {false, true}) {
    const auto gs = xg::grad(x * x, {other, x}, {.create_graph = create_graph});
    CHECK(gs[0].value() == xt::xarray<double>{{0, 0, 0}});
    CHECK(gs[0].operation() == "constant");
    CHECK(gs[1].item() == 2);
  }
  // The gradient of a linear function does not depend on x any more.
  const auto slope = xg::grad(x * 2.0, {x}, {.create_graph = true})[0];
  CHECK(xg::grad(slope, {x})[0].item() == 0);
  CHECK(xg::grad(xg::constant(1.0), {x})[0].item() == 0);
}

TEST_CASE("grad stops at a result of an operation that is asked for") {
  const auto x = xg::parameter(2.0);
  const auto middle = x * x;
  const auto y = middle * middle * x;
  const auto gs = xg::grad(y, {middle, x}, {.retain_graph = true});
  CHECK(gs[0].item() == 16);  // 2 middle x
  CHECK(gs[1].item() == 80);  // 5 x^4
  CHECK(xg::grad(y, {middle})[0].item() == 16);
}

TEST_CASE("a graph is spent by grad unless it is kept, and kept by default with create_graph") {
  const auto x = xg::parameter(2.0);
  const auto y = xg::exp(x) * x;
  xg::grad(y, {x}, {.retain_graph = true});
  xg::grad(y, {x}, {.create_graph = true});
  xg::grad(y, {x});
  CHECK(message_of([&] { xg::grad(y, {x}); }).find("spent by an earlier backward") != std::string::npos);
  const auto z = x * x;
  xg::grad(z, {x}, {.create_graph = true, .retain_graph = false});
  CHECK_THROWS_AS(xg::grad(z, {x}), xg::GraphError);
}

TEST_CASE("grad_output weighs an output of many elements; as a Variable it stays in the graph") {
  const auto x = xg::parameter(xt::xarray<double>{1, 2, 3});
  const xg::Array<double> weights = xt::xarray<double>{1, 10, 100};
  CHECK(xg::grad(x * x, {x}, {.grad_output = weights})[0].value() == xt::xarray<double>{2, 40, 600});
  CHECK(xg::grad(x * x, {x}, {.grad_output = 2 * weights})[0].value() == xt::xarray<double>{4, 80, 1200});
  const auto u = xg::parameter(weights);
  const auto g = xg::grad(x * x, {x}, {.create_graph = true, .grad_output = u})[0];
  CHECK(xg::grad(g, {u}, {.grad_output = xt::ones<double>({3})})[0].value() == xt::xarray<double>{2, 4, 6});
}

TEST_CASE("float gradients are float") {
  const auto x = xg::parameter(xt::xarray<float>{1.5f, 2.0f});
  const auto gs = xg::grad(x * x, {x}, {.create_graph = true, .grad_output = xt::ones<float>({2})});
  static_assert(std::is_same_v<decltype(gs), const std::vector<xg::Variable<float>>>);
  CHECK(gs[0].value() == xt::xarray<float>{3.0f, 4.0f});
}

TEST_CASE("grad names what is wrong") {
  const auto x = xg::parameter(xt::xarray<double>{1, 2});
  const auto c = xg::constant(1.0);
  const auto y = x * c;
  CHECK(message_of([&] {
          xg::grad(y, {x, c}, {.grad_output = x.value()});
        }) ==
        "grad: input 1 ('constant' of shape []) requires no gradient; make it a parameter, or leave it out");
  CHECK(message_of([&] { xg::grad(y, {xg::Variable<double>()}); }) ==
        "grad: input 0 is an empty Variable; assign a value first");
  CHECK(
      message_of([&] { xg::grad(y, {x}); }) ==
      "grad: the output of shape [2] has 2 elements, not one; reduce it, or pass .grad_output of that shape");
  CHECK(message_of([&] {
          xg::grad(y, {x}, {.grad_output = xt::ones<double>({1, 2})});
        }) == "grad: grad_output has shape [1, 2], the output [2]; they must be equal");
  CHECK_FALSE(x.has_grad());
  CHECK_THROWS_AS(xg::grad(xg::Variable<double>(), {x}), xg::GraphError);
}
