// Dropout and Embedding as layers.
#include <doctest/doctest.h>

#include <cmath>
#include <sstream>
#include <xgrad/core/kernels/random.hpp>
#include <xgrad/derivatives/gradcheck.hpp>
#include <xgrad/nn/dropout.hpp>
#include <xgrad/nn/embedding.hpp>
#include <xgrad/nn/linear.hpp>
#include <xgrad/nn/sequential.hpp>
#include <xgrad/ops/dropout.hpp>
#include <xgrad/ops/operators.hpp>

#include "../message_of.hpp"

namespace xg = xgrad;
namespace nn = xgrad::nn;
using xgrad::testing::message_of;

TEST_CASE("Dropout drops in training, and is the identity in evaluation") {
  nn::Dropout<double> layer(0.25);
  CHECK(layer.p() == 0.25);
  const auto x = xg::parameter(xt::ones<double>({30, 40}));
  xg::manual_seed(5);
  const auto y = layer(x);
  xg::manual_seed(5);
  CHECK(y.value() == xg::dropout(x, 0.25).value());
  std::size_t kept = 0;
  for (const double element : y.value()) {
    CHECK((element == 0 || element == 1 / 0.75));
    kept += element != 0;
  }
  // 900 are expected, with a deviation of 15.
  CHECK(kept > 825);
  CHECK(kept < 975);
  layer.eval();
  CHECK(&layer(x).node() == &x.node());
}

TEST_CASE("Dropout's gradients hold in both modes") {
  nn::Dropout<double> layer;
  for (const bool training : {true, false}) {
    if (!training) layer.eval();
    const auto report = xg::gradcheck(
        [&](const xg::Variable<double>& x) {
          xg::manual_seed(3);
          return layer(x) * layer(x);
        },
        {xg::parameter(xt::xarray<double>{{0.5, -1, 2}, {3, 0.25, -2}})},
        {.second_order = true, .forward_mode = true});
    std::ostringstream text;
    text << report;
    INFO(text.str());
    CHECK(report.ok());
  }
}

TEST_CASE("Dropout inside a network: a seed repeats a training step, and summary draws nothing") {
  xg::manual_seed(0);
  nn::Sequential<float> net{nn::Linear<float>(4, 6), nn::Dropout<float>(0.5)};
  const auto x = xg::constant(xt::ones<float>({3, 4}));
  const auto before = xg::generator().state();
  const auto first = net(x).value();
  CHECK(xg::generator().state() != before);
  xg::generator().set_state(before);
  net.summary({3, 4});
  CHECK(xg::generator().state() == before);
  CHECK(net(x).value() == first);
  CHECK(net.parameter_count() == 30);
  CHECK(net.state().size() == 2);
}

TEST_CASE("Dropout refuses what is no probability") {
  CHECK(message_of<xg::ValueError>([] { nn::Dropout<float>(-0.5); }) ==
        "Dropout: p is -0.5; give the share of elements to drop, from 0 to 1");
  CHECK_THROWS_AS(nn::Dropout<float>(1.01), xg::ValueError);
}

TEST_CASE("Embedding gives each index its vector, and learns those that were used") {
  xg::manual_seed(6);
  nn::Embedding<double> layer(5, 3);
  CHECK(layer.count() == 5);
  CHECK(layer.dimension() == 3);
  CHECK(layer.named_parameters()[0].first == "weight");
  const xg::Array<double> table = layer.weight().value();
  const auto y = layer(xt::xarray<std::int64_t>{{3, 0}, {3, 4}});
  REQUIRE(y.shape() == xg::Shape{2, 2, 3});
  for (std::size_t i = 0; i < 3; ++i) {
    CHECK(y.value()(0, 0, i) == table(3, i));
    CHECK(y.value()(0, 1, i) == table(0, i));
    CHECK(y.value()(1, 1, i) == table(4, i));
  }
  CHECK(layer(xg::constant(xt::xarray<double>{{3, 0}, {3, 4}})).value() == y.value());
  y.backward({.grad_output = xt::ones<double>({2, 2, 3})});
  for (std::size_t i = 0; i < 3; ++i) {
    CHECK(layer.weight().grad()(3, i) == 2);
    CHECK(layer.weight().grad()(0, i) == 1);
    CHECK(layer.weight().grad()(1, i) == 0);
  }
}

TEST_CASE("Embedding's gradients hold, and it stands first in a network") {
  xg::manual_seed(6);
  nn::Embedding<double> layer(4, 2);
  const auto report = xg::gradcheck(
      [&] {
        const auto y = layer(xt::xarray<std::int64_t>{1, 3, 1});
        return y * y * y;
      },
      {layer.weight()}, {.second_order = true, .forward_mode = true});
  CHECK(report.ok());
  nn::Sequential<double> net{nn::Embedding<double>(7, 4), nn::Linear<double>(4, 2)};
  CHECK(net.summary({3, 5}) ==
        "Sequential: input [3, 5], output [3, 5, 2]\n"
        "\n"
        "layer  type       output     bytes  FLOPs  parameters\n"
        "0      Embedding  [3, 5, 4]    480      0          28\n"
        "1      Linear     [3, 5, 2]    240    270          10\n"
        "total                          720    270          38\n");
}

TEST_CASE("Embedding's table starts normal, from this thread's generator") {
  xg::manual_seed(1);
  const nn::Embedding<float> a(200, 50);
  xg::manual_seed(1);
  const nn::Embedding<float> b(200, 50);
  CHECK(a.weight().value() == b.weight().value());
  double sum = 0, squares = 0;
  for (const float element : a.weight().value()) {
    sum += static_cast<double>(element);
    squares += static_cast<double>(element) * static_cast<double>(element);
  }
  CHECK(std::abs(sum / 10000) < 0.05);
  CHECK(squares / 10000 == doctest::Approx(1).epsilon(0.07));
}

TEST_CASE("Embedding refuses what is no index") {
  nn::Embedding<double> layer(4, 2);
  CHECK(message_of<xg::ValueError>([&] {
          layer(xg::constant(xt::xarray<double>{0, 1.5}));
        }) == "Embedding: 1.5 is no index; give whole numbers from 0 to 3");
  CHECK_THROWS_AS(layer(xg::constant(xt::xarray<double>{std::nan("")})), xg::ValueError);
  CHECK_THROWS_AS(layer(xt::xarray<std::int64_t>{4}), xg::ValueError);
  CHECK(message_of<xg::ValueError>([] { nn::Embedding<double>(0, 2); }) ==
        "Embedding: 0 vectors of 2 elements; both must be at least 1");
  // 2^24 + 1 is no float: it comes as 2^24.
  CHECK(message_of<xg::ValueError>([] {
          nn::Embedding<float>(4, 2)(xg::constant(xt::xarray<float>{0, static_cast<float>(16777217)}));
        }) == "Embedding: 16777216 as a float may have been another whole number; give Indices");
  CHECK(message_of<xg::ValueError>([&] {
          layer(xg::constant(xt::xarray<double>{0x1p24, 0}));
        }).find("index 16777216 among indices [2]") != std::string::npos);
}
