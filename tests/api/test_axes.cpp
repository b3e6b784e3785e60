// The public surface by example: axes, and what stands for an operand.
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

TEST_CASE("an Array or xtensor expression beside a Variable is a constant") {
  auto x = xg::parameter(xt::xarray<double>{{1, 2}, {3, 4}});
  const xg::Array<double> a = xt::xarray<double>{{2, 0}, {0, 2}};

  auto z = x * a + 2 * x;
  auto m = xg::maximum(x, a), p = xg::matmul(x, a), c = xg::concatenate({x, a});
  auto f = xg::elementwise("f", [](auto u, auto v, auto w) { return u * v + w; });
  auto y = f(x, a, 0.5);
  CHECK(z.value() == xt::xarray<double>{{4, 4}, {6, 16}});
  CHECK(m.value() == xt::xarray<double>{{2, 2}, {3, 4}});
  CHECK(p.value() == xt::xarray<double>{{2, 4}, {6, 8}});
  CHECK(c.shape() == xg::Shape{4, 2});
  CHECK(y.value() == xt::xarray<double>{{2.5, 0.5}, {0.5, 8.5}});

  (xg::sum(p) + xg::sum(c) + xg::sum(y)).backward();
  CHECK(x.grad() == xt::xarray<double>{{5, 3}, {3, 5}});
}
