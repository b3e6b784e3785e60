#include <cmath>

#include <doctest/doctest.h>
#include <xgrad/data/normalise.hpp>
#include <xgrad/data/synthetic.hpp>

#include "../hostile.hpp"

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

TEST_CASE("moons without noise are two half circles, as scikit-learn has them") {
  const auto [points, labels] = make_moons<double>(7);
  REQUIRE(points.shape() == xgrad::Shape{7, 2});
  const double pi = std::acos(-1.0);
  for (std::size_t i = 0; i < 3; ++i) {
    const double t = pi * static_cast<double>(i) / 2;
    CHECK(labels(i) == 0);
    CHECK(std::abs(points(i, 0) - std::cos(t)) < 1e-15);
    CHECK(std::abs(points(i, 1) - std::sin(t)) < 1e-15);
  }
  for (std::size_t i = 0; i < 4; ++i) {
    const double t = pi * static_cast<double>(i) / 3;
    CHECK(labels(3 + i) == 1);
    CHECK(std::abs(points(3 + i, 0) - (1 - std::cos(t))) < 1e-15);
    CHECK(std::abs(points(3 + i, 1) - (1 - std::sin(t) - 0.5)) < 1e-15);
  }
}

TEST_CASE("circles without noise have evenly spaced points, as scikit-learn has them") {
  const auto [points, labels] = make_circles<double>(9, 0, 0.3);
  REQUIRE(points.shape() == xgrad::Shape{9, 2});
  for (std::size_t i = 0; i < 9; ++i) {
    const bool inner = i >= 4;
    const double t =
        2 * std::acos(-1.0) * (inner ? static_cast<double>(i - 4) / 5 : static_cast<double>(i) / 4);
    CHECK(labels(i) == (inner ? 1 : 0));
    CHECK(std::abs(points(i, 0) - (inner ? 0.3 : 1) * std::cos(t)) < 1e-15);
    CHECK(std::abs(points(i, 1) - (inner ? 0.3 : 1) * std::sin(t)) < 1e-15);
  }
}

TEST_CASE("noise moves moons and circles by normal numbers of that deviation, and the seed repeats it") {
  const auto deviation = [](const Points<double>& noisy, const Points<double>& exact) {
    double squares = 0;
    for (std::size_t i = 0; i < exact.points.size(); ++i)
      squares += std::pow(noisy.points.storage()[i] - exact.points.storage()[i], 2);
    CHECK(noisy.labels == exact.labels);
    return std::sqrt(squares / static_cast<double>(exact.points.size()));
  };
  // 2000 numbers: their deviation is within 5 percent with a probability of 0.998; the seed is fixed.
  const double tolerance = 0.05;
  CHECK(deviation(make_moons<double>(1000, 0.1, 1), make_moons<double>(1000)) ==
        doctest::Approx(0.1).epsilon(tolerance));
  CHECK(deviation(make_circles<double>(1000, 0.1, 0.5, 1), make_circles<double>(1000, 0, 0.5)) ==
        doctest::Approx(0.1).epsilon(tolerance));
  CHECK(make_moons<float>(50, 0.1, 1).points == make_moons<float>(50, 0.1, 1).points);
  CHECK(make_moons<float>(50, 0.1, 1).points != make_moons<float>(50, 0.1, 2).points);
  CHECK(make_circles<float>(50, 0.1, 0.5, 1).points != make_circles<float>(50, 0.1, 0.5, 2).points);
}

TEST_CASE("blobs are clouds of the given deviation around centers in the box") {
  const auto even = make_blobs<double>(11, 3, 4, 0);
  CHECK(even.points.shape() == xgrad::Shape{11, 3});
  CHECK(even.labels == xgrad::Indices{0, 0, 0, 1, 1, 1, 2, 2, 2, 3, 3});
  for (std::size_t i = 0; i < 11; ++i)
    for (std::size_t f = 0; f < 3; ++f) {
      CHECK(std::abs(even.points(i, f)) <= 10);
      if (i > 0)
        CHECK((even.points(i, f) == even.points(i - 1, f)) == (even.labels(i) == even.labels(i - 1)));
    }

  const auto centers = make_blobs<double>(2, 2, 2, 0, 5);
  const auto clouds = make_blobs<double>(4000, 2, 2, 1.5, 5);
  for (std::size_t c = 0; c < 2; ++c)
    for (std::size_t f = 0; f < 2; ++f) {
      double mean = 0, square = 0;
      for (std::size_t i = 2000 * c; i < 2000 * (c + 1); ++i) {
        const double away = clouds.points(i, f) - centers.points(c, f);
        mean += away / 2000;
        square += away * away / 2000;
      }
      CHECK(std::abs(mean) < 4 * 1.5 / std::sqrt(2000.0));
      CHECK(std::sqrt(square) == doctest::Approx(1.5).epsilon(0.07));
    }
  CHECK(make_blobs<float>(9, 2, 3, 1, 1).points == make_blobs<float>(9, 2, 3, 1, 1).points);
}

TEST_CASE("moons, circles and blobs refuse what they cannot draw") {
  CHECK_THROWS_WITH_AS(make_moons<float>(1), "make_moons: 1 samples for two classes; give 2 or more",
                       xgrad::ValueError);
  CHECK_THROWS_WITH_AS(make_circles<float>(10, -1),
                       "make_circles: the noise is -1.000000; give a finite deviation, 0 or more",
                       xgrad::ValueError);
  for (const double factor : {-0.1, 1.0, double(NAN)})
    CHECK_THROWS_AS(make_circles<float>(10, 0, factor), xgrad::ValueError);
  CHECK_THROWS_WITH_AS(make_blobs<float>(10, 0, 3),
                       "make_blobs: 10 samples of 0 features around 3 centers; give 1 or more of each",
                       xgrad::ValueError);
  CHECK_THROWS_AS(make_blobs<float>(10, 2, 3, INFINITY), xgrad::ValueError);
}

TEST_CASE("more points than a value can have are refused before any is drawn") {
  constexpr std::size_t half = std::size_t{1} << 63;
  xgrad::testing::check_refused({
      {"make_spiral: shape [18446744073709551614, 2] is too large, and a value has less than 2^60 elements; make "
       "it smaller",
       [] { make_spiral<float>(half, 2); }},
      {"make_moons: shape [2^63 - 1 or more, 2] is too large, and a value has less than 2^60 elements; "
       "make it smaller",
       [] { make_moons<float>(half); }},
      {"make_circles: shape [2^63 - 1 or more, 2] is too large, and a value has less than 2^60 elements; "
       "make it smaller",
       [] { make_circles<double>(half); }},
      {"make_blobs: shape [2^63 - 1 or more, 4] is too large, and a value has less than 2^60 elements; "
       "make it smaller",
       [] { make_blobs<float>(half, 4); }},
      {"make_blobs: shape [2^63 - 1 or more, 4] is too large, and a value has less than 2^60 elements; "
       "make it smaller",
       [] { make_blobs<double>(10, 4, half); }},
  });
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
