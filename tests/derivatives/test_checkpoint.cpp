#include <doctest/doctest.h>

#include <cmath>
#include <optional>
#include <string>
#include <thread>
#include <xgrad/core/graph/scope.hpp>
#include <xgrad/core/kernels/random.hpp>
#include <xgrad/derivatives/checkpoint.hpp>
#include <xgrad/derivatives/functions.hpp>
#include <xgrad/derivatives/gradcheck.hpp>
#include <xgrad/derivatives/jvp.hpp>
#include <xgrad/ops/arithmetic.hpp>
#include <xgrad/ops/cast.hpp>
#include <xgrad/ops/creation.hpp>
#include <xgrad/ops/exponential.hpp>
#include <xgrad/ops/linear_algebra.hpp>
#include <xgrad/ops/operators.hpp>
#include <xgrad/ops/reduction.hpp>

#include "../message_of.hpp"

namespace xg = xgrad;
using xgrad::testing::message_of;
using Var = xg::Variable<double>;
using List = std::vector<Var>;

namespace {

xt::xarray<double> some_values() { return {{0.3, -0.7, 1.1}, {0.9, 0.2, -1.3}, {-0.4, 0.8, 0.1}}; }

Var block(const Var& x, const Var& w) { return xg::tanh(xg::matmul(x, w) * x + xg::exp(w)); }

/// Half of the elements, drawn anew, as dropout does.
Var masked(const Var& x) {
  const Var draws = xg::constant(xg::rand(x.shape()));
  return x * xg::select(draws < 0.5, 2.0, Var(draws * 0));
}

}  // namespace

TEST_CASE("a checkpointed block has the block's value, bit for bit, and its gradients to the last bits") {
  // Shares of a gradient meet in another order, or are added inside a product.
  const auto near = [](const xg::Array<double>& found, const xg::Array<double>& expected) {
    return xt::allclose(found, expected, 4e-16, 1e-16);
  };
  const Var x = xg::parameter(some_values()), w = xg::parameter(some_values() * 0.5);
  const Var plain = xg::sum(xg::square(block(x, w)));
  const Var kept = xg::sum(xg::square(xg::checkpoint(block, {x, w})));
  CHECK(kept.item() == plain.item());
  const auto expected = xg::grad(plain, {x, w}), found = xg::grad(kept, {x, w}, {.retain_graph = true});
  CHECK(near(found[0].value(), expected[0].value()));
  CHECK(near(found[1].value(), expected[1].value()));
  kept.backward();
  CHECK(near(x.grad(), expected[0].value()));
  CHECK(near(w.grad(), expected[1].value()));
  CHECK(xg::checkpoint(block, {x, w}).operation() == "checkpoint");
  CHECK_THROWS_AS(kept.backward(), xg::GraphError);
}

TEST_CASE("a block takes its Variables one by one or as a list, and is copied or moved") {
  const Var x = xg::parameter(3.0);
  CHECK(xg::checkpoint([](const List& in) { return in[0] * in[1]; }, {x, x}).item() == 9);
  CHECK(xg::checkpoint([](const List& in) { return in[0] * in[0]; }, List{x}).item() == 9);
  CHECK(xg::checkpoint([](auto a) { return a * a; }, {x}).item() == 9);
  auto owner = std::make_unique<double>(2.0);
  const Var y = xg::checkpoint([o = std::move(owner)](const Var& a) { return a * *o; }, {x});
  y.backward();
  CHECK(x.grad()() == 2);
  const auto single = xg::parameter(xt::xarray<float>{1, 2});
  xg::sum(xg::checkpoint([](const auto& a) { return a * a; }, {single})).backward();
  CHECK(single.grad() == xt::xarray<float>{2, 4});
}

TEST_CASE("gradients reach parameters and results that the block captures, and only once") {
  const Var data = xg::constant(some_values());
  const Var w = xg::parameter(some_values() * 0.5);
  const Var captured = xg::tanh(w);  // a result: w is reached directly and through it
  const auto f = [&](const Var& x) { return xg::matmul(x, w) * captured + xg::exp(captured); };
  const Var expected = xg::grad(xg::sum(xg::square(f(data))), {w}, {.retain_graph = true})[0];
  {
    const Var y = xg::sum(xg::square(xg::checkpoint(f, {data})));
    REQUIRE(y.requires_grad());
    CHECK(xt::allclose(xg::grad(y, {w}, {.retain_graph = true})[0].value(), expected.value(), 1e-14, 1e-14));
    CHECK(xg::grad(y, {captured}, {.retain_graph = true})[0].value() ==
          xg::grad(xg::sum(xg::square(f(data))), {captured})[0].value());
    y.backward({.retain_graph = true});
    CHECK(xt::allclose(w.grad(), expected.value(), 1e-14, 1e-14));
    y.backward();
    CHECK(xt::allclose(w.grad(), 2 * expected.value(), 1e-14, 1e-14));
  }
  // A value that is a listed input, a captured one, and read elsewhere.
  const Var h = w * 2.0;
  const auto g = [&](const Var& x) { return x * h; };
  const Var y = xg::sum(xg::checkpoint(g, {h}) * h);
  CHECK(xt::allclose(xg::grad(y, {w})[0].value(), 24 * xt::square(w.value()), 1e-14, 1e-14));
}

TEST_CASE("second order through a checkpoint is right") {
  const Var w = xg::constant(some_values() * 0.5);
  const auto checked = [&](const Var& x, const Var& v) {
    const Var outside = xg::sin(v);
    return xg::checkpoint([outside](const Var& a) { return block(a, outside); }, {x * x}) * x;
  };
  const auto report =
      xg::gradcheck(checked, {xg::constant(some_values()), w}, {.second_order = true, .forward_mode = true});
  INFO(xg::memory_stats().live_nodes);
  CHECK(report.ok());
  const auto cube = [](const Var& x) { return xg::sum(x * x * x); };
  const auto nested = [&](const Var& x) {
    return xg::checkpoint([&](const Var& a) { return xg::checkpoint(cube, {a}); }, {x});
  };
  const Var x = xg::constant(xt::xarray<double>{1, -2});
  CHECK(xg::hessian(nested, x) == xt::xarray<double>{{6, 0}, {0, -12}});
  CHECK(xg::hvp(nested, x, xt::xarray<double>{1, 1}).value() == xt::xarray<double>{6, -12});
  CHECK(xg::jvp(nested, x, xt::xarray<double>{1, 1}).tangent.item() == 15);
}

TEST_CASE("a gradient that a block computes inside itself is differentiated through") {
  const Var x = xg::parameter(xt::xarray<double>{1.5, -0.5});
  const auto penalty = [](const Var& a) {  // |grad sum(a^3)|^2, whose gradient is 36 a^3
    const Var g = xg::grad(xg::sum(a * a * a), {a}, {.create_graph = true})[0];
    return xg::sum(g * g);
  };
  const auto leaf = xg::grad(xg::checkpoint(penalty, {x}), {x})[0].value();
  CHECK(xt::allclose(leaf, 36 * xt::pow(x.value(), 3)));
  const auto inner = xg::grad(xg::checkpoint(penalty, {x * 2.0}), {x})[0].value();
  CHECK(xt::allclose(inner, 2 * 36 * xt::pow(2 * x.value(), 3)));
}

TEST_CASE("random masks repeat, at every depth, and the thread's numbers go on as if nothing was") {
  const auto twice = [](const Var& x) {
    return xg::checkpoint(masked, {xg::checkpoint([](const Var& a) { return masked(xg::exp(a)); }, {x})});
  };
  const Var x = xg::parameter(xt::xarray<double>(xt::ones<double>({100})));
  xg::manual_seed(7);
  const Var expected = masked(masked(xg::exp(x)));
  const Var gradient = xg::grad(xg::sum(expected), {x})[0];
  const auto after = xg::generator().state();
  xg::manual_seed(7);
  const Var y = xg::checkpoint(twice, {x});
  CHECK(y.value() == expected.value());
  CHECK(xg::generator().state() == after);
  xg::generator().next();
  const auto later = xg::generator().state();
  CHECK(xg::grad(xg::sum(y), {x})[0].value() == gradient.value());
  CHECK(xg::generator().state() == later);
}

TEST_CASE("a chain of checkpoints keeps its results alone, and its peak is one block's") {
  constexpr std::size_t blocks = 10, steps = 10, count = 10'000, bytes = count * sizeof(double);
  const auto step_chain = [](Var x) {
    for (std::size_t i = 0; i < steps; ++i) x = xg::tanh(x);
    return x;
  };
  const Var x = xg::parameter(xt::xarray<double>(xt::linspace<double>(-1, 1, count)));
  const auto run = [&](bool checkpointed) {
    xg::reset_peak_memory();
    const auto before = xg::memory_stats();
    Var y = x;
    for (std::size_t i = 0; i < blocks; ++i)
      y = checkpointed ? xg::checkpoint(step_chain, {y}) : step_chain(y);
    const auto held = xg::memory_stats().live_buffers - before.live_buffers;
    CHECK(held == static_cast<std::int64_t>(checkpointed ? blocks : blocks * steps));
    const Var gradient = xg::grad(y, {x}, {.grad_output = xt::ones<double>({count})})[0];
    return std::pair(xg::memory_stats().peak_bytes - before.live_bytes, gradient);
  };
  const auto [plain_peak, expected] = run(false);
  const auto [kept_peak, found] = run(true);
  CHECK(found.value() == expected.value());
  CHECK(plain_peak > 100 * bytes);
  CHECK(kept_peak < 28 * bytes);  // size classes round up
}

TEST_CASE("nested blocks lower the peak further") {
  constexpr std::size_t count = 10'000;
  const auto step_chain = [](Var x) {
    for (int i = 0; i < 8; ++i) x = xg::tanh(x);
    return x;
  };
  const auto level = [](auto inner) {
    return [inner](Var x) {
      for (int i = 0; i < 8; ++i) x = xg::checkpoint(inner, {x});
      return x;
    };
  };
  const Var x = xg::parameter(xt::xarray<double>(xt::linspace<double>(-1, 1, count)));
  xg::reset_peak_memory();
  const auto before = xg::memory_stats().live_bytes;
  const auto middle = level(step_chain);
  const Var y = level(middle)(x);  // 512 steps
  y.backward({.grad_output = xt::ones<double>({count})});
  CHECK(xg::memory_stats().peak_bytes - before < 40 * count * sizeof(double));
  const Var expected = xg::grad(step_chain(x), {x}, {.grad_output = xt::ones<double>({count})})[0];
  CHECK(x.grad()(count / 2) == doctest::Approx(std::pow(expected.value()(count / 2), 64)).epsilon(1e-3));
}

TEST_CASE("parameters that are set between the passes are as they were") {
  Var x = xg::parameter(2.0), w = xg::parameter(3.0);
  const Var y = xg::checkpoint([&w](const Var& a) { return a * a * w * w; }, {x});
  x.set_value(xt::xarray<double>(10.0));
  w.set_value(xt::xarray<double>(20.0));
  const auto recorded = xg::grad(y, {x, w}, {.create_graph = true});
  CHECK(recorded[0].item() == 36);
  CHECK(recorded[1].item() == 24);
  CHECK(xg::grad(recorded[0], {w})[0].item() == 24);
  y.backward();
  CHECK(x.grad()() == 36);
  CHECK(w.grad()() == 24);
  CHECK(w.item() == 20);
}

TEST_CASE("a block keeps what its inputs were as long as its graph may be differentiated again") {
  constexpr std::size_t count = 1000;
  const auto growth = [](bool retain_graph) {
    Var x = xg::parameter(xg::arange<double>(count));
    const Var y = xg::checkpoint([](const Var& v) { return xg::sum(xg::square(v)); }, {x});
    y.backward({.retain_graph = retain_graph});
    const auto before = xg::memory_stats().live_bytes;
    x.set_value(xg::ones<double>({count}));
    return xg::memory_stats().live_bytes - before;
  };
  CHECK(growth(true) >= count * sizeof(double));
  CHECK(growth(false) == 0);
}

TEST_CASE("nothing is recorded where there is nothing to differentiate, and under NoGrad") {
  const Var c = xg::constant(2.0), x = xg::parameter(3.0);
  int calls = 0;
  const auto counted = [&](const Var& a) {
    ++calls;
    return a * a;
  };
  CHECK_FALSE(xg::checkpoint(counted, {c}).requires_grad());
  {
    const xg::NoGrad off;
    CHECK_FALSE(xg::checkpoint(counted, {x}).requires_grad());
  }
  CHECK(calls == 2);
  const Var y = xg::checkpoint(counted, {x}) + xg::checkpoint([](const Var& a) { return a; }, {x});
  CHECK(calls == 3);
  xg::grad(y * c, {x});
  CHECK(calls == 4);
}

TEST_CASE("a block may hand back what it was given or what it captured") {
  const Var x = xg::parameter(3.0), w = xg::parameter(4.0), h = w * 2.0;
  const Var y = xg::checkpoint([](const Var& a) { return a; }, {x}) *
                xg::checkpoint([&](const Var&) { return h; }, {x});
  const auto g = xg::grad(y, {x, w});
  CHECK(g[0].item() == 8);
  CHECK(g[1].item() == 6);
}

TEST_CASE("what is captured may be of the other element type") {
  const auto w = xg::parameter(xt::xarray<float>{1, 2});
  const Var x = xg::parameter(xt::xarray<double>{3, 4});
  xg::sum(xg::checkpoint([&](const Var& a) { return a * xg::cast<double>(w); }, {x})).backward();
  CHECK(w.grad() == xt::xarray<float>{3, 4});
  CHECK(x.grad() == xt::xarray<double>{1, 2});
}

TEST_CASE("a block that does not repeat itself is told so, and no gradient changes") {
  const Var x = xg::parameter(xt::xarray<double>{1, 2}), w = xg::parameter(2.0);
  bool first = true;
  const auto other_shape = [&](const Var& a) { return std::exchange(first, false) ? a * a : xg::sum(a); };
  const Var y = xg::sum(xg::checkpoint(other_shape, {x}) + w);
  CHECK(message_of<xg::GraphError>([&] { y.backward(); }) ==
        "checkpoint: the block gave shape [2] at first and [] when it was run again; it must do the same on "
        "every call");
  CHECK_FALSE(w.has_grad());
  first = true;
  const auto other_parameter = [&](const Var& a) { return std::exchange(first, false) ? a * a : a * w; };
  CHECK(message_of<xg::GraphError>([&] { xg::sum(xg::checkpoint(other_parameter, {x})).backward(); }) ==
        "checkpoint: run again, the block uses a parameter of shape [] that it did not use at first; it must "
        "do the same on every call, and make no parameters");
  CHECK(message_of<xg::GraphError>([&] { xg::checkpoint([](const Var&) { return Var(); }, {x}); }) ==
        "checkpoint: the block gave an empty Variable; return its result");
  CHECK(message_of<xg::GraphError>([&] {
          xg::checkpoint(block, {x, Var()});
        }) == "checkpoint: input 1 is an empty Variable; assign a value first");
}

TEST_CASE("a long chain of checkpoints is swept and destroyed without recursion") {
  const Var x = xg::parameter(1.0);
  Var y = x;
  for (int i = 0; i < 20'000; ++i) y = xg::checkpoint([](const Var& a) { return a * 0.9999 + 0.0001; }, {y});
  y.backward();
  CHECK(x.grad()() == doctest::Approx(std::pow(0.9999, 20'000)));
}

TEST_CASE("a block may call grad() towards what lies below it, in plain and restricted sweeps") {
  const Var x = xg::parameter(some_values()), w = xg::parameter(some_values() * 0.5);
  const Var below = w * 2, captured = xg::tanh(below * 0.5 + 1);  // the block reads the latter alone
  const auto penalty = [&](const Var& z) {
    const Var inner = xg::sum(xg::square(captured) * z);
    return z * xg::grad(inner, {w}, {.create_graph = true})[0];
  };
  const auto total = [&](const Var& inside) { return xg::sum(xg::square(inside) * captured * below); };
  const auto expected = xg::grad(total(penalty(x)), {x, w}, {.retain_graph = true});
  const auto kept = [&] { return total(xg::checkpoint(penalty, {x})); };
  const auto found = xg::grad(kept(), {x, w}, {.retain_graph = true});
  const auto recorded = xg::grad(kept(), {x, w}, {.create_graph = true});
  kept().backward({.retain_graph = true});
  for (std::size_t i = 0; i < 2; ++i) {
    CHECK(xt::allclose(found[i].value(), expected[i].value(), 1e-13, 1e-13));
    CHECK(xt::allclose(recorded[i].value(), expected[i].value(), 1e-13, 1e-13));
    CHECK(xt::allclose((i == 0 ? x : w).grad(), expected[i].value(), 1e-13, 1e-13));
  }
}

TEST_CASE(
    "a block in one thread may capture what another thread has recorded, whatever the threads have counted") {
  // The derivative of sum(h h a) in h is 2 h a: 2 4 6 where h is 1 2 3 and a is 1.
  const xt::xarray<double> expected{2, 4, 6};
  const Var p = xg::parameter(xt::xarray<double>{1, 2, 3}), one = xg::parameter(xt::xarray<double>{1, 1, 1});
  for (const bool create_graph : {false, true}) {
    Var h = p;
    for (int i = 0; i < 10; ++i) h = h * 2 * 0.5;
    h.retain_grad();
    int calls = 0;
    h.register_hook([&](const Var& g) {
      ++calls;
      CHECK(g.value() == expected);
    });
    std::thread([&] {
      const Var c = xg::checkpoint([h](const Var& a) { return xg::sum(h * h * a); }, {one});
      CHECK(xg::grad(c, {h}, {.create_graph = create_graph, .retain_graph = true})[0].value() == expected);
      CHECK(calls == 1);
      const auto both = xg::grad(c, {one, p}, {.create_graph = create_graph, .retain_graph = true});
      CHECK(both[0].value() == xt::xarray<double>{1, 4, 9});
      CHECK(both[1].value() == expected);
      CHECK(calls == 2);
      c.backward();
    }).join();
    CHECK(calls == 3);
    CHECK(h.grad() == expected);
    CHECK(p.grad() == expected);
    Var(p).zero_grad();
    Var(one).zero_grad();
  }
}

TEST_CASE("blocks inside blocks, run again in a third thread, spend what they record and nothing else") {
  // y = h^2 a^2 at h = 3 and a = 2: 2 h a^2 = 24, 2 h^2 a = 36.
  const Var p = xg::parameter(3.0), a = xg::parameter(2.0);
  Var h = p;
  for (int i = 0; i < 10; ++i) h = h * 2 * 0.5;
  Var y;
  std::thread([&] {
    const auto inner = [&](const Var& z) { return z * h * h; };
    y = xg::checkpoint([inner](const Var& z) { return xg::checkpoint(inner, {z}) * z; }, {a});
  }).join();
  std::thread([&] {
    const auto g = xg::grad(y, {h, a}, {.retain_graph = true});
    CHECK(g[0].item() == 24);
    CHECK(g[1].item() == 36);
    CHECK(xg::grad(y, {h})[0].item() == 24);  // spends what is between y and h
  }).join();
  (h * 5).backward();
  CHECK(p.grad()() == 5);
}

TEST_CASE("a block leaves no note on what it records, and keeps the scopes around it") {
  const Var x = xg::parameter(2.0);
  Var inside;
  const auto block = [&](const Var& z) { return inside = z * z; };
  {
    const xg::Scope scope("outer");
    xg::checkpoint(block, {x});
  }
  CHECK(inside.scope() == "outer");
  xg::checkpoint(block, {x});
  CHECK(inside.scope().empty());
  CHECK_FALSE(inside.node().is_noted());
}
