// The public surface by example: axes.
#include <doctest/doctest.h>

#include <xgrad/xgrad.hpp>
namespace xg = xgrad;

TEST_CASE("reductions over axes, and their options behind them") {
  auto x = xg::parameter(xt::xarray<double>{{{1, 2}, {3, 4}}, {{5, 6}, {7, 8}}});

  auto s1 = xg::sum(x, 1), s2 = xg::mean(x, {0, 1}, {.keep_dims = true});
  CHECK(s1.value() == xt::xarray<double>{{4, 6}, {12, 14}});
  CHECK(s2.value() == xt::xarray<double>{{{4, 5}}});

  (xg::sum(s1) + xg::sum(s2)).backward();
  CHECK(x.grad() == xt::xarray<double>(1.25 * xt::ones<double>({2, 2, 2})));
}
