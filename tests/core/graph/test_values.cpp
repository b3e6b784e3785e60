// What becomes a value, and how its numbers come out again.
#include <doctest/doctest.h>

#include <array>
#include <cstdint>
#include <limits>
#include <span>
#include <string>
#include <type_traits>
#include <vector>
#include <xgrad/core.hpp>
#include <xgrad/ops/operators.hpp>
#include <xgrad/ops/reduction.hpp>
#include <xgrad/xtensor.hpp>

#include "../../message_of.hpp"

namespace xg = xgrad;
using xgrad::testing::message_of;

namespace {

using Var = xg::Variable<double>;
using Single = xg::Variable<float>;

template <class A, class B>
constexpr bool same = std::is_same_v<A, B>;

template <class T>
std::vector<T> elements(const xg::Array<T>& array) {
  return std::vector<T>(array.begin(), array.end());
}

}  // namespace

TEST_CASE(
    "a contiguous range of numbers is a value of one axis: float stays float, the rest becomes double") {
  const std::vector<double> numbers{1, 2, 3, 4};
  const Var x = xg::parameter(numbers);
  CHECK(x.shape() == xg::Shape{4});
  CHECK(x.to_vector() == numbers);
  CHECK((x.requires_grad() && x.operation() == "parameter"));
  CHECK_FALSE(xg::constant(numbers).requires_grad());
  static_assert(same<decltype(xg::constant(std::vector<float>{})), Single>);
  static_assert(same<decltype(xg::constant(std::vector<int>{})), Var>);
  static_assert(same<decltype(xg::constant(std::array<unsigned char, 2>{})), Var>);
  static_assert(same<decltype(xg::constant(std::span<const float>())), Single>);
  CHECK(xg::constant(std::array<unsigned char, 2>{0, 255}).to_vector() == std::vector<double>{0, 255});
  CHECK(xg::constant(std::span<const double>(numbers).first(2)).to_vector() == std::vector<double>{1, 2});
  const double row[] = {5, 6};
  CHECK(xg::constant(row).to_vector() == std::vector<double>{5, 6});
  CHECK(xg::constant(std::vector<float>{}).shape() == xg::Shape{0});
  CHECK(xg::constant(xg::Shape{2, 3}).to_vector() == std::vector<double>{2, 3});
}

TEST_CASE("a range or a pointer and a shape are read row by row, and copied") {
  std::vector<double> numbers{1, 2, 3, 4, 5, 6};
  const auto x = xg::constant(numbers, {2, 3});
  const auto y = xg::parameter(static_cast<const double*>(numbers.data()), {3, 2});
  const float single[] = {1, 2};
  const Single z = xg::parameter(single, {2, 1});
  numbers[0] = 100;
  CHECK(x.value() == xt::xarray<double>{{1, 2, 3}, {4, 5, 6}});
  CHECK(y.value() == xt::xarray<double>{{1, 2}, {3, 4}, {5, 6}});
  CHECK((z.shape() == xg::Shape{2, 1} && z.to_vector() == std::vector<float>{1, 2}));
  CHECK(xg::constant(numbers, x.shape()).shape() == xg::Shape{2, 3});
  CHECK(xg::constant(std::vector<int>{7}, {}).shape() == xg::Shape{});
  CHECK(xg::constant(static_cast<const float*>(nullptr), {0, 2}).size() == 0);
}

TEST_CASE("numbers that do not fill their shape are a ShapeError, a null pointer a ValueError") {
  const std::vector<float> five(5);
  const std::string rest = ": 5 numbers for shape [2, 3], which has 6 elements; give one for each";
  CHECK(message_of<xg::ShapeError>([&] { xg::constant(five, {2, 3}); }) == "constant" + rest);
  CHECK(message_of<xg::ShapeError>([&] { xg::parameter(five, {2, 3}); }) == "parameter" + rest);
  CHECK(message_of<xg::ShapeError>([&] { xg::array<float>(five, {2, 3}); }) == "array" + rest);
  const double four[4] = {};
  CHECK(message_of<xg::ShapeError>([&] { xg::constant(four, {5}); }) ==
        "constant: 4 numbers for shape [5], which has 5 elements; give one for each");
  CHECK(message_of<xg::ValueError>([] { xg::constant(static_cast<const double*>(nullptr), {2}); }) ==
        "constant: the pointer is null, and shape [2] has 2 elements; point to the first of them");
}

TEST_CASE("nested braces are a value, columns too") {
  const int n = 3;
  CHECK(xg::constant({1, 2, 3}).to_vector() == std::vector<double>{1, 2, 3});
  CHECK(xg::constant({{1, 2}, {3, 4}}).value() == xt::xarray<double>{{1, 2}, {3, 4}});
  CHECK(xg::constant({{1}, {2}}).shape() == xg::Shape{2, 1});
  CHECK(xg::constant({{1}, {2.5}}).to_vector() == std::vector<double>{1, 2.5});
  CHECK(xg::constant({n, 0.5}).to_vector() == std::vector<double>{3, 0.5});
  CHECK(xg::constant({{{1, 2}}, {{3, 4}}, {{5, 6}}}).shape() == xg::Shape{3, 1, 2});
  CHECK(xg::constant({{{{1}}}}).shape() == xg::Shape{1, 1, 1, 1});
  CHECK(xg::parameter({4}).shape() == xg::Shape{1});
  CHECK(xg::parameter({{1, 2}}).requires_grad());
  CHECK(xg::constant({}).shape() == xg::Shape{0});
  CHECK(xg::parameter({}).requires_grad());
}

TEST_CASE("nested braces of float alone are of type float") {
  static_assert(same<decltype(xg::parameter({{{1.0f}}})), Single>);
  static_assert(same<decltype(xg::constant({1.0f, 2.0f})), Single>);
  static_assert(same<decltype(xg::constant({1.0f, 2.0})), Var>);
  static_assert(same<decltype(xg::constant({1, 2.0f})), Var>);
  static_assert(same<decltype(xg::constant({})), Var>);
  const Single x = xg::parameter({{{1.5f}}});
  CHECK((x.shape() == xg::Shape{1, 1, 1} && x.item() == 1.5f && x.requires_grad()));
  CHECK(xg::constant({{1.0f}, {2.0f}}).shape() == xg::Shape{2, 1});
}

TEST_CASE("ragged braces are a ShapeError that names both items") {
  CHECK(message_of<xg::ShapeError>([] {
          xg::constant({{1, 2}, {3}});
        }) ==
        "constant: item 0 of a list has shape [2] and item 1 [1]; give all items of a list as many, a number "
        "being []");
  CHECK(message_of<xg::ShapeError>([] {
          xg::parameter({{{1}, {2}}, {{3}, 4}});
        }) ==
        "parameter: item 0 of a list has shape [1] and item 1 []; give all items of a list as many, a number "
        "being []");
  CHECK(
      message_of<xg::ShapeError>([] {
        xg::parameter({{1.0f}, {}});
      }) ==
      "parameter: item 0 of a list has shape [1] and item 1 [0]; give all items of a list as many, a number "
      "being []");
  CHECK_THROWS_AS(xg::constant({{{{{{{{{1}}}}}}}}}), xg::ShapeError);  // nine axes
}

TEST_CASE("array makes Indices, a Mask or an Array of a range and a shape, or of braces") {
  const std::vector<int> labels{2, 0, 1, 1};
  const xg::Indices indices = xg::array<std::int64_t>(labels);
  CHECK(indices == xg::Indices{2, 0, 1, 1});
  CHECK(xg::array<std::int64_t>(labels, {2, 2}) == xt::xarray<std::int64_t>{{2, 0}, {1, 1}});
  CHECK(xg::array<std::int64_t>({{1}, {2}}).shape() == xg::Shape{2, 1});
  const xg::Mask mask = xg::array<bool>(std::vector<bool>{true, false}, {2, 1});
  CHECK((mask.shape() == xg::Shape{2, 1} && mask(0, 0) && !mask(1, 0)));
  CHECK(xg::array<bool>({true, false}) == xg::Mask{true, false});
  CHECK(xg::array<float>({1, 2.5}) == xt::xarray<float>{1, 2.5f});
  CHECK(xg::array<double>(labels) == xt::xarray<double>{2, 0, 1, 1});
  CHECK(xg::array<float>(labels.data(), {2}) == xt::xarray<float>{2, 0});
  CHECK(xg::array<double>(3).shape() == xg::Shape{});
  CHECK(xg::array<float>({}).shape() == xg::Shape{0});
  const std::vector<std::size_t> huge{std::numeric_limits<std::size_t>::max()};
  CHECK(xg::array<std::int64_t>(huge)(0) == std::numeric_limits<std::int64_t>::max());  // and no -1
  CHECK(message_of<xg::ShapeError>([] {
          xg::array<std::int64_t>({{1}, {2, 3}});
        }) ==
        "array: item 0 of a list has shape [1] and item 1 [2]; give all items of a list as many, a number "
        "being []");
}

TEST_CASE("item gives one element by its indices, negative ones from the end") {
  const auto x = xg::constant({{1, 2, 3}, {4, 5, 6}});
  const std::size_t last = 2;
  CHECK(x.item(1, 2) == 6);
  CHECK(x.item(0, last) == 3);
  CHECK(x.item(-1, -3) == 4);
  CHECK(xg::constant({{{1.0f, 2.0f}}}).item(0, 0, -1) == 2.0f);
  CHECK((xg::sum(x) + 1).item() == 22);
  CHECK(message_of<xg::ValueError>([&] { x.item(0, 3); }) ==
        "item: index 3 is out of range for axis 1 of shape [2, 3]; give one from -3 to 2");
  CHECK(message_of<xg::ValueError>([&] { x.item(-3, 0); }) ==
        "item: index -3 is out of range for axis 0 of shape [2, 3]; give one from -2 to 1");
  CHECK(message_of<xg::ValueError>([&] { x.item(0, std::numeric_limits<std::size_t>::max()); }) ==
        "item: index 9223372036854775807 is out of range for axis 1 of shape [2, 3]; give one from -3 to 2");
  CHECK(message_of<xg::ShapeError>([&] { x.item(1); }) ==
        "item: 1 indices for shape [2, 3]; give one for each axis");
  CHECK(message_of<xg::ShapeError>([&] { xg::constant(1).item(0); }) ==
        "item: 1 indices for shape []; give one for each axis");
  CHECK(message_of<xg::ValueError>([&] {
          xg::constant(std::vector<double>(), {0, 2}).item(0, 0);
        }) == "item: index 0 is out of range for axis 0 of shape [0, 2]; the axis is empty");
  CHECK(message_of([] { Var().item(0); }) == "Variable: empty, it has no value; assign one first");
}

TEST_CASE("to_vector copies the elements row by row") {
  const auto x = xg::constant({{1, 2}, {3, 4}});
  std::vector<double> numbers = x.to_vector();
  CHECK(numbers == std::vector<double>{1, 2, 3, 4});
  numbers[0] = 9;
  CHECK(x.item(0, 0) == 1);
  CHECK(xg::constant(2.5f).to_vector() == std::vector<float>{2.5f});
  CHECK(xg::constant({}).to_vector().empty());
  CHECK(xg::constant(numbers, {2, 2}).to_vector() == numbers);
}

TEST_CASE("random values share their buffer with the Variable that is made of them") {
  const auto drawn = xg::random_normal<float>({4}, 0, 1);
  CHECK(xg::constant(drawn).dense().data() == drawn.data());
  CHECK(elements(drawn) == xg::constant(drawn).to_vector());
}
