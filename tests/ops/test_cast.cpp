#include <doctest/doctest.h>

#include <type_traits>
#include <xgrad/derivatives/grad.hpp>
#include <xgrad/ops/cast.hpp>
#include <xgrad/ops/operators.hpp>

namespace xg = xgrad;

TEST_CASE("cast changes the element type and keeps shape and values") {
  const auto x = xg::parameter(xt::xarray<double>{{1.5, 0.1}, {-2, 1e300}});
  const auto y = xg::cast<float>(x);
  static_assert(std::is_same_v<decltype(y), const xg::Variable<float>>);
  CHECK(y.shape() == x.shape());
  CHECK(y.operation() == "cast");
  CHECK(y.value()(0, 1) == 0.1f);
  CHECK(std::isinf(y.value()(1, 1)));
  CHECK(xg::cast<double>(y).value()(0, 1) == static_cast<double>(0.1f));
}

TEST_CASE("cast to the same type is the variable itself, and of a constant a constant") {
  const auto x = xg::parameter(xt::xarray<double>{1, 2});
  CHECK(&xg::cast<double>(x).node() == &x.node());
  CHECK(xg::cast<float>(x.detach()).is_leaf());
  const xg::NoGrad off;
  CHECK_FALSE(xg::cast<float>(x).requires_grad());
}

TEST_CASE("gradients pass through cast into leaves of the other type") {
  const auto x = xg::parameter(xt::xarray<double>{1, 2, 3});
  const auto w = xg::parameter(xt::xarray<float>{1, 10, 100});
  const auto y = xg::cast<double>(xg::cast<float>(x) * w) * x;
  y.backward({.grad_output = xt::ones<double>({3})});
  CHECK(x.grad() == xt::xarray<double>{2, 40, 600});
  CHECK(w.grad() == xt::xarray<float>{1, 4, 9});
}

TEST_CASE("cast can be differentiated at every order") {
  const auto x = xg::parameter(xt::xarray<double>{2, -3});
  const auto f = xg::cast<float>(x);
  const xg::Array<float> weights = xt::ones<float>({2});
  const xg::Array<double> double_weights = xt::ones<double>({2});
  // x^4 in float: 4 x^3, 12 x^2, 24 x.
  const auto first = xg::grad(xg::cast<double>(f * f * f * f), {x},
                              {.create_graph = true, .grad_output = double_weights})[0];
  CHECK(first.value() == xt::xarray<double>{32, -108});
  const auto second = xg::grad(first, {x}, {.create_graph = true, .grad_output = double_weights})[0];
  CHECK(second.value() == xt::xarray<double>{48, 108});
  const auto third = xg::grad(second, {x}, {.grad_output = double_weights})[0];
  CHECK(third.value() == xt::xarray<double>{48, -72});
}
