#include <limits>
#include <type_traits>
#include <vector>

#include <doctest/doctest.h>
#include <xgrad/core/array/error.hpp>
#include <xgrad/core/array/shape.hpp>

using xgrad::Axes;
using xgrad::AxisList;
using xgrad::Shape;
using xgrad::ShapeError;
using xgrad::detail::row_major_strides;

TEST_CASE("an axis list is a small container") {
  static_assert(std::is_trivially_copyable_v<Shape>);
  Shape shape{2, 3};
  shape.push_back(4);
  CHECK(shape == Shape{2, 3, 4});
  CHECK(shape != Shape{2, 3});
  CHECK(shape.front() == 2);
  CHECK(shape.back() == 4);
  shape.insert(1, 9);
  CHECK(shape == Shape{2, 9, 3, 4});
  shape.erase(0);
  CHECK(shape == Shape{9, 3, 4});
  shape.resize(5, 1);
  CHECK(shape == Shape{9, 3, 4, 1, 1});
  shape.clear();
  CHECK(shape.empty());
  const std::vector<int> numbers{1, 2};
  CHECK(Shape(numbers.begin(), numbers.end()) == Shape{1, 2});
  const Shape pair{1, 2};
  CHECK(Shape(pair.rbegin(), pair.rend()) == Shape{2, 1});
}

TEST_CASE("a ninth axis is an error") {
  Shape shape(8, 1);
  CHECK_THROWS_WITH_AS(shape.push_back(1),
                       "shape: 9 axes, and a value has at most 8; merge some with reshape", ShapeError);
  CHECK(shape.size() == 8);
  CHECK_THROWS_AS(shape.resize(12), ShapeError);
  CHECK_THROWS_AS(shape.insert(0, 1), ShapeError);
  CHECK_THROWS_AS(Shape(9), ShapeError);
}

TEST_CASE("counting, printing, strides") {
  CHECK(xgrad::element_count(Shape{}) == 1);
  CHECK(xgrad::element_count(Shape{2, 3, 4}) == 24);
  CHECK(xgrad::element_count(Shape{2, 0, 4}) == 0);
  CHECK(to_string(Shape{}) == "[]");
  CHECK(to_string(Shape{5}) == "[5]");
  CHECK(to_string(Shape{2, 3}) == "[2, 3]");
  CHECK(row_major_strides(Shape{}) == AxisList<std::ptrdiff_t>{});
  CHECK(row_major_strides(Shape{5}) == AxisList<std::ptrdiff_t>{1});
  CHECK(row_major_strides(Shape{2, 3, 4}) == AxisList<std::ptrdiff_t>{12, 4, 1});
}

TEST_CASE("shapes broadcast as in NumPy") {
  const auto broadcast = [](const Shape& a, const Shape& b) {
    const Shape result = xgrad::detail::broadcast_shapes("add", a, b);
    CHECK(result == xgrad::detail::broadcast_shapes("add", b, a));
    return result;
  };
  CHECK(broadcast({2, 3}, {2, 3}) == Shape{2, 3});
  CHECK(broadcast({2, 3}, {3}) == Shape{2, 3});
  CHECK(broadcast({2, 3}, {}) == Shape{2, 3});
  CHECK(broadcast({}, {}) == Shape{});
  CHECK(broadcast({2, 1}, {1, 3}) == Shape{2, 3});
  CHECK(broadcast({4, 1, 3}, {5, 1}) == Shape{4, 5, 3});
  CHECK(broadcast({1}, {0}) == Shape{0});
  CHECK(broadcast({2, 0}, {1, 1}) == Shape{2, 0});
  CHECK_THROWS_WITH_AS(
      xgrad::detail::broadcast_shapes("add", {2, 3}, {4}),
      "add: shapes do not broadcast: [2, 3] and [4] (axis 1: 3 vs 4); make the extents equal or 1",
      ShapeError);
  CHECK_THROWS_WITH_AS(
      xgrad::detail::broadcast_shapes("where", {3, 1, 2}, {0, 3}),
      "where: shapes do not broadcast: [3, 1, 2] and [0, 3] (axis 2: 2 vs 3); make the extents equal or 1",
      ShapeError);
}

TEST_CASE("axes count from either end") {
  const Shape shape{2, 3};
  CHECK(xgrad::detail::normalize_axis("sum", 0, shape) == 0);
  CHECK(xgrad::detail::normalize_axis("sum", 1, shape) == 1);
  CHECK(xgrad::detail::normalize_axis("sum", -1, shape) == 1);
  CHECK(xgrad::detail::normalize_axis("sum", -2, shape) == 0);
  CHECK_THROWS_WITH_AS(xgrad::detail::normalize_axis("sum", 2, shape),
                       "sum: axis 2 is out of range for shape [2, 3]; give one from -2 to 1", ShapeError);
  CHECK_THROWS_WITH_AS(xgrad::detail::normalize_axis("sum", -3, shape),
                       "sum: axis -3 is out of range for shape [2, 3]; give one from -2 to 1", ShapeError);
  CHECK_THROWS_WITH_AS(xgrad::detail::normalize_axis("sum", 0, Shape{}),
                       "sum: axis 0 is out of range for shape []; a value without axes takes none",
                       ShapeError);
}

TEST_CASE("the axes and the shape of a reduction") {
  const Shape shape{2, 3, 4};
  using Flags = AxisList<bool>;
  CHECK(xgrad::detail::reduced_axes("sum", {}, shape) == Flags{true, true, true});
  CHECK(xgrad::detail::reduced_axes("sum", {}, Shape{}) == Flags{});
  CHECK(xgrad::detail::reduced_axes("sum", Axes{1}, shape) == Flags{false, true, false});
  const Flags outer = xgrad::detail::reduced_axes("sum", Axes{-1, 0}, shape);
  CHECK(outer == Flags{true, false, true});
  CHECK(xgrad::detail::reduced_shape(shape, outer, false) == Shape{3});
  CHECK(xgrad::detail::reduced_shape(shape, outer, true) == Shape{1, 3, 1});
  CHECK_THROWS_WITH_AS(xgrad::detail::reduced_axes("sum", Axes{1, -2}, shape),
                       "sum: axis 1 of shape [2, 3, 4] is named twice; name each axis once", ShapeError);
  CHECK_THROWS_AS(xgrad::detail::reduced_axes("sum", Axes{3}, shape), ShapeError);
}

// Expected values by arithmetic in 128 bits.
TEST_CASE("sizes are computed without wrapping around") {
  __extension__ typedef unsigned __int128 Wide;
  constexpr std::size_t most = std::numeric_limits<std::size_t>::max();
  const auto capped = [](Wide exact) { return exact > most ? most : static_cast<std::size_t>(exact); };
  const std::size_t half = std::size_t{1} << 63, root = std::size_t{1} << 32;
  const std::size_t numbers[] = {
      0, 1, 2, 3, 100, root - 1, root, root + 1, most / 3, most / 3 + 1, half - 1, half, most - 1, most};
  for (const std::size_t a : numbers)
    for (const std::size_t b : numbers) {
      CHECK(xgrad::detail::checked_product(a, b) == capped(Wide{a} * b));
      CHECK(xgrad::detail::checked_sum(a, b) == capped(Wide{a} + b));
    }
}

// NumPy 1.24 makes an empty array of float64 of [0, 2^40, 2^19] and refuses [0, 2^40, 2^20].
TEST_CASE("a value has less than 2^60 elements, and an extent of 0 makes nothing possible") {
  const std::size_t K19 = 1 << 19, K30 = 1 << 30, K40 = K30 << 10,
                    most = std::numeric_limits<std::size_t>::max();
  for (const Shape& possible : {Shape{}, Shape{0}, Shape{3, 4}, Shape{(K30 << 30) - 1}, Shape{K30, K30 - 1},
                                Shape{0, K40, K19}, Shape{K40, K19, 0}, Shape{0, 0, 0, 0, 0, 0, 0, 0}})
    CHECK_MESSAGE(xgrad::detail::is_possible(possible), to_string(possible));
  for (const Shape& impossible :
       {Shape{most}, Shape{0, most}, Shape{K30, K30}, Shape{0, K40, 2 * K19}, Shape{K40, 0, K40},
        Shape{K40, K40, 0}, Shape{4 * K30, 4 * K30, 3}, Shape{2 * (K30 << 30) + 1, 8}})
    CHECK_MESSAGE(!xgrad::detail::is_possible(impossible), to_string(impossible));
  CHECK_THROWS_WITH_AS(xgrad::detail::check_possible("make", Shape{K30, K30}),
                       "make: shape [1073741824, 1073741824] is too large, and a value has less than 2^60 "
                       "elements; make it smaller",
                       ShapeError);
  CHECK_THROWS_WITH_AS(xgrad::detail::check_possible("make", Shape{0, most}, Shape{3}, Shape{4, 5}),
                       "make: [3] and [4, 5] would become [0, 2^64 - 1 or more], and a value has less than "
                       "2^60 elements, extents of 0 left out; make it smaller",
                       ShapeError);
}
