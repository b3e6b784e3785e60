// The public surface by example: derivatives as functions.
#include <doctest/doctest.h>

#include <cmath>
#include <string>
#include <xgrad/xgrad.hpp>
namespace xg = xgrad;

TEST_CASE("derivatives as functions") {
  auto x = xg::parameter(xt::xarray<double>{0.5, -1});
  auto w = xg::parameter(xt::xarray<double>{2, 3});
  auto h = [](const xg::Variable<double>& z) { return z * z; };
  auto block = [](const xg::Variable<double>& z, const xg::Variable<double>& weight) {
    return xg::tanh(z * weight);
  };
  const xg::Array<double> u = xt::xarray<double>{1, 10};
  const xg::Array<double> v = xt::xarray<double>{3, -2};
  auto y = xg::sum(x * x * w);

  auto f = [](const xg::Variable<double>& x) { return xg::sum(xg::tanh(x) * x); };
  auto [value, gradient] = xg::value_and_grad(f, x);
  CHECK(value.item() == f(x).item());
  CHECK(xt::allclose(gradient.value(), xt::tanh(x.value()) + x.value() / xt::square(xt::cosh(x.value()))));
  std::vector<xg::Variable<double>> gs = xg::grad(y, {x, w}, {.create_graph = true});
  CHECK(gs[0].value() == xt::xarray<double>{2, -6});
  CHECK(xg::grad(xg::sum(gs[0]), {w})[0].value() == xt::xarray<double>{1, -2});
  xg::Array<double> J = xg::jacobian(h, x);
  CHECK(J == xt::xarray<double>{{1, 0}, {0, -2}});
  xg::Array<double> H = xg::hessian(f, x);
  CHECK(H.shape() == xg::Shape{2, 2});
  CHECK((H(0, 1) == 0 &&
         H(0, 0) == doctest::Approx(2 * (1 - 0.5 * std::tanh(0.5)) / std::pow(std::cosh(0.5), 2))));
  auto Hv = xg::hvp(f, x, v);
  CHECK(xt::allclose(Hv.value(), xt::xarray<double>{3 * H(0, 0), -2 * H(1, 1)}));
  auto [out, tangent] = xg::jvp(h, x, v);
  CHECK(out.value() == xt::xarray<double>{0.25, 1});
  CHECK(tangent.value() == xt::xarray<double>{3, 4});
  auto [out2, cotangent] = xg::vjp(h, x, u);
  CHECK(out2.value() == out.value());
  CHECK(cotangent.value() == xt::xarray<double>{1, -20});
  {
    xg::NoGrad off;
    auto quiet = f(x);
  }
  const auto unrecorded = [&] {
    const xg::NoGrad off;
    return f(x);
  };
  CHECK_FALSE(unrecorded().requires_grad());
  auto kept = xg::checkpoint(block, {x, w});
  CHECK(kept.value() == block(x, w).value());
  CHECK(xg::grad(xg::sum(kept), {w})[0].value() == xg::grad(xg::sum(block(x, w)), {w})[0].value());
}

TEST_CASE("anomalies are found, and named by what recorded them") {
  auto x = xg::parameter(xt::xarray<double>{1, -1});
  xg::DetectAnomaly on;
  xg::Scope scope("encoder");
  CHECK(xg::exp(x).scope() == "encoder");
  try {
    xg::log(x);
    FAIL("nothing was thrown");
  } catch (const xg::AnomalyError& error) {
    const std::string text = error.what();
    CHECK(text.find("log: its result is nan at [1] ") == 0);
    CHECK(text.find("scope 'encoder' of ") != std::string::npos);
    CHECK(text.find("test_derivatives.cpp:") != std::string::npos);
  }
}

TEST_CASE("tangents and products can be differentiated, and directions may be Variables") {
  auto x = xg::parameter(xt::xarray<double>{0.5, -1});
  auto v = xg::parameter(xt::xarray<double>{3, -2});
  auto h = [](const xg::Variable<double>& z) { return z * z * z; };
  auto [out, tangent] = xg::jvp(h, x, v, {.create_graph = true});
  const auto gs = xg::grad(xg::sum(tangent), {x, v});
  CHECK(gs[0].value() == xt::xarray<double>{9, 12});
  CHECK(gs[1].value() == xt::xarray<double>{0.75, 3});
}
