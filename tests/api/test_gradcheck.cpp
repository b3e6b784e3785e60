// The public surface by example: gradient checking.
#include <doctest/doctest.h>

#include <iostream>
#include <sstream>
#include <string>
#include <xgrad/xgrad.hpp>
namespace xg = xgrad;

TEST_CASE("gradient checking") {
  auto a = xg::parameter(xt::xarray<double>{{1, 2}, {3, 4}});
  auto b = xg::constant(xt::xarray<double>{{0.5, -1}, {2, 0.25}});
  auto x = xg::parameter(xt::xarray<double>{0.5, -1});
  auto w = xg::parameter(xt::xarray<double>{2, 3});
  auto f = [](const xg::Variable<double>& z) { return xg::sum(xg::tanh(z) * z); };
  auto loss = [&] { return xg::sum(w * w * x); };

  auto report = xg::gradcheck(
      [](const std::vector<xg::Variable<double>>& in) { return xg::sum(xg::matmul(in[0], in[1])); }, {a, b});
  REQUIRE(report.ok());
  std::ostringstream captured;
  std::streambuf* const console = std::cout.rdbuf(captured.rdbuf());
  std::cout << report;
  std::cout.rdbuf(console);
  CHECK(captured.str().find("gradcheck: passed, 8 elements agree\n  input 0 [2, 2]: 4 of 4 elements") == 0);
  auto strict = xg::gradcheck(f, {x},
                              {.step = 1e-6,
                               .relative_tolerance = 1e-5,
                               .absolute_tolerance = 1e-7,
                               .second_order = true,
                               .forward_mode = true,
                               .max_elements = 10'000,
                               .seed = 0});
  CHECK(strict.ok());
  std::ostringstream text;
  text << strict;
  CHECK(text.str().find("second order, input 0") != std::string::npos);
  CHECK(text.str().find("forward against reverse mode, input 0") != std::string::npos);
  xg::Array<double> numeric = xg::numerical_gradient([&] { return loss().item(); }, w);
  CHECK(xt::allclose(numeric, xt::xarray<double>{2, -6}, 1e-8, 1e-8));
  CHECK(w.value() == xt::xarray<double>{2, 3});
}

TEST_CASE("a wrong gradient is a report, and a function that cannot be checked an error") {
  auto x = xg::parameter(xt::xarray<double>{0.5, -1});
  auto wrong = [](const xg::Variable<double>& z) { return z * z.detach(); };
  CHECK_FALSE(xg::gradcheck(wrong, {x}).ok());
  auto random = [](const xg::Variable<double>& z) { return z * xg::generator().uniform(); };
  CHECK_THROWS_AS(xg::gradcheck(random, {x}), xg::ValueError);
  auto broken = [](const xg::Variable<double>& z) { return xg::reshape(z, {7}); };
  CHECK_THROWS_AS(xg::gradcheck(broken, {x}), xg::ShapeError);
}
