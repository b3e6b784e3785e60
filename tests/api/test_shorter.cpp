// The public surface by example: shorter to write, a test case for each line.
#include <doctest/doctest.h>

#include <type_traits>
#include <vector>
#include <xgrad/xgrad.hpp>
namespace xg = xgrad;

TEST_CASE("a parameter of this thread's random numbers") {
  xg::manual_seed(0);
  auto w = xg::parameter(xg::randn<float>({64, 10}));
  static_assert(std::is_same_v<decltype(w), xg::Variable<float>>);
  CHECK((w.requires_grad() && w.shape() == xg::Shape{64, 10}));
  xg::manual_seed(0);
  CHECK(w.value() == xg::random_normal<float>({64, 10}, 0, 1));
}

TEST_CASE("a constant of a made Array") {
  auto e = xg::constant(xg::eye<double>(3));
  CHECK((e.item(1, 1) == 1 && e.item(1, 2) == 0));
  CHECK(xg::constant(xg::zeros_like(e)).to_vector() == std::vector<double>(9, 0));
  CHECK(xg::constant(xg::ones({2})).to_vector() == xg::constant(xg::full({2}, 1)).to_vector());
  CHECK(xg::constant(xg::arange(3)).to_vector() == xg::constant(xg::linspace(0, 2, 3)).to_vector());
}

TEST_CASE("any contiguous range of numbers, and a shape") {
  auto v = xg::constant(std::vector<double>{1, 2, 3, 4}, {2, 2});
  CHECK(v.shape() == xg::Shape{2, 2});
  CHECK(v.item(1, 0) == 3);
}

TEST_CASE("parts of a value in brackets") {
  const auto x = xg::parameter(xg::reshape(xg::constant(xg::arange(24)), {2, 3, 4}).value());
  auto row = x[0], cell = x[{1, 2}], part = x[{xg::range(0, 2), xg::all, 3}];
  static_assert(std::is_same_v<decltype(row), xg::Variable<double>>);
  CHECK(row.shape() == xg::Shape{3, 4});
  CHECK(cell.to_vector() == std::vector<double>{20, 21, 22, 23});
  CHECK(part.to_vector() == std::vector<double>{3, 7, 11, 15, 19, 23});
  xg::sum(part * part).backward();
  CHECK(x.grad()(1, 0, 3) == 30);
}

TEST_CASE("an element by its indices") {
  const auto x = xg::parameter({{1, 2, 3}, {4, 5, 6}});
  double one = x.item(1, 2);
  CHECK(one == 6);
}
