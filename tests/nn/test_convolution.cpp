#include "../ops/convolution_reference.hpp"

#include <algorithm>
#include <cmath>

#include <doctest/doctest.h>
#include <xgrad/nn/activation.hpp>
#include <xgrad/nn/convolution.hpp>
#include <xgrad/nn/flatten.hpp>
#include <xgrad/nn/linear.hpp>
#include <xgrad/nn/pooling.hpp>
#include <xgrad/nn/sequential.hpp>

#include "../message_of.hpp"
#include "layer_checks.hpp"

namespace {

using xgrad::Conv2dOptions;
using xgrad::Shape;
using xgrad::ValueError;
using xgrad::nn::Conv1d;
using xgrad::nn::Conv2d;
using xgrad::nn::ConvTranspose2d;
using xgrad::testing::check_gradients;
using xgrad::testing::distance;
using xgrad::testing::message_of;
using xgrad::testing::rounding;
using xgrad::testing::sample;

const Conv2dOptions uneven = {.stride = {2, 1}, .padding = {1, 2}, .dilation = {1, 2}, .groups = 2};

/// The layer by plain loops.
template <class T>
std::vector<double> expected(const Conv2d<T>& layer, const xgrad::Variable<T>& images, Shape& shape) {
  using namespace xgrad::testing;
  const auto c = convolution_case(images.shape(), layer.weight().shape(), layer.options());
  shape = c.y;
  const auto x = as_doubles(images), kernel = as_doubles(layer.weight());
  auto y = convolved(c, x.data(), kernel.data());
  return layer.bias().defined() ? plus_bias(y, c.y, as_doubles(layer.bias()).data()) : y;
}

template <class T>
void check_range(const xgrad::Variable<T>& parameter, double bound) {
  const auto values = xgrad::testing::as_doubles(parameter);
  const auto [least, greatest] = std::minmax_element(values.begin(), values.end());
  CHECK(*least >= -bound);
  CHECK(*greatest <= bound);
  CHECK(*greatest - *least > 1.9 * bound);
}

}  // namespace

TEST_CASE_TEMPLATE("Conv2d is the convolution of its kernel plus its bias, as plain loops compute it", T,
                   float, double) {
  Shape shape;
  Conv2d<T> plain(3, 5, 3), other(4, 6, {3, 2}, uneven), without_bias(2, 3, {1, 2}, {}, false);
  const auto x = sample<T>({2, 3, 7, 6}, 1), of_four = sample<T>({2, 4, 7, 6}, 2),
             of_two = sample<T>({1, 2, 4, 5}, 3);
  CHECK(distance(plain(x), expected(plain, x, shape)) < rounding<T>);
  CHECK(shape == plain(x).shape());
  CHECK(distance(other(of_four), expected(other, of_four, shape)) < rounding<T>);
  CHECK(shape == other(of_four).shape());
  CHECK(distance(without_bias(of_two), expected(without_bias, of_two, shape)) < rounding<T>);
  CHECK_FALSE(without_bias.bias().defined());
  CHECK(other.weight().shape() == Shape{6, 2, 3, 2});
}

TEST_CASE_TEMPLATE("Conv1d is Conv2d on images of one row", T, float, double) {
  Conv1d<T> layer(4, 6, 3, {.stride = 2, .padding = 2, .dilation = 2, .groups = 2});
  Conv2d<T> wide(4, 6, {1, 3}, {.stride = {1, 2}, .padding = {0, 2}, .dilation = {1, 2}, .groups = 2});
  CHECK(layer.weight().shape() == Shape{6, 2, 3});
  wide.weight().set_value(to_array(xgrad::Dense<T>(layer.weight().dense().buffer, Shape{6, 2, 1, 3})));
  wide.bias().set_value(layer.bias().value());
  const auto x = sample<T>({2, 4, 9}, 4);
  const xgrad::Variable<T> row(xgrad::Dense<T>(x.dense().buffer, Shape{2, 4, 1, 9}));
  Shape shape;
  CHECK(distance(layer(x), expected(wide, row, shape)) < rounding<T>);
  CHECK(layer(x).shape() == Shape{2, 6, 5});
  CHECK(shape == Shape{2, 6, 1, 5});
}

TEST_CASE("ConvTranspose2d has PyTorch's layout and values") {
  // Input sin(0.37 k), weight cos(sin(0.37 k)), k from 1 in row-major order; PyTorch 1.13.1, in double.
  const auto numbers = [](std::initializer_list<std::size_t> shape, std::size_t count) {
    xt::xarray<double> made = xt::sin(0.37 * xt::arange<double>(1, static_cast<double>(count + 1)));
    made.reshape(std::vector<std::size_t>(shape));
    return made;
  };
  ConvTranspose2d<double> layer(4, 2, {2, 3},
                                {.stride = {2, 1}, .padding = {1, 0}, .output_padding = {1, 0}, .groups = 2});
  CHECK(layer.weight().shape() == Shape{4, 1, 2, 3});
  CHECK(layer.bias().shape() == Shape{2});
  layer.weight().set_value(xt::cos(numbers({4, 1, 2, 3}, 24)));
  layer.bias().set_value(xt::xarray<double>{0.5, -1});
  const auto y = layer(xgrad::constant(numbers({2, 4, 2, 3}, 48)));
  CHECK(y.shape() == Shape{2, 2, 3, 5});
  const std::vector<double> values = {1.14882597,  1.59435831,  1.88921672,  1.45691647,    1.01930608,
                                      0.972740299, 0.962601625, 0.476253098, -0.0111216144, 0.0515450647,
                                      0.584333762, 0.533049332, 0.488701872, 0.5004035,     0.507029928,
                                      -1.54315277, -1.839286,   -1.65558,    -1.02177011,   -0.758806334};
  for (std::size_t i = 0; i < values.size(); ++i) {
    CAPTURE(i);
    CHECK(y.value().storage()[i] == doctest::Approx(values[i]).epsilon(1e-8));
  }
  check_gradients(layer, sample<double>({2, 4, 2, 3}, 5));
  ConvTranspose2d<double> without_bias(2, 3, 2, {.dilation = 2}, false);
  CHECK_FALSE(without_bias.bias().defined());
  check_gradients(without_bias, sample<double>({1, 2, 3, 3}, 7));
}

TEST_CASE(
    "ConvTranspose2d starts uniform in +- 1 / sqrt(out / groups times the kernel), and refuses what cannot "
    "be") {
  ConvTranspose2d<double> layer(300, 8, {3, 5}, {.groups = 2});
  check_range(layer.weight(), 1 / std::sqrt(4.0 * 15));
  CHECK(xt::amax(xt::abs(layer.bias().value()))() <= 1 / std::sqrt(4.0 * 15));
  const auto refused = [](std::size_t in, std::size_t out, const xgrad::ConvTranspose2dOptions& options) {
    return message_of<ValueError>([&] { ConvTranspose2d<float>(in, out, 3, options); });
  };
  CHECK(refused(0, 4, {}) == "ConvTranspose2d: 0 channels in and 4 out; both must be at least 1");
  CHECK(refused(4, 6, {.groups = 4}) ==
        "ConvTranspose2d: 4 groups of 4 channels in and 6 out; the groups must divide both");
  CHECK(refused(4, 6, {.stride = 0}) ==
        "ConvTranspose2d: a stride or dilation is 0; each must be at least 1");
  CHECK(refused(4, 6, {.stride = 2, .output_padding = 2}) ==
        "ConvTranspose2d: an output_padding is 2; each must be less than the stride or the dilation of its "
        "axis");
  CHECK(refused(4, 6, {.output_padding = -1}) == "ConvTranspose2d: a padding is -1; each must be at least 0");
}

TEST_CASE("convolutional layers have right gradients, with and without a bias") {
  Conv2d<double> plain(2, 3, 3), other(4, 2, {3, 2}, uneven), without_bias(2, 2, 2, {}, false);
  check_gradients(plain, sample<double>({2, 2, 4, 5}, 5));
  check_gradients(other, sample<double>({2, 4, 4, 4}, 6));
  check_gradients(without_bias, sample<double>({1, 2, 3, 3}, 7));
  Conv1d<double> along(4, 2, 3, {.stride = 2, .padding = 1, .dilation = 2, .groups = 2}),
      short_one(2, 3, 2, {}, false);
  check_gradients(along, sample<double>({2, 4, 8}, 8));
  check_gradients(short_one, sample<double>({2, 2, 4}, 9));
}

TEST_CASE("convolutional layers start uniform in +- 1 / sqrt(inputs of one output), and repeat") {
  xgrad::manual_seed(5);
  Conv2d<double> layer(8, 300, {3, 5}, {.groups = 2});
  check_range(layer.weight(), 1 / std::sqrt(4.0 * 15));
  check_range(layer.bias(), 1 / std::sqrt(4.0 * 15));
  Conv1d<float> along(9, 300, 4, {.groups = 3});
  check_range(along.weight(), 1 / std::sqrt(3.0 * 4));
  check_range(along.bias(), 1 / std::sqrt(3.0 * 4));
  xgrad::manual_seed(5);
  CHECK(Conv2d<double>(8, 300, {3, 5}, {.groups = 2}).weight().value() == layer.weight().value());
  xgrad::manual_seed(0);
}

TEST_CASE("convolutional layers refuse numbers that cannot be") {
  const auto refused = [](std::size_t in, std::size_t out, const xgrad::Pair& kernel,
                          const Conv2dOptions& options) {
    return message_of<ValueError>([&] { Conv2d<float>(in, out, kernel, options); });
  };
  CHECK(refused(0, 4, {3, 3}, {}) == "Conv2d: 0 channels in and 4 out; both must be at least 1");
  CHECK(refused(4, 0, {3, 3}, {}) == "Conv2d: 4 channels in and 0 out; both must be at least 1");
  CHECK(refused(4, 6, {3, 0}, {}) ==
        "Conv2d: the kernel [3, 0] has no elements; its extents must be at least 1");
  CHECK(refused(4, 6, {3, 3}, {.groups = 4}) ==
        "Conv2d: 4 groups of 4 channels in and 6 out; the groups must divide both");
  CHECK(refused(4, 6, {3, 3}, {.groups = 0}) ==
        "Conv2d: 0 groups of 4 channels in and 6 out; the groups must divide both");
  CHECK(refused(4, 6, {3, 3}, {.stride = {1, 0}}) ==
        "Conv2d: a stride or dilation is 0; each must be at least 1");
  CHECK(message_of<ValueError>([] { Conv1d<float>(4, 6, 0); }) ==
        "Conv1d: the kernel [0] has no elements; its extents must be at least 1");
  CHECK(message_of<ValueError>([] { Conv1d<float>(4, 6, 3, {.dilation = 0}); }) ==
        "Conv1d: a stride or dilation is 0; each must be at least 1");
  Conv2d<float> layer(3, 4, 3);
  CHECK_THROWS_AS(layer(sample<float>({2, 2, 5, 5}, 1)), xgrad::ShapeError);
}

TEST_CASE("a convolutional network for images of 28 x 28 has the shapes and counts of its layers") {
  using namespace xgrad::nn;
  Sequential<float> net{
      Conv2d<float>(1, 32, 3), ReLU<float>(),         MaxPool2d<float>(2), Conv2d<float>(32, 64, 3),
      ReLU<float>(),           MaxPool2d<float>(2),   Flatten<float>(),    Linear<float>(1600, 128),
      ReLU<float>(),           Linear<float>(128, 10)};
  CHECK(net.summary({32, 1, 28, 28}) ==
        "Sequential: input [32, 1, 28, 28], output [32, 10]\n"
        "\n"
        "layer  type       output              bytes      FLOPs  parameters\n"
        "0      Conv2d     [32, 32, 26, 26]  2768896   13152256         320\n"
        "1      ReLU       [32, 32, 26, 26]  2768896     692224           0\n"
        "2      MaxPool2d  [32, 32, 13, 13]   692224          0           0\n"
        "3      Conv2d     [32, 64, 11, 11]   991232  142985216       18496\n"
        "4      ReLU       [32, 64, 11, 11]   991232     247808           0\n"
        "5      MaxPool2d  [32, 64, 5, 5]     204800          0           0\n"
        "6      Flatten    [32, 1600]              0          0           0\n"
        "7      Linear     [32, 128]           16384   13111296      204928\n"
        "8      ReLU       [32, 128]           16384       4096           0\n"
        "9      Linear     [32, 10]             1280      82240        1290\n"
        "total                               8451328  170275136      225034\n");
}
