#include <doctest/doctest.h>

#include <sstream>
#include <string>
#include <type_traits>
#include <xgrad/xgrad.hpp>
#include <xgrad/xtensor.hpp>

#include "../../message_of.hpp"

namespace xg = xgrad;
using xgrad::testing::message_of;
using Var = xg::Variable<double>;

TEST_CASE("operators between a Variable and anything give a Variable") {
  auto x = xg::parameter(xt::xarray<double>{1, 2});
  xg::Array<double> a = xt::xarray<double>{3, 4};
  const xt::xarray<double> e{5, 6};
  static_assert(std::is_same_v<decltype(x + x), Var>);
  static_assert(std::is_same_v<decltype(x * a), Var>);
  static_assert(std::is_same_v<decltype(a * x), Var>);
  static_assert(std::is_same_v<decltype(e - x), Var>);
  static_assert(std::is_same_v<decltype(x / (2 * e)), Var>);
  static_assert(std::is_same_v<decltype(2 * x), Var>);
  static_assert(std::is_same_v<decltype(x - 1.5f), Var>);
  static_assert(std::is_same_v<decltype(-x), Var>);
  CHECK((x * a).value() == xt::xarray<double>{3, 8});
  CHECK((e - x).value() == xt::xarray<double>{4, 4});
  CHECK((2 / x).value() == xt::xarray<double>{2, 1});
  CHECK((x / (2 * e)).value() == xt::xarray<double>{0.1, 2.0 / 12});
}

template <class A, class B>
concept Addable = requires(A a, B b) {
  a + b;
};

TEST_CASE("element types do not mix, and an Array becomes a Variable only beside one") {
  static_assert(!Addable<xg::Variable<float>, xg::Variable<double>>);
  static_assert(Addable<xg::Variable<float>, float>);
  static_assert(!std::is_convertible_v<xg::Array<double>, Var>);
  static_assert(!std::is_convertible_v<double, Var>);
}

TEST_CASE("a parameter is a leaf that requires a gradient, a constant takes none") {
  auto x = xg::parameter(xt::xarray<double>{{1, 2}, {3, 4}});
  CHECK(x.is_leaf());
  CHECK(x.requires_grad());
  CHECK(x.dim() == 2);
  CHECK(x.size() == 4);
  CHECK(x.operation() == "parameter");
  auto c = xg::constant(xt::xarray<double>{10, 20});
  CHECK_FALSE(c.requires_grad());
  CHECK(c.operation() == "constant");
  auto y = x * c;
  CHECK_FALSE(y.is_leaf());
  CHECK(y.operation() == "multiply");
  CHECK(xg::parameter(2.0f).item() == 2.0f);
}

TEST_CASE("item is the one element of a value") {
  CHECK(xg::constant(xt::ones<double>({1, 1}) * 7).item() == 7);
  auto x = xg::constant(xt::zeros<double>({2, 3}));
  CHECK(message_of([&] { x.item(); }) ==
        "item: a value of shape [2, 3] has 6 elements, not one; reduce it first, or read value()");
}

TEST_CASE("a user's pointer never reaches a saved value") {
  xg::Array<double> a = xt::xarray<double>{1, 2};
  double* pointer = a.data();
  auto x = xg::parameter(a);
  auto y = x * x;
  pointer[0] = 100;
  a(1) = 100;
  CHECK(x.value() == xt::xarray<double>{1, 2});
  y.backward({.grad_output = xt::ones<double>({2})});
  CHECK(x.grad() == xt::xarray<double>{2, 4});
  auto seen = x.value();
  seen(0) = -1;
  CHECK(x.value()(0) == 1);
}

TEST_CASE("set_value replaces a leaf's value and leaves saved values as they were") {
  auto x = xg::parameter(xt::xarray<double>{3, 4});
  auto y = x * x;
  x.set_value(xt::zeros<double>({2}));
  y.backward({.grad_output = xt::ones<double>({2})});
  CHECK(x.grad() == xt::xarray<double>{6, 8});
  CHECK(message_of([&] { x.set_value(xt::zeros<double>({3})); }) ==
        "set_value: [3] for a leaf of shape [2]; they must be equal");
  CHECK(message_of([&] { y.set_value(xt::zeros<double>({2})); }) ==
        "set_value: 'multiply' is the result of an operation; only leaves can be set");
}

TEST_CASE("exchange_value moves buffers: what is put back is the very one, and saved values stay") {
  auto x = xg::parameter(xt::xarray<double>{1, 2});
  const auto y = xg::sum(xg::square(x));
  const double* const before = x.dense().data();
  static_assert(noexcept(x.exchange_value(xgrad::Dense<double>())));
  xgrad::Dense<double> earlier = x.exchange_value(xgrad::Dense<double>::filled(xgrad::Shape{2}, 5));
  CHECK(earlier.data() == before);
  CHECK(x.value() == xt::xarray<double>{5, 5});
  const xgrad::Dense<double> other = x.exchange_value(std::move(earlier));
  CHECK(other.data()[1] == 5);
  CHECK(x.dense().data() == before);
  x.exchange_value(other);
  y.backward();
  CHECK(x.grad() == xt::xarray<double>{2, 4});  // 2 x where y was computed
}

TEST_CASE("detach shares the value and records nothing") {
  auto x = xg::parameter(xt::xarray<double>{3, 4});
  auto d = x.detach();
  CHECK(d.dense().buffer.same_block(x.dense().buffer));
  CHECK_FALSE((d * 2).requires_grad());
}

TEST_CASE("an empty handle says so") {
  Var empty;
  CHECK_FALSE(empty.defined());
  CHECK(message_of([&] { empty.value(); }) == "Variable: empty, it has no value; assign one first");
}

TEST_CASE("printing shows values, shape, element type and operation") {
  std::ostringstream out;
  out << xg::parameter(xt::xarray<double>{{1, 2}, {3, 4.5}});
  CHECK(out.str() == "Variable([[1, 2], [3, 4.5]], shape [2, 2], double, parameter)");
  out.str("");
  out << xg::constant(xt::xarray<float>(xt::arange<float>(20))) * 2;
  CHECK(out.str() == "Variable([0, 2, 4, 6, ..., 32, 34, 36, 38], shape [20], float, constant)");
}

TEST_CASE("a ninth axis is a ShapeError") {
  CHECK_THROWS_AS(xg::constant(xt::xarray<double>::from_shape({1, 1, 1, 1, 1, 1, 1, 1, 1})), xg::ShapeError);
}

TEST_CASE("shapes that do not broadcast are named, with the axis at fault") {
  auto x = xg::parameter(xt::zeros<double>({2, 3}));
  auto y = xg::parameter(xt::zeros<double>({4}));
  const std::string text = message_of([&] { x + y; });
  CHECK(text.find("add: ") == 0);
  CHECK(text.find("[2, 3]") != std::string::npos);
  CHECK(text.find("[4]") != std::string::npos);
  CHECK(text.find("3 vs 4") != std::string::npos);
}

TEST_CASE("a Variable works in xtensor expressions through its value") {
  auto x = xg::parameter(xt::xarray<double>{{1, 2}, {3, 4}});
  xt::xarray<double> twice = 2 * x.value();
  CHECK(twice == xt::xarray<double>{{2, 4}, {6, 8}});
  const auto value = x.value();
  CHECK(xt::view(value, 1, xt::all()) == xt::xarray<double>{3, 4});
}
