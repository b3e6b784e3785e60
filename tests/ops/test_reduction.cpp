// Reductions: values against plain loops, gradients, conventions at the edges, errors.
#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <functional>
#include <limits>
#include <random>
#include <vector>
#include <xgrad/compile/compile.hpp>
#include <xgrad/derivatives/grad.hpp>
#include <xgrad/derivatives/gradcheck.hpp>
#include <xgrad/derivatives/jvp.hpp>
#include <xgrad/ops/arrange.hpp>
#include <xgrad/ops/creation.hpp>
#include <xgrad/ops/exponential.hpp>
#include <xgrad/ops/operators.hpp>
#include <xgrad/ops/reduction.hpp>
#include <xgrad/ops/shape.hpp>
#include <xgrad/ops/subscript.hpp>

#include "../message_of.hpp"
#include "../threads.hpp"
#include "../variables.hpp"

namespace xg = xgrad;
using xgrad::testing::gradient_of;
using xgrad::testing::message_of;
using xgrad::testing::random_variable;
using xgrad::testing::Threads;
using Var = xg::Variable<double>;

namespace {

constexpr double infinity = std::numeric_limits<double>::infinity();
constexpr double not_a_number = std::numeric_limits<double>::quiet_NaN();

/// The elements of each line of a reduction, by counting through every index.
template <class T>
std::vector<std::vector<double>> lines_of(const xg::Dense<T>& x, const xg::AxisList<bool>& reduced) {
  const xg::Shape out = xg::detail::reduced_shape(x.shape, reduced, true);
  const auto strides = xg::detail::row_major_strides(out);
  std::vector<std::vector<double>> lines(xg::element_count(out));
  xg::Shape index(x.dim(), 0);
  for (std::size_t flat = 0; flat < x.size(); ++flat) {
    std::size_t rest = flat, line = 0;
    for (std::size_t axis = x.dim(); axis-- > 0; rest /= x.shape[axis])
      if (!reduced[axis]) line += rest % x.shape[axis] * static_cast<std::size_t>(strides[axis]);
    lines[line].push_back(static_cast<double>(x.data()[flat]));
  }
  return lines;
}

double plain_sum(const std::vector<double>& line) {
  double total = 0;
  for (double x : line) total += x;
  return total;
}
double plain_mean(const std::vector<double>& line) {
  return plain_sum(line) / static_cast<double>(line.size());
}
double plain_max(const std::vector<double>& line) { return *std::max_element(line.begin(), line.end()); }
double plain_min(const std::vector<double>& line) { return *std::min_element(line.begin(), line.end()); }
double plain_logsumexp(const std::vector<double>& line) {
  double total = 0;
  for (double x : line) total += std::exp(x);
  return std::log(total);
}

template <class T>
void check_against_loops(const xg::Variable<T>& x, const xg::ReduceOptions& options, double tolerance) {
  const auto reduced = xg::detail::reduced_axes("test", options.axes, x.shape());
  const auto lines = lines_of(x.dense(), reduced);
  bool empty = false;
  for (std::size_t axis = 0; axis < x.dim(); ++axis) empty = empty || (reduced[axis] && x.shape()[axis] == 0);
  const auto agrees = [&](const xg::Variable<T>& y, double (*plain)(const std::vector<double>&)) {
    REQUIRE(y.shape() == xg::detail::reduced_shape(x.shape(), reduced, options.keep_dims));
    for (std::size_t i = 0; i < lines.size(); ++i) {
      const double expected = plain(lines[i]), got = static_cast<double>(y.dense().data()[i]);
      const bool same = got == expected || (std::isnan(got) && std::isnan(expected)) ||
                        std::fabs(got - expected) <= tolerance * std::max(1.0, std::fabs(expected));
      if (!same)
        FAIL(y.operation() << " of " << xg::to_string(x.shape()) << ": " << got << " for " << expected);
    }
  };
  agrees(xg::sum(x, options), plain_sum);
  agrees(xg::mean(x, options), plain_mean);
  agrees(xg::logsumexp(x, options), plain_logsumexp);
  if (empty) return;
  agrees(xg::max(x, options), plain_max);
  agrees(xg::min(x, options), plain_min);
}

template <class T>
void check_random_shapes(std::uint64_t seed, double tolerance) {
  INFO("seed " << seed);
  std::mt19937_64 random(seed);
  for (int round = 0; round < 300; ++round) {
    xg::Shape shape;
    const std::size_t dim = random() % 6;
    for (std::size_t axis = 0; axis < dim; ++axis) {
      const std::size_t kind = random() % 12;
      shape.push_back(kind == 0 ? 0 : kind < 3 ? 1 : dim < 3 ? random() % 150 : random() % 7);
    }
    xg::ReduceOptions options;
    options.keep_dims = random() % 2 == 0;
    for (std::size_t axis = 0; axis < dim; ++axis)
      if (random() % 2 == 0)
        options.axes.push_back(static_cast<std::ptrdiff_t>(axis) -
                               (random() % 2 == 0 ? static_cast<std::ptrdiff_t>(dim) : 0));
    check_against_loops(random_variable<T>(shape, random), options, tolerance);
  }
}

using Function = std::function<Var(const Var&, const xg::ReduceOptions&)>;
const std::pair<const char*, Function> functions[] = {
    {"sum", [](const Var& x, const xg::ReduceOptions& o) { return xg::sum(x, o); }},
    {"mean", [](const Var& x, const xg::ReduceOptions& o) { return xg::mean(x, o); }},
    {"max", [](const Var& x, const xg::ReduceOptions& o) { return xg::max(x, o); }},
    {"min", [](const Var& x, const xg::ReduceOptions& o) { return xg::min(x, o); }},
    {"logsumexp", [](const Var& x, const xg::ReduceOptions& o) { return xg::logsumexp(x, o); }}};

}  // namespace

TEST_CASE("every reduction over any axes of any shape agrees with plain loops") {
  check_random_shapes<double>(11, 1e-13);
  check_random_shapes<float>(12, 2e-6);
}

TEST_CASE("large values are reduced alike along rows, columns and both") {
  INFO("seed 5");
  std::mt19937_64 random(5);
  for (const xg::Shape& shape :
       {xg::Shape{300000}, xg::Shape{3, 70001}, xg::Shape{70001, 3}, xg::Shape{500, 600},
        xg::Shape{2, 200003}, xg::Shape{40, 130, 70}, xg::Shape{3, 100, 1100}}) {
    const auto x = random_variable<float>(shape, random);
    for (std::size_t axis = 0; axis < shape.size(); ++axis)
      check_against_loops(x, {.axes = {static_cast<std::ptrdiff_t>(axis)}}, 1e-5);
    check_against_loops(x, {}, 1e-5);
    if (shape.size() == 3) check_against_loops(x, {.axes = {0, 2}}, 1e-5);
  }
}

TEST_CASE("a result does not depend on the number of threads") {
  INFO("seed 6");
  std::mt19937_64 random(6);
  const auto x = random_variable<float>({700, 900}, random);
  for (const auto& axes : {xg::Axes{}, xg::Axes{0}, xg::Axes{1}}) {
    std::vector<xg::Array<float>> sums, logarithms;
    for (std::size_t threads : {1u, 3u}) {
      Threads use(threads);
      sums.push_back(xg::sum(x, {.axes = axes}).value());
      CHECK(use.shared_a_loop() == (threads > 1));
      logarithms.push_back(xg::logsumexp(x, {.axes = axes}).value());
      CHECK(use.shared_a_loop() == (threads > 1));
    }
    CHECK(sums[0] == sums[1]);
    CHECK(logarithms[0] == logarithms[1]);
  }
}

TEST_CASE("a float mean of ten million ones is exactly 1") {
  const auto x = xg::Variable<float>(xg::Dense<float>::filled({10'000'000}, 1.0f));
  CHECK(xg::mean(x).item() == 1.0f);
  CHECK(xg::sum(x).item() == 1e7f);
  const auto columns = xg::Variable<float>(xg::Dense<float>::filled({5'000'000, 2}, 0.1f));
  const xg::Array<float> mean = xg::mean(columns, {.axes = {0}}).value();
  CHECK(mean(0) == 0.1f);
  CHECK(mean(1) == 0.1f);
}

TEST_CASE("float sums over several axes are rounded once") {
  // 2^24 + 1 + 1 loses its ones wherever a partial sum is rounded to float.
  xg::Dense<float> x = xg::Dense<float>::filled({2, 2, 2}, 0.0f);
  x.mutable_data()[0] = 16777216.0f;
  x.mutable_data()[1] = 1.0f;
  x.mutable_data()[4] = 1.0f;
  CHECK(xg::sum(xg::Variable<float>(x), {.axes = {0, 2}}).value()(0) == 16777218.0f);
}

TEST_CASE("no axes means all, negative axes count from the end, keep_dims keeps them") {
  const auto x = xg::parameter(xt::xarray<double>{{1, 2, 3}, {4, 5, 6}});
  CHECK(xg::sum(x).item() == 21);
  CHECK(xg::sum(x).dim() == 0);
  CHECK(xg::sum(x, {.axes = {}}).item() == 21);
  CHECK(xg::sum(x, {.axes = {-1}}).value() == xt::xarray<double>{6, 15});
  CHECK(xg::sum(x, {.axes = {0}, .keep_dims = true}).value() == xt::xarray<double>{{5, 7, 9}});
  CHECK(xg::mean(x, {.axes = {0, -1}, .keep_dims = true}).shape() == xg::Shape{1, 1});
  CHECK(xg::sum(xg::parameter(4.0)).item() == 4);
  CHECK(xg::logsumexp(xg::parameter(4.0)).item() == 4);
}

TEST_CASE("reductions of nothing: the sum is 0, the mean NaN, logsumexp -inf") {
  const Var x(xg::Dense<double>(xg::Shape{3, 0}));
  CHECK(xg::sum(x).item() == 0);
  CHECK(std::isnan(xg::mean(x).item()));
  CHECK(xg::logsumexp(x).item() == -infinity);
  CHECK(xg::sum(x, {.axes = {1}}).value() == xt::xarray<double>{0, 0, 0});
  CHECK(xg::sum(x, {.axes = {0}}).shape() == xg::Shape{0});
  CHECK(xg::max(x, {.axes = {0}}).shape() == xg::Shape{0});
}

TEST_CASE("an extreme of nothing is an error that names operation, axis and shape") {
  const Var x(xg::Dense<double>(xg::Shape{3, 0}));
  CHECK(message_of([&] { xg::max(x, {.axes = {1}}); }) ==
        "max: axis 1 of shape [3, 0] is empty, and no elements have no max; give at least one");
  CHECK(message_of([&] { xg::min(x); }) ==
        "min: axis 1 of shape [3, 0] is empty, and no elements have no min; give at least one");
  CHECK(message_of([&] { xg::argmax(x, -1); }) ==
        "argmax: axis 1 of shape [3, 0] is empty, and no elements have no argmax; give at least one");
  CHECK_THROWS_AS(xg::max(x), xg::ValueError);
}

TEST_CASE("axes that are out of range or named twice are refused") {
  const Var x(xg::Dense<double>(xg::Shape{2, 3}));
  CHECK(message_of([&] { xg::sum(x, {.axes = {2}}); }) ==
        "sum: axis 2 is out of range for shape [2, 3]; give one from -2 to 1");
  CHECK(message_of([&] {
          xg::mean(x, {.axes = {1, -1}});
        }) == "mean: axis 1 of shape [2, 3] is named twice; name each axis once");
  CHECK_THROWS_AS(xg::sum(x, {.axes = {2}}), xg::ShapeError);
}

TEST_CASE("NaN passes through max and min, wherever it stands") {
  for (std::size_t size : {1u, 3u, 16u, 17u, 70u, 200u})
    for (std::size_t at = 0; at < size; ++at) {
      xg::Dense<double> x = xg::Dense<double>::filled({size, 2}, 1.0);
      x.mutable_data()[2 * at] = not_a_number;
      const Var v(x), row(x.with_shape({2 * size}));
      CHECK(std::isnan(xg::max(v, {.axes = {0}}).value()(0)));
      CHECK(xg::max(v, {.axes = {0}}).value()(1) == 1);
      CHECK(std::isnan(xg::min(row).item()));
      CHECK(xg::argmin(row)() == static_cast<std::int64_t>(2 * at));
      CHECK(xg::argmax(v, 0)(0) == static_cast<std::int64_t>(at));
    }
}

TEST_CASE("elements that tie share the gradient of max and min evenly; a NaN result has none") {
  const auto x = xg::parameter(xt::xarray<double>{{3, 1, 3, 1}, {1, 2, 1, not_a_number}});
  CHECK(gradient_of(xg::sum(xg::max(x, {.axes = {1}})), x) ==
        xt::xarray<double>{{0.5, 0, 0.5, 0}, {0, 0, 0, 0}});
  CHECK(gradient_of(xg::sum(xg::min(x, {.axes = {0}})), x) == xt::xarray<double>{{0, 1, 0, 0}, {1, 0, 1, 0}});
  const auto t = xg::parameter(xt::xarray<double>{2, 2, 2, 2});
  CHECK(gradient_of(xg::max(t), t) == xt::xarray<double>{0.25, 0.25, 0.25, 0.25});
}

TEST_CASE("logsumexp neither overflows nor underflows") {
  for (double far : {1e4, -1e4, 700.0, -745.0}) {
    const auto x = xg::parameter(xt::xarray<double>{far, far});
    CHECK(xg::logsumexp(x).item() == doctest::Approx(far + std::log(2.0)).epsilon(1e-15));
    CHECK(gradient_of(xg::logsumexp(x), x)(0) == doctest::Approx(0.5).epsilon(1e-11));
  }
  const auto columns = xg::parameter(xt::xarray<double>{{-1e4, 1e4}, {0, -1e4}});
  CHECK(xg::logsumexp(columns, {.axes = {0}}).value() == xt::xarray<double>{0, 1e4});
}

TEST_CASE("logsumexp's gradient keeps all its digits far from 0") {
  for (float far : {0.f, 1e4f, -1e4f, 1e6f}) {
    const float line[] = {far - 2, far - 0.5f, far};  // exact at every distance
    const double total = std::exp(-2.0) + std::exp(-0.5) + 1;
    const auto x = xg::parameter(xt::xarray<float>{line[0], line[1], line[2]});
    const auto plain = xg::grad(xg::logsumexp(x), {x})[0].value();
    const auto recorded = xg::grad(xg::logsumexp(x), {x}, {.create_graph = true})[0].value();
    for (std::size_t i = 0; i < 3; ++i) {
      CAPTURE(far);
      const double share = std::exp(static_cast<double>(line[i]) - static_cast<double>(far)) / total;
      CHECK(plain(i) == doctest::Approx(share).epsilon(3e-7));
      CHECK(recorded(i) == doctest::Approx(share).epsilon(3e-7));
    }
  }
}

TEST_CASE("logsumexp of -inf everywhere is -inf with gradient 0, and of +inf +inf") {
  const auto x = xg::parameter(xt::xarray<double>{
      {-infinity, -infinity, -infinity}, {-infinity, 0, -infinity}, {infinity, 0, -infinity}});
  for (const Var& y : {xg::logsumexp(x, {.axes = {1}}),
                       xg::logsumexp(xg::parameter(xt::transpose(x.value())), {.axes = {0}})}) {
    CHECK(y.value()(0) == -infinity);
    CHECK(y.value()(1) == 0);
    CHECK(y.value()(2) == infinity);
  }
  CHECK(gradient_of(xg::sum(xg::logsumexp(x, {.axes = {1}})), x) ==
        xt::xarray<double>{{0, 0, 0}, {0, 1, 0}, {1, 0, 0}});
  const auto y = xg::grad(xg::logsumexp(x, {.axes = {1}}), {x},
                          {.create_graph = true, .grad_output = xt::ones<double>({3})});
  CHECK(y[0].value()(0, 0) == 0);
  CHECK(std::isnan(xg::logsumexp(xg::parameter(xt::xarray<double>{0, not_a_number, infinity})).item()));
}

TEST_CASE("logsumexp gives an infinite element all of the gradient, however far the line is split") {
  for (const std::size_t count : {3u, 700u, 300000u}) {
    CAPTURE(count);
    xg::Dense<double> line = xg::Dense<double>::filled({count}, 800.0);  // whose exponential overflows
    line.mutable_data()[count - 1] = infinity;
    const Var x = xg::parameter(xg::to_array(line));
    const auto row = gradient_of(xg::logsumexp(x), x);
    const auto column = gradient_of(xg::logsumexp(xg::reshape(x, {count, 1}), {.axes = {0}}), x);
    const Var planes = xg::repeat(xg::repeat(xg::reshape(x, {1, 1, count}), 2, 0), 3, 1);
    const auto steps = gradient_of(xg::sum(xg::logsumexp(planes, {.axes = {0, 2}})), x);
    CHECK(row(count - 1) == 1);
    CHECK(column(count - 1) == 1);
    CHECK(steps(count - 1) == 6);
    for (std::size_t i : {std::size_t{0}, count / 2}) CHECK((row(i) == 0 && column(i) == 0 && steps(i) == 0));
  }
}

TEST_CASE("logsumexp's derivatives are as far from overflow as their values") {
  using Float = xg::Variable<float>;
  const Float x = xg::parameter(xg::zeros<float>({1000}));
  // Along (v, v, ...) it rises by v, whose sum has no place in a float.
  const auto moved =
      xg::jvp([](const Float& z) { return xg::logsumexp(z); }, x, xg::full<float>({1000}, 1e36f));
  CHECK(moved.tangent.item() == doctest::Approx(1e36).epsilon(1e-5));
  // dy w (g - sum(w g)) for shares w of 1/1000 and a g that is 1 at the first element.
  const Float slope =
      xg::grad(xg::logsumexp(x), {x}, {.create_graph = true, .grad_output = xg::full<float>({}, 1e36f)})[0];
  const auto second = xg::grad(slope[0], {x})[0].value();
  CHECK(second(0) == doctest::Approx(1e33 * (1 - 1e-3)).epsilon(1e-5));
  CHECK(second(999) == doctest::Approx(-1e30).epsilon(1e-5));
}

TEST_CASE("logsumexp of log-probabilities keeps its digits near 0, in float") {
  // log1p(exp(-20)), log1p(exp(-15)); and what rounding log(2) and log(3) to float leaves of each.
  const double two = 0.693147182464599609375, three = 1.09861230850219726562;
  const std::vector<std::pair<std::vector<float>, double>> lines{
      {{0, -20}, 2.0611536181902037e-9},
      {{0, -15}, 3.0590227e-7},
      {{-0.693147182464599609375f, -0.693147182464599609375f}, std::log(2.0) - two},
      {{-1.09861230850219726562f, -1.09861230850219726562f, -1.09861230850219726562f},
       std::log(3.0) - three}};
  for (const auto& [line, right] : lines) {
    const auto row = xg::constant(line), column = xg::reshape(row, {static_cast<int>(line.size()), 1});
    CHECK(xg::logsumexp(row).item() == doctest::Approx(right).epsilon(1e-6));
    CHECK(xg::logsumexp(column, {.axes = {0}}).value()(0) == doctest::Approx(right).epsilon(1e-6));
  }
}

TEST_CASE("logsumexp keeps exponentials for a gradient alone") {
  const xg::Dense<float> x = xg::Dense<float>::filled({1000, 1000}, 1.f);
  constexpr std::size_t bytes = 4'000'000;
  const auto peak_of = [](const auto& f) {
    const std::size_t before = xg::memory_stats().live_bytes;
    xg::reset_peak_memory();
    f();
    return xg::memory_stats().peak_bytes - before;
  };
  const xg::Variable<float> constant(x), parameter = xg::parameter(xg::to_array(x));
  CHECK(peak_of([&] { return xg::logsumexp(constant, 1); }) < bytes / 4);
  auto replayed =
      xg::compile([](const xg::Variable<float>& z) { return xg::logsumexp(z, 1); }, {.verify = false});
  replayed(constant);
  CHECK(peak_of([&] { return replayed(constant); }) < bytes / 4);
  CHECK(peak_of([&] { return xg::grad(xg::sum(xg::logsumexp(parameter, 1)), {parameter}); }) <
        2 * bytes + bytes / 4);
}

TEST_CASE("argmax and argmin give the first of ties, along an axis or over all") {
  const auto x = xg::parameter(xt::xarray<double>{{1, 5, 5}, {7, 0, 7}});
  CHECK(xg::argmax(x, 1) == xg::Indices(xt::xarray<std::int64_t>{1, 0}));
  CHECK(xg::argmax(x, -2) == xg::Indices(xt::xarray<std::int64_t>{1, 0, 1}));
  CHECK(xg::argmin(x, 0) == xg::Indices(xt::xarray<std::int64_t>{0, 1, 0}));
  CHECK(xg::argmax(x)() == 3);
  CHECK(xg::argmin(x)() == 4);
  CHECK(xg::argmax(x).dimension() == 0);
  CHECK(xg::argmax(xg::parameter(xt::ones<double>({2, 1})), 1) ==
        xg::Indices(xt::xarray<std::int64_t>{0, 0}));
  CHECK(xg::argmax(xg::parameter(2.0))() == 0);
}

TEST_CASE("argmax of random values agrees with the standard library's") {
  INFO("seed 21");
  std::mt19937_64 random(21);
  for (int round = 0; round < 100; ++round) {
    const std::size_t rows = 1 + random() % 40, columns = 1 + random() % 40;
    auto x = random_variable<float>({rows, columns}, random);
    float* data = x.mutable_data();
    for (std::size_t i = 0; i < x.size(); ++i) data[i] = std::round(data[i]);  // many ties
    const auto places = xg::argmax(x, 1);
    for (std::size_t r = 0; r < rows; ++r)
      CHECK(places(r) ==
            std::max_element(data + r * columns, data + (r + 1) * columns) - (data + r * columns));
  }
}

TEST_CASE("gradients and second derivatives of every reduction agree with differences") {
  INFO("seed 31");
  std::mt19937_64 random(31);
  const auto x = random_variable<double>({3, 4, 2}, random);
  for (const auto& function : functions)
    for (const xg::Axes& axes :
         {xg::Axes{}, xg::Axes{0}, xg::Axes{1}, xg::Axes{2}, xg::Axes{0, 2}, xg::Axes{-1, -2}})
      for (bool keep_dims : {false, true}) {
        const Function& reduce = function.second;
        const auto report = xg::gradcheck(
            [&](const std::vector<Var>& in) {
              const Var y = reduce(in[0] * in[0], {.axes = axes, .keep_dims = keep_dims});
              return y * exp(y * 0.1);
            },
            {x}, {.second_order = true});
        INFO(function.first << " over " << axes.size() << " axes\n" << report);
        CHECK(report.ok());
      }
}

TEST_CASE("a reduction saves nothing where its gradient needs nothing") {
  const auto x = xg::parameter(xt::xarray<double>{{1, 2}, {3, 4}});
  const auto before = xg::memory_stats().live_buffers;
  {
    const Var y = xg::sum(x * 2.0);
    CHECK(xg::memory_stats().live_buffers == before + 2);  // the scalar 2, which multiply saves, and the sum
  }
}
