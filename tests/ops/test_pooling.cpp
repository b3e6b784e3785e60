#include "pooling_reference.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>
#include <string>
#include <xgrad/core/kernels/random.hpp>
#include <xgrad/derivatives/grad.hpp>
#include <xgrad/derivatives/gradcheck.hpp>
#include <xgrad/ops/adaptive_pooling.hpp>
#include <xgrad/ops/operators.hpp>
#include <xgrad/ops/pooling.hpp>
#include <xgrad/ops/reduction.hpp>

#include "../message_of.hpp"
#include "../threads.hpp"
#include "../variables.hpp"

namespace xg = xgrad;
using xg::testing::PoolCase;
using xgrad::testing::as_doubles;
using xgrad::testing::largest_difference;
using xgrad::testing::message_of;
using xgrad::testing::random_variable;
using xgrad::testing::Threads;

namespace {

using Var = xg::Variable<double>;

Var zeros(const xg::Shape& shape) { return Var(xg::Dense<double>::filled(shape, 0)); }

xg::MaxPool2dOptions max_options(const PoolCase& c) { return {c.kernel, c.stride, c.padding, c.dilation}; }
xg::AvgPool2dOptions avg_options(const PoolCase& c) { return {c.kernel, c.stride, c.padding}; }

std::string text_of(const PoolCase& c) {
  const auto pair = [](const auto& two) { return to_string(xg::Shape{two[0], two[1]}); };
  return to_string(c.x) + ", window " + pair(c.kernel) + ", stride " + pair(c.stride) + ", padding " +
         pair(c.padding) + ", dilation " + pair(c.dilation);
}

/// Any geometry that is allowed; no images or no channels among them.
PoolCase random_case(xg::Generator& from, bool dilated) {
  PoolCase c{{from.below(4), 1 + from.below(3), 0, 0}, {1, 1}};
  std::size_t kernel[2], stride[2], padding[2], dilation[2];
  for (std::size_t k : {0u, 1u}) {
    kernel[k] = 1 + from.below(4);
    stride[k] = 1 + from.below(4);
    padding[k] = from.below(kernel[k] / 2 + 1);
    dilation[k] = dilated ? 1 + from.below(3) : 1;
    // Long enough for every window to see something.
    c.x[2 + k] = dilation[k] * (kernel[k] - 1) + 1 + from.below(7);
  }
  c.kernel = {kernel[0], kernel[1]};
  c.stride = {stride[0], stride[1]};
  c.padding = {padding[0], padding[1]};
  c.dilation = {dilation[0], dilation[1]};
  return c;
}

template <class T>
void check_against_loops(const PoolCase& c, std::uint64_t seed, double tolerance) {
  const auto x = random_variable<T>(c.x, seed), dy = random_variable<T>(c.y(), seed + 1);
  const auto in_x = as_doubles(x), in_dy = as_doubles(dy);
  const auto largest = xg::max_pool2d(x, max_options(c));
  CHECK(largest.shape() == c.y());
  CHECK(largest_difference(largest, xg::testing::max_pooled(c, in_x.data())) == 0);
  std::vector<double> dx(in_x.size(), 0);
  const auto places = xg::testing::places_of_largest(c, in_x.data());
  for (std::size_t i = 0; i < places.size(); ++i) dx[places[i]] += in_dy[i];
  CHECK(largest_difference(xg::grad(largest, {x}, {.grad_output = dy})[0], dx) < tolerance);
  if (c.dilation != xg::Pair(1)) return;
  const auto means = xg::avg_pool2d(x, avg_options(c));
  CHECK(largest_difference(means, xg::testing::avg_pooled(c, in_x.data())) < tolerance);
  dx = xg::testing::avg_spread(c, in_dy.data());
  CHECK(largest_difference(xg::grad(means, {x}, {.grad_output = dy})[0], dx) < tolerance);
  CHECK(largest_difference(xg::avg_pool2d_gradient(dy, c.x, avg_options(c)), dx) < tolerance);
}

}  // namespace

TEST_CASE("pooling of rows of several registers, and of less than one, is that of plain loops") {
  std::uint64_t seed = 0;
  for (const std::size_t columns : {4u, 11u, 16u, 26u, 33u, 67u, 130u})
    for (const PoolCase& c :
         {PoolCase{{2, 3, 7, columns}, {2, 2}}, PoolCase{{1, 2, 8, columns}, {3, 3}, 2, 1},
          PoolCase{{1, 2, 5, columns}, {2, 3}, 1, {0, 1}}, PoolCase{{1, 2, 6, columns}, {1, 2}, {3, 2}},
          PoolCase{{1, 2, 9, columns}, {3, 2}, {2, 2}, {1, 0}, {2, 3}},
          PoolCase{{1, 2, 9, columns}, {3, 4}, {3, 3}}}) {
      INFO(text_of(c));
      check_against_loops<double>(c, seed, 1e-14);
      check_against_loops<float>(c, seed += 2, 1e-6);
    }
}

TEST_CASE("windows of two by two side by side are those of plain loops, for every size of plane") {
  std::uint64_t seed = 0;
  for (const std::size_t rows : {2u, 3u, 4u, 5u})
    for (std::size_t columns = 2; columns < 40; ++columns)
      for (const std::size_t planes : {1u, 3u}) {
        const PoolCase c{{1, planes, rows, columns}, {2, 2}};
        INFO(text_of(c));
        check_against_loops<double>(c, seed, 1e-14);
        check_against_loops<float>(c, seed += 2, 1e-6);
      }
}

TEST_CASE_TEMPLATE("two threads give windows of two by two the bits of one, NaN and zeros among them", T,
                   float, double) {
  const PoolCase c{{64, 16, 15, 11}, {2, 2}};
  auto x = random_variable<T>(c.x, 1), dy = random_variable<T>(c.y(), 2);
  xg::Dense<T> numbers = x.dense();
  for (std::size_t i = 0; i < numbers.size(); i += 3)
    numbers.mutable_data()[i] = i % 2 == 0 ? std::numeric_limits<T>::quiet_NaN() : T(-0.0);
  x = xg::detail::parameter_from(std::move(numbers));
  const auto run = [&](std::size_t threads) {
    Threads use(threads);
    std::vector<xg::Variable<T>> all{xg::max_pool2d(x, max_options(c)), xg::avg_pool2d(x, avg_options(c))};
    CHECK(use.shared_a_loop() == (threads > 1));
    for (std::size_t k : {0u, 1u}) all.push_back(xg::grad(all[k], {x}, {.grad_output = dy})[0]);
    return all;
  };
  const auto alone = run(1), shared = run(2);
  for (std::size_t k = 0; k < alone.size(); ++k)
    CHECK(std::memcmp(alone[k].dense().data(), shared[k].dense().data(), alone[k].size() * sizeof(T)) == 0);
  // The mean's sign of zero is that of a sum that begins with 0.
  const auto zeros =
      xg::avg_pool2d(Var(xg::Dense<double>::filled(xg::Shape{1, 1, 2, 2}, -0.0)), {.kernel = 2});
  CHECK_FALSE(std::signbit(zeros.item()));
}

TEST_CASE("in a row of several registers each NaN is found, and of ties the first") {
  const PoolCase c{{1, 2, 8, 90}, {2, 2}};
  xg::Dense<float> values(c.x);
  xg::Generator from(3);
  for (std::size_t i = 0; i < values.size(); ++i)
    values.mutable_data()[i] =
        from.below(5) == 0 ? std::numeric_limits<float>::quiet_NaN() : static_cast<float>(from.below(3));
  const auto x = xg::detail::parameter_from(std::move(values));
  const auto in = as_doubles(x);
  const auto y = xg::max_pool2d(x, 2);
  const auto dx = xg::grad(xg::sum(y), {x})[0];
  std::vector<double> expected(in.size(), 0);
  for (const std::size_t place : xg::testing::places_of_largest(c, in.data())) expected[place] = 1;
  CHECK(largest_difference(dx, expected) == 0);
}

TEST_CASE("pooling takes windows side by side unless a stride is given") {
  const auto x = xg::constant(xt::xarray<double>{{{{1, 2, 3, 4}, {5, 6, 7, 8}, {9, 10, 11, 12}}}});
  CHECK(xg::max_pool2d(x, {.kernel = {2, 2}}).value()(0, 0, 0, 1) == 8);
  CHECK(xg::max_pool2d(x, {.kernel = {2, 2}}).shape() == xg::Shape{1, 1, 1, 2});
  CHECK(xg::avg_pool2d(x, {.kernel = {2, 2}}).value()(0, 0, 0, 0) == 3.5);
  CHECK(xg::max_pool2d(x, {.kernel = {2, 2}, .stride = {1, 2}}).value() ==
        xt::xarray<double>{{{{6, 8}, {10, 12}}}});
  CHECK(xg::max_pool2d(x, {.kernel = {2, 2}, .stride = {1, 1}, .dilation = {2, 3}}).item() == 12);
}

TEST_CASE("padding is never the largest, and counts as zeros in a mean") {
  const auto x = xg::constant(xt::xarray<double>{{{{-4, -8}, {-12, -16}}}});
  CHECK(xg::max_pool2d(x, {.kernel = {2, 2}, .padding = {1, 1}}).value() == x.value());
  CHECK(xg::avg_pool2d(x, {.kernel = {2, 2}, .padding = {1, 1}}).value() ==
        xt::xarray<double>{{{{-1, -2}, {-3, -4}}}});
}

TEST_CASE("of elements that tie in a window the first, row by row, takes all of the gradient") {
  const auto x = xg::parameter(xt::xarray<double>{{{{0, 7, 7}, {7, 7, 7}, {7, 0, 7}}}});
  const auto y = xg::max_pool2d(x, {.kernel = {2, 2}, .stride = {1, 1}});
  const xt::xarray<double> dy{{{{1, 10}, {100, 1000}}}};
  CHECK(xg::grad(y, {x}, {.grad_output = dy})[0].value() ==
        xt::xarray<double>{{{{0, 11, 0}, {100, 1000, 0}, {0, 0, 0}}}});
}

TEST_CASE("a NaN passes through max_pool2d with the gradient, the first of them, and -inf is a number") {
  const double nan = std::numeric_limits<double>::quiet_NaN(), inf = std::numeric_limits<double>::infinity();
  const auto x = xg::parameter(xt::xarray<double>{{{{inf, nan, -inf, -inf}, {nan, 1, -inf, -inf}}}});
  const auto y = xg::max_pool2d(x, {.kernel = {2, 2}});
  CHECK(std::isnan(y.value()(0, 0, 0, 0)));
  CHECK(y.value()(0, 0, 0, 1) == -inf);
  const xt::xarray<double> dy{{{{2, 3}}}};
  CHECK(xg::grad(y, {x}, {.grad_output = dy})[0].value() ==
        xt::xarray<double>{{{{0, 2, 3, 0}, {0, 0, 0, 0}}}});
}

TEST_CASE("pooling of random geometries gives what plain loops give, in double and in float") {
  xg::Generator from(31);
  for (std::uint64_t seed = 0; seed < 100; ++seed) {
    const PoolCase c = random_case(from, seed % 2 == 0);
    INFO("seed " << seed << ": " << text_of(c));
    check_against_loops<double>(c, seed, 1e-13);
    check_against_loops<float>(c, seed, 2e-6);
  }
}

TEST_CASE("in long rows full of ties, with NaN here and there, the first largest element is found") {
  xg::Generator from(41);
  for (std::uint64_t seed = 0; seed < 100; ++seed) {
    PoolCase c = random_case(from, seed % 2 == 0);
    c.x[3] += from.below(90);
    c.stride = {c.stride[0].number(), 1 + from.below(6)};
    INFO("seed " << seed << ": " << text_of(c));
    std::vector<double> values(element_count(c.x));
    for (double& x : values)
      x = from.below(20) == 0 ? std::numeric_limits<double>::quiet_NaN() : static_cast<double>(from.below(3));
    const auto expected = xg::testing::places_of_largest(c, values.data());
    const auto check = [&](auto zero) {
      using T = decltype(zero);
      xg::Dense<T> dense(c.x);
      std::copy(values.begin(), values.end(), dense.mutable_data());
      const auto x = xg::detail::parameter_from(std::move(dense));
      const auto y = xg::max_pool2d(x, max_options(c));
      const auto dy = random_variable<T>(c.y(), seed);
      std::vector<double> dx(values.size(), 0);
      for (std::size_t i = 0; i < expected.size(); ++i) {
        dx[expected[i]] += static_cast<double>(dy.dense().data()[i]);
        const auto got = static_cast<double>(y.dense().data()[i]), wanted = values[expected[i]];
        CHECK((got == wanted || (std::isnan(got) && std::isnan(wanted))));
      }
      CHECK(largest_difference(xg::grad(y, {x}, {.grad_output = dy})[0], dx) < 2e-6);
    };
    check(float{});
    check(double{});
  }
}

TEST_CASE("gradients of pooling agree with differences at both orders") {
  xg::Generator from(37);
  for (std::uint64_t seed = 0; seed < 8; ++seed) {
    const PoolCase c = random_case(from, false);
    INFO("seed " << seed << ": " << text_of(c));
    const auto report = xg::gradcheck(
        [&](const Var& x) {
          return xg::square(xg::max_pool2d(x, max_options(c))) * xg::avg_pool2d(x, avg_options(c));
        },
        {random_variable(c.x, seed)}, {.second_order = true, .forward_mode = true});
    INFO(report);
    CHECK(report.ok());
  }
}

TEST_CASE("pooling gives the same bits on one thread and on two") {
  const PoolCase c{{17, 5, 40, 41}, {3, 2}, {2, 1}, {1, 0}};
  const auto x = random_variable<float>(c.x, 1), dy = random_variable<float>(c.y(), 2);
  const auto run = [&](std::size_t threads) {
    Threads use(threads);
    std::vector<xg::Variable<float>> all;
    const auto keep = [&](const xg::Variable<float>& result) {
      CHECK(use.shared_a_loop() == (threads > 1));
      all.push_back(result);
    };
    keep(xg::max_pool2d(x, max_options(c)));
    keep(xg::avg_pool2d(x, avg_options(c)));
    keep(xg::grad(all[0], {x}, {.grad_output = dy})[0]);
    keep(xg::grad(all[1], {x}, {.grad_output = dy})[0]);
    return all;
  };
  const auto alone = run(1), shared = run(2);
  for (std::size_t k = 0; k < alone.size(); ++k)
    CHECK(std::memcmp(alone[k].dense().data(), shared[k].dense().data(), alone[k].size() * sizeof(float)) ==
          0);
  check_against_loops<float>(c, 1, 1e-5);
}

TEST_CASE("the mean of equal elements is that element, whatever the window") {
  for (std::size_t k = 1; k < 12; ++k) {
    const auto x = xg::constant(xt::ones<float>({1, 1, 12, 12}));
    const auto y = xg::avg_pool2d(x, {.kernel = {k, k}, .stride = {1, 1}});
    CHECK(std::all_of(y.dense().data(), y.dense().data() + y.size(), [](float mean) { return mean == 1; }));
  }
}

TEST_CASE("pooling names the shapes and the way out when a window does not fit") {
  const auto message = [](const xg::Shape& x, const xg::MaxPool2dOptions& options) {
    return message_of<xg::ShapeError>([&] { xg::max_pool2d(zeros(x), options); });
  };
  CHECK(message({3, 4, 4}, {}) ==
        "max_pool2d: 4 axes are needed: images [3, 4, 4], window [2, 2]; give [N, C, H, W]");
  CHECK(message({1, 1, 4, 2}, {.kernel = {2, 3}}) ==
        "max_pool2d: the window is larger than the padded image: images [1, 1, 4, 2], window [2, 3] (axis 3: "
        "3 vs "
        "2 + 2 * 0); add padding, or make the window smaller");
  CHECK(
      message({1, 1, 0, 4}, {.padding = {1, 0}}) ==
      "max_pool2d: a window sees nothing but padding: images [1, 1, 0, 4], window [2, 2] (axis 2, place 0); "
      "give less padding, or a smaller dilation");
  CHECK(
      message({1, 1, 4, 4}, {.padding = {1, 0}, .dilation = {5, 1}}) ==
      "max_pool2d: a window sees nothing but padding: images [1, 1, 4, 4], window [2, 2] (axis 2, place 0); "
      "give less padding, or a smaller dilation");
  CHECK(message({1, 1, 4, 4}, {.kernel = {0, 2}}) ==
        "max_pool2d: a window without elements: images [1, 1, 4, 4], window [0, 2] (axis 2); its extents "
        "must be "
        "at least 1");
  CHECK(message_of<xg::ValueError>([] {
          xg::avg_pool2d(zeros({1, 1, 4, 4}), {.padding = {0, 2}});
        }) ==
        "avg_pool2d: a padding of 2 for images [1, 1, 4, 4], window [2, 2] (axis 3); give at most half the "
        "window, "
        "or pad the images");
  CHECK(message_of<xg::ShapeError>([] {
          xg::avg_pool2d_gradient(zeros({1, 1, 2, 3}), {1, 1, 4, 4}, {});
        }) ==
        "avg_pool2d_gradient: [1, 1, 2, 3] is not what images [1, 1, 4, 4] give, [1, 1, 2, 2]; they must be "
        "equal");
}

TEST_CASE("a gradient of adaptive pooling goes to images that it fits") {
  const auto to = [](const xg::Shape& images) {
    return [images] { xg::adaptive_avg_pool2d_gradient(zeros({2, 3, 2, 2}), images); };
  };
  CHECK(message_of<xg::ShapeError>(to({2, 3, 4})) ==
        "adaptive_avg_pool2d_gradient: images [2, 3, 4] has 3 axes, and 4 axes are needed; give [N, C, H, W]");
  CHECK(message_of<xg::ValueError>(to({2, 3, 0, 4})) ==
        "adaptive_avg_pool2d_gradient: axis 2 of images [2, 3, 0, 4] is empty, and there is no mean of no "
        "elements; give at least one");
  CHECK(message_of<xg::ShapeError>(to({3, 2, 4, 4})) ==
        "adaptive_avg_pool2d_gradient: the gradient [2, 3, 2, 2] does not fit images [3, 2, 4, 4]; their first "
        "two axes must be equal");
}
