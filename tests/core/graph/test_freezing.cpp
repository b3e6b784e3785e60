#include <doctest/doctest.h>

#include <thread>
#include <vector>
#include <xgrad/xgrad.hpp>

#include "../../message_of.hpp"

namespace xg = xgrad;
using xgrad::testing::message_of;
using Var = xg::Variable<double>;
using Values = xt::xarray<double>;

TEST_CASE("a frozen parameter takes no gradient, the others do") {
  auto w = xg::parameter({2, 3});
  auto x = xg::parameter({5, 7});
  w.set_requires_grad(false);
  CHECK_FALSE(w.requires_grad());
  CHECK(w.operation() == "frozen parameter");
  xg::sum(w * x).backward();
  CHECK(x.grad() == Values{2, 3});
  CHECK_FALSE(w.has_grad());
  CHECK_FALSE((w * 2).requires_grad());  // nothing is recorded

  w.set_requires_grad(true);
  CHECK(w.operation() == "parameter");
  xg::sum(w * x).backward();
  CHECK(w.grad() == Values{5, 7});
  CHECK(x.grad() == Values{4, 6});
}

TEST_CASE("freezing is told through any handle, and forgets the gradient") {
  auto w = xg::parameter({2, 3});
  const Var copy = w;
  xg::sum(w * w).backward();
  CHECK(copy.has_grad());
  w.set_requires_grad(false);
  CHECK_FALSE(copy.requires_grad());
  CHECK_FALSE(copy.has_grad());
  w.set_requires_grad(false);  // again: nothing happens
  CHECK(copy.value() == Values{2, 3});
}

TEST_CASE("each graph gives what it was recorded to give, whenever it is swept") {
  auto w = xg::parameter({2, 3});
  auto x = xg::parameter({5, 7});
  const auto before = xg::sum(w * x);
  w.set_requires_grad(false);
  const auto frozen = xg::sum(w * x + xg::exp(w) * x + xg::matmul(w, x));  // saves nothing for w
  w.set_requires_grad(true);
  const auto after = xg::sum(w * w * x);

  frozen.backward();
  CHECK_FALSE(w.has_grad());
  CHECK(xt::allclose(x.grad(), Values{2 + std::exp(2.0) + 4, 3 + std::exp(3.0) + 6}));
  before.backward();
  CHECK(w.grad() == Values{5, 7});
  w.zero_grad();
  (after + xg::sum(x)).backward();
  CHECK(w.grad() == Values{20, 42});

  const auto again = xg::sum(w * x);
  w.set_requires_grad(false);
  again.backward();  // it takes none now
  CHECK_FALSE(w.has_grad());
}

TEST_CASE("one graph may have nodes from before, during and after a freeze") {
  auto w = xg::parameter(3.0);
  const auto first = w * w;  // 2 w
  w.set_requires_grad(false);
  const auto second = first * w;  // w counts as 3: 3 * 2 w
  w.set_requires_grad(true);
  const auto third = second * w;  // d/dw of (3 w^2) w, where the 3 is the frozen one: 9 w^2
  third.backward();
  CHECK(w.grad()() == 81);
}

TEST_CASE("a frozen parameter keeps to its value at the time in higher orders") {
  auto w = xg::parameter({2, 3});
  auto x = xg::parameter({5, 7});
  w.set_requires_grad(false);
  const auto y = xg::sum(w * x * x);
  w.set_requires_grad(true);
  const auto slope = xg::grad(y, {x}, {.create_graph = true})[0];  // 2 w x
  CHECK(slope.value() == Values{20, 42});
  CHECK(xg::grad(xg::sum(slope), {x})[0].value() == Values{4, 6});
  w.set_requires_grad(false);
  const auto z = xg::sum(w * x * x);
  w.set_value(Values{100, 100});
  CHECK(xg::grad(z, {x}, {.create_graph = true})[0].value() == Values{20, 42});
}

TEST_CASE("forward mode and checkpoints pass over a frozen parameter") {
  auto w = xg::parameter({2, 3});
  w.set_requires_grad(false);
  const auto f = [&](const Var& x) { return w * x * x; };
  CHECK(xg::jvp(f, xg::constant({5, 7}), Values{1, 1}).tangent.value() == Values{20, 42});
  auto x = xg::parameter({5, 7});
  xg::sum(xg::checkpoint(f, {x})).backward();
  CHECK(x.grad() == Values{20, 42});
  CHECK_FALSE(w.has_grad());
}

TEST_CASE("threads may record with one frozen parameter") {
  auto w = xg::parameter({2, 3});
  w.set_requires_grad(false);
  std::vector<Values> gradients(4);
  std::vector<std::thread> threads;
  for (auto& gradient : gradients)
    threads.emplace_back([&] {
      for (int i = 0; i < 50; ++i) {
        auto x = xg::parameter({5, 7});
        const auto slope = xg::grad(xg::sum(w * x * x), {x}, {.create_graph = true})[0];
        xg::sum(slope * slope).backward();
        gradient = x.grad();
      }
    });
  for (auto& thread : threads) thread.join();
  for (const auto& gradient : gradients) CHECK(gradient == Values{8 * 4 * 5, 8 * 9 * 7});  // 8 w^2 x
}

TEST_CASE("a constant becomes a parameter") {
  auto x = xg::constant({2, 3});
  x.set_requires_grad(true);
  CHECK(x.operation() == "parameter");
  xg::sum(x * x).backward();
  CHECK(x.grad() == Values{4, 6});
  {
    const xg::NoGrad off;
    x -= 0.5 * x.grad();
  }
  CHECK(x.value() == Values{0, 0});
  x.set_requires_grad(false);
  CHECK_FALSE((x * x).requires_grad());
}

TEST_CASE("a constant does not become a parameter of results that are there already") {
  auto p = xg::parameter({1, 2}), c = xg::constant({3, 4});
  {
    const auto y = xg::sum(p * c);
    CHECK(message_of<xg::GraphError>([&] { c.set_requires_grad(true); }) ==
          "set_requires_grad: results that were recorded with this constant of shape [2] are still there; "
          "make it "
          "a parameter before they are computed, or let go of them");
    CHECK_FALSE(c.requires_grad());
  }
  c.set_requires_grad(true);
  xg::sum(p * c).backward();
  CHECK(c.grad() == Values{1, 2});
}

TEST_CASE("a parameter that a hook freezes is left without a gradient") {
  auto w = xg::parameter({2, 3}), x = xg::parameter({1, 1});
  auto inner = x * x;
  inner.register_hook([&](const Var&) { w.set_requires_grad(false); });
  xg::sum(inner * w).backward();
  CHECK(x.grad() == Values{4, 6});
  CHECK_FALSE(w.has_grad());
}

TEST_CASE("wrong uses of freezing say what is wrong") {
  auto w = xg::parameter({2, 3});
  auto y = w * w;
  CHECK(
      message_of<xg::GraphError>([&] { y.set_requires_grad(false); }) ==
      "set_requires_grad: 'multiply' of shape [2] is the result of an operation; only leaves can be set, and "
      "detach() gives a constant");
  CHECK(message_of<xg::GraphError>([&] { Var().set_requires_grad(false); }) ==
        "Variable: empty, it has no value; assign one first");
  w.set_requires_grad(false);
  CHECK(
      message_of<xg::GraphError>([&] { w.grad(); }) ==
      "grad: 'frozen parameter' of shape [2] takes no gradient; set_requires_grad(true) lets it learn again");
  CHECK(message_of<xg::GraphError>([&] {
          w.set_grad(Values{1, 1});
        }) ==
        "set_grad: 'frozen parameter' of shape [2] takes no gradient; set_requires_grad(true) lets it learn "
        "again");
  CHECK(message_of<xg::GraphError>([&] { xg::sum(w).backward(); }) ==
        "backward: 'constant' of shape [] does not depend on a parameter, or only on frozen ones, or was "
        "computed under NoGrad");
  CHECK_THROWS_AS(w.register_hook([](const Var&) {}), xg::GraphError);
  CHECK_THROWS_AS(xg::grad(xg::sum(xg::parameter(1.0) * w), {w}), xg::GraphError);
}

TEST_CASE("no_grad gives what a function computes, and records nothing") {
  auto w = xg::parameter({2, 3});
  const auto y = xg::no_grad([&] { return w * w; });
  CHECK(y.value() == Values{4, 9});
  CHECK_FALSE(y.requires_grad());
  CHECK(xg::is_recording());
  xg::no_grad([&] { w -= 1; });
  CHECK(w.value() == Values{1, 2});
  CHECK_THROWS_AS(xg::no_grad([]() -> int { throw xg::ValueError("f"); }), xg::ValueError);
  CHECK(xg::is_recording());
}
