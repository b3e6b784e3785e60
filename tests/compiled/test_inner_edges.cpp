// Captured functions that take gradients: what their ways through operations of users, checks, leaves of
// their own and second derivatives have to keep.
#include <algorithm>
#include <chrono>
#include <string>
#include <xgrad/compile.hpp>
#include <xgrad/xgrad.hpp>

#include "beside_eager.hpp"

namespace xg = xgrad;
using namespace xgrad::testing;
using Var = xg::Variable<double>;
using Array = xg::Array<double>;

namespace {

constexpr xg::CompileOptions unverified{.verify = false};

Array drawn(const xg::Shape& shape, std::uint64_t seed) {
  xg::Generator generator(seed);
  return xg::random_normal<double>(shape, 0, 1, generator);
}

bool holds(const Var& x, const Array& values) { return same_bits<double>(x.value(), values); }

}  // namespace

TEST_CASE("a tangent along a leaf that is captured") {
  auto p = xg::parameter({1.0, 3.0});
  const auto square = [](const Var& u) { return u * u; };
  const auto moved = xg::compile(
      [&](const Var& v) { return xg::jvp(square, p, v, {.create_graph = true}).tangent; }, unverified);
  for (const double by : {1.0, -2.0}) {
    CHECK(holds(moved(xg::constant({by, by})), {2 * by, 6 * by}));
    p.set_value(Array{1, 3});
  }
  p.set_value(Array{5, 7});
  CHECK(holds(moved(xg::constant({1.0, 1.0})), {10, 14}));
}

TEST_CASE("a tangent through comparisons and detached values") {
  const auto h = [](const Var& u) { return xg::where(u > 0.0, u * u, u) + u.detach() * u; };
  const auto moved = xg::compile(
      [&](const Var& x, const Var& v) { return xg::jvp(h, x, v, {.create_graph = true}).tangent; },
      unverified);
  for (const double at : {2.0, -3.0}) {
    const auto x = xg::parameter({at}), v = xg::constant({1.0});
    CHECK(moved(x, v).item() == (at > 0 ? 2 * at : 1) + at);
  }
}

TEST_CASE("formulas of users, whose slopes are kept, in inner gradients") {
  const auto mish = xg::elementwise("mish", [](auto x) { return x * tanh(log1p(exp(x))); });
  const auto both = xg::elementwise("both", [](auto x, auto y) { return tanh(x * y) / (1 + exp(-x)); });
  auto w = xg::parameter(drawn({4}, 2));
  for (const bool create_graph : {false, true}) {
    const auto slope = [&](const Var& x) {
      const Var y = xg::sum(mish(x) * w) + xg::sum(both(x, w));
      const Var found = xg::grad(y, {x}, {.create_graph = create_graph, .retain_graph = true})[0];
      return xg::sum(found * found) + y;
    };
    const auto compiled = xg::compile(slope, unverified);
    for (std::uint64_t turn = 0; turn < 3; ++turn) {
      auto x = xg::parameter(drawn({4}, turn + 7));
      check_beside(
          std::vector<Var>{x, w}, [&] { return compiled(x); }, [&] { return slope(x); });
    }
  }
}

TEST_CASE("recurrent layers in inner gradients") {
  xg::manual_seed(4);
  xg::nn::RNN<double> rnn(3, 4);
  xg::nn::LSTM<double> lstm(3, 4);
  std::vector<Var> leaves = rnn.parameters();
  for (const Var& p : lstm.parameters()) leaves.push_back(p);
  const auto penalty = [&](const Var& x) {
    const Var y = xg::sum(xg::square(rnn(x))) + xg::sum(lstm(x));
    return xg::mean(xg::square(xg::grad(y, {x}, {.create_graph = true})[0]));
  };
  const auto compiled = xg::compile(penalty, unverified);
  for (std::uint64_t turn = 0; turn < 3; ++turn) {
    const auto x = xg::parameter(drawn({2, 5, 3}, turn));
    check_beside(
        leaves, [&] { return compiled(x); }, [&] { return penalty(x); });
  }
}

TEST_CASE("a gradient that is no part of the graph passes none, whatever operations it goes through") {
  const auto doubled = xg::custom_operation<double>(
      "squared", [](const auto& in) -> Array { return in[0] * in[0]; },
      [](const auto& in, const Var&, const Var& dy) { return std::vector<Var>{2.0 * dy * in[0]}; });
  const auto slope =
      xg::compile([&](const Var& x) { return xg::grad(xg::sum(doubled({x})), {x})[0]; }, unverified);
  for (const double by : {1.0, 3.0}) {
    auto x = xg::parameter({by});
    const Var found = slope(x);
    CHECK(found.item() == 2 * by);
    CHECK_FALSE(found.requires_grad());
  }
}

TEST_CASE("what refuses values goes on doing so though nobody reads its result") {
  const auto target = xg::constant({0.5, 0.5});
  const auto loss = xg::compile(
      [&](const Var& p) { return xg::binary_cross_entropy(p, target, xg::Reduction::none); }, unverified);
  const auto solid = xg::compile(
      [](const Var& a) {
        const Var unread = xg::cholesky(a);
        return xg::sum(a);
      },
      unverified);
  const auto picked = xg::compile(
      [](const Var& x, const xg::Indices& rows) {
        const Var unread = xg::take(x, rows);
        return xg::sum(x);
      },
      unverified);
  picked(xg::parameter({1.0, 2.0}), xg::Indices{1});
  CHECK(picked(xg::parameter({1.0, 2.0}), xg::Indices{0}).item() == 3);
  CHECK_THROWS(picked(xg::parameter({1.0, 2.0}), xg::Indices{2}));
  loss(xg::parameter({0.1, 0.2}));
  CHECK_THROWS_AS(loss(xg::parameter({1.5, 0.2})), xg::ValueError);
  solid(xg::parameter(Array{{2, 0}, {0, 2}}));
  CHECK(solid(xg::parameter(Array{{3, 0}, {0, 2}})).item() == 5);
  CHECK_THROWS_AS(solid(xg::parameter(Array{{-1, 0}, {0, 2}})), xg::ValueError);
}

TEST_CASE("a result that requires a gradient for the function's own sake can be swept") {
  const auto value = xg::compile(
      [](const Var& x) {
        return xg::value_and_grad([](const Var& u) { return xg::sum(u * u * u); }, x, {.create_graph = true})
            .value;
      },
      unverified);
  auto w = xg::parameter(2.0);
  for (const double by : {1.0, 2.0, 3.0}) {
    const Var y = value(xg::constant({by}));
    CHECK(y.requires_grad());
    (y * w).backward();
    CHECK(w.grad().flat(0) == by * by * by);
    w.zero_grad();
    value(xg::constant({by})).backward();
  }
}

TEST_CASE("second derivatives of determinants go another way at singular matrices, and are refused") {
  const auto product = [](const Var& x, const Var& v) {
    return xg::hvp([](const Var& u) { return xg::determinant(u); }, x, v);
  };
  const auto of_three = xg::compile(product, unverified), of_four = xg::compile(product, unverified);
  const Array eye = xt::eye<double>(3);
  of_three(xg::parameter(drawn({3, 3}, 1)), xg::constant(eye));
  // det of diag(a, b, c) is abc: along the identity its gradient changes by b + c, a + c and a + b.
  CHECK(holds(of_three(xg::parameter(Array{{1, 0, 0}, {0, 1, 0}, {0, 0, 0}}), xg::constant(eye)),
              Array{{1, 0, 0}, {0, 1, 0}, {0, 0, 2}}));
  CHECK_THROWS_WITH_AS(of_four(xg::parameter(drawn({4, 4}, 1)), xg::constant(drawn({4, 4}, 2))),
                       doctest::Contains("exp(logdet(a))"), xg::CaptureError);
}

TEST_CASE("a derivative outside runs the function in the mode of the call") {
  const auto f = [](const Var& x) {
    const Var unrecorded = xg::sum(x * x);
    const xg::EnableGrad on;
    return unrecorded + xg::sum(xg::grad(xg::sum(x * x * x), {x}, {.create_graph = true})[0]);
  };
  const auto compiled = xg::compile(f, unverified);
  const auto x = xg::parameter({1.0, 2.0});
  Var y;
  {
    const xg::NoGrad off;
    y = compiled(x);
  }
  CHECK(holds(xg::grad(y, {x}, {.create_graph = true})[0], {6, 12}));
}

TEST_CASE("a derivative outside of an inner one by a constant argument") {
  auto w = xg::parameter({1.0, 2.0});
  const auto slope = xg::compile(
      [&](const Var& x) {
        const auto f = [&](const Var& u) { return xg::sum(u * u * w * w); };
        return xg::value_and_grad(f, x, {.create_graph = true}).gradient;
      },
      unverified);
  for (const double by : {1.0, 3.0}) {
    // The gradient in x is 2 x w^2, and that in w of its sum 4 x w.
    const Var found = xg::grad(xg::sum(slope(xg::constant({by, 2 * by}))), {w}, {.create_graph = true})[0];
    CHECK(holds(found, {4 * by, 16 * by}));
  }
}

TEST_CASE("random numbers beside the way of a gradient, and constants that are differentiated") {
  auto w = xg::parameter({1.0, 2.0});
  const auto slope = xg::compile(
      [&](const Var& x) { return xg::grad(xg::sum(x * x) + xg::sum(xg::dropout(w, 0.5)), {x})[0]; },
      unverified);
  for (const double by : {1.0, 4.0}) CHECK(slope(xg::parameter({by})).item() == 2 * by);
  const auto flat = xg::compile(
      [](const Var& x) {
        return xg::value_and_grad([](const Var&) { return xg::constant(3.0); }, x).gradient;
      },
      unverified);
  CHECK(holds(flat(xg::parameter({1.0, 2.0})), {0, 0}));
}

TEST_CASE("a state that is carried on costs each call the same") {
  auto w = xg::parameter({0.5, 0.25});
  const auto step = xg::compile(
      [&](const Var& u, const Var& h) {
        return h * 0.5 + xg::grad(xg::sum(u * u * h), {u}, {.create_graph = true})[0] * w;
      },
      unverified);
  Var h = xg::constant({1.0, 1.0});
  // The shortest of five, for the machine may do other things.
  const auto seconds = [&] {
    double least = 1e9;
    for (int turn = 0; turn < 5; ++turn) {
      const auto begin = std::chrono::steady_clock::now();
      for (int i = 0; i < 200; ++i) h = step(xg::parameter({0.1, 0.2}), h);
      least =
          std::min(least, std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count());
    }
    return least;
  };
  const double first = seconds();
  for (int turn = 0; turn < 4; ++turn) seconds();
  CHECK(seconds() < 10 * first);
}
