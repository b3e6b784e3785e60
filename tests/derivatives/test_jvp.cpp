#include <doctest/doctest.h>

#include <string>
#include <xgrad/derivatives/jvp.hpp>
#include <xgrad/xgrad.hpp>

#include "../message_of.hpp"
#include "../variables.hpp"

namespace xg = xgrad;
using xgrad::testing::largest_difference;
using xgrad::testing::message_of;
using Var = xg::Variable<double>;

namespace {

xt::xarray<double> some_values() { return {{0.3, -0.7, 1.1}, {0.9, 0.2, -1.3}}; }
xt::xarray<double> a_direction() { return {{1, -2, 0.5}, {0.25, 3, -1}}; }

Var smooth(const Var& x) { return xg::tanh(x * x + 1.5 * x) / (x * x + 2); }

}  // namespace

TEST_CASE("jvp is the derivative along a direction") {
  const auto x = xg::parameter(some_values());
  const auto [out, tangent] = xg::jvp(smooth, x, a_direction());
  const double h = 1e-6;
  const xt::xarray<double> ahead = some_values() + h * a_direction(),
                           behind = some_values() - h * a_direction();
  const xt::xarray<double> numeric =
      (smooth(xg::constant(ahead)).value() - smooth(xg::constant(behind)).value()) / (2 * h);
  CHECK(largest_difference(tangent.value(), numeric) < 1e-8);
  CHECK(largest_difference(out.value(), smooth(x.detach()).value()) == 0);
  CHECK_FALSE(tangent.requires_grad());
  CHECK_FALSE(x.has_grad());
}

TEST_CASE("jvp and vjp are dual: <J v, u> = <v, J^T u>") {
  const auto x = xg::constant(some_values());
  const xt::xarray<double> u{{0.1, 0.7, -0.4}, {2, -1, 0.6}};
  const auto tangent = xg::jvp(smooth, x, a_direction()).tangent.value();
  const auto cotangent = xg::vjp(smooth, x, u).cotangent.value();
  double left = 0, right = 0;
  for (std::size_t i = 0; i < u.size(); ++i) {
    left += tangent.flat(i) * u.flat(i);
    right += cotangent.flat(i) * a_direction().flat(i);
  }
  CHECK(left == doctest::Approx(right).epsilon(1e-14));
}

TEST_CASE("a tangent can be differentiated, and agrees with the Hessian's product") {
  const auto x = xg::parameter(xt::xarray<double>{0.4, -1.2});
  const xt::xarray<double> v{2, -1};
  const auto f = [](const Var& z) { return z * z * z; };  // diagonal: derivative 3 z^2 v, then 6 z v
  const auto [out, tangent] = xg::jvp(f, x, v, {.create_graph = true});
  const auto again = xg::grad(tangent, {x}, {.grad_output = xt::ones<double>({2})})[0].value();
  CHECK(largest_difference(again, xt::xarray<double>{6 * 0.4 * 2, 6 * -1.2 * -1}) < 1e-14);
}

TEST_CASE("what is performed on tangents agrees with derivatives that are transposed") {
  const auto x = xg::constant(some_values());
  const auto agree = [&](const std::string& what, auto f) {
    CAPTURE(what);
    // What is to be differentiated again is transposed step by step.
    const auto quick = xg::jvp(f, x, a_direction()).tangent;
    const auto transposed = xg::jvp(f, x, a_direction(), {.create_graph = true}).tangent;
    REQUIRE(quick.shape() == transposed.shape());
    CHECK(largest_difference(quick.value(), transposed.value()) < 1e-14);
    CHECK(largest_difference(quick.value(), xt::zeros<double>(quick.value().shape())) > 0.01);
  };
  const auto row = xg::constant({0.5, -1.0, 2.0});
  agree("one operand twice", [](const Var& z) { return z * z; });
  agree("a repeated operand", [&](const Var& z) { return row * z + xg::mean(z, 0) * z; });
  agree("an operand of one element", [](const Var& z) { return z / xg::sum(xg::exp(z)); });
  agree("one that passes, repeated", [](const Var& z) { return z + xg::sum(z, 0); });
  agree("a choice", [](const Var& z) { return xg::maximum(z, 0.25) - xg::relu(z); });
  agree("products", [](const Var& z) { return xg::matmul(z, xg::transpose(z)); });
  agree("a product with a constant", [](const Var& z) { return xg::matmul(xg::constant({{1.0, -2.0}}), z); });
  agree("linear, weight too", [&](const Var& z) {
    return xg::linear(z, xg::transpose(z), xg::constant({1.0, 2.0}));
  });
  agree("linear, the bias too", [](const Var& z) { return xg::linear(z, xg::transpose(z), xg::sum(z, 1)); });
  agree("shapes", [](const Var& z) {
    return xg::concatenate({xg::slice(z, {0}), xg::constant({1.0}), xg::sum(z, 0)}, 0);
  });
  agree("arrangements", [](const Var& z) { return xg::tril(xg::roll(z, 1, 1)) + xg::cumsum(z, 1); });
  agree("images", [](const Var& z) {
    const Var images = xg::reshape(z, {1, 1, 2, 3});
    return xg::avg_pool2d(xg::conv2d(images, xg::reshape(xg::sum(z, 1), {1, 1, 1, 2})), {.kernel = {1, 2}});
  });
  const auto formula = xg::elementwise("formula", [](auto a, auto b) { return a * exp(b) + b; });
  agree("a formula", [&](const Var& z) { return formula(z, row); });
  agree("a formula of a repeated operand", [&](const Var& z) { return formula(xg::mean(z, 0), z); });
  agree("what has no short way", [](const Var& z) { return xg::softmax(z, 1) * z; });
}

TEST_CASE("a graph that a backward pass has spent has no tangent") {
  const auto f = [](const Var& z) {
    const Var y = xg::exp(z);
    xg::sum(y).backward();
    return y * 2;
  };
  CHECK(message_of<xg::GraphError>([&] {
          xg::jvp(f, xg::constant({1.0, 2.0}), xg::Array<double>{1, 1});
        }) ==
        "jvp: the graph through 'exp' was spent by a backward pass; pass {.retain_graph = true} to that one");
}

TEST_CASE("a function that does not depend on its input has a zero tangent") {
  const auto c = xg::constant(some_values());
  const auto [out, tangent] = xg::jvp([&](const Var&) { return c * 2; }, c, a_direction());
  CHECK(tangent.value() == xt::zeros<double>({2, 3}));
}

TEST_CASE("the identity passes the direction on") {
  const auto x = xg::constant(some_values());
  CHECK(xg::jvp([](const Var& z) { return z; }, x, a_direction()).tangent.value() == a_direction());
}

TEST_CASE("a long chain is swept forwards in time linear in its length") {
  const auto x = xg::constant(xt::xarray<double>{1});
  const auto chain = [](const Var& z) {
    Var y = z;
    for (int i = 0; i < 20'000; ++i) y = y * 0.9999 + 0.0001 * z;
    return y;
  };
  CHECK(xg::jvp(chain, x, xt::xarray<double>{2}).tangent.item() == doctest::Approx(2));
}

TEST_CASE("a direction of another shape is refused") {
  const auto x = xg::constant(some_values());
  try {
    xg::jvp(smooth, x, xt::ones<double>({3}));
    FAIL("no error");
  } catch (const xg::ShapeError& error) {
    CHECK(std::string(error.what()) ==
          "jvp: the direction has shape [3], the input [2, 3]; they must be equal");
  }
}
