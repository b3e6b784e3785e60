// The program of docs/architecture.md: tests/api/check_page.cmake compares.
#include <cmath>
#include <iostream>
#include <sstream>

#include <doctest/doctest.h>
#include <xgrad/xgrad.hpp>
namespace xg = xgrad;

TEST_CASE("the journey of an array ends with its gradient") {
  std::ostringstream text;
  std::streambuf* const before = std::cout.rdbuf(text.rdbuf());
  auto x = xg::parameter(xt::xarray<double>{-1, 0, 2});
  auto y = xg::sum(xg::sigmoid(x));
  y.backward();
  std::cout << x.grad() << '\n';
  std::cout.rdbuf(before);
  // The derivative of 1 / (1 + exp(-x)) is exp(-x) / (1 + exp(-x))^2.
  const xt::xarray<double> small = xt::exp(-xt::xarray<double>{-1, 0, 2});
  CHECK(xt::allclose(x.grad(), small / xt::square(1 + small), 1e-14, 0));
  CHECK(text.str().starts_with("{ 0.196612,  0.25"));
}
