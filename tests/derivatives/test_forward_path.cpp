// Several directions at once: columns of Jacobians and Hessians.
#include <doctest/doctest.h>

#include <cmath>
#include <optional>
#include <string>
#include <utility>
#include <xgrad/xgrad.hpp>

#include "../variables.hpp"

namespace xg = xgrad;
using xgrad::testing::largest_difference;
using Var = xg::Variable<double>;

namespace {

/// So many rows that a sweep back for each would cost more than one forwards for each column, whatever is in
/// f.
Var repeated(const Var& y) { return xg::broadcast_to(xg::reshape(y, {1, y.size()}), {64, y.size()}); }

xt::xarray<double> first_direction() { return {{1, -2, 0.5}, {0.25, 3, -1}}; }
xt::xarray<double> second_direction() { return {{-0.5, 0.75, 2}, {1.5, -1, 0.125}}; }

}  // namespace

TEST_CASE("directions that are moved together move as each does by itself") {
  const auto base = xg::constant({{0.3, -0.7, 1.1}, {0.9, 0.2, -1.3}});
  const auto row = xg::constant({0.5, -1.0, 2.0});
  const auto agree = [&](const std::string& what, auto f) {
    CAPTURE(what);
    const auto along = [&](const Var& s) {
      return f(base + s[0] * xg::constant(first_direction()) + s[1] * xg::constant(second_direction()));
    };
    const auto s = xg::constant({0.0, 0.0});
    const auto both = xg::jacobian([&](const Var& z) { return repeated(along(z)); }, s);
    const auto first = xg::jvp(along, s, xg::Array<double>{1, 0}).tangent;
    const auto second = xg::jvp(along, s, xg::Array<double>{0, 1}).tangent;
    REQUIRE(both.shape() == xg::Shape{64, first.size(), 2});
    for (const std::size_t copy : {std::size_t{0}, std::size_t{63}})
      for (std::size_t i = 0; i < first.size(); ++i) {
        CHECK(both(copy, i, 0) == doctest::Approx(first.value().flat(i)).epsilon(1e-14));
        CHECK(both(copy, i, 1) == doctest::Approx(second.value().flat(i)).epsilon(1e-14));
      }
  };
  agree("one operand twice", [](const Var& z) { return z * z; });
  agree("a repeated operand", [&](const Var& z) { return row * z + xg::mean(z, 0) * z; });
  agree("an operand of one element", [](const Var& z) { return z / xg::sum(xg::exp(z)); });
  agree("one that passes, repeated", [](const Var& z) { return z + xg::sum(z, 0); });
  agree("one that passes twice", [](const Var& z) { return z + z; });
  agree("a choice", [](const Var& z) { return xg::maximum(z, 0.25) - xg::relu(z); });
  agree("products", [](const Var& z) { return xg::matmul(z, xg::transpose(z)); });
  const auto weight = xg::constant({{1.0, -2.0, 0.5}, {0.25, 3.0, -1.0}, {2.0, 0.75, 1.5}, {-0.5, 1.0, 4.0}});
  agree("a matrix on the left", [&](const Var& z) { return xg::matmul(z, xg::transpose(weight)); });
  agree("one that is turned", [&](const Var& z) {
    return xg::matmul(z, xg::constant({{1.0}, {2.0}}), {.transpose_a = true});
  });
  agree("a matrix on the right", [&](const Var& z) { return xg::matmul(xg::constant({{1.0, -2.0}}), z); });
  agree("a vector on the left", [&](const Var& z) { return xg::matmul(z[0], xg::transpose(weight)); });
  agree("a vector on the right", [&](const Var& z) { return xg::matmul(weight, z[1]); });
  agree("a vector on the right of what is turned",
        [&](const Var& z) { return xg::matmul(xg::transpose(weight), z[1], {.transpose_a = true}); });
  agree("two vectors", [&](const Var& z) { return xg::matmul(z[0], row) + xg::matmul(row, z[1]); });
  agree("stacks of matrices", [&](const Var& z) {
    return xg::matmul(xg::reshape(z, {2, 1, 3}), xg::constant(xg::ones<double>({2, 3, 2})));
  });
  agree("no columns", [&](const Var& z) {
    return xg::matmul(z[{xg::all, xg::range(0, 0)}], xg::constant(xg::ones<double>({0, 2}))) + xg::sum(z);
  });
  agree("linear", [&](const Var& z) {
    return xg::linear(z, xg::transpose(weight), xg::constant({1.0, 2.0, 3.0, 4.0}));
  });
  agree("linear in its weight", [&](const Var& z) { return xg::linear(weight, xg::transpose(z)); });
  agree("sums and means", [](const Var& z) {
    return xg::sum(z, 1, {.keep_dims = true}) * xg::mean(z, 0) + xg::mean(z) - xg::cumsum(z, 1);
  });
  agree("an axis more", [](const Var& z) {
    return xg::broadcast_to(xg::sum(z, 1, {.keep_dims = true}), {4, 2, 3});
  });
  agree("turned and joined", [&](const Var& z) {
    return xg::concatenate(
        {xg::transpose(z), xg::transpose(xg::constant({{1.0, 2.0, 3.0}})), xg::transpose(z * 2.0)}, 1);
  });
  agree("parts with steps", [](const Var& z) {
    return z[{xg::all, xg::range(std::nullopt, std::nullopt, -2)}];
  });
  agree("gradients of parts", [](const Var& z) {
    return xg::grad(xg::sum(xg::exp(z[{1, xg::range(1, 3)}] * z[{0, xg::range(0, 2)}])), {z},
                    {.create_graph = true})[0];
  });
  agree("shapes", [](const Var& z) { return xg::concatenate({z[0], xg::sum(z, 0)}, 0); });
  agree("what has no short way", [](const Var& z) { return xg::softmax(z, 1) * z; });
  agree("parts", [](const Var& z) { return xg::split(z, 3, 1)[1] * 2.0; });
  agree("eight axes, repeated", [](const Var& z) {
    const Var a = xg::reshape(z, {1, 1, 1, 1, 1, 1, 2, 3});
    return a * xg::sum(a, 7, {.keep_dims = true});
  });
  agree("no element", [](const Var& z) { return z[xg::range(0, 0)] * 2.0; });
  const auto formula = xg::elementwise("formula", [](auto a, auto b) { return a * exp(b) + b; });
  agree("a formula", [&](const Var& z) { return formula(z, row); });
  agree("a formula of a repeated operand", [&](const Var& z) { return formula(xg::mean(z, 0), z); });
  const auto dear = xg::elementwise("dear", [](auto a) { return tanh(exp(sin(a) * a) * a); });
  agree("a formula whose slope is kept", [&](const Var& z) { return dear(z); });
  auto frozen = xg::parameter({{1.0, 2.0, 3.0}, {4.0, 5.0, 6.0}});
  frozen.set_requires_grad(false);
  agree("a frozen factor", [&](const Var& z) { return frozen * z / (z * z + frozen); });
}

TEST_CASE("the Jacobian of more columns than go together") {
  constexpr std::size_t n = 40, m = 90;
  const xt::xarray<double> c = xt::linspace<double>(-1, 1, m), x = xt::linspace<double>(-0.5, 0.75, n);
  const auto scale = xg::reshape(xg::constant(c), {m, 1});
  const auto J = xg::jacobian([&](const Var& z) { return xg::exp(scale * z); }, xg::constant(x));
  REQUIRE(J.shape() == xg::Shape{m, n, n});
  double worst = 0;
  for (std::size_t i = 0; i < m; ++i)
    for (std::size_t j = 0; j < n; ++j)
      for (std::size_t k = 0; k < n; ++k)
        worst = std::max(worst, std::abs(J(i, j, k) - (j == k ? c(i) * std::exp(c(i) * x(j)) : 0)));
  CHECK(worst < 1e-14);
}

TEST_CASE("the Hessian of Rosenbrock's function is three diagonals") {
  constexpr std::size_t n = 20;
  const xt::xarray<double> at = xt::linspace<double>(-1.2, 1.5, n);
  const auto rosenbrock = [](const Var& x) {
    const Var head = x[xg::range(0, -1)], tail = x[xg::range(1, std::nullopt)];
    return xg::sum(100.0 * xg::square(tail - xg::square(head)) + xg::square(1.0 - head));
  };
  const auto by_element = [](const Var& x) {
    Var sum = xg::constant(0.0);
    for (std::size_t i = 0; i + 1 < n; ++i)
      sum = sum + 100.0 * xg::square(x[i + 1] - x[i] * x[i]) + xg::square(1.0 - x[i]);
    return sum;
  };
  const auto right = [&](std::size_t i, std::size_t j) -> double {
    if (i == j) return (i + 1 < n ? 1200 * at(i) * at(i) - 400 * at(i + 1) + 2 : 0) + (i > 0 ? 200 : 0);
    return i + 1 == j ? -400 * at(i) : j + 1 == i ? -400 * at(j) : 0;
  };
  for (const auto& H :
       {xg::hessian(rosenbrock, xg::constant(at)), xg::hessian(by_element, xg::constant(at))}) {
    REQUIRE(H.shape() == xg::Shape{n, n});
    for (std::size_t i = 0; i < n; ++i)
      for (std::size_t j = 0; j < n; ++j) CHECK(H(i, j) == doctest::Approx(right(i, j)).epsilon(1e-12));
  }
}

TEST_CASE("a hook that changes a gradient changes the Jacobian, whatever its shape") {
  const auto doubled = [](const Var& z) {
    Var y = z * 3.0;
    y.register_hook([](const Var& dy) { return dy * 2.0; });
    return y;
  };
  const auto x = xg::constant({1.0});
  CHECK(xg::jacobian(doubled, x) == 6 * xt::ones<double>({1, 1}));
  const auto wide = xg::jacobian([&](const Var& z) { return repeated(doubled(z)); }, x);
  CHECK(wide == 6 * xt::ones<double>({64, 1, 1}));
}
