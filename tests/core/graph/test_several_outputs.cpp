// An operation of several outputs: here of three, one of them an integer. Expected numbers are the textbook's
// for polar coordinates at (3, 4): r = 5, theta = atan(4 / 3).
#include <doctest/doctest.h>

#include <cmath>
#include <string>
#include <tuple>
#include <vector>
#include <xgrad/core/graph/record.hpp>
#include <xgrad/io.hpp>
#include <xgrad/xgrad.hpp>

#include "../../message_of.hpp"

namespace xg = xgrad;
using xgrad::testing::message_of;
using Var = xg::Variable<double>;
using Quadrant = xg::detail::Discrete<std::int64_t>;

namespace {

/// r, theta, and the quadrant that (x, y) lies in, counted from 0.
struct Polar {
  static constexpr std::string_view name = "polar";
  static constexpr bool saves_output = true;
  double unit = 1;
  void fields(auto& visit) const { visit("unit", unit); }
  bool saves(std::size_t, const xg::detail::Wanted&) const { return true; }

  template <class T>
  std::tuple<xg::Dense<T>, xg::Dense<T>, xg::Dense<std::int64_t>> forward(const xg::Dense<T>& x,
                                                                          const xg::Dense<T>& y) const {
    xg::Dense<T> radius(x.shape), angle(x.shape);
    xg::Dense<std::int64_t> quadrant(x.shape);
    for (std::size_t i = 0; i < x.size(); ++i) {
      const T a = x.data()[i], b = y.data()[i];
      radius.mutable_data()[i] = std::hypot(a, b);
      angle.mutable_data()[i] = std::atan2(b, a);
      quadrant.mutable_data()[i] = b >= 0 ? (a >= 0 ? 0 : 1) : (a < 0 ? 2 : 3);
    }
    return {radius, angle, quadrant};
  }
  template <class V>
  void vjp(xg::detail::Backward<V>& b) const {
    const V x = b.input(0), y = b.input(1), r = b.output();
    V dx = b.gradient() * x / r, dy = b.gradient() * y / r;
    if (b.has_gradient(1)) {
      const V turn = b.gradient(1) / (r * r);
      dx = dx - turn * y;
      dy = dy + turn * x;
    }
    b.give(0, dx);
    b.give(1, dy);
  }
};

struct Outputs {
  Var radius, angle;
  Quadrant quadrant;
};

Outputs polar(const Var& x, const Var& y) {
  auto [radius, angle, quadrant] = xg::detail::apply_all(Polar{}, x, y);
  return {radius, angle, quadrant};
}

struct Point {
  Var x = xg::parameter(3.0), y = xg::parameter(4.0);
};

std::int64_t live_nodes() { return xg::memory_stats().live_nodes; }

}  // namespace

TEST_CASE("each output has its value, and an integer takes no gradient") {
  const Point at;
  const Outputs out = polar(at.x, at.y);
  CHECK(out.radius.item() == 5);
  CHECK(out.angle.item() == doctest::Approx(std::atan(4.0 / 3)));
  CHECK(*out.quadrant.dense().data() == 0);
  CHECK(out.quadrant.node().kind() == xg::detail::ElementKind::int64);
  CHECK_FALSE(out.quadrant.node().requires_grad());
  CHECK(*polar(-at.x, at.y).quadrant.dense().data() == 1);
}

TEST_CASE("an output that nobody asks for leaves no node") {
  const Point at;
  const std::int64_t before = live_nodes();
  const Var radius = xg::detail::apply(Polar{}, at.x, at.y);
  CHECK(live_nodes() == before + 1);
  const Outputs all = polar(at.x, at.y);
  CHECK(live_nodes() == before + 4);
}

TEST_CASE("without a gradient to pass, outputs are constants") {
  const xg::NoGrad off;
  const Point at;
  const Outputs out = polar(at.x, at.y);
  CHECK_FALSE(out.angle.requires_grad());
  CHECK(out.angle.is_leaf());
  CHECK(out.angle.item() == doctest::Approx(std::atan(4.0 / 3)));
}

TEST_CASE("the gradient of any output reaches the inputs, and that of several is their sum") {
  const auto gradients = [](auto&& value) {
    const Point at;
    value(polar(at.x, at.y)).backward();
    return std::vector{at.x.grad()(), at.y.grad()()};
  };
  const auto of_radius = gradients([](const Outputs& out) { return out.radius; });
  CHECK(of_radius[0] == doctest::Approx(0.6));
  CHECK(of_radius[1] == doctest::Approx(0.8));
  const auto of_angle = gradients([](const Outputs& out) { return out.angle; });
  CHECK(of_angle[0] == doctest::Approx(-4.0 / 25));
  CHECK(of_angle[1] == doctest::Approx(3.0 / 25));
  const auto of_both = gradients([](const Outputs& out) { return out.radius + 2 * out.angle + out.angle; });
  CHECK(of_both[0] == doctest::Approx(0.6 - 3 * 4.0 / 25));
  CHECK(of_both[1] == doctest::Approx(0.8 + 3 * 3.0 / 25));
}

TEST_CASE("an output outlives the others' handles") {
  const Point at;
  Var angle;
  { angle = polar(at.x, at.y).angle; }
  angle.backward();
  CHECK(at.x.grad()() == doctest::Approx(-4.0 / 25));
}

TEST_CASE("second orders mix outputs") {
  const Point at;
  const Outputs out = polar(at.x, at.y);
  const auto first = xg::grad(out.angle, {at.x, at.y}, {.create_graph = true});
  const auto of_x = xg::grad(first[0], {at.x, at.y}, {.retain_graph = true});
  CHECK(of_x[0].item() == doctest::Approx(2.0 * 3 * 4 / 625));                 // 2 x y / r^4
  CHECK(of_x[1].item() == doctest::Approx((4.0 * 4 - 3 * 3) / 625));           // (y^2 - x^2) / r^4
  const auto slope = xg::grad(out.radius, {at.x}, {.create_graph = true})[0];  // x / r
  CHECK(xg::grad(slope, {at.x})[0].item() == doctest::Approx(16.0 / 125));     // y^2 / r^3
}

TEST_CASE("forward mode goes through any output") {
  const Point at;
  const auto angle = [&](const Var& x) { return polar(x, at.y).angle; };
  const auto both = [&](const Var& x) {
    const Outputs out = polar(x, at.y);
    return out.radius * out.angle;
  };
  CHECK(xg::jvp(angle, at.x, xg::Array<double>(2.0)).tangent.item() == doctest::Approx(-8.0 / 25));
  CHECK(xg::jvp(both, at.x, xg::Array<double>(1.0)).tangent.item() ==
        doctest::Approx(0.6 * std::atan(4.0 / 3) - 5 * 4.0 / 25));
}

TEST_CASE("hooks see an output's complete gradient once, and retain_grad keeps it") {
  const Point at;
  Outputs out = polar(at.x, at.y);
  std::vector<double> seen;
  out.angle.register_hook([&](const Var& gradient) { seen.push_back(gradient.item()); });
  out.angle.retain_grad();
  (out.angle * 2.0 + out.angle).backward();
  CHECK(seen == std::vector<double>{3});
  CHECK(out.angle.grad()() == 3);
  CHECK(at.x.grad()() == doctest::Approx(-12.0 / 25));
}

TEST_CASE("a hook's replacement of an output's gradient goes on to the inputs") {
  const Point at;
  Outputs out = polar(at.x, at.y);
  out.angle.register_hook([](const Var& gradient) { return gradient * 10.0; });
  out.angle.backward();
  CHECK(at.x.grad()() == doctest::Approx(-40.0 / 25));
}

TEST_CASE("a checkpointed block may use several outputs") {
  const Point at;
  const auto block = [&](const std::vector<Var>& in) {
    const Outputs out = polar(in[0], in[1]);
    return out.radius + out.angle;
  };
  xg::checkpoint(block, {at.x, at.y}).backward();
  CHECK(at.x.grad()() == doctest::Approx(0.6 - 4.0 / 25));
  CHECK(at.y.grad()() == doctest::Approx(0.8 + 3.0 / 25));
}

TEST_CASE("a further output through a spent operation says so") {
  const Point at;
  const Outputs out = polar(at.x, at.y);
  out.radius.backward();
  CHECK(
      message_of([&] { out.angle.backward(); }) ==
      "backward: the graph through 'polar' was spent by an earlier backward; pass {.retain_graph = true} to "
      "the earlier one");
}

TEST_CASE("a drawing shows an output with what it comes from, and what the operation was told") {
  const Point at;
  const Outputs out = polar(at.x, at.y);
  const std::string text = xg::io::to_dot(out.angle * 2.0, {.show_gradients = true});
  CHECK(text.find("polar []\\nunit = 1") != std::string::npos);
  CHECK(text.find("polar []\\noutput = 1") != std::string::npos);
}

TEST_CASE("an anomaly in an output's gradient names the operation") {
  const Var x = xg::parameter(0.0), y = xg::parameter(0.0);
  const xg::DetectAnomaly on;
  const Outputs out = polar(x, y);
  const std::string message = message_of([&] { out.angle.backward(); });
  CHECK(message.starts_with("polar (unit = 1): the gradient of input 0 in backward is nan"));
}

TEST_CASE("performed again, an operation renews all its outputs") {
  const Point at;
  const Outputs out = polar(at.x, at.y);
  at.x.node().exchange_buffer(xg::Dense<double>::scalar(-5).buffer);
  at.y.node().exchange_buffer(xg::Dense<double>::scalar(12).buffer);
  for (xg::detail::Node* node : {&out.radius.node(), &out.angle.node(), &out.quadrant.node()}) node->renew();
  CHECK(out.radius.item() == 13);
  CHECK(out.angle.item() == doctest::Approx(std::atan2(12.0, -5.0)));
  CHECK(*out.quadrant.dense().data() == 1);
  out.angle.backward();
  CHECK(at.x.grad()() == doctest::Approx(-12.0 / 169));
  CHECK(at.y.grad()() == doctest::Approx(-5.0 / 169));
}
