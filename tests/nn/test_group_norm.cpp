// GroupNorm: PyTorch's values, its extremes, and what it refuses.
#include <initializer_list>
#include <vector>

#include <doctest/doctest.h>
#include <xgrad/nn/group_norm.hpp>
#include <xgrad/nn/normalization.hpp>
#include <xgrad/ops/operators.hpp>
#include <xgrad/ops/reduction.hpp>

#include "../message_of.hpp"
#include "layer_checks.hpp"

namespace {

using xgrad::Shape;
using xgrad::ValueError;
using xgrad::nn::GroupNorm;
using xgrad::testing::check_gradients;
using xgrad::testing::message_of;
using xgrad::testing::sample;

/// sin(0.37 k) for k from 1, [2, 4, 2, 3].
xt::xarray<double> numbers() {
  xt::xarray<double> made = xt::sin(0.37 * xt::arange<double>(1, 49));
  made.reshape({2, 4, 2, 3});
  return made;
}

void check_close(const xgrad::Array<double>& given, const std::vector<double>& expected,
                 std::size_t from = 0) {
  for (std::size_t i = 0; i < expected.size(); ++i) {
    CAPTURE(i);
    CHECK(given.storage()[from + i] == doctest::Approx(expected[i]).epsilon(1e-7));
  }
}

}  // namespace

TEST_CASE("GroupNorm is PyTorch's, values and gradients") {
  // PyTorch 1.13.1, in double; the weights of the sum are cos(2 x).
  GroupNorm<double> layer(2, 4);
  layer.weight().set_value(xt::xarray<double>{1, -2, 0.5, 3});
  layer.bias().set_value(xt::xarray<double>{0.1, 0.2, -0.3, 0});
  const auto x = xgrad::parameter(numbers());
  const auto y = layer(x);
  check_close(y.value(), {0.277281688, 0.742324139, 1.07163169, 1.22063411, 1.16916462, 0.924189381,
                          -0.637729259, 0.383901643, 1.478241, 2.49717511, 3.30279603, 3.78606674});
  check_close(y.value(), {-0.746621403, -2.05426544, -3.08068056, -3.68694627, -3.79100736, -3.37877966}, 42);
  xgrad::sum(y * xgrad::constant(xt::cos(2 * numbers()))).backward();
  check_close(x.grad(), {1.7330472, 0.949222154, 0.298364559, 0.0171152178, 0.112073778, 0.589527462,
                         -0.865216215, -2.16659876, -2.15623669, -0.846633966, 0.696330143, 1.63900512});
  check_close(layer.weight().grad(), {1.15140593, 1.74080104, -0.597802727, -0.0136425186});
  check_close(layer.bias().grad(), {1.52431697, 5.20867319, 2.58875356, 0.112945841});
}

TEST_CASE("GroupNorm of one group is LayerNorm over channels and places, and takes any number of places") {
  const auto x = sample<double>({3, 4, 5}, 1);
  GroupNorm<double> one(1, 4), pairs(2, 4, {.affine = false});
  xgrad::nn::LayerNorm<double> layer_norm({4, 5});
  CHECK(xt::allclose(one(x).value(), layer_norm(x).value(), 1e-12, 1e-12));
  CHECK(pairs(sample<double>({3, 4}, 2)).shape() == Shape{3, 4});
  CHECK(pairs(sample<double>({0, 4, 5}, 2)).shape() == Shape{0, 4, 5});
  CHECK_FALSE(pairs.weight().defined());
  CHECK(pairs.parameters().empty());
  // In evaluation as in training.
  const auto before = one(x).value();
  one.eval();
  CHECK(one(x).value() == before);
}

TEST_CASE("GroupNorm has right gradients of both orders") {
  GroupNorm<double> layer(2, 4), plain(3, 6, {.epsilon = 0.1, .affine = false});
  check_gradients(layer, sample<double>({2, 4, 3}, 3));
  check_gradients(plain, sample<double>({2, 6, 2, 2}, 4));
}

TEST_CASE("GroupNorm refuses what cannot be, in one sentence") {
  CHECK(message_of<ValueError>([] { GroupNorm<float>(32, 8); }) ==
        "GroupNorm: 32 groups of 8 channels; the groups, which come first, must divide the channels");
  CHECK(message_of<ValueError>([] { GroupNorm<float>(0, 8); }) ==
        "GroupNorm: the number of groups is 0; it must be at least 1");
  CHECK(message_of<ValueError>([] { GroupNorm<float>(2, 8, {.epsilon = -1}); }) ==
        "GroupNorm: epsilon is -1; give a finite number that is not negative, such as 1e-5");
  GroupNorm<float> layer(4, 4);
  CHECK(message_of<xgrad::ShapeError>([&] {
          layer(sample<float>({2, 3, 5}, 1));
        }) == "GroupNorm: [2, 3, 5] is not [N, 4, ...]; check the layer's number of channels");
  CHECK(message_of<ValueError>([&] {
          layer(sample<float>({2, 4}, 1));
        }) ==
        "GroupNorm: each of the 4 groups of [2, 4] has one value a sample, and normalising leaves nothing of "
        "it; "
        "give fewer groups or more places");
}
