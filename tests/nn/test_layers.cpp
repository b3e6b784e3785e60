#include <algorithm>
#include <cmath>
#include <limits>
#include <utility>

#include <doctest/doctest.h>
#include <xgrad/core/kernels/random.hpp>
#include <xgrad/nn/activation.hpp>
#include <xgrad/nn/flatten.hpp>
#include <xgrad/nn/linear.hpp>
#include <xgrad/nn/loss.hpp>
#include <xgrad/nn/sequential.hpp>
#include <xgrad/nn/two_layer_net.hpp>
#include <xgrad/ops/operators.hpp>

#include "layer_checks.hpp"

namespace {

using xgrad::Array;
using xgrad::Shape;
using xgrad::Variable;
using xgrad::nn::Flatten;
using xgrad::nn::HiddenActivation;
using xgrad::nn::Linear;
using xgrad::nn::ReLU;
using xgrad::nn::Sequential;
using xgrad::nn::TwoLayerNet;
using xgrad::testing::check_gradients;
using xgrad::testing::sample;

}  // namespace

TEST_CASE_TEMPLATE("Linear is x weight + bias, as plain loops compute it", T, float, double) {
  const std::size_t samples = 5, in = 7, out = 3;
  Linear<T> layer(in, out);
  CHECK(layer.in_features() == in);
  CHECK(layer.out_features() == out);
  const auto x = sample<T>(Shape{samples, in}, 1);
  const auto y = layer(x);
  REQUIRE(y.shape() == Shape{samples, out});
  for (std::size_t n = 0; n < samples; ++n)
    for (std::size_t o = 0; o < out; ++o) {
      double expected = layer.bias().dense().data()[o];
      for (std::size_t i = 0; i < in; ++i)
        expected += double(x.dense().data()[n * in + i]) * double(layer.weight().dense().data()[i * out + o]);
      CHECK(std::abs(y.dense().data()[n * out + o] - expected) < 20 * std::numeric_limits<T>::epsilon());
    }
}

TEST_CASE("Linear has right gradients, with and without a bias") {
  Linear<double> layer(4, 3), plain(4, 3, false);
  check_gradients(layer, sample<double>(Shape{5, 4}, 2));
  check_gradients(plain, sample<double>(Shape{5, 4}, 3));
  check_gradients(layer, sample<double>(Shape{2, 3, 4}, 4));
  CHECK_FALSE(plain.bias().defined());
  CHECK(plain.parameter_count() == 12);
}

TEST_CASE("Linear starts uniform in +- 1 / sqrt(in), weight and bias, and repeats with the seed") {
  xgrad::manual_seed(5);
  Linear<double> layer(100, 1000), other(100, 1000);
  const auto check_range = [](const Array<double>& values) {
    const auto [least, greatest] = std::minmax_element(values.cbegin(), values.cend());
    CHECK(*least >= -0.1);
    CHECK(*greatest < 0.1);
    CHECK(*greatest - *least > 0.199);
  };
  check_range(layer.weight().value());
  check_range(layer.bias().value());
  CHECK(layer.weight().value() != other.weight().value());
  xgrad::manual_seed(5);
  CHECK(Linear<double>(100, 1000).weight().value() == layer.weight().value());
  xgrad::manual_seed(0);
}

TEST_CASE("Linear refuses sizes of 0 and inputs that do not fit") {
  CHECK_THROWS_WITH_AS(Linear<float>(0, 10), "Linear: 0 inputs and 10 outputs; both must be at least 1",
                       xgrad::ValueError);
  CHECK_THROWS_AS(Linear<float>(10, 0), xgrad::ValueError);
  Linear<double> layer(4, 3);
  CHECK_THROWS_AS(layer(sample<double>(Shape{5, 3}, 1)), xgrad::ShapeError);
}

TEST_CASE("Flatten makes rows of images") {
  Flatten<double> flatten;
  const auto images = sample<double>(Shape{2, 3, 4, 5}, 6);
  CHECK(flatten(images).shape() == Shape{2, 60});
  CHECK(flatten(images).dense().data() == images.dense().data());
  CHECK(Flatten<double>(0)(images).shape() == Shape{120});
  CHECK(Flatten<double>(2)(images).shape() == Shape{2, 3, 20});
  check_gradients(flatten, sample<double>(Shape{2, 2, 2}, 7));
  CHECK_THROWS_AS(Flatten<double>(4)(images), xgrad::ShapeError);
}

TEST_CASE("a network of layers has right gradients") {
  xgrad::manual_seed(8);
  Sequential<double> net{Flatten<double>(), Linear<double>(8, 6), xgrad::nn::SiLU<double>(),
                         Linear<double>(6, 4), xgrad::nn::LogSoftmax<double>()};
  check_gradients(net, sample<double>(Shape{3, 2, 4}, 8));
  xgrad::manual_seed(0);
}

TEST_CASE("the summary of 784-100-10 counts 79510 parameters") {
  Sequential<float> net{Linear<float>(784, 100), ReLU<float>(), Linear<float>(100, 10)};
  CHECK(net.parameter_count() == 79510);
  CHECK(net.summary({100, 784}) ==
        "Sequential: input [100, 784], output [100, 10]\n"
        "\n"
        "layer  type    output      bytes     FLOPs  parameters\n"
        "0      Linear  [100, 100]  40000  15690000       78500\n"
        "1      ReLU    [100, 100]  40000     10000           0\n"
        "2      Linear  [100, 10]    4000    201000        1010\n"
        "total                      84000  15901000       79510\n");
}

TEST_CASE("TwoLayerNet has the activation that was asked for, and right gradients") {
  const auto x = sample<double>(Shape{3, 5}, 9);
  const auto expected = [&](TwoLayerNet<double>& net, auto activation) {
    return net.output()(activation(net.hidden()(x))).value();
  };
  TwoLayerNet<double> by_default(5, 4, 3), with_sigmoid(5, 4, 3, HiddenActivation::sigmoid),
      with_relu(5, 4, 3, HiddenActivation::relu);
  CHECK(by_default(x).value() == expected(by_default, [](const auto& z) { return tanh(z); }));
  CHECK(with_sigmoid(x).value() == expected(with_sigmoid, [](const auto& z) { return sigmoid(z); }));
  CHECK(with_relu(x).value() == expected(with_relu, [](const auto& z) { return relu(z); }));
  for (auto* net : {&by_default, &with_sigmoid, &with_relu}) check_gradients(*net, x);
  const TwoLayerNet<double> moved = std::move(by_default);
  CHECK(moved.hidden().weight().shape() == Shape{5, 4});
  CHECK(moved.named_parameters().front().first == "hidden.weight");
  CHECK(moved.named_parameters().back().first == "output.bias");
}

TEST_CASE("the losses stand beside the layers") {
  const auto logits = xgrad::parameter(xt::xarray<double>{{0, 0}});
  CHECK(xgrad::nn::cross_entropy(logits, xt::xarray<int>{1}).item() == doctest::Approx(std::log(2)));
  const auto target = xgrad::constant(xt::xarray<double>{{1, 3}});
  CHECK(xgrad::nn::mean_squared_error(logits, target).item() == 5);
  CHECK(xgrad::nn::sum_squared_error(logits, target, xgrad::nn::Reduction::sum).item() == 5);
}
