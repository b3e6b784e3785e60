// The programs of docs/xtensor.md, letter for letter but for the indentation: tests/api/check_page.cmake
// compares. What is wrong there compiles, and is not run.
#include <doctest/doctest.h>

#include <array>
#include <cstdint>
#include <vector>
#include <xgrad/xgrad.hpp>
#include <xgrad/xtensor.hpp>
namespace xg = xgrad;

TEST_CASE("the xtensor page's function evaluates before its variable goes") {
  auto wrong = [](const xt::xarray<double>& a) {
    const xt::xarray<double> shifted = a + 1;
    return 2 * shifted;  // a recipe that reads `shifted`, which is gone when it is used
  };
  auto right = [](const xt::xarray<double>& a) -> xt::xarray<double> {
    const xt::xarray<double> shifted = a + 1;
    return 2 * shifted;
  };
  (void)wrong;
  CHECK(right(xt::xarray<double>{1, 2}) == xt::xarray<double>{4, 6});
}

TEST_CASE("the xtensor page's shares of a row are right at once, and as an Array") {
  const xt::xarray<double> p = {{1, 2}, {3, 4}, {5, 6}};
  auto wrong = [&]() -> xt::xarray<double> { return p / xt::sum(p, {1}, xt::keep_dims); };
  const auto at_once = xt::keep_dims | xt::evaluation_strategy::immediate;
  xt::xarray<double> right = p / xt::sum(p, {1}, at_once);
  xg::Array<double> ours = p / xt::sum(p, {1}, xt::keep_dims);
  (void)wrong;
  CHECK(xt::allclose(right, xt::xarray<double>{{1 / 3., 2 / 3.}, {3 / 7., 4 / 7.}, {5 / 11., 6 / 11.}}));
  CHECK(xt::allclose(ours, right));
}

TEST_CASE("the xtensor page's column is repeated when it is evaluated first") {
  const xt::xarray<double> p = {{1, 2}, {3, 4}, {5, 6}};
  auto wrong = [&]() -> xt::xarray<double> { return p + xt::view(2 * p, xt::all(), xt::range(0, 1)); };
  xt::xarray<double> right = p + xt::eval(xt::view(2 * p, xt::all(), xt::range(0, 1)));
  (void)wrong;
  CHECK(right == xt::xarray<double>{{3, 4}, {9, 10}, {15, 16}});
}

TEST_CASE("the xtensor page's means and random numbers are computed once") {
  const xt::xarray<double> p = {{1, 2}, {3, 4}, {5, 6}};
  xt::xarray<double> slow = p - xt::mean(p, {0});                 // the mean of a column, once for every row
  xt::xarray<double> right = p - xt::eval(xt::mean(p, {0}));      // once
  xt::xarray<double> noisy = p + xt::random::randn<double>({2});  // other numbers in every row
  xt::xarray<double> alike = p + xt::eval(xt::random::randn<double>({2}));  // one row, repeated
  CHECK(slow == xt::xarray<double>{{-2, -2}, {0, 0}, {2, 2}});
  CHECK(right == slow);
  CHECK(noisy(0, 0) - p(0, 0) != noisy(1, 0) - p(1, 0));
  CHECK(alike(0, 0) - p(0, 0) == doctest::Approx(alike(1, 0) - p(1, 0)));
}

TEST_CASE("the xtensor page's const copy shares its buffer, the other does not") {
  auto x = xg::parameter(xt::ones<double>({1000, 1000}));
  xg::Array<double> wrong = x.value();
  double first = wrong(0, 0);  // copies eight megabytes to read eight bytes
  const xg::Array<double> right = x.value();
  double second = right(0, 0);
  CHECK(first == second);
  CHECK_FALSE(wrong.storage().buffer().same_block(x.dense().buffer));
  CHECK(right.storage().buffer().same_block(x.dense().buffer));
}

TEST_CASE("the xtensor page's shapes") {
  std::array<std::size_t, 2> wrong = {3};  // [3, 0]: no elements
  std::vector<std::size_t> right = {3};
  xt::xarray<double> none = xt::zeros<double>(wrong);
  xt::xarray<double> three = xt::zeros<double>(right);
  xt::xarray<double> numbers({2, 3});                                 // the numbers 2 and 3
  xt::xarray<double> empty = xt::xarray<double>::from_shape({2, 3});  // a shape of 2 x 3
  CHECK(none.size() == 0);
  CHECK(three.size() == 3);
  CHECK((numbers.dimension() == 1 && numbers(1) == 3));
  CHECK(empty.dimension() == 2);
}

TEST_CASE("the xtensor page's values without xtensor") {
  auto x = xg::constant({{1}, {2}, {3}});  // a column: three rows of one
  std::vector<int> labels{2, 0, 1};
  auto y = xg::constant(labels, {3, 1});                  // a range of numbers, and its shape
  xg::Indices indices = xg::array<std::int64_t>(labels);  // indices, and in the same way a mask
  auto w = xg::parameter(xg::randn({3, 2}));              // zeros ones full eye arange linspace rand ...
  double last = w.item(-1, 0);                            // one element
  std::vector<double> numbers = y.to_vector();            // all of them, row by row
  CHECK((x.shape() == xg::Shape{3, 1} && x.item(1, 0) == 2));
  CHECK((y.shape() == xg::Shape{3, 1} && numbers == std::vector<double>{2, 0, 1}));
  CHECK(indices == xg::Indices{2, 0, 1});
  CHECK(last == w.value()(2, 0));
}
