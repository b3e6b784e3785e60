// Where lazy xtensor expressions enter, and what they may hold: each against a plain loop over the numbers.
#include <doctest/doctest.h>

#include <cmath>
#include <complex>
#include <vector>
#include <xgrad/xgrad.hpp>
#include <xgrad/xtensor.hpp>

#include "lazy_expressions.hpp"

namespace xg = xgrad;
using namespace xgrad::testing::lazy;
using A = xg::Array<double>;
using X = xt::xarray<double>;

TEST_CASE("containers of every layout and kind") {
  const xt::xarray<double, xt::layout_type::column_major> by_columns = p;
  xt::xarray<double, xt::layout_type::dynamic> either(std::vector<std::size_t>{3, 2},
                                                      xt::layout_type::column_major);
  either = p;
  CHECK_3x2(by_columns, p(i, j));
  CHECK_3x2(either, p(i, j));
  CHECK_3x2(xt::sqrt(by_columns), std::sqrt(p(i, j)));
  CHECK_3x2(by_columns + either, 2 * p(i, j));
  CHECK_3x2(by_columns + p, 2 * p(i, j));
  CHECK_3x2(by_columns / xt::sum(by_columns, {1}, xt::keep_dims), p(i, j) / row_sums[i]);
  CHECK_3x2(xt::strided_view(by_columns, {xt::all(), xt::range(0, 1)}) + by_columns, p(i, j) + p(i, 0));
  CHECK(is(xt::reshape_view(by_columns, {2, 3}), 2, 3,
           [](auto i, auto j) { return p((i * 3 + j) / 2, (i * 3 + j) % 2); }));
  const xt::xtensor<double, 2> fixed_rank = p;
  const xt::xtensor_fixed<double, xt::xshape<3, 2>> fixed = p;
  CHECK_3x2(fixed_rank / xt::sum(fixed_rank, {1}, xt::keep_dims), p(i, j) / row_sums[i]);
  CHECK_3x2(fixed + fixed_rank, 2 * p(i, j));
  const xt::xarray<std::complex<double>> z = p + std::complex<double>(0, 1) * p;
  CHECK_3x2(xt::real(z) + xt::imag(z), 2 * p(i, j));
  CHECK_3x2(xt::real(z) / xt::sum(xt::imag(z), {1}, xt::keep_dims), p(i, j) / row_sums[i]);
}

TEST_CASE("whatever evaluates into an Array evaluates first what it repeats") {
  const auto share = p / xt::sum(p, {1}, xt::keep_dims);
  const auto right = [](auto i, auto j) { return p(i, j) / row_sums[i]; };
  A a;
  a = share;
  CHECK(is(a, 3, 2, right));
  xt::noalias(a) = share;
  CHECK(is(a, 3, 2, right));
  a = xt::zeros<double>({3, 2});
  a += share;
  CHECK(is(a, 3, 2, right));
  a -= share + xt::sum(p, {0}, xt::keep_dims);
  CHECK(is(a, 3, 2, [](auto, auto j) { return -column_sums[j]; }));
  A wide = xt::zeros<double>({1, 2});
  wide += share;
  CHECK(is(wide, 3, 2, right));
  A self = p;
  self /= xt::sum(self, {1}, xt::keep_dims);
  CHECK(is(self, 3, 2, right));
  CHECK_THROWS(A(p / xt::sum(xt::ones<double>({4, 5}), {1}, xt::keep_dims)));
  CHECK_THROWS_AS(A(xt::ones<double>({1, 1, 1, 1, 1, 1, 1, 1, 1}) * 2), xg::ShapeError);
  CHECK_THROWS_AS(A(p / xt::sum(xt::ones<double>({1, 1, 1, 1, 1, 1, 1, 3, 2}), {8}, xt::keep_dims)),
                  xg::ShapeError);
  const X none = xt::zeros<double>({0, 2});
  CHECK(A(none / xt::sum(none, {1}, xt::keep_dims)).shape() == xg::Shape{0, 2});
}

TEST_CASE("every way in takes an expression that broadcasts a reduction") {
  const auto share = p / xt::sum(p, {1}, xt::keep_dims);
  const auto right = [](auto i, auto j) { return p(i, j) / row_sums[i]; };
  CHECK(is(xg::parameter(share).value(), 3, 2, right));
  CHECK(is(xg::constant(share).value(), 3, 2, right));
  auto x = xg::parameter(xt::zeros<double>({3, 2}));
  CHECK(is((x + share).value(), 3, 2, right));
  CHECK(is((share - x).value(), 3, 2, right));
  x.set_value(share);
  CHECK(is(x.value(), 3, 2, right));
  (x * 1).backward({.grad_output = share});
  CHECK(is(x.grad(), 3, 2, right));
  CHECK(is(xg::grad(x * 1, {x}, {.grad_output = share})[0].value(), 3, 2, right));
  {
    const xg::NoGrad off;
    x += share;
    CHECK(is(x.value(), 3, 2, [&](auto i, auto j) { return 2 * right(i, j); }));
  }
  x.set_grad(share);
  CHECK(is(x.grad(), 3, 2, right));
  const auto above = p > xt::mean(p, {1}, xt::keep_dims);
  const xg::Mask mask = above;
  CHECK(mask == xt::xarray<bool>{{false, true}, {false, true}, {false, true}});
  const xt::xarray<int> n = {{1, 2}, {3, 4}, {5, 6}};
  const xg::Indices indices = n - xt::amin(n, {1}, xt::keep_dims);
  CHECK(indices == xt::xarray<std::int64_t>{{0, 1}, {0, 1}, {0, 1}});
  const xg::data::TensorDataset<double, double> set(share, share);
  CHECK(is(set.inputs(), 3, 2, right));
  CHECK(is(set.targets(), 3, 2, right));
  const auto loss = xg::nn::sum_squared_error(xg::constant(share), p / xt::sum(p, {1}, xt::keep_dims));
  CHECK(loss.item() == 0);
}
