#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <string>
#include <xgrad/core/array/memory.hpp>
#include <xgrad/core/kernels/random.hpp>
#include <xgrad/derivatives/grad.hpp>
#include <xgrad/derivatives/gradcheck.hpp>
#include <xgrad/ops/convolution.hpp>
#include <xgrad/ops/operators.hpp>
#include <xgrad/ops/slice.hpp>

#include "../message_of.hpp"
#include "../threads.hpp"
#include "../variables.hpp"
#include "convolution_reference.hpp"

namespace xg = xgrad;
using xg::testing::ConvolutionCase;
using xgrad::testing::as_doubles;
using xgrad::testing::distance;
using xgrad::testing::message_of;
using xgrad::testing::random_variable;
using xgrad::testing::Threads;

namespace {

using Var = xg::Variable<double>;

Var zeros(const xg::Shape& shape) { return Var(xg::Dense<double>::filled(shape, 0)); }

/// Any geometry that is allowed, extents of 0 and 1 among them.
ConvolutionCase random_case(xg::Generator& from, std::size_t largest) {
  const std::size_t groups = 1 + from.below(3);
  const auto often = [&](std::size_t usual) { return from.below(12) == 0 ? 0 : usual; };
  std::size_t stride[2], padding[2], dilation[2];
  xg::Shape x{often(1 + from.below(4)), groups * often(1 + from.below(3)), 0, 0};
  xg::Shape kernel{groups * often(1 + from.below(3)), x[1] / groups, 0, 0};
  for (std::size_t k : {0u, 1u}) {
    kernel[2 + k] = 1 + from.below(3);
    stride[k] = 1 + from.below(3);
    padding[k] = from.below(3) == 0 ? from.below(4) : 0;
    dilation[k] = from.below(3) == 0 ? 1 + from.below(3) : 1;
    const std::size_t reach = dilation[k] * (kernel[2 + k] - 1) + 1, padded = 2 * padding[k];
    x[2 + k] = (reach > padded ? reach - padded : 0) + from.below(largest);
  }
  return xg::testing::convolution_case(x, kernel,
                                       {.stride = {stride[0], stride[1]},
                                        .padding = {padding[0], padding[1]},
                                        .dilation = {dilation[0], dilation[1]},
                                        .groups = groups});
}

std::string text_of(const ConvolutionCase& c) {
  const auto pair = [](const auto& two) { return to_string(xg::Shape{two[0], two[1]}); };
  return to_string(c.x) + " * " + to_string(c.kernel) + ", stride " + pair(c.options.stride) + ", padding " +
         pair(c.options.padding.sides()) + ", dilation " + pair(c.options.dilation) + ", groups " +
         std::to_string(c.options.groups);
}

/// The transpose's options: what the windows of `c` do not reach is output padding.
xg::ConvTranspose2dOptions transposed(const ConvolutionCase& c) {
  const xg::Pair &stride = c.options.stride, &padding = c.options.padding.sides(),
                 &dilation = c.options.dilation;
  const auto missed = [&](std::size_t k) -> std::size_t {
    return (c.x[2 + k] + 2 * padding[k] - dilation[k] * (c.kernel[2 + k] - 1) - 1) % stride[k];
  };
  return {stride, padding, {missed(0), missed(1)}, dilation, c.options.groups};
}

/// conv2d, its two gradients, and both as operations of their own.
template <class T>
std::vector<xg::Variable<T>> all_of(const ConvolutionCase& c, const xg::Variable<T>& x,
                                    const xg::Variable<T>& kernel, const xg::Variable<T>& dy) {
  const auto y = xg::conv2d(x, kernel, c.options);
  std::vector<xg::Variable<T>> all = xg::grad(y, {x, kernel}, {.grad_output = dy});
  all.push_back(y);
  all.push_back(xg::conv2d_kernel_gradient(x, dy, {c.kernel[2], c.kernel[3]}, c.options));
  // A transposed convolution cannot give empty images.
  if (c.x[2] > 0 && c.x[3] > 0) all.push_back(xg::conv_transpose2d(dy, kernel, transposed(c)));
  return all;
}

template <class T>
void check_against_loops(const ConvolutionCase& c, std::uint64_t seed, double tolerance) {
  const auto x = random_variable<T>(c.x, seed), kernel = random_variable<T>(c.kernel, seed + 1),
             dy = random_variable<T>(c.y, seed + 2);
  const auto in_x = as_doubles(x), in_kernel = as_doubles(kernel), in_dy = as_doubles(dy);
  const auto got = all_of(c, x, kernel, dy);
  const auto dx = xg::testing::convolved_transposed(c, in_dy.data(), in_kernel.data());
  const auto dk = xg::testing::convolved_for_kernel(c, in_x.data(), in_dy.data());
  CHECK(got[2].shape() == c.y);
  CHECK(distance(got[0], dx) < tolerance);
  CHECK(distance(got[1], dk) < tolerance);
  CHECK(distance(got[2], xg::testing::convolved(c, in_x.data(), in_kernel.data())) < tolerance);
  CHECK(distance(got[3], dk) < tolerance);
  if (got.size() > 4) CHECK(got[4].shape() == c.x);
  if (got.size() > 4) CHECK(distance(got[4], dx) < tolerance);
}

std::string shape_message(const xg::Shape& x, const xg::Shape& kernel,
                          const xg::Conv2dOptions& options = {}) {
  return message_of<xg::ShapeError>([&] { xg::conv2d(zeros(x), zeros(kernel), options); });
}

/// Where images are cut into bands, or taken several at a time; and more than one thread's share.
std::vector<ConvolutionCase> large_cases() {
  return {xg::testing::convolution_case({2, 8, 64, 61}, {16, 8, 3, 3}, {.padding = {1, 1}}),
          xg::testing::convolution_case({5, 8, 64, 61}, {16, 4, 3, 3}, {.stride = {2, 1}, .groups = 2}),
          xg::testing::convolution_case({67, 8, 12, 12}, {16, 8, 3, 3}),
          xg::testing::convolution_case({160, 64, 9, 11}, {64, 1, 3, 3}, {.padding = {1, 1}, .groups = 64}),
          xg::testing::convolution_case({133, 16, 10, 10}, {24, 16, 1, 1}),
          xg::testing::convolution_case({80, 2, 1, 3000}, {4, 2, 1, 5})};
}

}  // namespace

TEST_CASE("conv2d slides the kernel over the image, unflipped, and adds the bias") {
  const auto image = xg::constant(xt::xarray<double>{{{{1, 2, 3}, {4, 5, 6}, {7, 8, 9}}}});
  const auto kernel = xg::constant(xt::xarray<double>{{{{1, 2}, {3, 4}}}});
  const auto bias = xg::constant(xt::xarray<double>{100});
  CHECK(xg::conv2d(image, kernel).value() == xt::xarray<double>{{{{37, 47}, {67, 77}}}});
  CHECK(xg::conv2d(image, kernel, bias, {.stride = {1, 2}, .padding = {0, 1}}).value() ==
        xt::xarray<double>{{{{118, 147}, {136, 177}}}});
  CHECK(xg::conv2d(image, kernel, {.dilation = {2, 2}}).item() == 1 + 6 + 21 + 36);
}

TEST_CASE("conv_transpose2d spreads the kernel over the result, and adds the bias") {
  const auto image = xg::constant(xt::xarray<double>{{{{1, 2}}}});
  const auto kernel = xg::constant(xt::xarray<double>{{{{1, 10}, {100, 1000}}}});
  const auto bias = xg::constant(xt::xarray<double>{5});
  CHECK(xg::conv_transpose2d(image, kernel).value() ==
        xt::xarray<double>{{{{1, 12, 20}, {100, 1200, 2000}}}});
  CHECK(xg::conv_transpose2d(image, kernel, bias, {.stride = {2, 2}, .output_padding = {0, 1}}).value() ==
        xt::xarray<double>{{{{6, 15, 7, 25, 5}, {105, 1005, 205, 2005, 5}}}});
  const auto cut = xg::conv_transpose2d(image, kernel, {.padding = {0, 1}});
  CHECK(cut.shape() == xg::Shape{1, 1, 2, 1});
  CHECK(cut.value()(0, 0, 0, 0) == 12);
  CHECK(cut.value()(0, 0, 1, 0) == 1200);
}

TEST_CASE("values and gradients of random geometries are those of plain loops, in double and in float") {
  xg::Generator from(23);
  for (std::uint64_t seed = 0; seed < 150; ++seed) {
    const ConvolutionCase c = random_case(from, seed % 3 == 0 ? 16 : 5);
    INFO("seed " << seed << ": " << text_of(c));
    check_against_loops<double>(c, seed, 1e-13);
    check_against_loops<float>(c, seed, 1e-5);
  }
}

TEST_CASE("large images in bands and small images in blocks give what plain loops give") {
  for (const ConvolutionCase& c : large_cases()) {
    INFO(text_of(c));
    check_against_loops<double>(c, 1, 1e-11);
    check_against_loops<float>(c, 1, 1e-3);
  }
}

TEST_CASE("convolutions give the same bits on one thread and on two") {
  for (const ConvolutionCase& c : large_cases()) {
    INFO(text_of(c));
    const auto x = random_variable<float>(c.x, 1), kernel = random_variable<float>(c.kernel, 2),
               dy = random_variable<float>(c.y, 3);
    const auto run = [&](std::size_t threads) {
      Threads use(threads);
      auto all = all_of(c, x, kernel, dy);
      CHECK(use.shared_a_loop() == (threads > 1));
      return all;
    };
    const auto alone = run(1), shared = run(2);
    for (std::size_t k = 0; k < alone.size(); ++k)
      CHECK(std::memcmp(alone[k].dense().data(), shared[k].dense().data(), alone[k].size() * sizeof(float)) ==
            0);
  }
}

TEST_CASE("gradients of random geometries agree with differences at both orders") {
  xg::Generator from(29);
  for (std::uint64_t seed = 0; seed < 12; ++seed) {
    const ConvolutionCase c = random_case(from, 3);
    INFO("seed " << seed << ": " << text_of(c));
    const Var bias = random_variable({c.kernel[0]}, seed + 3);
    const auto report =
        xg::gradcheck([&](const Var& x, const Var& kernel,
                          const Var& b) { return xg::square(xg::conv2d(x, kernel, b, c.options)); },
                      {random_variable(c.x, seed), random_variable(c.kernel, seed + 1), bias},
                      {.second_order = true, .forward_mode = true});
    INFO(report);
    CHECK(report.ok());
  }
}

TEST_CASE("a 1x1 window and a dilation that leaves room at the end are told apart") {
  const Var image = random_variable({1, 2, 3, 3}, 1), kernel = random_variable({2, 1, 1, 1}, 2);
  const xg::ConvTranspose2dOptions options{.output_padding = {1, 1}, .dilation = {2, 2}};
  const auto y = xg::conv_transpose2d(image, kernel, options);
  CHECK(y.shape() == xg::Shape{1, 1, 4, 4});
  CHECK(y.value()(0, 0, 3, 3) == 0);
  const auto report = xg::gradcheck(
      [&](const Var& x, const Var& k) { return xg::square(xg::conv_transpose2d(x, k, options)); },
      {image, kernel}, {.second_order = true});
  INFO(report);
  CHECK(report.ok());
}

TEST_CASE("a convolution that saves its factors for each other's sake keeps neither alone, and no bias") {
  const Var x = random_variable({2, 2, 4, 4}, 1), fixed = zeros({2, 2, 4, 4}), bias = random_variable({3}, 2);
  const auto buffers_of = [&](const auto& made) {
    const auto before = xg::memory_stats().live_buffers;
    const Var y = made();
    return xg::memory_stats().live_buffers - before;
  };
  const auto alone = buffers_of([&] { return x * 2; });
  CHECK(buffers_of([&] { return xg::conv2d(x * 2, fixed); }) == alone);
  CHECK(buffers_of([&] { return xg::conv2d(fixed, x * 2, xg::slice(bias, {xg::range(0, 2)})); }) == alone);
  CHECK(buffers_of([&] { return xg::conv_transpose2d(x * 2, fixed); }) == alone);
  CHECK(buffers_of([&] { return xg::conv2d(x * 2, x); }) == alone + 1);
}

TEST_CASE("conv1d is conv2d on images of height 1") {
  const auto signal = xg::constant(xt::xarray<double>{{{1, 2, 3, 4}}});
  const auto kernel = xg::constant(xt::xarray<double>{{{1, 10}}});
  const auto bias = xg::constant(xt::xarray<double>{0.5});
  CHECK(xg::conv1d(signal, kernel).value() == xt::xarray<double>{{{21, 32, 43}}});
  CHECK(xg::conv1d(signal, kernel, bias, {.stride = 2, .padding = 1, .dilation = 3}).value() ==
        xt::xarray<double>{{{30.5, 42.5}}} - xt::xarray<double>{{{0, 40}}});
}

TEST_CASE("conv2d names both shapes and the way out when they do not fit") {
  CHECK(shape_message({3, 8, 8}, {4, 3, 3, 3}) ==
        "conv2d: both need 4 axes: images [3, 8, 8], kernel [4, 3, 3, 3]; give [N, C, H, W] and "
        "[O, C / groups, kH, kW]");
  CHECK(shape_message({2, 4, 8, 8}, {4, 3, 3, 3}) ==
        "conv2d: channels differ: images [2, 4, 8, 8], kernel [4, 3, 3, 3] (axis 1: 4 vs 3); the kernel must "
        "be "
        "[O, C / groups, ...]");
  CHECK(shape_message({2, 4, 8, 8}, {4, 4, 3, 3}, {.groups = 2}) ==
        "conv2d: channels differ: images [2, 4, 8, 8], kernel [4, 4, 3, 3] (axis 1: 4 in 2 groups vs 4); the "
        "kernel must be [O, C / groups, ...]");
  CHECK(shape_message({2, 4, 8, 8}, {3, 2, 3, 3}, {.groups = 2}) ==
        "conv2d: the groups do not divide the filters: images [2, 4, 8, 8], kernel [3, 2, 3, 3] (axis 0: 3 "
        "in 2 "
        "groups); give a divisor");
  CHECK(shape_message({2, 3, 4, 8}, {4, 3, 7, 3}, {.padding = {1, 0}}) ==
        "conv2d: the window is larger than the padded image: images [2, 3, 4, 8], kernel [4, 3, 7, 3] (axis "
        "2: 7 "
        "vs 4 + 2 * 1); add padding, or make the window smaller");
  CHECK(shape_message({2, 3, 8, 4}, {4, 3, 3, 3}, {.dilation = {1, 2}}) ==
        "conv2d: the window is larger than the padded image: images [2, 3, 8, 4], kernel [4, 3, 3, 3] (axis "
        "3: 5 "
        "with its dilation vs 4 + 2 * 0); add padding, or make the window smaller");
  CHECK(shape_message({2, 3, 8, 8}, {4, 3, 0, 3}) ==
        "conv2d: a window without elements: images [2, 3, 8, 8], kernel [4, 3, 0, 3] (axis 2); its extents "
        "must "
        "be at least 1");
  CHECK(message_of<xg::ShapeError>([] {
          xg::conv2d(zeros({2, 3, 8, 8}), zeros({4, 3, 3, 3}), zeros({3}));
        }) == "conv2d: the bias does not fit the kernel: [3] and kernel [4, 3, 3, 3]; it must be [4]");
}

TEST_CASE("the other convolutions name their own shapes and axes") {
  CHECK(
      message_of<xg::ShapeError>([] {
        xg::conv1d(zeros({2, 3, 4}), zeros({4, 3, 5}));
      }) ==
      "conv1d: the window is larger than the padded image: images [2, 3, 4], kernel [4, 3, 5] (axis 2: 5 vs "
      "4 + 2 * 0); add padding, or make the window smaller");
  CHECK(
      message_of<xg::ShapeError>([] {
        xg::conv_transpose2d(zeros({2, 3, 4, 4}), zeros({4, 3, 3, 3}));
      }) ==
      "conv_transpose2d: channels differ: images [2, 3, 4, 4], kernel [4, 3, 3, 3] (axis 1: 3 vs axis 0: 4); "
      "the kernel must be [C, O / groups, kH, kW]");
  CHECK(message_of<xg::ShapeError>([] {
          xg::conv_transpose2d(zeros({2, 4, 1, 4}), zeros({4, 3, 2, 3}), {.padding = {1, 0}});
        }) ==
        "conv_transpose2d: no element would be left: images [2, 4, 1, 4], kernel [4, 3, 2, 3] (axis 2: an "
        "extent of 1 gives 2, less 2 * 1); give less padding");
  CHECK(message_of<xg::ShapeError>([] {
          xg::conv2d_kernel_gradient(zeros({2, 3, 8, 8}), zeros({2, 4, 5, 6}), {3, 3});
        }) ==
        "conv2d_kernel_gradient: the gradient does not fit: images [2, 3, 8, 8], gradient [2, 4, 5, 6]; it "
        "must be "
        "[2, 4, 6, 6], as the result of conv2d");
}

TEST_CASE("a stride, dilation or number of groups of 0 is a ValueError, and so is too much output padding") {
  const Var x = zeros({1, 1, 4, 4}), kernel = zeros({1, 1, 2, 2});
  const auto message = [&](const xg::Conv2dOptions& options) {
    return message_of<xg::ValueError>([&] { xg::conv2d(x, kernel, options); });
  };
  CHECK(message({.stride = {1, 0}}) ==
        "conv2d: a stride of 0 for images [1, 1, 4, 4], kernel [1, 1, 2, 2] is out of range; give at least 1 "
        "and "
        "less than 2^31");
  CHECK(message({.dilation = {0, 1}}).find("a dilation of 0") != std::string::npos);
  CHECK(message({.padding = {0, ~std::size_t{0}}}).find("a padding of 9223") != std::string::npos);
  CHECK(message({.groups = 0}) ==
        "conv2d: no groups for images [1, 1, 4, 4], kernel [1, 1, 2, 2]; give at least 1");
  CHECK(message_of<xg::ValueError>([&] {
          xg::conv_transpose2d(x, kernel, {.output_padding = {1, 0}});
        }) ==
        "conv_transpose2d: an output_padding of 1 for images [1, 1, 4, 4], kernel [1, 1, 2, 2] is not less "
        "than "
        "the stride or the dilation of axis 2; give a smaller one");
}
