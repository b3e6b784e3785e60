// Losses at the ends of their domains: huge and infinite logits, probabilities of 0 and 1.
#include <doctest/doctest.h>

#include <cmath>
#include <limits>
#include <xgrad/derivatives/grad.hpp>
#include <xgrad/ops/cross_entropy.hpp>
#include <xgrad/ops/loss.hpp>
#include <xgrad/ops/operators.hpp>
#include <xgrad/ops/reduction.hpp>

#include "../variables.hpp"

namespace xg = xgrad;
using xg::Reduction;
using xgrad::testing::gradient_of;
using xgrad::testing::labels_of;

TEST_CASE("losses from logits are stable at plus and minus 10000") {
  const auto z = xg::parameter(xt::xarray<double>{{1e4, -1e4}, {-1e4, 1e4}});
  CHECK(xg::cross_entropy(z, labels_of({0, 1})).item() == 0);
  CHECK(xg::cross_entropy(z, labels_of({1, 0})).item() == 2e4);
  CHECK(gradient_of(xg::cross_entropy(z, labels_of({1, 1})), z) == xt::xarray<double>{{0.5, -0.5}, {0, 0}});
  const xt::xarray<double> t = {{1, 0}, {1, 0}};
  CHECK(xg::binary_cross_entropy_with_logits(z, t, Reduction::none).value() ==
        xt::xarray<double>{{0, 0}, {1e4, 1e4}});
  CHECK(gradient_of(xg::binary_cross_entropy_with_logits(z, t, Reduction::sum), z) ==
        xt::xarray<double>{{0, 0}, {-1, 1}});
  const auto first = xg::grad(xg::binary_cross_entropy_with_logits(z, t), {z}, {.create_graph = true});
  CHECK(gradient_of(xg::sum(first[0]), z) == xt::zeros<double>({2, 2}));
  const auto near = xg::parameter(xt::xarray<float>{{10000, 10001}});
  CHECK(xg::cross_entropy(near, labels_of({0})).item() == doctest::Approx(1.3132616875).epsilon(1e-6));
  CHECK(xg::grad(xg::cross_entropy(near, labels_of({0})), {near})[0].value()(0, 1) ==
        doctest::Approx(0.7310585786).epsilon(1e-6));
}

TEST_CASE("an infinite logit costs nothing where it is right, and infinity where it is wrong") {
  constexpr double infinity = std::numeric_limits<double>::infinity();
  const xt::xarray<double> logits = {-infinity, infinity, -infinity, infinity, -infinity, infinity, 2, -2};
  const xt::xarray<double> targets = {0, 1, 1, 0, 0.25, 0.25, 0, 1};
  const double ordinary = std::log1p(std::exp(2.0)), slope = 1 / (1 + std::exp(-2.0));
  const xt::xarray<double> expected = {0, 0, infinity, infinity, infinity, infinity, ordinary, ordinary};
  const xt::xarray<double> slopes = {0, 0, -1, 1, -0.25, 0.75, slope, -slope};
  for (std::size_t i = 0; i < 8; ++i) {
    CAPTURE(i);
    const auto z = xg::parameter(xt::xarray<double>{logits(i)});
    const xt::xarray<double> t = {targets(i)};
    for (const Reduction reduction : {Reduction::mean, Reduction::sum, Reduction::none}) {
      const auto loss = xg::binary_cross_entropy_with_logits(z, t, reduction);
      if (std::isinf(expected(i))) CHECK(loss.item() == infinity);
      if (std::isfinite(expected(i))) CHECK(loss.item() == doctest::Approx(expected(i)).epsilon(1e-15));
      const auto first = xg::grad(sum(loss), {z}, {.create_graph = true})[0];
      CHECK(first.item() == doctest::Approx(slopes(i)).epsilon(1e-15));
      CHECK(std::isfinite(xg::grad(sum(first), {z})[0].item()));
    }
    const auto narrow = xg::parameter(xt::xarray<float>{static_cast<float>(logits(i))});
    const auto loss =
        xg::binary_cross_entropy_with_logits(narrow, xt::xarray<float>{static_cast<float>(targets(i))});
    if (std::isinf(expected(i))) CHECK(std::isinf(loss.item()));
    if (std::isfinite(expected(i)))
      CHECK(static_cast<double>(loss.item()) == doctest::Approx(expected(i)).epsilon(1e-6));
  }
  // A NaN is seen, whatever the target is.
  for (const double t : {0.0, 1.0})
    CHECK(
        std::isnan(xg::binary_cross_entropy_with_logits(xg::constant(std::nan("")), xg::constant(t)).item()));
  // A class that is ruled out, by its logit or its logarithm, and rightly.
  const auto z = xg::parameter(xt::xarray<double>{{-infinity, 0, 1}}),
             certain = xg::parameter(xt::xarray<double>{{-infinity, 0}});
  const double rest = std::log1p(std::exp(1.0)), share = 1 / (1 + std::exp(1.0));
  const xt::xarray<double> rows = {{0, 1, 0}};
  for (const auto& loss : {xg::cross_entropy(z, labels_of({1})), xg::cross_entropy(z, rows)}) {
    CHECK(loss.item() == doctest::Approx(rest));
    const auto got = gradient_of(loss, z);
    CHECK(got(0, 0) == 0);
    CHECK(got(0, 1) == doctest::Approx(share - 1));
  }
  CHECK(xg::nll_loss(certain, labels_of({1})).item() == 0);
  CHECK(xg::kl_div(certain, xt::xarray<double>{{0, 1}}).item() == 0);
  const auto sure = xg::constant(xt::xarray<double>{{0, 1}});
  CHECK(xg::cross_entropy_of_probabilities(sure, xt::xarray<double>{{0, 1}}).item() == 0);
  const auto p = xg::parameter(xt::xarray<double>{infinity, -infinity});
  const xt::xarray<double> zeros = {0, 0};
  CHECK(xg::l1_loss(p, zeros).item() == infinity);
  CHECK(xg::huber_loss(p, zeros).item() == infinity);
  CHECK(gradient_of(xg::l1_loss(p, zeros, Reduction::sum), p) == xt::xarray<double>{1, -1});
  CHECK(gradient_of(xg::huber_loss(p, zeros, Reduction::sum), p) == xt::xarray<double>{1, -1});
}

TEST_CASE("the second derivative of binary cross entropy at a logit of 0 is a quarter") {
  const auto z = xg::parameter(xt::xarray<double>{0.0});
  const auto first =
      xg::grad(xg::binary_cross_entropy_with_logits(z, xt::xarray<double>{1.0}), {z}, {.create_graph = true});
  CHECK(first[0].item() == -0.5);
  CHECK(gradient_of(first[0], z)(0) == 0.25);
}

TEST_CASE("binary cross entropy stays finite at probabilities of 0 and 1, and still draws them back") {
  const auto p = xg::parameter(xt::xarray<double>{0, 1, 0, 1});
  const xt::xarray<double> t = {0, 1, 1, 0};
  const xg::Array<double> loss = xg::binary_cross_entropy(p, t, Reduction::none).value();
  CHECK(loss(0) == 0);
  CHECK(loss(1) == 0);
  CHECK(loss(2) == doctest::Approx(-std::log(1e-12)));
  CHECK(loss(3) == doctest::Approx(-std::log(1e-12)));
  const xg::Array<double> g = gradient_of(xg::binary_cross_entropy(p, t, Reduction::sum), p);
  CHECK(g == xt::xarray<double>{1, -1, -1e12, 1e12});
  CHECK(xg::binary_cross_entropy(p, t, Reduction::none, 1e-3).value()(2) == doctest::Approx(-std::log(1e-3)));
  const auto single = xg::parameter(xt::xarray<float>{1});
  CHECK(xg::binary_cross_entropy(single, xt::xarray<float>{0}).item() == doctest::Approx(27.631021));
}
