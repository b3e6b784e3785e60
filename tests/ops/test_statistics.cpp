// Variance, deviation and norms: values against plain loops, gradients, edges, errors.
#include <doctest/doctest.h>

#include <cmath>
#include <limits>
#include <vector>
#include <xgrad/core/kernels/random.hpp>
#include <xgrad/derivatives/grad.hpp>
#include <xgrad/derivatives/gradcheck.hpp>
#include <xgrad/ops/operators.hpp>
#include <xgrad/ops/reduction.hpp>
#include <xgrad/ops/slice.hpp>
#include <xgrad/ops/statistics.hpp>

#include "../message_of.hpp"
#include "../threads.hpp"
#include "../variables.hpp"

namespace xg = xgrad;
using xg::testing::gradient_of;
using xg::testing::message_of;

namespace {

using Var = xg::Variable<double>;
using Line = std::vector<double>;

constexpr double infinity = std::numeric_limits<double>::infinity();

template <class T>
xg::Variable<T> random(const xg::Shape& shape, xg::Generator& from, double offset = 0) {
  xg::Dense<T> drawn(shape);
  T* out = drawn.mutable_data();
  for (std::size_t i = 0; i < drawn.size(); ++i) out[i] = static_cast<T>(offset + 2 * from.uniform() - 1);
  return xg::detail::parameter_from(std::move(drawn));
}

/// The elements of each line of a reduction, by counting through every index.
template <class T>
std::vector<Line> lines_of(const xg::Dense<T>& x, const xg::AxisList<bool>& reduced) {
  const xg::Shape kept = xg::detail::reduced_shape(x.shape, reduced, true);
  const auto strides = xg::detail::row_major_strides(kept);
  std::vector<Line> lines(xg::element_count(kept));
  for (std::size_t flat = 0; flat < x.size(); ++flat) {
    std::size_t rest = flat, line = 0;
    for (std::size_t axis = x.dim(); axis-- > 0; rest /= x.shape[axis])
      if (!reduced[axis]) line += rest % x.shape[axis] * static_cast<std::size_t>(strides[axis]);
    lines[line].push_back(static_cast<double>(x.data()[flat]));
  }
  return lines;
}

double variance(const Line& line, double ddof) {
  long double mean = 0, squares = 0;
  const auto count = static_cast<long double>(line.size());
  for (double x : line) mean += x / count;
  for (double x : line) squares += (x - mean) * (x - mean);
  return static_cast<double>(squares / std::fmax(count - static_cast<long double>(ddof), 0.0L));
}

double length(const Line& line) {
  double total = 0;
  for (double x : line) total = std::hypot(total, x);
  return total;
}

bool agrees(double got, double expected, double tolerance) {
  return got == expected || (std::isnan(got) && std::isnan(expected)) ||
         std::fabs(got - expected) <= tolerance * std::fmax(1, std::fabs(expected));
}

template <class T>
void check_against_loops(const xg::Variable<T>& x, const xg::VarianceOptions& options, double tolerance) {
  const auto reduced = xg::detail::reduced_axes("test", options.axes, x.shape());
  const auto lines = lines_of(x.dense(), reduced);
  const xg::NormOptions norm_options{options.axes, options.keep_dims};
  const auto var = xg::var(x, options), std = xg::std(x, options), norm = xg::norm(x, norm_options);
  for (const auto& y : {var, std, norm})
    REQUIRE(y.shape() == xg::detail::reduced_shape(x.shape(), reduced, options.keep_dims));
  for (std::size_t i = 0; i < lines.size(); ++i) {
    INFO("line " << i << " of " << lines[i].size());
    const double expected = variance(lines[i], options.ddof);
    CHECK(agrees(static_cast<double>(var.dense().data()[i]), expected, tolerance));
    CHECK(agrees(static_cast<double>(std.dense().data()[i]), std::sqrt(expected), tolerance));
    CHECK(agrees(static_cast<double>(norm.dense().data()[i]), length(lines[i]), tolerance));
  }
}

template <class T>
void check_random_shapes(double tolerance) {
  INFO("seed 61");
  xg::Generator from(61);
  for (int round = 0; round < 200; ++round) {
    xg::Shape shape;
    const std::size_t dim = from.below(5);
    for (std::size_t axis = 0; axis < dim; ++axis)
      shape.push_back(from.below(12) == 0 ? 0 : 1 + from.below(dim < 3 ? 60 : 6));
    xg::VarianceOptions options;
    options.keep_dims = from.below(2) == 0;
    options.ddof = static_cast<double>(from.below(3));
    for (std::size_t axis = 0; axis < dim; ++axis)
      if (from.below(2) == 0)
        options.axes.push_back(static_cast<std::ptrdiff_t>(axis) -
                               static_cast<std::ptrdiff_t>(from.below(2) * dim));
    INFO("round " << round << ", shape " << xg::to_string(shape));
    check_against_loops(random<T>(shape, from), options, tolerance);
  }
}

}  // namespace

TEST_CASE("var, std and norm over random axes of random shapes are those of plain loops") {
  check_random_shapes<double>(1e-13);
  check_random_shapes<float>(2e-6);
}

TEST_CASE("gradients and second derivatives of var, std and norm agree with differences") {
  INFO("seed 5");
  xg::Generator from(5);
  const Var x = random<double>({3, 4, 2}, from);
  for (const xg::Axes& axes : {xg::Axes{}, xg::Axes{0}, xg::Axes{1}, xg::Axes{0, -1}})
    for (const bool keep_dims : {false, true}) {
      const auto check = [&](const auto& f) {
        const auto report = xg::gradcheck(
            [&](const Var& v) {
              const Var y = f(v * v + v);
              return y * y * y;
            },
            {x}, {.second_order = true});
        INFO(axes.size() << " axes\n" << report);
        CHECK(report.ok());
      };
      check([&](const Var& v) { return xg::var(v, {axes, keep_dims}); });
      check([&](const Var& v) { return xg::std(v, {axes, keep_dims, 1}); });
      check([&](const Var& v) { return xg::norm(v, {axes, keep_dims}); });
      check([&](const Var& v) { return xg::norm(v, {axes, keep_dims, 1}); });
    }
}

TEST_CASE("ddof is taken from the number of elements") {
  const auto x = xg::constant(xt::xarray<double>{1, 2, 3, 6});
  CHECK(xg::var(x).item() == 3.5);
  CHECK(xg::var(x, {.ddof = 1}).item() == doctest::Approx(14.0 / 3).epsilon(1e-15));
  CHECK(xg::std(x, {.ddof = 0.5}).item() == 2);
  CHECK(std::isnan(xg::var(xg::constant(2.0), {.ddof = 1}).item()));
  CHECK(xg::var(x, {.ddof = 5}).item() == infinity);
  CHECK(std::isnan(xg::std(xg::constant(xt::zeros<double>({0, 3}))).item()));
}

TEST_CASE("var keeps its digits where the mean is far from 0") {
  INFO("seed 8");
  xg::Generator from(8);
  const auto x = random<float>({4, 30000}, from, 4000);
  const auto y = xg::var(x, {.axes = {1}});
  const auto lines = lines_of(x.dense(), xg::detail::reduced_axes("test", {1}, x.shape()));
  for (std::size_t i = 0; i < 4; ++i)
    CHECK(static_cast<double>(y.value()(i)) == doctest::Approx(variance(lines[i], 0)).epsilon(1e-6));
}

TEST_CASE("the variance of equal elements is 0, and the gradients of var and std there are 0") {
  for (const double element : {0.1, 1e8 / 3, 1e-300}) {
    const auto x = xg::parameter(xt::xarray<double>(element * xt::ones<double>({3, 7})));
    CHECK(xg::var(x, {.axes = {1}}).value() == xt::xarray<double>{0, 0, 0});
    CHECK(gradient_of(xg::std(x), x) == xt::zeros<double>({3, 7}));
    CHECK(gradient_of(xg::std(x, {.axes = {0}}), x) == xt::zeros<double>({3, 7}));
    const auto first = xg::grad(xg::std(x), {x}, {.create_graph = true})[0];
    CHECK(gradient_of(first, x) == xt::zeros<double>({3, 7}));
  }
}

namespace {

/// x times a power of two, which is exact: mean and deviation, of long doubles from x itself, go with it.
template <class T>
void check_spread_far_out(int power) {
  CAPTURE(power);
  CAPTURE(sizeof(T));
  const std::vector<double> base{1, -2.5, 0.75, 4, 3, -0.125};
  const T factor = std::ldexp(T(1), power);
  const double near = 16 * static_cast<double>(std::numeric_limits<T>::epsilon());
  // An ordinary line on either side, and one of zeros: theirs are the bits that they have alone.
  xt::xarray<T> values = xt::zeros<T>({4, 6}), line = xt::zeros<T>({6});
  for (std::size_t i = 0; i < 6; ++i) {
    line(i) = values(0, i) = values(3, i) = static_cast<T>(base[i]);
    values(1, i) = static_cast<T>(base[i]) * factor;
  }
  long double mean = 0, squares = 0;
  for (const double x : base) mean += static_cast<long double>(x) / 6;
  for (const double x : base) squares += (x - mean) * (x - mean);
  const long double deviation = std::sqrt(squares / 6);

  const auto x = xg::parameter(values), alone = xg::parameter(line);
  const auto y = xg::std(x, {.axes = {1}});
  const xt::xarray<T> got = y.value();
  CHECK(static_cast<double>(got(1) / factor) ==
        doctest::Approx(static_cast<double>(deviation)).epsilon(near));
  CHECK(got(0) == xg::std(alone).item());
  CHECK(got(3) == got(0));
  CHECK(got(2) == 0);
  const auto first = xg::grad(sum(y), {x}, {.create_graph = true})[0];
  const xt::xarray<T> slope = first.value();
  for (std::size_t i = 0; i < 6; ++i) {
    const double expected = static_cast<double>((base[i] - mean) / (6 * deviation));
    CHECK(static_cast<double>(slope(1, i)) == doctest::Approx(expected).epsilon(near));
    CHECK(static_cast<double>(slope(0, i)) == doctest::Approx(expected).epsilon(near));
    CHECK(slope(2, i) == 0);
  }
  // The second derivative, (1/6 - 1/36 - slope^2 / deviation ...) / factor, in the first element twice.
  const T bend = xg::grad(slice(first, {1, 0}), {x})[0].value()(1, 0);
  const long double own = (base[0] - mean) / deviation;
  CHECK(static_cast<double>(bend * factor) ==
        doctest::Approx(static_cast<double>((1 - 1 / 6.0L - own * own / 6) / (6 * deviation))).epsilon(near));
}

}  // namespace

TEST_CASE("the deviation of numbers far out is that of the same numbers near 1, so many times") {
  for (const int power : {0, 532, -532, 1000, -980}) check_spread_far_out<double>(power);
  for (const int power : {0, 70, -70, 110, -100}) check_spread_far_out<float>(power);
}

TEST_CASE("a variance that is a number is found, though the sum of squares is none") {
  // 4000 elements of +-s: the variance is s^2.
  xt::xarray<double> signs = xt::ones<double>({4000});
  for (std::size_t i = 0; i < 4000; i += 2) signs(i) = -1;
  const double large = 0x1p511, small = 0x1p-530;
  CHECK(xg::var(xg::constant(xt::xarray<double>(large * signs))).item() == large * large);
  CHECK(xg::var(xg::constant(xt::xarray<double>(small * signs))).item() == small * small);
  CHECK(xg::var(xg::constant(xt::xarray<float>(0x1p63f * signs))).item() == 0x1p126f);
  CHECK(xg::var(xg::constant(xt::xarray<double>(1e160 * signs))).item() == infinity);
}

TEST_CASE("a norm neither overflows nor vanishes on the way, and its gradient neither") {
  for (const double scale : {1e200, 1e-200, 1e-310, 1.0}) {
    const auto x = xg::parameter(xt::xarray<double>{{3 * scale, -4 * scale}, {0, 0}});
    const auto y = xg::norm(x, {.axes = {1}});
    CHECK(y.value()(0) == doctest::Approx(5 * scale).epsilon(1e-12));
    CHECK(y.value()(1) == 0);
    const auto g = gradient_of(y, x);
    CHECK(g(0, 0) == doctest::Approx(0.6).epsilon(1e-12));
    CHECK(g(0, 1) == doctest::Approx(-0.8).epsilon(1e-12));
    CHECK(g(1, 0) == 0);
  }
  const auto x = xg::constant(xt::xarray<float>{3e30f, 4e30f});
  CHECK(xg::norm(x).item() == doctest::Approx(5e30f).epsilon(1e-6));
  CHECK(xg::norm(xg::constant(xt::xarray<double>{1, -infinity})).item() == infinity);
  CHECK(std::isnan(xg::norm(xg::constant(xt::xarray<double>{1, std::nan("")})).item()));
}

TEST_CASE("a variance with no more elements than ddof divides by 0, as NumPy's does") {
  const auto apart = xg::constant(xt::xarray<double>{1, 2}), equal = xg::constant(xt::xarray<double>{2, 2});
  for (const double ddof : {2.0, 3.0}) {
    CHECK(xg::var(apart, {.ddof = ddof}).item() == infinity);
    CHECK(xg::std(apart, {.ddof = ddof}).item() == infinity);
    CHECK(std::isnan(xg::var(equal, {.ddof = ddof}).item()));
    CHECK(std::isnan(xg::std(equal, {.ddof = ddof}).item()));
  }
  CHECK(std::isnan(xg::var(xg::constant(xt::zeros<double>({0}))).item()));
}

TEST_CASE_TEMPLATE("a norm is the root of the sum of squares to the last bit, in one pass and on any threads",
                   T, float, double) {
  xg::Generator from(17);
  const auto check = [&](const xg::Shape& shape, const xg::Axes& axes) {
    CAPTURE(to_string(shape));
    const auto x = random<T>(shape, from);
    const xg::testing::Threads one(1);
    const auto expected = xg::sqrt(xg::sum(xg::square(x), {.axes = axes})).value();
    CHECK(xg::norm(x, {.axes = axes}).value() == expected);
    const xg::testing::Threads two(2);
    CHECK(xg::norm(x, {.axes = axes}).value() == expected);
  };
  check({400'001}, {0});
  check({3, 70'001}, {1});
  check({70'001, 3}, {0});
  check({5, 40, 1000}, {0, 2});
  check({200, 7, 301}, {0, 2});
  check({2, 3, 4, 5}, {1, 3});
  check({6, 1, 4}, {1});

  const auto x = xg::constant(random<T>({1'000'000}, from).value());
  const std::size_t live = xg::memory_stats().live_bytes;
  xg::reset_peak_memory();
  const auto y = xg::norm(x);
  CHECK(xg::memory_stats().peak_bytes - live < 100'000);
}

TEST_CASE("norms at 0 have gradient 0, at both orders") {
  const auto x = xg::parameter(xt::xarray<double>{0, 0, 0});
  for (const double p : {1.0, 2.0, infinity}) {
    const auto y = xg::norm(x, {.p = p});
    CHECK(y.item() == 0);
    const auto first = xg::grad(y, {x}, {.create_graph = true})[0];
    CHECK(first.value() == xt::zeros<double>({3}));
    if (first.requires_grad()) CHECK(gradient_of(first, x) == xt::zeros<double>({3}));
  }
}

TEST_CASE("norms of other orders are other operations") {
  const auto x = xg::constant(xt::xarray<double>{{1, -5, 3}, {0, 2, -2}});
  CHECK(xg::norm(x, {.axes = {1}, .p = 1}).value() == xt::xarray<double>{9, 4});
  CHECK(xg::norm(x, {.axes = {0}, .keep_dims = true, .p = infinity}).value() ==
        xt::xarray<double>{{1, 5, 3}});
  const auto none = xg::constant(xt::zeros<double>({2, 0}));
  CHECK(xg::norm(none, {.p = 1}).item() == 0);
  CHECK(xg::norm(none, {.axes = {1}}).value() == xt::xarray<double>{0, 0});
}

TEST_CASE("an order that norm does not know, and axes that are not there, are refused") {
  const Var x(xg::Dense<double>(xg::Shape{2, 0}));
  CHECK(message_of([&] { xg::norm(x, {.p = 3}); }) ==
        "norm: p = 3 is not one of 1, 2 and infinity; for others write it out, pow(sum(pow(abs(x), p)), 1 / "
        "p)");
  CHECK(message_of([&] { xg::norm(x, {.p = infinity}); }) ==
        "norm: no elements of shape [2, 0] have no largest; give at least one, or p = 1 or 2");
  CHECK(message_of([&] { xg::std(x, {.axes = {2}}); }) ==
        "std: axis 2 is out of range for shape [2, 0]; give one from -2 to 1");
  CHECK(message_of([&] {
          xg::var(x, {.axes = {0, -2}});
        }) == "var: axis 0 of shape [2, 0] is named twice; name each axis once");
}
