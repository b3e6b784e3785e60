// Arrays made from nothing. Numbers of arange and linspace are NumPy's, repr() of numpy.linspace(0, 1, 11)
// and its like, or Python's start + i * step.
#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <limits>
#include <string>
#include <type_traits>
#include <vector>
#include <xgrad/core.hpp>
#include <xgrad/ops.hpp>
#include <xgrad/xtensor.hpp>

#include "../message_of.hpp"

namespace xg = xgrad;
using xgrad::testing::message_of;

namespace {

template <class A, class B>
constexpr bool same = std::is_same_v<A, B>;

template <class T>
std::vector<T> elements(const xg::Array<T>& array) {
  return std::vector<T>(array.begin(), array.end());
}

constexpr double infinity = std::numeric_limits<double>::infinity();
constexpr auto largest = std::numeric_limits<std::int64_t>::max(),
               smallest = std::numeric_limits<std::int64_t>::min();

}  // namespace

TEST_CASE("zeros, ones and full repeat an element, of type double unless another is named") {
  static_assert(same<decltype(xg::zeros({2})), xg::Array<double>>);
  static_assert(same<decltype(xg::ones<float>({2})), xg::Array<float>>);
  static_assert(same<decltype(xg::zeros<bool>({2})), xg::Mask>);
  static_assert(same<decltype(xg::full<std::int64_t>({2}, 3)), xg::Indices>);
  CHECK(xg::zeros({2, 3}) == xt::xarray<double>{{0, 0, 0}, {0, 0, 0}});
  CHECK(xg::ones<float>({1, 2}) == xt::xarray<float>{{1, 1}});
  CHECK(xg::full({2}, 7) == xt::xarray<double>{7, 7});
  CHECK(xg::full<float>({2}, 0.5) == xt::xarray<float>{0.5f, 0.5f});
  CHECK(xg::full<std::int64_t>({1, 2}, -3) == xt::xarray<std::int64_t>{{-3, -3}});
  CHECK(xg::full<bool>({2}, true) == xg::ones<bool>({2}));
  CHECK(xg::zeros<bool>({2}) == xt::xarray<bool>{false, false});
  CHECK(xg::zeros({}).shape() == xg::Shape{});
  CHECK(xg::zeros({}).size() == 1);
  CHECK(xg::zeros({0, 3}).shape() == xg::Shape{0, 3});
}

TEST_CASE("a shape is integers of any type, one integer, or any sequence of them") {
  const int rows = 2;
  const std::size_t columns = 3;
  const xg::Shape expected{2, 3};
  CHECK(xg::zeros({rows, columns}).shape() == expected);
  CHECK(xg::zeros(std::vector<int>{2, 3}).shape() == expected);
  CHECK(xg::zeros(xg::ones({2, 3}).shape()).shape() == expected);
  CHECK(xg::ones(xt::xarray<double>(xt::zeros<double>({2, 3})).shape()).shape() == expected);
  CHECK(xg::randn<float>(xg::constant({{1, 2, 3}, {4, 5, 6}}).shape()).shape() == expected);
  CHECK(xg::zeros(3).shape() == xg::Shape{3});
  CHECK(xg::zeros({3}).shape() == xg::Shape{3});
}

TEST_CASE("a shape that no value can have is a ShapeError that names who was asked") {
  const int wrong = -1;
  const std::string rest = ": extent -1 of axis 1 is negative in [2, -1]; give 0 or more";
  CHECK(message_of<xg::ShapeError>([&] { xg::zeros({2, wrong}); }) == "zeros" + rest);
  CHECK(message_of<xg::ShapeError>([&] { xg::ones({2, -1}); }) == "ones" + rest);
  CHECK(message_of<xg::ShapeError>([&] { xg::full({2, -1}, 1); }) == "full" + rest);
  CHECK(message_of<xg::ShapeError>([&] { xg::rand({2, -1}); }) == "rand" + rest);
  CHECK(message_of<xg::ShapeError>([&] { xg::randn({2, -1}); }) == "randn" + rest);
  CHECK(message_of<xg::ShapeError>([&] { xg::randint(0, 2, {2, -1}); }) == "randint" + rest);
  CHECK(message_of<xg::ShapeError>([&] {
          xg::random_normal<float>({2, -1}, 0, 1);
        }) == "random_normal" + rest);
  CHECK(message_of<xg::ShapeError>([&] { xg::constant(std::vector{1, 2}, {2, -1}); }) == "constant" + rest);
  CHECK(message_of<xg::ShapeError>([&] {
          xg::zeros({std::int64_t{1} << 40, std::int64_t{1} << 40});
        }) ==
        "zeros: shape [1099511627776, 1099511627776] is too large, and a value has less than 2^60 elements; "
        "make it smaller");
  CHECK_THROWS_AS(xg::eye(std::int64_t{1} << 31, std::int64_t{1} << 31), xg::ShapeError);
  CHECK_THROWS_AS(xg::zeros({1, 1, 1, 1, 1, 1, 1, 1, 1}), xg::ShapeError);
}

TEST_CASE("the _like forms take shape and element type of a Variable, an Array and an expression") {
  const auto x = xg::parameter({{1.0f, 2.0f}});
  static_assert(same<decltype(xg::zeros_like(x)), xg::Array<float>>);
  CHECK(xg::zeros_like(x) == xt::xarray<float>{{0, 0}});
  CHECK(xg::ones_like(x.value()) == xt::xarray<float>{{1, 1}});
  CHECK(xg::full_like(x, 3) == xt::xarray<float>{{3, 3}});
  const xg::Indices labels{1, 2};
  CHECK(xg::zeros_like(labels) == xg::Indices{0, 0});
  CHECK(xg::ones_like(xg::Mask{false, true}) == xg::Mask{true, true});
  const xt::xarray<double> e{{1, 2, 3}};
  CHECK(xg::full_like(2 * e, 0.5) == xt::xarray<double>{{0.5, 0.5, 0.5}});
  static_assert(same<decltype(xg::zeros_like(xt::xarray<int>{1})), xg::Indices>);
  CHECK(xg::ones_like(xt::xtensor<double, 2>(e)).shape() == xg::Shape{1, 3});
}

namespace opened {

using namespace xgrad;

TEST_CASE("xtensor's functions of the same names are no second candidates") {
  const xt::xarray<double> e{{1, 2, 3}};
  const Array<double> a(e);
  static_assert(same<decltype(zeros_like(e)), Array<double>>);
  static_assert(same<decltype(ones_like(a)), Array<double>>);
  static_assert(same<decltype(full_like(a, 1.0f)), Array<double>>);
  static_assert(same<decltype(full_like(xt::xarray<float>{1}, 1.0f)), Array<float>>);
  static_assert(same<decltype(full_like(Indices{1}, 1)), Indices>);
  CHECK(full_like(2 * e, 5) == xt::xarray<double>{{5, 5, 5}});
  CHECK(zeros<float>({2, 3}).shape() == Shape{2, 3});
  CHECK(ones(a.shape()) == xt::xarray<double>{{1, 1, 1}});
  CHECK(eye(2) == eye<double>(2, 2));
  CHECK(arange<float>(2) == linspace<float>(0, 1, 2));
  CHECK(rand({2}).shape() == randn({2}).shape());
}

}  // namespace opened

TEST_CASE("eye has ones on its diagonal") {
  CHECK(xg::eye(2) == xt::xarray<double>{{1, 0}, {0, 1}});
  CHECK(xg::eye<float>(2, 3) == xt::xarray<float>{{1, 0, 0}, {0, 1, 0}});
  CHECK(elements(xg::eye<std::int64_t>(3, 1)) == std::vector<std::int64_t>{1, 0, 0});
  CHECK(xg::eye<bool>(1).shape() == xg::Shape{1, 1});
  CHECK(xg::eye<bool>(1)(0, 0));
  CHECK(xg::eye(0, 2).shape() == xg::Shape{0, 2});
  CHECK(message_of<xg::ValueError>([] { xg::eye(-1); }) ==
        "eye: the number of rows is -1; it must be at least 0");
  CHECK(message_of<xg::ValueError>([] { xg::eye(1, -2); }) ==
        "eye: the number of columns is -2; it must be at least 0");
}

TEST_CASE("arange is start + i * step before stop, in either direction") {
  CHECK(elements(xg::arange(3)) == std::vector<double>{0, 1, 2});
  CHECK(elements(xg::arange(2, 5)) == std::vector<double>{2, 3, 4});
  CHECK(elements(xg::arange(0.5, 3, 0.7)) == std::vector<double>{0.5, 1.2, 1.9, 2.5999999999999996});
  CHECK(elements(xg::arange(1, -1, -0.3)) == std::vector<double>{1, 0.7, 0.4, 0.10000000000000009,
                                                                 -0.19999999999999996, -0.5,
                                                                 -0.7999999999999998});
  CHECK(elements(xg::arange<float>(0, 1, 0.3)) == std::vector<float>{0, 0.3f, 0.6f, 0.9f});
  CHECK(xg::arange(0, 1, 0.1).size() == 10);
  CHECK(xg::arange(1, 1.3, 0.1).size() == 4);  // as NumPy's, of which the last element is 1.3
  CHECK(xg::arange(0).size() == 0);
  CHECK(xg::arange(3, 1).size() == 0);
  CHECK(xg::arange(1, 3, -1).size() == 0);
}

TEST_CASE("arange of integers is exact at both ends of their range") {
  static_assert(same<decltype(xg::arange<std::int64_t>(3)), xg::Indices>);
  CHECK(xg::arange<std::int64_t>(4) == xg::Indices{0, 1, 2, 3});
  CHECK(xg::arange<std::int64_t>(7, 0, -3) == xg::Indices{7, 4, 1});
  CHECK(xg::arange<std::int64_t>(0, 7, 3) == xg::Indices{0, 3, 6});
  CHECK(xg::arange<std::int64_t>(0, 6, 3) == xg::Indices{0, 3});
  CHECK(xg::arange<std::int64_t>(largest - 2, largest) == xg::Indices{largest - 2, largest - 1});
  CHECK(xg::arange<std::int64_t>(smallest, largest, largest) == xg::Indices{smallest, -1, largest - 1});
  CHECK(xg::arange<std::int64_t>(largest, smallest, smallest) == xg::Indices{largest, -1});
  CHECK(message_of<xg::ValueError>([] { xg::arange<std::int64_t>(smallest, largest); }) ==
        "arange: start is -9223372036854775808, stop 9223372036854775807 and step 1; a value has less than "
        "2^60 elements, take larger steps");
}

TEST_CASE("arange refuses a step of 0, what is not finite and absurd counts") {
  CHECK(message_of<xg::ValueError>([] { xg::arange(0, 1, 0); }) ==
        "arange: start is 0, stop 1 and step 0; a step of 0 leads nowhere, give another");
  CHECK(message_of<xg::ValueError>([] { xg::arange<std::int64_t>(0, 1, 0); }) ==
        "arange: start is 0, stop 1 and step 0; a step of 0 leads nowhere, give another");
  CHECK(message_of<xg::ValueError>([] { xg::arange(std::nan("")); }) ==
        "arange: start is 0, stop nan and step 1; give finite numbers");
  CHECK_THROWS_AS(xg::arange(0, infinity), xg::ValueError);
  CHECK_THROWS_AS(xg::arange(0, 1, infinity), xg::ValueError);
  CHECK(message_of<xg::ValueError>([] { xg::arange(0, 1e18, 0.5); }) ==
        "arange: start is 0, stop 1e+18 and step 0.5; a value has less than 2^60 elements, take larger "
        "steps");
  CHECK_THROWS_AS(xg::arange(0, 1, 1e-320), xg::ValueError);
  CHECK_THROWS_AS(xg::arange(-1e308, 1e308, 1), xg::ValueError);
}

TEST_CASE("linspace has both ends exactly, and NumPy's numbers between them") {
  CHECK(elements(xg::linspace(0, 1, 11)) == std::vector<double>{0.0, 0.1, 0.2, 0.30000000000000004, 0.4, 0.5,
                                                                0.6000000000000001, 0.7000000000000001, 0.8,
                                                                0.9, 1.0});
  CHECK(elements(xg::linspace(-2, 5, 4)) ==
        std::vector<double>{-2, 0.3333333333333335, 2.666666666666667, 5});
  CHECK(elements(xg::linspace(3, -1, 6)) ==
        std::vector<double>{3, 2.2, 1.4, 0.5999999999999996, -0.20000000000000018, -1});
  CHECK(elements(xg::linspace<float>(0, 1, 8)) ==
        std::vector<float>{0.0f, 0.1428571492433548f, 0.2857142984867096f, 0.4285714328289032f,
                           0.5714285969734192f, 0.7142857313156128f, 0.8571428656578064f, 1.0f});
  for (const int count : {2, 3, 7, 50, 1000}) {
    const auto numbers = elements(xg::linspace(0.1, 0.7, count));
    CHECK(numbers.size() == static_cast<std::size_t>(count));
    CHECK((numbers.front() == 0.1 && numbers.back() == 0.7));
    CHECK(std::is_sorted(numbers.begin(), numbers.end()));
  }
  CHECK(elements(xg::linspace(2, 3, 1)) == std::vector<double>{2});
  CHECK(xg::linspace(2, 3, 0).size() == 0);
  CHECK(elements(xg::linspace(2, 2, 2)) == std::vector<double>{2, 2});
  CHECK(message_of<xg::ValueError>([] { xg::linspace(0, 1, -1); }) ==
        "linspace: count is -1; it must be at least 0");
  CHECK(message_of<xg::ValueError>([] { xg::linspace(0, infinity, 3); }) ==
        "linspace: start is 0 and stop inf; give numbers a finite distance apart");
  CHECK_THROWS_AS(xg::linspace(-1e308, 1e308, 3), xg::ValueError);
  CHECK_THROWS_AS(xg::linspace(0, std::nan(""), 3), xg::ValueError);
}

TEST_CASE("rand and randn are the numbers of this thread's generator, or of the one given last") {
  xg::manual_seed(5);
  const auto uniform = xg::rand({2, 3});
  const auto normal = xg::randn<float>({3});
  xg::Generator same_numbers(5);
  CHECK(uniform == xg::random_uniform<double>({2, 3}, 0, 1, same_numbers));
  CHECK(normal == xg::random_normal<float>({3}, 0, 1, same_numbers));
  CHECK(xg::generator().state() == same_numbers.state());
  xg::Generator own(5);
  CHECK(xg::rand({2, 3}, own) == uniform);
  CHECK(xg::randn<float>({3}, own) == normal);
  CHECK(xg::generator().state() == same_numbers.state());
}

TEST_CASE("randint draws each integer from low to high - 1 as often") {
  xg::Generator source(6);
  const auto drawn = elements(xg::randint(-2, 3, {5, 1000}, source));
  std::vector<int> counts(5, 0);
  for (const std::int64_t number : drawn) {
    REQUIRE((number >= -2 && number < 3));
    ++counts[static_cast<std::size_t>(number + 2)];
  }
  for (const int count : counts) CHECK(std::abs(count - 1000) < 120);  // four deviations of 28
  xg::Generator again(6);
  CHECK(elements(xg::randint(-2, 3, {5000}, again)) == drawn);
  CHECK(xg::randint(4, 5, {3}) == xg::Indices{4, 4, 4});
  const auto wide = elements(xg::randint(smallest, largest, {100}, source));
  CHECK(std::any_of(wide.begin(), wide.end(), [](auto x) { return x < 0; }));
  CHECK(std::any_of(wide.begin(), wide.end(), [](auto x) { return x > 0; }));
  CHECK(message_of<xg::ValueError>([] { xg::randint(3, 3, {2}); }) ==
        "randint: low is 3 and high 3; low must be below high, which is not among the numbers");
}

TEST_CASE("randperm is a permutation, as permutation draws it") {
  xg::manual_seed(7);
  auto order = elements(xg::randperm(100));
  xg::Generator same_numbers(7);
  const auto expected = xg::permutation(100, same_numbers);
  CHECK(std::equal(order.begin(), order.end(), expected.begin(), expected.end(),
                   [](std::int64_t a, std::size_t b) { return a == static_cast<std::int64_t>(b); }));
  std::sort(order.begin(), order.end());
  CHECK(order == elements(xg::arange<std::int64_t>(100)));
  CHECK(xg::randperm(0).size() == 0);
  CHECK(message_of<xg::ValueError>([] { xg::randperm(-1); }) ==
        "randperm: the count is -1; it must be at least 0");
}

TEST_CASE("what is created goes into a Variable without a copy") {
  xg::Array<double> made = xg::randn({3});
  const double* const elements_of_it = std::as_const(made).data();
  const auto x = xg::parameter(std::move(made));
  CHECK(x.dense().data() == elements_of_it);
}
