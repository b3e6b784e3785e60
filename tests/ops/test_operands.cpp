// What stands beside a Variable: a scalar, an Array or an xtensor expression is the constant of it.
#include <doctest/doctest.h>

#include <type_traits>
#include <xgrad/derivatives/grad.hpp>
#include <xgrad/ops.hpp>

namespace xg = xgrad;

namespace {

using V = xg::Variable<double>;
using F = xg::Variable<float>;

const xt::xarray<double> square{{4, 1}, {2, 3}};
const xt::xarray<double> other{{1, 5}, {2, 0.5}};

/// y(x, array) and y(x, constant(array)) have the same value and the same gradient in x.
template <class Function>
void check_is_constant(Function y, const xt::xarray<double>& array = other,
                       const xt::xarray<double>& point = square) {
  auto x = xg::parameter(point), z = xg::parameter(point);
  const V with_array = y(x, array), with_constant = y(z, xg::constant(array));
  REQUIRE(with_array.shape() == with_constant.shape());
  CHECK(with_array.value() == with_constant.value());
  xg::sum(with_array).backward();
  xg::sum(with_constant).backward();
  CHECK(x.grad() == z.grad());
}

/// Both ways round.
template <class Function>
void check_both(Function y) {
  check_is_constant(y);
  check_is_constant([&](const auto& x, const auto& a) { return y(a, x); });
}

}  // namespace

TEST_CASE("an array stands for either operand of an elementwise function") {
  check_both([](const auto& a, const auto& b) { return xg::add(a, b); });
  check_both([](const auto& a, const auto& b) { return xg::subtract(a, b); });
  check_both([](const auto& a, const auto& b) { return xg::multiply(a, b); });
  check_both([](const auto& a, const auto& b) { return xg::divide(a, b); });
  check_both([](const auto& a, const auto& b) { return xg::pow(a, b); });
  check_both([](const auto& a, const auto& b) { return xg::maximum(a, b); });
  check_both([](const auto& a, const auto& b) { return xg::minimum(a, b); });
  check_both([](const auto& a, const auto& b) { return xg::logaddexp(a, b); });
  check_both([](const auto& a, const auto& b) { return xg::atan2(a, b); });
  check_is_constant([](const auto& x, const auto& a) { return xg::clamp(x, 1, a); });
  check_is_constant([](const auto& x, const auto& a) { return xg::leaky_relu(-x, a); });
  check_is_constant([](const auto& x, const auto& a) { return xg::where(x > 2, x, a); });
  check_is_constant([](const auto& x, const auto& a) { return xg::where(xg::greater(x, 2), a, x * x); });
}

TEST_CASE("the numbers are those of the array") {
  auto x = xg::parameter(xt::xarray<double>{1, 5, 3});
  const xt::xarray<double> a{2, 4, 3};
  auto y = xg::maximum(x, a);
  CHECK(y.value() == xt::xarray<double>{2, 5, 3});
  y.backward({.grad_output = xt::ones<double>({3})});
  CHECK(x.grad() == xt::xarray<double>{0, 1, 0.5});
  CHECK(xg::where(a > 2.5, x, 0.0).value() == xt::xarray<double>{0, 5, 3});
  CHECK(xg::where(a > 2.5, x, -a).value() == xt::xarray<double>{-2, 5, 3});
  CHECK(xg::less(x, a) == xt::xarray<bool>{true, false, false});
  CHECK(xg::less_equal(a, x) == xt::xarray<bool>{false, true, true});
  CHECK(xg::equal(x, a + 0) == xt::xarray<bool>{false, false, true});
  CHECK(xg::greater(4, x) == xt::xarray<bool>{true, false, true});
}

TEST_CASE("a name without its namespace is ours where an operand is") {
  auto x = xg::parameter(xt::xarray<double>{1, 5, 3});
  xt::xarray<double> a{2, 4, 3};
  xg::Mask mask = a > 2.5;
  static_assert(std::is_same_v<decltype(maximum(x, a)), V>);
  static_assert(std::is_same_v<decltype(minimum(a, x)), V>);
  static_assert(std::is_same_v<decltype(pow(x, a + 1)), V>);
  static_assert(std::is_same_v<decltype(atan2(a, x)), V>);
  static_assert(std::is_same_v<decltype(less(x, a)), xg::Mask>);
  static_assert(std::is_same_v<decltype(where(mask, x, a)), V>);
  static_assert(std::is_same_v<decltype(where(x > 1, a, x)), V>);
  CHECK(where(mask, x, a).value() == xt::xarray<double>{2, 5, 3});
}

TEST_CASE("an array stands for a factor, a kernel, or a bias") {
  check_both([](const auto& a, const auto& b) { return xg::matmul(a, b, {.transpose_b = true}); });
  check_both([](const auto& a, const auto& b) { return xg::dot(a, b); });
  check_both([](const auto& a, const auto& b) { return xg::outer(a, b); });
  check_both([](const auto& a, const auto& b) { return xg::linear(a, b); });
  check_both([](const auto& a, const auto& b) { return xg::solve(a, b); });
  check_both([](const auto& a, const auto& b) { return xg::solve_triangular(a, b, {.upper = true}); });
  check_both([](const auto& a, const auto& b) { return xg::einsum("ij,kj->ik", {a, b}); });
  check_both([](const auto& a, const auto& b) { return xg::concatenate({a, b}, 1); });
  check_both([](const auto& a, const auto& b) { return xg::stack({a, b}); });
  const xt::xarray<double> row{2, -1};
  check_is_constant([](const auto& x, const auto& b) { return xg::linear(x, other, b); }, row);
  check_is_constant([](const auto& x, const auto& b) { return xg::layer_norm(x, b, b); }, row);
  check_is_constant([](const auto& x, const auto& b) { return xg::batch_norm(x, b, b); }, row);
  check_is_constant([](const auto& x, const auto& s) {
    return xg::scatter_add(x, 0, xg::Indices{{1, 0}}, s);
  });
  check_is_constant([](const auto& x, const auto& s) { return xg::index_put(x, {xg::Indices{1}}, s); }, row);
}

TEST_CASE("an array stands for images, kernel or bias of a convolution") {
  const xt::xarray<double> images = xt::arange<double>(18).reshape({1, 2, 3, 3});
  const xt::xarray<double> kernel = xt::ones<double>({2, 2, 2, 2}), bias{10, 20};
  check_is_constant([&](const auto& x, const auto& k) { return xg::conv2d(x, k, {.padding = 1}); }, kernel,
                    images);
  check_is_constant([&](const auto& k, const auto& x) { return xg::conv2d(x, k); }, images, kernel);
  check_is_constant([&](const auto& x, const auto& b) { return xg::conv2d(x, kernel, b); }, bias, images);
  check_is_constant([&](const auto& x, const auto& k) { return xg::conv_transpose2d(x, k, {.stride = 2}); },
                    kernel, images);
}

TEST_CASE("a list may hold arrays and scalars beside a Variable") {
  auto x = xg::parameter(xt::xarray<double>{1, 2});
  const xt::xarray<double> a{3, 4};
  CHECK(xg::concatenate({x, a, a + 1}).value() == xt::xarray<double>{1, 2, 3, 4, 4, 5});
  CHECK(xg::stack({a, x}, 1).value() == xt::xarray<double>{{3, 1}, {4, 2}});
  CHECK(xg::stack({xg::sum(x), 0.5}).value() == xt::xarray<double>{3, 0.5});
}

TEST_CASE("what stands beside a Variable takes its element type, as beside an operator") {
  auto x = xg::parameter(xt::xarray<float>{1, 2});
  const xt::xarray<double> a{0.1, 3};
  static_assert(std::is_same_v<decltype(xg::maximum(x, a)), F>);
  CHECK(xg::maximum(x, a).value() == xg::maximum(x, xt::xarray<float>{0.1f, 3}).value());
  CHECK((x * a).value() == xg::multiply(x, a).value());
  CHECK(xg::concatenate({x, a}).value()(2) == 0.1f);
  CHECK(xg::add(xg::parameter(xt::xarray<double>{1}), xt::xarray<float>{0.1f}).item() == 1 + double(0.1f));
  CHECK(xg::add(x, xt::xarray<int>{1, 2}).value() == xt::xarray<float>{2, 4});
}

TEST_CASE("a user's own elementwise function takes them too") {
  auto f = xg::elementwise("weighted", [](auto x, auto y, auto w) { return x * w + y * (1 - w); });
  check_is_constant([&](const auto& x, const auto& a) { return f(x, a, 0.25); });
  check_is_constant([&](const auto& x, const auto& a) { return f(0.5, a, x); });
  auto x = xg::parameter(xt::xarray<double>{1, 2});
  auto y = f(x, x, 0.5);
  CHECK(y.value() == xt::xarray<double>{1, 2});
  const auto [first] = std::array{xg::grad(xg::sum(f(x * x, 0, 0.5)), {x}, {.create_graph = true})[0]};
  CHECK(first.value() == xt::xarray<double>{1, 2});
  CHECK(xg::grad(xg::sum(first), {x})[0].value() == xt::xarray<double>{1, 1});
}

TEST_CASE("what an operand saved stays what it was") {
  auto x = xg::parameter(xt::xarray<double>{1, 2});
  xg::Array<double> a = xt::xarray<double>{3, 4};
  auto y = xg::sum(xg::multiply(x, a));
  a.fill(0);
  y.backward();
  CHECK(x.grad() == xt::xarray<double>{3, 4});
}
