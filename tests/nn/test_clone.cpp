#include <string>
#include <utility>

#include <doctest/doctest.h>
#include <xgrad/core/kernels/random.hpp>
#include <xgrad/nn/activation.hpp>
#include <xgrad/nn/attention.hpp>
#include <xgrad/nn/clone.hpp>
#include <xgrad/nn/convolution.hpp>
#include <xgrad/nn/dropout.hpp>
#include <xgrad/nn/embedding.hpp>
#include <xgrad/nn/flatten.hpp>
#include <xgrad/nn/group_norm.hpp>
#include <xgrad/nn/identity.hpp>
#include <xgrad/nn/module_list.hpp>
#include <xgrad/nn/normalization.hpp>
#include <xgrad/nn/parameter_list.hpp>
#include <xgrad/nn/pooling.hpp>
#include <xgrad/nn/recurrent.hpp>
#include <xgrad/nn/sequential.hpp>
#include <xgrad/nn/transformer.hpp>
#include <xgrad/nn/two_layer_net.hpp>

#include "../message_of.hpp"
#include "affine.hpp"
#include "layer_checks.hpp"

namespace {

using namespace xgrad::nn;
using xgrad::Shape;
using xgrad::ShapeError;
using xgrad::ValueError;
using xgrad::testing::Affine;
using xgrad::testing::message_of;
using xgrad::testing::names_in;
using xgrad::testing::sample;

using V = xgrad::Variable<double>;
using X = xt::xarray<double>;

/// All parameters and buffers become others than a new module has; variances stay positive.
void disturb(Module<double>& module) {
  auto state = module.state();
  double by = 0.25;
  for (auto& [name, array] : state) array = xgrad::Array<double>(array + (by += 0.125));
  module.load_state(state);
}

/// A clone gives the module's output on an input of this shape, in evaluation, and what is done to one does
/// nothing to the other.
template <class M>
void check_clone(M module, const Shape& input) {
  INFO(module.name());
  disturb(module);
  module.eval();
  const auto random = xgrad::generator().state();
  M copy = clone(module);
  CHECK(xgrad::generator().state() == random);
  CHECK_FALSE(copy.is_training());
  CHECK(names_in(copy.state()) == names_in(module.state()));
  const V x = sample<double>(input, 3);
  const xgrad::Array<double> expected = module(x).value();
  CHECK(copy(x).value() == expected);
  disturb(copy);
  CHECK(module(x).value() == expected);
  for (const V& parameter : copy.parameters()) CHECK(parameter.requires_grad());
}

/// Says nothing of how it is made.
class Plain : public Module<double> {
 public:
  explicit Plain(std::size_t features) : affine_(register_module("affine", Affine(features))) {}
  V forward(const V& x) override { return affine_(x); }

 private:
  Affine& affine_;
};

/// Derives from a class that says so.
class Special : public Linear<double> {
 public:
  Special() : Linear<double>(2, 2) {}
};

/// Says so.
class Told : public Plain {
 public:
  explicit Told(std::size_t features) : Plain(features), features_(features) {}

 protected:
  std::unique_ptr<Module<double>> make_another() const override { return std::make_unique<Told>(features_); }

 private:
  std::size_t features_;
};

}  // namespace

TEST_CASE("every layer is cloned with its options and values") {
  check_clone(Linear<double>(3, 2), {4, 3});
  check_clone(Linear<double>(3, 2, false), {4, 3});
  check_clone(Conv1d<double>(4, 6, 3, {.stride = 2, .padding = 1, .groups = 2}), {2, 4, 7});
  check_clone(Conv1d<double>(2, 3, 2, {}, false), {2, 2, 7});
  check_clone(Conv2d<double>(4, 6, {3, 2}, {.stride = 2, .padding = {2, 1}, .groups = 2}), {1, 4, 6, 5});
  check_clone(Conv2d<double>(2, 3, 2, {}, false), {1, 2, 4, 4});
  check_clone(ConvTranspose2d<double>(4, 6, {4, 2}, {.stride = 2, .padding = 1, .groups = 2}), {1, 4, 3, 3});
  check_clone(MaxPool2d<double>({.kernel = 3, .stride = 2, .padding = 1}), {1, 2, 5, 5});
  check_clone(AvgPool2d<double>(xgrad::Pair(2, 1)), {1, 2, 4, 4});
  check_clone(AdaptiveAvgPool2d<double>(xgrad::Pair(2, 3)), {1, 2, 5, 5});
  check_clone(Flatten<double>(2), {2, 3, 2, 2});
  check_clone(Identity<double>(), {2, 3});
  check_clone(LayerNorm<double>({2, 3}, {.epsilon = 0.5}), {4, 2, 3});
  check_clone(LayerNorm<double>(3, {.elementwise_affine = false}), {4, 3});
  check_clone(GroupNorm<double>(2, 4, {.epsilon = 0.5}), {2, 4, 3});
  check_clone(GroupNorm<double>(2, 4, {.affine = false}), {2, 4, 3});
  check_clone(BatchNorm1d<double>(3, {.epsilon = 0.5}), {4, 3});
  check_clone(BatchNorm2d<double>(3, {.affine = false}), {2, 3, 2, 2});
  check_clone(LeakyReLU<double>(0.2), {4, 3});
  check_clone(Softmax<double>(0), {4, 3});
  check_clone(ReLU<double>(), {4, 3});
  check_clone(RNN<double>(3, 2, {.layers = 2, .batch_first = true}, RecurrentActivation::relu), {4, 5, 3});
  check_clone(GRU<double>(3, 2, {.bias = false}), {4, 1, 3});
  check_clone(LSTM<double>(3, 2, {.layers = 2}), {4, 1, 3});
  check_clone(MultiheadAttention<double>(6, 2, {.bias = false, .batch_first = true}), {2, 3, 6});
  check_clone(TransformerEncoderLayer<double>(
                  4, 2, {.feedforward = 3, .activation = TransformerActivation::gelu, .norm_first = true}),
              {3, 2, 4});
  check_clone(TwoLayerNet<double>(3, 4, 2, HiddenActivation::relu), {5, 3});
  CHECK(clone(Dropout<double>(0.3)).p() == 0.3);
  CHECK(clone(BatchNorm1d<double>(3, {.momentum = 0.4})).options().momentum == 0.4);
  CHECK(clone(Embedding<float>(4, 3)).weight().shape() == Shape{4, 3});
}

TEST_CASE("Sequential and the lists are cloned with all that is in them") {
  check_clone(
      Sequential<double>{Linear<double>(3, 4), Sequential<double>{Tanh<double>(), Linear<double>(4, 2)}},
      {5, 3});
  ModuleList<double> list{Linear<double>(3, 4), ReLU<double>()};
  CHECK(names_in(clone(list).named_modules()) == std::vector<std::string>{"", "0", "1"});
  ModuleList<double, Linear<double>> typed{Linear<double>(3, 4)};
  CHECK(clone(typed)[0].weight().value() == typed[0].weight().value());
  const ParameterList<double> parameters{X{1, 2}, X{{3, 4}}};
  auto copy = clone(parameters);
  CHECK(copy[1].value() == X{{3, 4}});
  copy[0].set_value(X{5, 6});
  CHECK(parameters[0].value() == X{1, 2});
}

TEST_CASE("a module of one's own is cloned by the function that makes one") {
  Plain plain(2);
  disturb(plain);
  plain.eval();
  Plain copy = clone(plain, [] { return Plain(2); });
  const V x = xgrad::constant(X{1, 2});
  CHECK(copy(x).value() == plain(x).value());
  CHECK_FALSE(copy.named_modules()[1].second->is_training());
  disturb(copy);
  CHECK_FALSE(copy(x).value() == plain(x).value());
  CHECK(message_of<ShapeError>([&] {
          clone(plain, [] { return Plain(3); });
        }).starts_with("clone: the value for 'affine.scale' is [2], the parameter [3]; "));

  Linear<double> layer(2, 2);
  const auto random = xgrad::generator().state();
  CHECK(clone(layer, [] { return Linear<double>(2, 2); }).weight().value() == layer.weight().value());
  CHECK(xgrad::generator().state() == random);
}

TEST_CASE("a class that does not say how it is made is told what to do") {
  const std::string text =
      " does not say how it is made; give a function, clone(net, [] { return Net(2, 3); }), or override "
      "make_another() in it";
  CHECK(message_of<ValueError>([] { clone(Plain(2)); }) == "clone: Plain" + text);
  CHECK(message_of<ValueError>([] { clone(Special()); }) == "clone: Special" + text);
  CHECK(message_of<ValueError>([] {
          clone(Sequential<double>{Affine(2), Plain(2)});
        }) == "clone: Affine" + text);
  const Special special;
  const Linear<double>& as_linear = special;
  CHECK(message_of<ValueError>([&] { clone(as_linear); }) ==
        "clone: Special is given as a class that it derives from; give it under its own");

  Sequential<double> net{Told(2)};
  disturb(net);
  const V x = xgrad::constant(X{1, 2});
  CHECK(clone(net)(x).value() == net(x).value());
}

TEST_CASE("a clone has no gradients and no hooks") {
  Linear<double> layer(2, 2);
  int calls = 0;
  layer.register_forward_hook([&](auto&, auto&, auto&) { ++calls; });
  layer(xgrad::constant(X{{1, 2}})).backward({.grad_output = X{{1, 1}}});
  Linear<double> copy = clone(layer);
  CHECK_FALSE(copy.weight().has_grad());
  copy(xgrad::constant(X{{1, 2}}));
  CHECK(calls == 1);
}
