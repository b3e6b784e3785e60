// The public surface by example: operations.
#include <doctest/doctest.h>

#include <xgrad/xgrad.hpp>
namespace xg = xgrad;

TEST_CASE("operations with their options") {
  const xt::xarray<double> values = xt::arange<double>(32).reshape({2, 4, 4});
  auto x = xg::parameter(values);
  auto a = xg::parameter(xt::xarray<double>{{1, 2, 3}, {4, 5, 6}});
  auto b = xg::parameter(xt::xarray<double>{{1, 0, 1}, {0, 2, 0}});
  auto weight = xg::parameter(xt::xarray<double>(xt::ones<double>({4, 3})));
  auto bias = xg::parameter(xt::xarray<double>{10, 20, 30});

  auto s = xg::sum(x, {.axes = {0}, .keep_dims = true});
  CHECK(s.shape() == xg::Shape{1, 4, 4});
  CHECK(s.value()(0, 0, 1) == 1 + 17);
  auto r = xg::reshape(x, {-1, 4});
  CHECK(r.shape() == xg::Shape{8, 4});
  CHECK(r.value()(4, 1) == 17);
  auto p = xg::slice(x, {xg::range(0, 2), xg::all, 3});
  CHECK(p.value() == xt::xarray<double>{{3, 7, 11, 15}, {19, 23, 27, 31}});
  auto t = xg::permute(x, {0, 2, 1});
  CHECK(t.value()(1, 3, 0) == x.value()(1, 0, 3));
  auto both = xg::concatenate({a, b}, /*axis=*/1);
  CHECK(both.value() == xt::xarray<double>{{1, 2, 3, 1, 0, 1}, {4, 5, 6, 0, 2, 0}});
  auto parts = xg::split(x, 4, /*axis=*/1);
  REQUIRE(parts.size() == 4);
  CHECK(parts[3].shape() == xg::Shape{2, 1, 4});
  CHECK(parts[3].value()(1, 0, 0) == 28);
  auto m = xg::matmul(a, b, {.transpose_a = false, .transpose_b = true});
  CHECK(m.value() == xt::xarray<double>{{4, 4}, {10, 10}});
  auto h = xg::linear(x, weight, bias);
  CHECK(h.shape() == xg::Shape{2, 4, 3});
  CHECK(h.value()(0, 1, 2) == 4 + 5 + 6 + 7 + 30);

  auto all = xg::sum(s) + xg::sum(r) + xg::sum(p) + xg::sum(t) + xg::sum(both) + xg::sum(parts[0]) +
             xg::sum(m) + xg::sum(h);
  all.backward();
  CHECK(x.grad()(0, 0, 3) == 1 + 1 + 1 + 1 + 1 + 3);
  CHECK(x.grad()(1, 2, 0) == 1 + 1 + 1 + 3);
  CHECK(a.grad() == xt::xarray<double>{{2, 3, 2}, {2, 3, 2}});
  CHECK(bias.grad() == xt::xarray<double>{8, 8, 8});
}

TEST_CASE("convolution and pooling with their options") {
  const xt::xarray<double> pixels = xt::arange<double>(50).reshape({1, 2, 5, 5});
  auto images = xg::parameter(pixels);
  auto kernel = xg::parameter(xt::xarray<double>(xt::ones<double>({3, 2, 2, 2})));
  auto bias = xg::parameter(xt::xarray<double>{10, 20, 30});

  auto k = xg::conv2d(images, kernel, bias,
                      {.stride = {1, 1}, .padding = {0, 0}, .dilation = {1, 1}, .groups = 1});
  CHECK(k.shape() == xg::Shape{1, 3, 4, 4});
  CHECK(k.value()(0, 2, 0, 0) == 0 + 1 + 5 + 6 + 25 + 26 + 30 + 31 + 30);
  auto q = xg::max_pool2d(k, {.kernel = {2, 2}});
  CHECK(q.shape() == xg::Shape{1, 3, 2, 2});
  CHECK(q.value()(0, 0, 1, 1) == k.value()(0, 0, 3, 3));
  xg::sum(q).backward();
  CHECK(bias.grad() == xt::xarray<double>{4, 4, 4});
  CHECK(images.grad()(0, 1, 4, 4) == 3);
}

TEST_CASE("normalisation over the last axis") {
  auto x = xg::parameter(xt::xarray<double>{{1, 3}, {-2, 2}});
  auto gamma = xg::parameter(xt::xarray<double>{2, 1});
  auto beta = xg::parameter(xt::xarray<double>{0, 5});
  auto n = xg::layer_norm(x, gamma, beta, {.epsilon = 1e-5});
  CHECK(xt::allclose(n.value(), xt::xarray<double>{{-2, 6}, {-2, 6}}, 0, 1e-4));
}

TEST_CASE("operators, and a scalar for any operand") {
  auto x = xg::parameter(xt::xarray<double>{1, 2});
  CHECK((x + 1).value() == xt::xarray<double>{2, 3});
  CHECK((1 - x).value() == xt::xarray<double>{0, -1});
  CHECK((2 * x / 4).value() == xt::xarray<double>{0.5, 1});
  CHECK((-x).value() == xt::xarray<double>{-1, -2});
  CHECK(xg::maximum(x, 1.5).value() == xt::xarray<double>{1.5, 2});
  CHECK(xg::pow(2, x).value() == xt::xarray<double>{2, 4});
  const xg::Mask mask = xg::greater(x, 1);
  CHECK(mask == xt::xarray<bool>{false, true});
}

TEST_CASE("where takes a comparison, a mask, or an xtensor expression of bool") {
  auto x = xg::parameter(xt::xarray<double>{-1, 0, 2});
  CHECK(xg::where(x > 0, x, 0.1 * x).value() == xt::xarray<double>{-0.1, 0, 2});
  CHECK(xg::where(x > 0, x, 5).value() == xt::xarray<double>{5, 5, 2});
  CHECK(xg::where(0 >= x, 5, x).value() == xt::xarray<double>{5, 5, 2});
  CHECK(xg::where(x == 0, 1, -1).value() == xt::xarray<double>{-1, 1, -1});
  CHECK(xg::where(x, 1, -1).value() == xt::xarray<double>{1, -1, 1});  // what is not 0 holds, as in NumPy
  CHECK(xg::where(xg::greater(x, 0), x, 5).value() == xt::xarray<double>{5, 5, 2});
  CHECK(xg::where(x.value() > 0.0, x, 5).value() == xt::xarray<double>{5, 5, 2});
  const auto rows = xg::constant(xt::xarray<double>{{1, 1, 1}, {0, 0, 0}});
  CHECK(xg::where(rows, x, -x).value() == xt::xarray<double>{{-1, 0, 2}, {1, 0, -2}});

  // The condition gets no gradient; what is not taken gets 0.
  auto w = xg::parameter(xt::xarray<double>{3, 0, -1});
  xg::sum(xg::where(w, x * x, w)).backward();
  CHECK(x.grad() == xt::xarray<double>{-2, 0, 4});
  CHECK(w.grad() == xt::xarray<double>{0, 1, 0});
  CHECK_FALSE(xg::where(w, 1, 2).requires_grad());

  auto f = xg::parameter(xt::xarray<float>{-1, 2});
  CHECK(xg::where(f > 0, f, 0).value() == xt::xarray<float>{0, 2});
}
