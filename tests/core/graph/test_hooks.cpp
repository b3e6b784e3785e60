#include <doctest/doctest.h>

#include <memory>
#include <string>
#include <vector>
#include <xgrad/xgrad.hpp>

#include "../../message_of.hpp"

namespace xg = xgrad;
using xgrad::testing::message_of;
using Var = xg::Variable<double>;
using Values = xt::xarray<double>;

TEST_CASE("a hook sees the complete gradient of a leaf or of an inner node, once a sweep") {
  auto x = xg::parameter(Values{1, 2});
  const auto inner = x * x;
  std::vector<xg::Array<double>> of_leaf, of_inner;
  x.register_hook([&](const Var& g) { of_leaf.push_back(g.value()); });
  Var(inner).register_hook([&](const Var& g) { of_inner.push_back(g.value()); });
  const auto y = xg::sum(inner * 3 + inner + x);  // two shares for inner, three for x
  y.backward({.retain_graph = true});
  REQUIRE(of_leaf.size() == 1);
  REQUIRE(of_inner.size() == 1);
  CHECK(of_inner[0] == Values{4, 4});
  CHECK(of_leaf[0] == Values{9, 17});
  CHECK(x.grad() == Values{9, 17});
  CHECK(xg::grad(y, {x}, {.retain_graph = true})[0].value() == Values{9, 17});
  CHECK(of_leaf.size() == 2);
  CHECK(of_inner.size() == 2);
  CHECK(xg::grad(y, {inner})[0].value() == Values{4, 4});  // the sweep ends at inner
  CHECK(of_leaf.size() == 2);
  CHECK(of_inner.size() == 3);
}

TEST_CASE("what a hook returns goes on in the gradient's place, hook after hook") {
  auto x = xg::parameter(Values{1, 2});
  auto inner = x * 2;
  inner.register_hook([](const Var& g) { return g * 10; });
  inner.register_hook([](const Var& g) { return g + 1; });
  inner.register_hook([](const Var&) { return Var(); });  // changes nothing
  x.register_hook([](const Var& g) { return g * -1; });
  const auto y = xg::sum(inner);
  CHECK(xg::grad(y, {inner}, {.retain_graph = true})[0].value() == Values{11, 11});
  y.backward({.retain_graph = true});
  CHECK(x.grad() == Values{-22, -22});
  y.backward();
  CHECK(x.grad() == Values{-44, -44});  // hooks see this sweep's gradient, not the sum
}

TEST_CASE("a gradient that a hook keeps or returns is not written to") {
  auto x = xg::parameter(Values{1, 2});
  const auto limit = xg::constant(Values{5, 5});
  xg::Array<double> seen;
  x.register_hook([&](const Var& g) {
    seen = g.value();
    return limit;
  });
  for (int i = 0; i < 3; ++i) xg::sum(x * x).backward();
  CHECK(seen == Values{2, 4});
  CHECK(limit.value() == Values{5, 5});
  CHECK(x.grad() == Values{15, 15});
}

TEST_CASE("under create_graph a hook's work is recorded, and differentiated") {
  const auto x = xg::parameter(3.0);
  auto inner = x * x;
  auto hook = inner.register_hook([&](const Var& g) {
    CHECK(xg::is_recording());
    return g * g;
  });
  const auto y = inner * inner;                                // dy/dinner = 2 x^2, hooked: 4 x^4
  const auto g = xg::grad(y, {x}, {.create_graph = true})[0];  // 4 x^4 2 x = 8 x^5
  CHECK(g.item() == 8 * 243);
  hook.remove();  // g depends on inner, so it would be called again
  CHECK(xg::grad(g, {x})[0].item() == doctest::Approx(40 * 81));
}

TEST_CASE("a hook can be taken off, also by itself, and its handle outlives the node") {
  int calls = 0, once = 0;
  xg::HookHandle handle, single;
  {
    auto x = xg::parameter(1.0);
    handle = x.register_hook([&](const Var&) { ++calls; });
    single = x.register_hook([&](const Var&) {
      ++once;
      single.remove();
    });
    (x * 2).backward();
    (x * 2).backward();
    CHECK(calls == 2);
    CHECK(once == 1);
    handle.remove();
    handle.remove();
    (x * 2).backward();
    CHECK(calls == 2);
    handle = x.register_hook([&](const Var&) { ++calls; });
  }
  handle.remove();
  CHECK(calls == 2);
}

TEST_CASE("a hook lives as long as its node") {
  const auto token = std::make_shared<int>(1);
  auto x = xg::parameter(1.0);
  {
    auto y = x * 2;
    y.register_hook([token](const Var&) {});
    CHECK(token.use_count() == 2);
  }
  CHECK(token.use_count() == 1);
}

TEST_CASE("a hook of another shape, or one that throws, leaves every gradient as it was") {
  auto x = xg::parameter(Values{1, 2}), w = xg::parameter(Values{3, 4});
  xg::sum(x * w).backward();
  const auto bad = x.register_hook([](const Var& g) { return xg::sum(g); });
  CHECK(message_of<xg::ShapeError>([&] { xg::sum(x * w).backward(); }) ==
        "register_hook: the hook of 'parameter' gave a gradient of shape [] for [2]; they must be equal");
  xg::HookHandle(bad).remove();
  x.register_hook([](const Var&) { throw xg::ValueError("no"); });
  CHECK(message_of([&] { xg::sum(x * w).backward(); }) == "no");
  CHECK(x.grad() == Values{3, 4});
  CHECK(w.grad() == Values{1, 2});
}

TEST_CASE("hooks and kept gradients need a gradient") {
  auto c = xg::constant(Values{1, 2});
  CHECK(message_of<xg::GraphError>([&] { c.register_hook([](const Var&) {}); }) ==
        "register_hook: 'constant' of shape [2] requires no gradient, so none arrives; make it from a "
        "parameter, "
        "outside of NoGrad");
  CHECK(
      message_of<xg::GraphError>([&] { c.retain_grad(); }) ==
      "retain_grad: 'constant' of shape [2] requires no gradient, so none arrives; make it from a parameter, "
      "outside of NoGrad");
}

TEST_CASE("the result of an operation can keep its gradient") {
  auto x = xg::parameter(Values{1, 2});
  auto y = x * x;
  y.retain_grad();
  CHECK_FALSE(y.has_grad());
  CHECK(message_of<xg::GraphError>([&] { y.grad(); }) ==
        "grad: 'multiply' of shape [2] has no gradient yet; call backward() on a result that depends on it");
  const auto z = xg::sum(y * 3);
  CHECK(xg::grad(z, {x}, {.retain_graph = true})[0].value() == Values{6, 12});
  CHECK_FALSE(y.has_grad());  // grad() adds to nothing
  z.backward({.retain_graph = true});
  CHECK(y.grad() == Values{3, 3});
  CHECK(x.grad() == Values{6, 12});
  z.backward({.retain_graph = true});
  CHECK(y.grad() == Values{6, 6});
  y.zero_grad();
  CHECK_FALSE(y.has_grad());
  y.register_hook([](const Var& g) { return g * 2; });
  z.backward();
  CHECK(y.grad() == Values{6, 6});  // what the hooks have made of it
  x.retain_grad();                  // a parameter does already
  CHECK(x.grad() == Values{24, 48});
}

TEST_CASE("an output that is differentiated keeps its gradient, too") {
  auto x = xg::parameter(2.f);
  auto y = x * x;
  y.retain_grad();
  y.backward();
  CHECK(y.grad()() == 1.f);
  CHECK(x.grad()() == 4.f);
}

TEST_CASE("forward mode calls no hooks; a checkpoint calls each once") {
  auto x = xg::parameter(Values{1, 2}), w = xg::parameter(Values{3, 4});
  int calls = 0, inside = 0;
  x.register_hook([&](const Var&) { ++calls; });
  w.register_hook([&](const Var& g) {
    ++calls;
    return g * 2;
  });
  xg::jvp([&](const Var& z) { return z * w; }, x, xg::Array<double>(Values{1, 1}));
  CHECK(calls == 0);
  const auto block = [&](const Var& z) {
    Var h = z * w;
    h.register_hook([&](const Var& g) {
      ++inside;
      return g * 10;
    });
    return h * h;
  };
  xg::sum(xg::checkpoint(block, {x})).backward();
  CHECK(calls == 2);
  CHECK(inside == 1);
  CHECK(x.grad() == Values{2. * 3 * 3 * 10, 2. * 8 * 4 * 10});
  CHECK(w.grad() == Values{2. * 3 * 1 * 20, 2. * 8 * 2 * 20});
}
