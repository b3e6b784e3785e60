// LayerNorm and BatchNorm: what they compute in training and in evaluation, their statistics and their state.
#include <doctest/doctest.h>

#include <cmath>
#include <sstream>
#include <vector>
#include <xgrad/core/kernels/random.hpp>
#include <xgrad/derivatives/gradcheck.hpp>
#include <xgrad/nn/linear.hpp>
#include <xgrad/nn/normalization.hpp>
#include <xgrad/nn/sequential.hpp>
#include <xgrad/ops/operators.hpp>
#include <xgrad/ops/reduction.hpp>

#include "../message_of.hpp"

namespace xg = xgrad;
namespace nn = xgrad::nn;
using xgrad::testing::message_of;

namespace {

xg::Variable<double> random_input(const xg::Shape& shape, std::uint64_t seed, double mean = 1) {
  xg::Generator from(seed);
  return xg::parameter(xg::random_normal<double>(shape, mean, 2, from));
}

/// The elements of channel c of x [N, C, ...].
std::vector<std::size_t> places_of(std::size_t c, const xg::Shape& shape) {
  const std::size_t inner = xg::element_count(shape) / shape[0] / shape[1];
  std::vector<std::size_t> places;
  for (std::size_t n = 0; n < shape[0]; ++n)
    for (std::size_t i = 0; i < inner; ++i) places.push_back((n * shape[1] + c) * inner + i);
  return places;
}

/// The batch normalisation of the papers, channel by channel, with statistics that it keeps itself.
struct Plain {
  std::vector<double> running_mean, running_var;
  double momentum;
  Plain(std::size_t channels, double momentum_)
      : running_mean(channels, 0), running_var(channels, 1), momentum(momentum_) {}

  xg::Array<double> run(const xg::Array<double>& x, bool training, double weight, double bias) {
    xg::Array<double> y = x;
    for (std::size_t c = 0; c < running_mean.size(); ++c) {
      const auto places = places_of(c, x.shape());
      const auto n = static_cast<double>(places.size());
      double mean = running_mean[c], variance = running_var[c];
      if (training) {
        mean = variance = 0;
        for (std::size_t i : places) mean += x.storage()[i] / n;
        for (std::size_t i : places) variance += std::pow(x.storage()[i] - mean, 2) / n;
        running_mean[c] = (1 - momentum) * running_mean[c] + momentum * mean;
        running_var[c] = (1 - momentum) * running_var[c] + momentum * variance * n / (n - 1);
      }
      for (std::size_t i : places)
        y.storage()[i] = (x.storage()[i] - mean) / std::sqrt(variance + 1e-5) * weight + bias;
    }
    return y;
  }
};

template <class Layer>
void check_batch_norm(const xg::Shape& shape, double momentum) {
  INFO("shape " << to_string(shape));
  const std::size_t channels = shape[1];
  Layer layer(channels, {.momentum = momentum});
  Plain plain(channels, momentum);
  layer.weight().set_value(xt::ones<double>({channels}) * 1.5);
  layer.bias().set_value(xt::ones<double>({channels}) * 0.25);
  for (std::uint64_t step = 0; step < 3; ++step) {
    const auto x = random_input(shape, step, static_cast<double>(step));
    CHECK(xt::allclose(layer(x).value(), plain.run(x.value(), true, 1.5, 0.25), 1e-12, 1e-12));
    for (std::size_t c = 0; c < channels; ++c) {
      CHECK(layer.running_mean().value()(c) == doctest::Approx(plain.running_mean[c]).epsilon(1e-12));
      CHECK(layer.running_var().value()(c) == doctest::Approx(plain.running_var[c]).epsilon(1e-12));
    }
  }
  layer.eval();
  const auto x = random_input(shape, 7);
  CHECK(xt::allclose(layer(x).value(), plain.run(x.value(), false, 1.5, 0.25), 1e-12, 1e-12));
  CHECK(layer.running_mean().value()(0) == doctest::Approx(plain.running_mean[0]).epsilon(1e-12));
}

/// In the input and in the parameters, first and second order, reverse and forward mode.
void check_gradients(nn::Module<double>& layer, const xg::Shape& shape) {
  const auto x = random_input(shape, 11);
  std::vector<xg::Variable<double>> in = layer.parameters();
  in.push_back(x);
  const auto report =
      xg::gradcheck([&] { return layer(x); }, in, {.second_order = true, .forward_mode = true});
  std::ostringstream text;
  text << report;
  INFO(text.str());
  CHECK(report.ok());
}

}  // namespace

TEST_CASE("BatchNorm normalises by the batch in training, by the running statistics in evaluation") {
  check_batch_norm<nn::BatchNorm1d<double>>({6, 3}, 0.1);
  check_batch_norm<nn::BatchNorm1d<double>>({4, 3, 5}, 0.3);
  check_batch_norm<nn::BatchNorm2d<double>>({3, 2, 4, 5}, 0.1);
  check_batch_norm<nn::BatchNorm2d<double>>({2, 5, 1, 2}, 1);
}

TEST_CASE("BatchNorm's gradients hold in both modes") {
  xg::manual_seed(3);
  for (const bool training : {true, false}) {
    CAPTURE(training);
    nn::BatchNorm1d<double> flat(3);
    nn::BatchNorm2d<double> images(2);
    flat(random_input({8, 3}, 1));
    images(random_input({2, 2, 3, 3}, 2));
    if (!training) {
      flat.eval();
      images.eval();
    }
    check_gradients(flat, {5, 3});
    check_gradients(images, {2, 2, 3, 2});
  }
}

TEST_CASE("BatchNorm has weight, bias and two buffers, unless it is told otherwise") {
  nn::BatchNorm1d<float> full(4), bare(4, {.affine = false, .track_running_stats = false});
  CHECK(full.parameter_count() == 8);
  CHECK(full.named_parameters()[0].first == "weight");
  CHECK(full.named_parameters()[1].first == "bias");
  REQUIRE(full.named_buffers().size() == 2);
  CHECK(full.named_buffers()[0].first == "running_mean");
  CHECK(full.named_buffers()[1].first == "running_var");
  CHECK(full.running_var().value() == xt::xarray<float>{1, 1, 1, 1});
  CHECK(bare.state().empty());
  CHECK_FALSE(bare.weight().defined());
  bare.eval();
  const auto x = xg::constant(xt::xarray<float>{{1, 2, 3, 4}, {3, 4, 5, 6}});
  CHECK(xt::allclose(bare(x).value(), xt::xarray<float>{{-1, -1, -1, -1}, {1, 1, 1, 1}}, 1e-4));
}

TEST_CASE("a network's state holds the running statistics, and another network can take them on") {
  xg::manual_seed(8);
  nn::Sequential<double> a{nn::Linear<double>(3, 4), nn::BatchNorm1d<double>(4)};
  nn::Sequential<double> b{nn::Linear<double>(3, 4), nn::BatchNorm1d<double>(4)};
  for (std::uint64_t step = 0; step < 4; ++step) a(random_input({9, 3}, step));
  b.load_state(a.state());
  a.eval();
  b.eval();
  const auto x = random_input({5, 3}, 40);
  CHECK(a(x).value() == b(x).value());
  b.train();
  b(random_input({9, 3}, 41, 5));
  b.eval();
  CHECK(a(x).value() != b(x).value());
}

TEST_CASE("summary runs through normalisation, also for one sample, and moves no statistics") {
  nn::Sequential<double> net{nn::BatchNorm1d<double>(6), nn::LayerNorm<double>(6)};
  CHECK(net.summary({1, 6}) ==
        "Sequential: input [1, 6], output [1, 6]\n"
        "\n"
        "layer  type         output  bytes  FLOPs  parameters\n"
        "0      BatchNorm1d  [1, 6]     96     12          12\n"
        "1      LayerNorm    [1, 6]     48     48          12\n"
        "total                         144     60          24\n");
  CHECK(xt::all(xt::equal(net.named_buffers()[1].second.value(), 1)));
}

TEST_CASE("BatchNorm refuses what does not fit, and its statistics stay") {
  nn::BatchNorm1d<double> flat(3);
  nn::BatchNorm2d<double> images(3);
  CHECK(message_of<xg::ShapeError>([&] {
          flat(random_input({2, 4}, 0));
        }) == "BatchNorm1d: [2, 4] is not [N, 3] or [N, 3, L]; check the layer's number of features");
  CHECK(message_of<xg::ShapeError>([&] {
          images(random_input({2, 3, 4}, 0));
        }) == "BatchNorm2d: [2, 3, 4] is not [N, 3, H, W]; check the layer's number of features");
  CHECK_THROWS_AS(flat(random_input({1, 3}, 0)), xg::ValueError);
  CHECK(xt::all(xt::equal(flat.running_mean().value(), 0)));
  CHECK(message_of<xg::ValueError>([] { nn::BatchNorm1d<double>(0); }) ==
        "BatchNorm: 0 features; give the number of channels");
  CHECK(message_of<xg::ValueError>([] { nn::BatchNorm1d<double>(3, {.momentum = 2}); }) ==
        "BatchNorm: momentum is 2; give the share of a batch, from 0 to 1");
  CHECK(message_of<xg::ValueError>([] { nn::BatchNorm1d<double>(3, {.epsilon = -1}); }) ==
        "BatchNorm: epsilon is -1; give a finite number that is not negative, such as 1e-5");
}

TEST_CASE("LayerNorm normalises the last axes, in training and in evaluation alike") {
  nn::LayerNorm<double> one(4), two(xg::Shape{2, 4}, {.epsilon = 0.5, .elementwise_affine = false});
  CHECK(one.parameter_count() == 8);
  CHECK(two.parameter_count() == 0);
  one.weight().set_value(xt::xarray<double>{1, 2, 3, 4});
  one.bias().set_value(xt::xarray<double>{4, 3, 2, 1});
  const auto x = random_input({3, 2, 4}, 5);
  xg::Array<double> by_rows = x.value(), by_planes = x.value();
  for (std::size_t n = 0; n < 3; ++n) {
    double plane_mean = 0, plane_variance = 0;
    for (std::size_t i = 0; i < 8; ++i) plane_mean += x.value()(n, i / 4, i % 4) / 8;
    for (std::size_t i = 0; i < 8; ++i)
      plane_variance += std::pow(x.value()(n, i / 4, i % 4) - plane_mean, 2) / 8;
    for (std::size_t r = 0; r < 2; ++r) {
      double mean = 0, variance = 0;
      for (std::size_t i = 0; i < 4; ++i) mean += x.value()(n, r, i) / 4;
      for (std::size_t i = 0; i < 4; ++i) variance += std::pow(x.value()(n, r, i) - mean, 2) / 4;
      for (std::size_t i = 0; i < 4; ++i) {
        const auto k = static_cast<double>(i);
        by_rows(n, r, i) = (x.value()(n, r, i) - mean) / std::sqrt(variance + 1e-5) * (k + 1) + 4 - k;
        by_planes(n, r, i) = (x.value()(n, r, i) - plane_mean) / std::sqrt(plane_variance + 0.5);
      }
    }
  }
  for (const bool training : {true, false}) {
    if (!training) one.eval();
    CHECK(xt::allclose(one(x).value(), by_rows, 1e-12, 1e-12));
  }
  CHECK(xt::allclose(two(x).value(), by_planes, 1e-12, 1e-12));
}

TEST_CASE("LayerNorm's gradients hold, over one axis and over two") {
  nn::LayerNorm<double> one(3), two(xg::Shape{2, 3});
  check_gradients(one, {4, 3});
  check_gradients(two, {2, 2, 3});
}

TEST_CASE("LayerNorm refuses what does not fit") {
  nn::LayerNorm<double> layer(xg::Shape{2, 4});
  CHECK(message_of<xg::ShapeError>([&] {
          layer(random_input({2, 3, 4}, 0));
        }) ==
        "LayerNorm: [2, 3, 4] does not end in the normalised shape [2, 4]; check the layer's input size");
  CHECK_THROWS_AS(layer(random_input({4}, 0)), xg::ShapeError);
  CHECK(message_of<xg::ValueError>([] { nn::LayerNorm<double>(0); }) ==
        "LayerNorm: the normalised shape [0] has no elements to take a mean of; give the extents of the last "
        "axes");
  CHECK_THROWS_AS(nn::LayerNorm<double>(3, {.epsilon = -1}), xg::ValueError);
}
