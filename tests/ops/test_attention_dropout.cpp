// scaled_dot_product_attention's dropout: which weights go, that a seed and a gradient repeat them, and the
// mean.
#include <doctest/doctest.h>

#include <cmath>
#include <xgrad/derivatives/checkpoint.hpp>
#include <xgrad/ops/creation.hpp>
#include <xgrad/ops/dropout.hpp>
#include <xgrad/ops/operators.hpp>
#include <xgrad/ops/reduction.hpp>

#include "attention_runs.hpp"

namespace xg = xgrad;
using namespace xgrad::testing;

namespace {

Forbids later() {
  return [](std::size_t, std::size_t i, std::size_t j) { return j > i; };
}

}  // namespace

TEST_CASE_TEMPLATE("dropout drops the weights that dropout() would", T, float, double) {
  for (const std::size_t keys : {5u, 64u, 131u, 300u})
    for (const double p : {0.1, 0.5, 1.0})
      check_against_loops<T>({2, 140, 3}, {2, keys, 3}, {2, keys, 2}, {.dropout = p}, {});
  check_against_loops<T>({2, 9, 3}, {2, 200, 3}, {2, 200, 2}, {.causal = true, .dropout = 0.5}, later());
}

TEST_CASE("dropout draws anew at each call, as a seed says, and backward draws the same") {
  const auto in = inputs<double>({3, 50, 4}, {3, 70, 4}, {3, 70, 4}, 10);
  xg::manual_seed(4);
  const Run<double> first(in, {.dropout = 0.5});
  const auto after = xg::generator().state();
  const Run<double> second(in, {.dropout = 0.5});
  CHECK(first.y.value() != second.y.value());
  xg::manual_seed(4);
  xg::dropout(xg::constant(xg::ones<double>({3, 50, 70})), 0.5);
  CHECK(xg::generator().state() == after);
  xg::manual_seed(4);
  CHECK(same_bits(first, Run<double>(in, {.dropout = 0.5})));
  // y is linear in v, by the weights that were drawn: <dy, y> = <dv, v>.
  CHECK(xg::sum(second.y * second.dy).item() ==
        doctest::Approx(xg::sum(second.back[2] * in[2]).item()).epsilon(1e-12));
  // Nothing is drawn where nothing is dropped.
  const auto before = xg::generator().state();
  CHECK(attention(in, {.dropout = 0}).value() == attention(in).value());
  CHECK(xg::generator().state() == before);
  xg::manual_seed(0);
}

TEST_CASE("dropout keeps the mean") {
  const auto in = inputs<double>({20, 4}, {100, 4}, {100, 3}, 10);
  const auto expected = attention(in).value();
  xt::xarray<double> mean = xt::zeros<double>({20, 3}), squares = mean;
  constexpr int times = 2000;
  xg::manual_seed(1);
  for (int i = 0; i < times; ++i) {
    const auto y = attention(in, {.dropout = 0.5}).value();
    mean += y / times;
    squares += y * y / times;
  }
  for (std::size_t i = 0; i < expected.size(); ++i) {
    // Five standard deviations of the mean.
    const double deviation = std::sqrt((squares.flat(i) - mean.flat(i) * mean.flat(i)) / times);
    CHECK(std::fabs(mean.flat(i) - expected.storage()[i]) < 5 * deviation);
  }
  xg::manual_seed(0);
}

TEST_CASE("inside a checkpoint attention drops what it dropped") {
  const auto in = inputs<double>({9, 4}, {9, 4}, {9, 4}, 3),
             again = inputs<double>({9, 4}, {9, 4}, {9, 4}, 3);
  const auto f = [](const std::vector<xg::Variable<double>>& x) {
    return attention(x, {.causal = true, .dropout = 0.5});
  };
  xg::manual_seed(9);
  const auto plain = f(in);
  xg::manual_seed(9);
  const auto kept = xg::checkpoint(f, again);
  CHECK(kept.value() == plain.value());
  xg::sum(plain * plain).backward();
  xg::sum(kept * kept).backward();
  for (std::size_t i = 0; i < 3; ++i) CHECK(in[i].grad() == again[i].grad());
  xg::manual_seed(0);
}
