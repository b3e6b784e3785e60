// The losses over classes: figures worked out independently, one sample and many, masks, labels.
#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <functional>
#include <limits>
#include <random>
#include <string>
#include <vector>
#include <xgrad/derivatives/grad.hpp>
#include <xgrad/derivatives/gradcheck.hpp>
#include <xgrad/ops/activation.hpp>
#include <xgrad/ops/cross_entropy.hpp>
#include <xgrad/ops/exponential.hpp>
#include <xgrad/ops/loss.hpp>
#include <xgrad/ops/operators.hpp>
#include <xgrad/ops/reduction.hpp>
#include <xgrad/ops/softmax.hpp>

#include "../message_of.hpp"
#include "../variables.hpp"

namespace xg = xgrad;
using xgrad::testing::gradient_of;
using xgrad::testing::labels_of;
using xgrad::testing::largest_difference;
using xgrad::testing::message_of;
using xgrad::testing::random_labels;
using xgrad::testing::random_variable;
using xgrad::testing::rows_of_labels;
using Var = xg::Variable<double>;
using xg::Reduction;

namespace {

constexpr double infinity = std::numeric_limits<double>::infinity();

constexpr Reduction reductions[] = {Reduction::mean, Reduction::sum, Reduction::none};

}  // namespace

TEST_CASE("the cross entropy of one sample is -log of its label's probability") {
  const auto y = xg::parameter(xt::xarray<double>{.1, .05, .6, 0, .05, .1, 0, .1, 0, 0});
  const xg::Indices two(xt::xarray<std::int64_t>(2)), nine(xt::xarray<std::int64_t>(0));
  CHECK(xg::cross_entropy_of_probabilities(y, two).item() == doctest::Approx(0.51).epsilon(0.01));
  CHECK(xg::cross_entropy_of_probabilities(y, two).item() == doctest::Approx(-std::log(0.6)).epsilon(1e-15));
  CHECK(xg::cross_entropy_of_probabilities(y, nine).item() == doctest::Approx(2.30).epsilon(0.01));
  CHECK(xg::nll_loss(log(y), two).item() == doctest::Approx(-std::log(0.6)).epsilon(1e-15));
  // Classes of probability 0 that nobody asked for do no harm.
  CHECK(gradient_of(xg::cross_entropy_of_probabilities(y, two), y)(3) == 0);
  CHECK(gradient_of(xg::cross_entropy_of_probabilities(y, two), y)(2) == doctest::Approx(-1 / 0.6));
}

TEST_CASE("batch cross entropy is the same from labels, integer rows and one-hot rows: 0.8573992140459633") {
  const auto F = xg::parameter(xt::xarray<double>{{.2, .5, .3}, {.2, .6, .2}});
  const xg::Indices labels = labels_of({2, 1});
  const xt::xarray<double> rows = {{0, 0, 1}, {0, 1, 0}};
  const double expected = 0.8573992140459633;
  CHECK(std::fabs(xg::cross_entropy_of_probabilities(F, labels).item() - expected) < 1e-15);
  CHECK(std::fabs(xg::cross_entropy_of_probabilities(F, rows).item() - expected) < 1e-15);
  CHECK(std::fabs(xg::cross_entropy_of_probabilities(F, xt::xarray<int>{{0, 0, 1}, {0, 1, 0}}).item() -
                  expected) < 1e-15);
  CHECK(std::fabs(xg::cross_entropy_of_probabilities(F, xg::constant(rows)).item() - expected) < 1e-15);
  CHECK(std::fabs(xg::nll_loss(log(F), labels).item() - expected) < 1e-15);
}

TEST_CASE("softmax cross entropy from logits is 31.500003072148047, and its gradient (F - Y) / m") {
  const auto Z = xg::parameter(xt::xarray<double>{{2, 25, 13}, {54, 3, 11}});
  const xt::xarray<double> rows = {{0, 0, 1}, {0, 1, 0}};
  for (const Var& loss :
       {xg::cross_entropy(Z, labels_of({2, 1})), xg::cross_entropy(Z, rows),
        xg::cross_entropy(Z, xt::xarray<int>{2, 1}), xg::cross_entropy(Z, xg::Indices(rows)),
        xg::nll_loss(xg::log_softmax(Z), labels_of({2, 1}))}) {
    CHECK(std::fabs(loss.item() - 31.500003072148047) < 1e-12);
    const xg::Array<double> g = gradient_of(loss, Z);
    CHECK(g(0, 0) == doctest::Approx(5.1309e-11).epsilon(1e-5));
    CHECK(g(0, 1) == doctest::Approx(.499996928).epsilon(1e-9));
    CHECK(g(0, 2) == doctest::Approx(-.499996928).epsilon(1e-9));
    CHECK(g(1, 0) == doctest::Approx(.5).epsilon(1e-12));
    CHECK(g(1, 1) == doctest::Approx(-.5).epsilon(1e-12));
    CHECK(g(1, 2) == doctest::Approx(1.0576e-19).epsilon(1e-4));
    CHECK(largest_difference(g, (xg::softmax(Z).value() - rows) / 2) < 1e-16);
  }
}

TEST_CASE("large batches are split without a change of result") {
  INFO("seed 54");
  std::mt19937_64 random(54);
  const auto x = random_variable<double>({20000, 11}, random);
  const xg::Indices labels = random_labels(20000, 11, random);
  const xg::Array<double> single = xg::cross_entropy(x, labels, Reduction::none).value();
  double total = 0;
  for (double loss : single.storage()) total += loss;
  CHECK(xg::cross_entropy(x, labels).item() == doctest::Approx(total / 20000).epsilon(1e-14));
  CHECK(largest_difference(gradient_of(xg::cross_entropy(x, labels), x),
                           (xg::softmax(x).value() - rows_of_labels(labels, 11)) / 20000) < 1e-18);
  const auto t = random_variable<double>({20000, 11}, random);
  const double square = xg::mean((x - t) * (x - t)).item();
  CHECK(xg::mean_squared_error(x, t).item() == doctest::Approx(square).epsilon(1e-14));
}

TEST_CASE("one sample needs no axis for its batch") {
  const auto z = xg::parameter(xt::xarray<double>{1, 2, 3});
  const double expected = std::log(std::exp(1.0) + std::exp(2.0) + std::exp(3.0)) - 3;
  const xg::Indices label(xt::xarray<std::int64_t>(2));
  for (Reduction reduction : reductions) {
    const Var loss = xg::cross_entropy(z, label, reduction);
    CHECK(loss.dim() == 0);
    CHECK(loss.item() == doctest::Approx(expected).epsilon(1e-14));
    CHECK(xg::cross_entropy(z, xt::xarray<double>{0, 0, 1}, reduction).item() ==
          doctest::Approx(expected).epsilon(1e-14));
    CHECK(largest_difference(gradient_of(loss, z), xg::softmax(z).value() - xt::xarray<double>{0, 0, 1}) <
          1e-15);
    const auto second = xg::grad(xg::cross_entropy(z, label, reduction), {z}, {.create_graph = true});
    CHECK(gradient_of(xg::sum(second[0] * second[0]), z).size() == 3);
  }
}

TEST_CASE("an infinite target has an infinite loss of its sign, as in PyTorch") {
  const auto z = xg::parameter(xt::xarray<double>{{1, 2, 3}});
  const auto loss = [&](const xt::xarray<double>& targets) { return xg::cross_entropy(z, targets).item(); };
  CHECK(loss({{0.5, infinity, 0.5}}) == infinity);
  CHECK(loss({{0.5, -infinity, 0}}) == -infinity);
  CHECK(std::isnan(loss({{infinity, -infinity, 0}})));
  const auto t = xg::parameter(xt::xarray<double>{{0, infinity, 0}});
  CHECK(xt::allclose(gradient_of(xg::cross_entropy(z, t), t), -xg::log_softmax(z).value(), 1e-15, 0));
}

TEST_CASE("masked logits of -inf take no part, and 0 log 0 is 0") {
  const auto z = xg::parameter(xt::xarray<double>{{0, -infinity, 0}});
  CHECK(xg::cross_entropy(z, labels_of({0})).item() == doctest::Approx(std::log(2.0)).epsilon(1e-15));
  CHECK(xg::cross_entropy(z, xt::xarray<double>{{0.5, 0, 0.5}}).item() ==
        doctest::Approx(std::log(2.0)).epsilon(1e-15));
  CHECK(gradient_of(xg::cross_entropy(z, labels_of({0})), z) == xt::xarray<double>{{-0.5, 0, 0.5}});
  CHECK(xg::cross_entropy(z, labels_of({1})).item() == infinity);
  const auto p = xg::parameter(xt::xarray<double>{{0, 1}});
  const xt::xarray<double> t = {{0, 1}};
  CHECK(xg::cross_entropy_of_probabilities(p, t).item() == 0);
  const auto first = xg::grad(xg::cross_entropy_of_probabilities(p, t), {p}, {.create_graph = true});
  CHECK(first[0].value() == xt::xarray<double>{{0, -1}});
  CHECK(gradient_of(xg::sum(first[0]), p) == xt::xarray<double>{{0, 1}});
}

TEST_CASE("labels and predictions that do not fit are refused by name") {
  const auto z = xg::parameter(xt::zeros<double>({2, 3}));
  CHECK(message_of([&] {
          xg::cross_entropy(z, labels_of({0, 3}));
        }) == "cross_entropy: the label of row 1 is 3, and there are 3 classes; count them from 0");
  CHECK(message_of([&] {
          xg::nll_loss(z, labels_of({-1, 0}));
        }) == "nll_loss: the label of row 0 is -1, and there are 3 classes; count them from 0");
  CHECK_THROWS_AS(xg::cross_entropy(z, labels_of({0, 3})), xg::ValueError);
  CHECK(
      message_of([&] {
        xg::cross_entropy(z, labels_of({0, 1, 2}));
      }) ==
      "cross_entropy: labels [3] do not fit predictions [2, 3]; give [2], one label a row, or one-hot rows");
  const auto images = xg::parameter(xt::zeros<double>({2, 3, 4}));
  CHECK(message_of([&] {
          xg::cross_entropy(images, labels_of({0, 1}));
        }) ==
        "cross_entropy: labels [2] do not fit predictions [2, 3, 4] with the classes along axis 2; give [2, "
        "3], "
        "one label a sample, or give one-hot rows");
  CHECK(
      message_of([&] {
        xg::cross_entropy(images, xg::Indices({2, 4}, 0));
      }) ==
      "cross_entropy: labels [2, 4] do not fit predictions [2, 3, 4] with the classes along axis 2; give "
      "[2, 3], one label a sample, or say .axis = 1 if the classes lie along that one, or give one-hot rows");
  CHECK(message_of([&] { xg::cross_entropy(xg::parameter(1.0), xg::Indices(xg::Shape{}, 0)); }) ==
        "cross_entropy: predictions [] have 0 axes; reshape them to [N, C], or [C] for one sample, with the "
        "classes last");
  CHECK(message_of([&] {
          xg::cross_entropy(images, xg::Indices({2, 4}, 0), {.axis = 3});
        }).find("cross_entropy: axis 3") == 0);
  CHECK(
      message_of([&] {
        xg::cross_entropy_of_probabilities(z, labels_of({0, 7}));
      }) ==
      "cross_entropy_of_probabilities: the label of row 1 is 7, and there are 3 classes; count them from 0");
  CHECK(message_of([&] { xg::binary_cross_entropy(z, z, Reduction::mean, 0); }) ==
        "binary_cross_entropy: epsilon is 0.000000; give one above 0 and below 0.5");
}

TEST_CASE("labels that the caller changes later change no gradient") {
  const auto z = xg::parameter(xt::xarray<double>{{1, 2, 3}});
  xg::Indices labels = labels_of({0});
  const Var loss = xg::cross_entropy(z, labels);
  labels(0) = 2;
  CHECK(gradient_of(loss, z)(0, 0) < 0);
}
