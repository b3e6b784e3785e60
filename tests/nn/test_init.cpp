#include <algorithm>
#include <cmath>
#include <string>

#include <doctest/doctest.h>
#include <xgrad/nn/init.hpp>

namespace {

using xgrad::Array;
using xgrad::Dense;
using xgrad::Generator;
using xgrad::Shape;
using xgrad::Variable;
namespace init = xgrad::nn::init;

struct Moments {
  double mean = 0, deviation = 0, least = 0, greatest = 0;
};

template <class T>
Moments moments(const Variable<T>& x) {
  const Dense<T>& values = x.dense();
  const T* const data = values.data();
  const auto count = static_cast<double>(values.size());
  const auto [least, greatest] = std::minmax_element(data, data + values.size());
  Moments m{0, 0, double(*least), double(*greatest)};
  for (std::size_t i = 0; i < values.size(); ++i) m.mean += double(data[i]) / count;
  for (std::size_t i = 0; i < values.size(); ++i)
    m.deviation += (double(data[i]) - m.mean) * (double(data[i]) - m.mean) / count;
  m.deviation = std::sqrt(m.deviation);
  return m;
}

template <class T>
Variable<T> weight(const Shape& shape) {
  return xgrad::detail::parameter_from(Dense<T>::filled(shape, T(0)));
}

// 120000 numbers: a mean is off by 0.003 deviations, a deviation by 0.002 of itself; five times that is
// allowed.
template <class T>
void check_uniform(const Variable<T>& x, double bound) {
  const Moments m = moments(x);
  CHECK(m.least >= -bound);
  CHECK(m.greatest <= bound);
  CHECK(m.least < -0.999 * bound);
  CHECK(m.greatest > 0.999 * bound);
  CHECK(std::abs(m.mean) < 0.015 * bound);
  CHECK(m.deviation == doctest::Approx(bound / std::sqrt(3.0)).epsilon(0.01));
}

template <class T>
void check_normal(const Variable<T>& x, double mean, double deviation) {
  const Moments m = moments(x);
  CHECK(std::abs(m.mean - mean) < 0.015 * deviation);
  CHECK(m.deviation == doctest::Approx(deviation).epsilon(0.01));
  CHECK(m.greatest > mean + 3.5 * deviation);
  CHECK(m.greatest < mean + 6.5 * deviation);
}

/// How far the products of all pairs of rows, or of columns, are from those of orthonormal ones of length
/// `gain`.
template <class T>
double skew(const Variable<T>& x, bool of_rows, double gain) {
  const std::size_t rows = x.shape()[0], columns = x.size() / rows;
  const std::size_t count = of_rows ? rows : columns, length = of_rows ? columns : rows;
  const T* const data = x.dense().data();
  const auto at = [&](std::size_t line, std::size_t i) {
    return double(of_rows ? data[line * columns + i] : data[i * columns + line]);
  };
  double most = 0;
  for (std::size_t a = 0; a < count; ++a)
    for (std::size_t b = 0; b <= a; ++b) {
      double product = 0;
      for (std::size_t i = 0; i < length; ++i) product += at(a, i) * at(b, i);
      most = std::max(most, std::abs(product - (a == b ? gain * gain : 0)));
    }
  return most;
}

}  // namespace

TEST_CASE("a linear weight counts its rows as inputs, a kernel its channels times its extents") {
  const auto counted = [](const Shape& shape) {
    const init::Fans fans = init::fans(shape);
    return Shape{fans.in, fans.out};
  };
  CHECK(counted(Shape{300, 400}) == Shape{300, 400});
  CHECK(counted(Shape{64, 32, 3, 3}) == Shape{288, 576});
  CHECK(counted(Shape{8, 4, 5}) == Shape{20, 40});
}

TEST_CASE_TEMPLATE("constant, uniform and normal give what they say", T, float, double) {
  Generator from(1);
  auto w = weight<T>(Shape{300, 400});
  init::constant(w, 0.25);
  CHECK(moments(w).least == 0.25);
  CHECK(moments(w).greatest == 0.25);
  init::uniform(w, -2, 2, from);
  check_uniform(w, 2);
  init::normal(w, 5, 0.5, from);
  check_normal(w, 5, 0.5);
}

TEST_CASE_TEMPLATE("Xavier's initial values have the bounds and deviations of Glorot and Bengio", T, float,
                   double) {
  Generator from(2);
  auto w = weight<T>(Shape{300, 400});
  init::xavier_uniform(w, 1, from);
  check_uniform(w, std::sqrt(6.0 / 700));
  init::xavier_uniform(w, 5.0 / 3, from);
  check_uniform(w, 5.0 / 3 * std::sqrt(6.0 / 700));
  init::xavier_normal(w, 1, from);
  check_normal(w, 0, std::sqrt(2.0 / 700));
}

TEST_CASE_TEMPLATE("He's initial values have the bounds and deviations of He et al.", T, float, double) {
  Generator from(3);
  auto w = weight<T>(Shape{300, 400});
  init::he_uniform(w, 0, from);
  check_uniform(w, std::sqrt(6.0 / 300));
  init::he_normal(w, 0, from);
  check_normal(w, 0, std::sqrt(2.0 / 300));
  init::he_normal(w, 0.5, from);
  check_normal(w, 0, std::sqrt(2.0 / (1.25 * 300)));
  auto kernel = weight<T>(Shape{128, 104, 3, 3});
  init::he_normal(kernel, 0, from);
  check_normal(kernel, 0, std::sqrt(2.0 / (104 * 9)));
}

TEST_CASE_TEMPLATE(
    "orthogonal gives orthonormal rows, or columns where there are fewer of them, times the gain", T, float,
    double) {
  Generator from(4);
  const double tolerance = sizeof(T) == 4 ? 1e-6 : 1e-14;
  auto wide = weight<T>(Shape{60, 80}), tall = weight<T>(Shape{80, 60}), square = weight<T>(Shape{70, 70}),
       kernel = weight<T>(Shape{16, 8, 3, 3}), column = weight<T>(Shape{5, 1});
  for (auto* each : {&wide, &tall, &square, &kernel, &column}) init::orthogonal(*each, 1, from);
  CHECK(skew(wide, true, 1) < tolerance);
  CHECK(skew(tall, false, 1) < tolerance);
  CHECK(skew(square, true, 1) < tolerance);
  CHECK(skew(square, false, 1) < tolerance);
  CHECK(skew(kernel, true, 1) < tolerance);
  CHECK(skew(column, false, 1) < tolerance);
  init::orthogonal(tall, 2.5, from);
  CHECK(skew(tall, false, 2.5) < 10 * tolerance);
  auto none = weight<T>(Shape{0, 3});
  init::orthogonal(none, 1, from);
  CHECK(none.size() == 0);
  CHECK_THROWS_AS(init::orthogonal(weight<T>(Shape{4})), xgrad::ShapeError);
}

TEST_CASE("orthogonal has no direction that it prefers, and no sign") {
  // The element of a random orthonormal row of length n has mean 0 and variance 1 / n.
  Generator from(5);
  auto w = weight<double>(Shape{4, 3});
  double mean[12] = {}, square[12] = {};
  constexpr int draws = 4000;
  for (int draw = 0; draw < draws; ++draw) {
    init::orthogonal(w, 1, from);
    for (std::size_t i = 0; i < 12; ++i) {
      mean[i] += w.dense().data()[i] / draws;
      square[i] += w.dense().data()[i] * w.dense().data()[i] / draws;
    }
  }
  for (std::size_t i = 0; i < 12; ++i) {
    CHECK(std::abs(mean[i]) < 5 * 0.5 / std::sqrt(draws));
    CHECK(square[i] == doctest::Approx(0.25).epsilon(0.08));
  }
}

TEST_CASE("initial values repeat with the seed, and leave what shared the old ones alone") {
  auto w = weight<double>(Shape{3, 4});
  const Array<double> zeros = w.value();
  xgrad::manual_seed(7);
  init::he_uniform(w);
  const Array<double> first = w.value();
  init::he_uniform(w);
  CHECK(w.value() != first);
  xgrad::manual_seed(7);
  init::he_uniform(w);
  CHECK(w.value() == first);
  CHECK(zeros(2, 3) == 0);
  xgrad::manual_seed(0);
}

TEST_CASE("a parameter without inputs and outputs cannot be initialised by their number") {
  const auto b = weight<double>(Shape{4});
  CHECK_THROWS_WITH_AS(
      init::he_normal(b),
      "he_normal: a parameter of shape [4] has no inputs and outputs to count; use constant, uniform "
      "or normal for it",
      xgrad::ShapeError);
  CHECK_THROWS_AS(init::xavier_uniform(weight<float>(Shape{})), xgrad::ShapeError);
}

TEST_CASE("errors of initial values name the function that was called") {
  const auto w = weight<double>(Shape{2, 2});
  const auto says = [](auto&& f, const char* text) { CHECK_THROWS_WITH_AS(f(), text, xgrad::ValueError); };
  says([&] { init::uniform(w, 2, 1); },
       "uniform: low is 2 and high 1; give bounds in order, a finite distance apart");
  says([&] { init::uniform(w, -INFINITY, 1); },
       "uniform: low is -inf and high 1; give bounds in order, a finite distance apart");
  says([&] { init::normal(w, 0, -1); },
       "normal: mean is 0 and deviation -1; give finite numbers, the deviation 0 or more");
  says([&] { init::xavier_uniform(w, -1); },
       "xavier_uniform: gain is -1; give a finite number of at least 0");
  says([&] { init::xavier_normal(w, -0.5); },
       "xavier_normal: gain is -0.5; give a finite number of at least 0");
  says([&] { init::he_uniform(w, INFINITY); }, "he_uniform: negative_slope is inf; give a finite number");
  says([&] { init::he_normal(w, INFINITY); }, "he_normal: negative_slope is inf; give a finite number");
  says([&] { init::orthogonal(w, INFINITY); }, "orthogonal: gain is inf; give a finite number");
}
