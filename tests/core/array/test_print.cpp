// Printing of Arrays and shapes, without xtensor's own; test_array.cpp prints with both there. What is
// expected is what xtensor's <xio.hpp> and NumPy's str() write, by hand.
#include <doctest/doctest.h>

#include <sstream>
#include <xgrad/xgrad.hpp>

namespace xg = xgrad;

namespace {

template <class T>
std::string printed(T&& value) {
  std::ostringstream out;
  out << value;
  return out.str();
}

}  // namespace

TEST_CASE("an Array prints as xtensor prints it") {
  const auto x = xg::parameter(xt::xarray<double>{{1, 2.5}, {-3, 4}});
  CHECK(printed(x.value()) == "{{ 1. ,  2.5},\n {-3. ,  4. }}");
  CHECK(printed(xg::Array<float>{1, 2, 3}) == "{ 1.,  2.,  3.}");
  CHECK(printed(xg::Indices{7, -1}) == "{ 7, -1}");
  CHECK(printed(xg::Mask{true, false}) == "{ true, false}");
  CHECK(printed(xg::Array<double>(2.0)) == " 2.");
}

TEST_CASE("a shape and axes print as a list, and so does the shape of an Array") {
  const auto x = xg::parameter(xt::xarray<double>{{1, 2, 3}, {4, 5, 6}});
  CHECK(printed(x.shape()) == "[2, 3]");
  CHECK(printed(x.value().shape()) == "[2, 3]");
  CHECK(printed(xg::Shape{}) == "[]");
  CHECK(printed(xg::Axes{0, -1}) == "[0, -1]");
}

TEST_CASE("an expression with an Array in it prints as the Array that it becomes") {
  const auto x = xg::parameter(xt::xarray<double>{1, 2});
  CHECK(printed(x.value() * 2 + 1) == "{ 3.,  5.}");
  CHECK(printed(x.value() > 1.5) == "{false,  true}");
}
