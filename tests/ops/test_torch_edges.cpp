// PyTorch's answers at the edges of windows: strides beyond the kernel, padding beyond it, dilation, groups
// of one channel, rows that no window reaches, ties, no images. The numbers are what PyTorch 1.13 gives for
// the same calls, and the gradients what it gives for an output gradient of numbers(y.shape()).
#include <doctest/doctest.h>

#include <limits>
#include <vector>
#include <xgrad/derivatives/grad.hpp>
#include <xgrad/ops/convolution.hpp>
#include <xgrad/ops/operators.hpp>
#include <xgrad/ops/pooling.hpp>

#include "library_cases.hpp"

namespace xg = xgrad;
using xgrad::testing::check;
using xgrad::testing::numbers;

namespace {

using Var = xg::Variable<double>;

constexpr double infinity = std::numeric_limits<double>::infinity();
constexpr double not_a_number = std::numeric_limits<double>::quiet_NaN();
/// What -1 becomes where a count is asked for.
constexpr std::size_t minus_one = ~std::size_t{0};

Var gradient(const Var& y, const Var& x) { return xg::grad(y, {x}, {.grad_output = numbers(y.shape())})[0]; }

Var image_of(const std::vector<double>& elements, const xg::Shape& shape) {
  xg::Dense<double> x(shape);
  std::copy(elements.begin(), elements.end(), x.mutable_data());
  return xg::detail::parameter_from(std::move(x));
}

}  // namespace

TEST_CASE("conv2d at the edges of its options gives what PyTorch gives") {
  const Var x = numbers({1, 1, 5, 6}), k = numbers({1, 1, 2, 2}), pair = numbers({1, 1, 1, 2});
  const xg::Conv2dOptions apart{.stride = {3, 4}}, around{.padding = {3, 2}}, wide{.dilation = {3, 4}};
  const xg::Conv2dOptions short_of_the_end{.stride = {2, 3}, .dilation = {1, 2}};
  check({
      {[&] { return xg::conv2d(x, k, apart); }, {1, 1, 2, 2}, {21, -34, 21, 21}},
      {[&] { return gradient(xg::conv2d(x, k, apart), x); },
       {1, 1, 5, 6},
       {25, -10, 0, 0,  -10, 4, 10, -25, 0,  0, -4,  10, 0, 0,   0,
        0,  0,   0, 10, -4,  0, 0,  -25, 10, 4, -10, 0,  0, -10, 25}},
      {[&] { return gradient(xg::conv2d(x, k, apart), k); }, {1, 1, 2, 2}, {2, 2, 2, -20}},
      {[&] { return xg::conv2d(pair, k, around); },
       {1, 1, 6, 5},
       {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, -25, 20, -4, 0, 0, -10, 29, -10, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0}},
      {[&] { return gradient(xg::conv2d(pair, k, around), pair); }, {1, 1, 1, 2}, {-55, 22}},
      {[&] { return gradient(xg::conv2d(pair, k, around), k); }, {1, 1, 2, 2}, {-20, 23, -14, 29}},
      {[&] { return xg::conv2d(x, k, wide); }, {1, 1, 2, 2}, {2, 2, 2, -20}},
      {[&] { return xg::conv2d(x, k, short_of_the_end); }, {1, 1, 2, 2}, {-7, -62, 15, 15}},
      {[&] { return gradient(xg::conv2d(x, k, short_of_the_end), x); },
       {1, 1, 5, 6},
       {25,  0, -10, -10, 0, 4,   10,  0, -25, -4, 0, 10, 10, 0, -4,
        -25, 0, 10,  4,   0, -10, -10, 0, 25,  0,  0, 0,  0,  0, 0}},
  });
}

TEST_CASE("conv2d in groups, of single elements and of no images gives what PyTorch gives") {
  const Var channels = numbers({1, 3, 2, 2}), each = numbers({6, 1, 2, 1}), points = numbers({2, 3, 1, 1});
  const Var none = image_of({}, {0, 1, 5, 6}), k = numbers({1, 1, 2, 2});
  check({
      {[&] { return xg::conv2d(channels, each, {.groups = 3}); },
       {1, 6, 1, 2},
       {21, 0, 0, 21, -11, -3, 4, -12, 13, -27, 9, 22}},
      {[&] { return gradient(xg::conv2d(channels, each, {.groups = 3}), channels); },
       {1, 3, 2, 2},
       {29, -20, -20, 29, 17, -3, -3, 9, 17, -7, -7, 34}},
      {[&] { return gradient(xg::conv2d(channels, each, {.groups = 3}), each); },
       {6, 1, 2, 1},
       {29, 20, 20, 29, 10, 4, 4, 16, 25, -11, -11, 26}},
      {[&] {
         return xg::conv2d(channels, points, xg::Conv2dOptions{.stride = {2, 1}});
       },
       {1, 2, 1, 2},
       {35, -22, -12, -2}},
      {[&] {
         return xg::conv2d(channels, points, xg::Conv2dOptions{.padding = {1, 0}});
       },
       {1, 2, 4, 2},
       {0, 0, 35, -22, 20, -15, 0, 0, 0, 0, -12, -2, -3, 40, 0, 0}},
      {[&] { return xg::conv2d(none, k); }, {0, 1, 4, 5}, {}},
      {[&] { return gradient(xg::conv2d(none, k), k); }, {1, 1, 2, 2}, {0, 0, 0, 0}},
  });
}

TEST_CASE("conv_transpose2d and conv1d at the edges of their options give what PyTorch gives") {
  const Var y = numbers({1, 1, 2, 2}), k = numbers({1, 1, 2, 2});
  const Var channels = numbers({1, 3, 2, 2}), doubling = numbers({3, 2, 1, 1});
  const Var signal = numbers({1, 2, 5}), filters = numbers({2, 1, 2});
  const xg::ConvTranspose2dOptions apart{.stride = {3, 2}};
  const xg::ConvTranspose2dOptions longer{.stride = {3, 2}, .output_padding = {2, 1}};
  const xg::ConvTranspose2dOptions cut{.stride = {2, 2}, .padding = {1, 1}}, wide{.dilation = {2, 3}};
  check({
      {[&] { return xg::conv_transpose2d(y, k, apart); },
       {1, 1, 5, 4},
       {25, -10, -10, 4, 10, -25, -4, 10, 0, 0, 0, 0, 10, -4, -25, 10, 4, -10, -10, 25}},
      {[&] { return xg::conv_transpose2d(y, k, longer); },
       {1, 1, 7, 5},
       {25, -10, -10, 4,   0,   10, -25, -4, 10, 0, 0, 0, 0, 0, 0, 10, -4, -25,
        10, 0,   4,   -10, -10, 25, 0,   0,  0,  0, 0, 0, 0, 0, 0, 0,  0}},
      {[&] { return xg::conv_transpose2d(y, k, cut); }, {1, 1, 2, 2}, {-25, -4, -4, -25}},
      {[&] { return gradient(xg::conv_transpose2d(y, k, cut), y); }, {1, 1, 2, 2}, {-25, -4, -4, -25}},
      {[&] { return gradient(xg::conv_transpose2d(y, k, cut), k); }, {1, 1, 2, 2}, {25, 4, 4, 25}},
      {[&] { return xg::conv_transpose2d(y, k, wide); },
       {1, 1, 4, 5},
       {25, -10, 0, -10, 4, 10, -25, 0, -4, 10, 10, -4, 0, -25, 10, 4, -10, 0, -10, 25}},
      {[&] { return xg::conv_transpose2d(channels, doubling, {.groups = 3}); },
       {1, 6, 2, 2},
       {25, -10, 10, -25, -10, 4, -4, 10, -2, 6, -8, 0, 5, -15, 20, 0, -4, 3, -1, -5, 12, -9, 3, 15}},
      {[&] { return xg::conv1d(signal, filters, {.stride = 3, .padding = 1, .groups = 2}); },
       {1, 2, 2},
       {-10, 20, -15, -20}},
      {[&] { return xg::conv1d(signal, filters, {.padding = 2, .dilation = 4, .groups = 2}); },
       {1, 2, 5},
       {-4, 10, 27, -10, 10, 0, -20, 21, -8, 0}},
  });
}

TEST_CASE("max_pool2d at the edges of its options gives what PyTorch gives") {
  const Var x = numbers({1, 1, 5, 6}), ties = image_of(std::vector<double>(6, -1), {1, 1, 2, 3});
  const Var lowest = image_of(std::vector<double>(4, -infinity), {1, 1, 2, 2});
  const xg::MaxPool2dOptions broad{.kernel = {2, 4}}, apart{.kernel = {2, 1}, .stride = {3, 4}};
  const xg::MaxPool2dOptions around{.kernel = {3, 2}, .stride = {1, 1}, .padding = {1, 1}};
  check({
      {[&] { return xg::max_pool2d(x, broad); }, {1, 1, 2, 1}, {5, 5}},
      {[&] { return gradient(xg::max_pool2d(x, broad), x); },
       {1, 1, 5, 6},
       {0, 0, 0, -5, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 2, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0}},
      {[&] { return xg::max_pool2d(x, apart); }, {1, 1, 2, 2}, {4, 1, 0, 4}},
      {[&] { return gradient(xg::max_pool2d(x, apart), x); },
       {1, 1, 5, 6},
       {0, 0, 0, 0, 2, 0, -5, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, -2, 0, 0, 0, 0, 0, 0, 0, 0, 0, 5, 0}},
      {[&] { return xg::max_pool2d(ties, around); }, {1, 1, 2, 4}, std::vector<double>(8, -1)},
      {[&] { return gradient(xg::max_pool2d(ties, around), ties); }, {1, 1, 2, 3}, {-5, 2, 5, 0, 0, 0}},
      {[&] {
         return xg::max_pool2d(x, {.kernel = {2, 2}, .stride = {1, 1}, .dilation = {4, 3}});
       },
       {1, 1, 1, 3},
       {5, 5, 1}},
      {[&] {
         return xg::max_pool2d(x,
                               {.kernel = {2, 2}, .stride = {2, 2}, .padding = {1, 1}, .dilation = {3, 2}});
       },
       {1, 1, 2, 3},
       {-2, 1, 4, 5, 5, 3}},
      {[&] {
         return xg::max_pool2d(x, {.kernel = {1, 1}, .stride = {2, 3}});
       },
       {1, 1, 3, 2},
       {-5, 5, 2, 1, -2, -3}},
      {[&] { return xg::max_pool2d(lowest, {}); }, {1, 1, 1, 1}, {-infinity}},
      {[&] { return gradient(xg::max_pool2d(lowest, {}), lowest); }, {1, 1, 2, 2}, {-5, 0, 0, 0}},
      {[&] {
         return gradient(xg::max_pool2d(lowest, {.padding = {1, 1}}), lowest);
       },
       {1, 1, 2, 2},
       {-5, 2, -2, 5}},
      {[&] {
         return xg::max_pool2d(image_of({}, {0, 2, 4, 4}), {});
       },
       {0, 2, 2, 2},
       {}},
  });
}

TEST_CASE("avg_pool2d at the edges of its options gives what PyTorch gives, padding counted") {
  const Var x = numbers({1, 1, 5, 6});
  const xg::AvgPool2dOptions around{.kernel = {2, 4}, .padding = {1, 2}};
  check({
      {[&] { return xg::avg_pool2d(x, around); }, {1, 1, 3, 2}, {-0.375, 0.125, 0.5, 0, -0.125, 0.125}},
      {[&] { return gradient(xg::avg_pool2d(x, around), x); },
       {1, 1, 5, 6},
       {-0.625, -0.625, 0.25,   0.25,   0.25,  0.25,  -0.25,  -0.25,  0.625,  0.625,
        0.625,  0.625,  -0.25,  -0.25,  0.625, 0.625, 0.625,  0.625,  0.125,  0.125,
        -0.375, -0.375, -0.375, -0.375, 0.125, 0.125, -0.375, -0.375, -0.375, -0.375}},
      {[&] {
         return xg::avg_pool2d(x, {.kernel = {1, 2}, .stride = {4, 3}});
       },
       {1, 1, 2, 2},
       {-1.5, 3, 1.5, 0.5}},
      {[&] {
         return gradient(xg::avg_pool2d(x, {.kernel = {4, 2}, .stride = {1, 4}}), x);
       },
       {1, 1, 5, 6},
       {-0.625, -0.625, 0,      0,      0.25,  0.25,  -0.875, -0.875, 0,      0,
        0.875,  0.875,  -0.875, -0.875, 0,     0,     0.875,  0.875,  -0.875, -0.875,
        0,      0,      0.875,  0.875,  -0.25, -0.25, 0,      0,      0.625,  0.625}},
      {[&] {
         return xg::avg_pool2d(x, {.kernel = {4, 4}});
       },
       {1, 1, 1, 1},
       {0.4375}},
      {[&] {
         return xg::avg_pool2d(image_of({}, {0, 2, 4, 4}), {});
       },
       {0, 2, 2, 2},
       {}},
  });
}

TEST_CASE("padding is a zero that an infinite kernel turns into a NaN, as in PyTorch") {
  const Var x = numbers({1, 1, 1, 2}), k = image_of({1, infinity}, {1, 1, 1, 2});
  const xg::Conv2dOptions around{.padding = {0, 1}};
  check({
      {[&] { return xg::conv2d(x, k, around); }, {1, 1, 1, 3}, {-infinity, infinity, not_a_number}},
  });
}

TEST_CASE("convolutions refuse what PyTorch refuses") {
  const Var x = numbers({1, 1, 5, 6}), k = numbers({1, 1, 2, 2}), row = numbers({1, 1, 1, 2});
  CHECK_THROWS_AS(xg::conv2d(row, k), xg::ShapeError);
  CHECK_THROWS_AS(xg::conv2d(x, k, xg::Conv2dOptions{.padding = {minus_one, 0}}), xg::ValueError);
  CHECK_THROWS_AS(xg::conv2d(x, k, xg::Conv2dOptions{.stride = {0, 1}}), xg::ValueError);
  CHECK_THROWS_AS(xg::conv2d(x, k, xg::Conv2dOptions{.dilation = {1, 0}}), xg::ValueError);
  CHECK_THROWS_AS(xg::conv2d(x, k, {.groups = 0}), xg::ValueError);
  CHECK_THROWS_AS(xg::conv2d(numbers({1, 3, 2, 2}), numbers({2, 1, 1, 1}), {.groups = 2}), xg::ShapeError);
  CHECK_THROWS_AS(xg::conv2d(numbers({1, 2, 2, 2}), numbers({3, 1, 1, 1}), {.groups = 2}), xg::ShapeError);
  CHECK_THROWS_AS(xg::conv2d(x, image_of({}, {1, 1, 0, 2})), xg::ShapeError);
  CHECK_THROWS_AS(xg::conv2d(x, k, numbers({2})), xg::ShapeError);
  const xg::ConvTranspose2dOptions too_long{.stride = {2, 2}, .output_padding = {2, 0}};
  CHECK_THROWS_AS(xg::conv_transpose2d(x, k, too_long), xg::ValueError);
  const Var one = numbers({1, 1, 1, 1});
  for (const std::size_t padding : {1u, 2u}) {
    const xg::ConvTranspose2dOptions cut{.padding = {padding, padding}};
    CHECK_THROWS_AS(xg::conv_transpose2d(one, k, cut), xg::ShapeError);
  }
  CHECK_THROWS_AS(xg::conv_transpose2d(image_of({}, {1, 1, 0, 2}), k), xg::ShapeError);
}

TEST_CASE("pooling refuses what PyTorch refuses, and a window of nothing but padding") {
  const Var x = numbers({1, 1, 5, 6}), row = numbers({1, 1, 1, 2});
  CHECK_THROWS_AS(xg::max_pool2d(x, {.padding = {2, 2}}), xg::ValueError);
  CHECK_THROWS_AS(xg::avg_pool2d(x, {.kernel = {3, 3}, .padding = {2, 2}}), xg::ValueError);
  CHECK_THROWS_AS(xg::max_pool2d(x, {.padding = {minus_one, 0}}), xg::ValueError);
  CHECK_THROWS_AS(xg::max_pool2d(x, {.dilation = {0, 1}}), xg::ValueError);
  CHECK_THROWS_AS(xg::max_pool2d(x, {.kernel = {0, 0}}), xg::ShapeError);
  CHECK_THROWS_AS(xg::max_pool2d(row, {}), xg::ShapeError);
  CHECK_THROWS_AS(xg::avg_pool2d(row, {}), xg::ShapeError);
  // PyTorch gives -inf, which is no element of the images.
  CHECK_THROWS_AS(
      xg::max_pool2d(numbers({1, 1, 4, 4}), {.stride = {1, 1}, .padding = {1, 1}, .dilation = {5, 1}}),
      xg::ShapeError);
}
