#include <cmath>

#include <doctest/doctest.h>
#include <xgrad/data/normalise.hpp>
#include <xgrad/data/synthetic.hpp>

using namespace xgrad::data;
using xgrad::Array;

TEST_CASE("a spiral without noise lies on its arms") {
  const auto [points, labels] = make_spiral<double>(5, 3, 0);
  REQUIRE(points.shape() == xgrad::Shape{15, 2});
  REQUIRE(labels.shape() == xgrad::Shape{15});
  for (std::size_t i = 0; i < 15; ++i) {
    const double arm = static_cast<double>(i / 5), radius = static_cast<double>(i % 5) / 4;
    CHECK(labels(i) == static_cast<std::int64_t>(i / 5));
    CHECK(points(i, 0) == doctest::Approx(radius * std::sin(4 * (arm + radius))).epsilon(1e-14));
    CHECK(points(i, 1) == doctest::Approx(radius * std::cos(4 * (arm + radius))).epsilon(1e-14));
  }
}

TEST_CASE("noise moves the points of a spiral along their circles, and the seed repeats it") {
  const auto first = make_spiral<double>(100, 3, 0.2, 1);
  CHECK(first.points == make_spiral<double>(100, 3, 0.2, 1).points);
  CHECK(first.points != make_spiral<double>(100, 3, 0.2, 2).points);
  double squares = 0;
  for (std::size_t i = 0; i < 300; ++i) {
    const double radius = std::hypot(first.points(i, 0), first.points(i, 1));
    const double on_arm = static_cast<double>(i % 100) / 99;
    CHECK(radius == doctest::Approx(on_arm).epsilon(1e-12));
    if (i % 100 == 0) continue;
    const double angle = std::atan2(first.points(i, 0), first.points(i, 1));
    const double noise =
        std::remainder(angle - 4 * (static_cast<double>(i / 100) + on_arm), 2 * std::acos(-1.0));
    squares += noise * noise / 297;
  }
  CHECK(std::sqrt(squares) == doctest::Approx(0.2).epsilon(0.1));
}

TEST_CASE("a spiral needs arms, points and a noise that is a number") {
  CHECK_THROWS_WITH_AS(make_spiral<float>(1, 3),
                       "make_spiral: 3 arms of 1 points; give one arm or more, of two points or more",
                       xgrad::ValueError);
  CHECK_THROWS_AS(make_spiral<float>(10, 0), xgrad::ValueError);
  CHECK_THROWS_AS(make_spiral<float>(10, 3, -0.1), xgrad::ValueError);
  CHECK_THROWS_AS(make_spiral<float>(10, 3, NAN), xgrad::ValueError);
}

TEST_CASE("normalise takes a known mean and deviation away") {
  CHECK(normalise(Array<float>{0, 0.5, 1}, 0.5, 0.5) == Array<float>{-1, 0, 1});
  CHECK_THROWS_WITH_AS(
      normalise(Array<float>{1}, 0, 0),
      "normalise: mean is 0.000000 and deviation 0.000000; give finite numbers, the deviation "
      "above 0",
      xgrad::ValueError);
}

TEST_CASE("normalise brings each column to mean 0 and deviation 1, and an even one to 0") {
  const Array<double> x{{1, 0.1, -2}, {2, 0.1, 2}, {3, 0.1, -2}, {4, 0.1, 2}, {5, 0.1, 0}};
  const Array<double> y = normalise(x);
  for (std::size_t column : {std::size_t{0}, std::size_t{2}}) {
    double mean = 0, square = 0;
    for (std::size_t row = 0; row < 5; ++row) {
      mean += y(row, column) / 5;
      square += y(row, column) * y(row, column) / 5;
    }
    CHECK(std::abs(mean) < 1e-15);
    CHECK(square == doctest::Approx(1).epsilon(1e-14));
  }
  for (std::size_t row = 0; row < 5; ++row) CHECK(y(row, 1) == 0);
  CHECK(normalise(Array<double>(xgrad::Shape{0, 3})).shape() == xgrad::Shape{0, 3});
  CHECK_THROWS_AS(normalise(Array<double>(1.0)), xgrad::ShapeError);
}
