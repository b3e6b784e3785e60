#include <string>
#include <thread>
#include <utility>
#include <vector>

#include <doctest/doctest.h>
#include <xgrad/derivatives/checkpoint.hpp>
#include <xgrad/derivatives/grad.hpp>
#include <xgrad/derivatives/gradcheck.hpp>
#include <xgrad/nn/activation.hpp>
#include <xgrad/nn/functional_call.hpp>
#include <xgrad/nn/linear.hpp>
#include <xgrad/nn/normalization.hpp>
#include <xgrad/nn/recurrent.hpp>
#include <xgrad/nn/sequential.hpp>
#include <xgrad/ops/exponential.hpp>
#include <xgrad/ops/operators.hpp>
#include <xgrad/ops/reduction.hpp>

#include "../message_of.hpp"
#include "affine.hpp"
#include "layer_checks.hpp"

namespace {

using namespace xgrad::nn;
using xgrad::GraphError;
using xgrad::Shape;
using xgrad::ShapeError;
using xgrad::ValueError;
using xgrad::testing::Affine;
using xgrad::testing::message_of;
using xgrad::testing::sample;

using V = xgrad::Variable<double>;
using X = xt::xarray<double>;

const V row = xgrad::constant(X{1, 2});

/// x * scale, and beside the result something that does not lead to it.
class Aside : public Module<double> {
 public:
  V forward(const V& x) override {
    aside = xgrad::sum(scale_ * scale_);
    if (fails) throw ValueError("aside: as asked");
    return xgrad::sum(x * scale_);
  }
  V aside;
  bool fails = false;

 private:
  V scale_ = register_parameter("scale", X{1, 1});
  V unused_ = register_parameter("unused", X{1, 1});
};

}  // namespace

TEST_CASE("functional_call computes with the given Variables, and gradients reach them") {
  Linear<double> layer(2, 1);
  const X own = layer.weight().value();
  const V x = xgrad::constant(X{{1, 2}});
  V weight = xgrad::parameter(xgrad::array<double>({{3}, {5}})), factor = xgrad::parameter(2.0);
  const V y = functional_call(layer, {{"weight", weight * factor}, {"bias", xgrad::parameter(X{1})}}, x);
  CHECK(y.value() == xgrad::array<double>({{27}}));
  CHECK(layer.weight().value() == own);
  y.backward();
  CHECK(weight.grad() == xgrad::array<double>({{2}, {4}}));
  CHECK(factor.grad()() == 13);
  CHECK_FALSE(layer.weight().has_grad());
  CHECK_FALSE(layer.bias().has_grad());

  layer(x).backward();
  CHECK(layer.weight().grad() == xgrad::array<double>({{1}, {2}}));
  CHECK(weight.grad() == xgrad::array<double>({{2}, {4}}));
}

TEST_CASE("parameters may be given for each other") {
  Affine net(1);  // 2 x + 0
  const auto named = net.named_parameters();
  const V scale = named[0].second, shift = named[1].second, x = xgrad::constant(X{10});
  CHECK(functional_call(net, {{"scale", shift}, {"shift", scale}}, x).item() == 2);  // 0 x + 2
  const V other = xgrad::parameter(X{7});
  CHECK(functional_call(net, {{"shift", other}, {"scale", shift}}, x).item() == 7);  // 0 x + 7
  CHECK(net(x).item() == 20);
}

TEST_CASE("what is not named stays the module's own") {
  Linear<double> layer(2, 1);
  layer.bias().set_value(X{10});
  const V weight = xgrad::parameter(xgrad::array<double>({{3}, {5}}));
  const V y = functional_call(layer, {{"weight", weight}}, xgrad::constant(X{{1, 2}}));
  CHECK(y.item() == 23);
  y.backward();
  CHECK(weight.has_grad());
  CHECK(layer.bias().grad() == X{1});
  CHECK_FALSE(layer.weight().has_grad());
}

TEST_CASE("a step of gradient descent is differentiated") {
  // The loss a^2 of y = a: after a step of 0.1, (0.8 a)^2, whose slope is 1.28 a.
  struct Number : Module<double> {
    V a = register_parameter("a", X(3.0));
    V forward(const V& x) override { return a * x; }
  };
  Number net;
  const V one = xgrad::constant(1.0);
  auto fast = net.named_parameters();
  const V y = functional_call(net, fast, one);
  const V slope = xgrad::grad(y * y, {net.a}, {.create_graph = true})[0];
  fast[0].second = fast[0].second - 0.1 * slope;
  const V after = functional_call(net, fast, one);
  CHECK(after.item() == doctest::Approx(2.4));
  (after * after).backward();
  CHECK(net.a.grad()() == doctest::Approx(3.84));
  CHECK(net.a.item() == 3);
}

TEST_CASE("derivatives of networks in given parameters are right, to the second order") {
  Sequential<double> net{Linear<double>(3, 4), Tanh<double>(), Linear<double>(4, 2)};
  const V x = sample<double>({5, 3}, 1);
  const auto named = net.named_parameters();
  std::vector<V> given;
  for (const auto& [name, parameter] : named) given.push_back(sample<double>(parameter.shape(), 7));
  const auto f = [&](const std::vector<V>& values) {
    std::vector<std::pair<std::string, V>> state;
    for (std::size_t i = 0; i < values.size(); ++i) state.emplace_back(named[i].first, values[i]);
    return functional_call(net, state, x);
  };
  const auto report = xgrad::gradcheck(f, given, {.second_order = true, .forward_mode = true});
  INFO(report);
  CHECK(report.ok());
  for (const auto& [name, parameter] : named) CHECK_FALSE(parameter.has_grad());
}

TEST_CASE("recurrent layers, whose handles are copies of copies, see the given ones") {
  LSTM<double> layer(2, 3), other(2, 3);
  const V x = sample<double>({4, 2, 2}, 1);
  const auto state = other.named_parameters();
  CHECK(functional_call(layer, state, x).value() == other(x).value());
  const auto result = functional_call(layer, state, x, LSTMState<double>{});
  CHECK(result.output.value() == other(x).value());
  xgrad::sum(result.state.cell).backward();
  for (const auto& [name, parameter] : state) CHECK(parameter.has_grad());
  for (const V& parameter : layer.parameters()) CHECK_FALSE(parameter.has_grad());
}

TEST_CASE("what is recorded beside the result has the given ones for inputs, too") {
  Aside module;
  const V scale = xgrad::parameter(X{3, 4});
  CHECK(functional_call(module, {{"scale", scale}}, row).item() == 11);
  module.aside.backward();
  CHECK(scale.grad() == X{6, 8});
  CHECK_FALSE(module.parameters()[0].has_grad());
}

TEST_CASE("a forward pass may ask for gradients in its own parameters") {
  // y = a x - 0.5 d(a x)^2/da = a x - a x^2.
  struct Adapting : Module<double> {
    V a = register_parameter("a", X(7.0));
    V forward(const V& x) override {
      const V y = a * x;
      return y - 0.5 * xgrad::grad(y * y, {a}, {.create_graph = true})[0];
    }
  };
  Adapting module;
  const V a = xgrad::parameter(3.0);
  const V y = functional_call(module, {{"a", 1.0 * a}}, xgrad::constant(0.5));
  CHECK(y.item() == 0.75);
  y.backward();
  CHECK(a.grad()() == 0.25);
  CHECK_FALSE(module.a.has_grad());
}

TEST_CASE("a module that gives a parameter itself gives the one that stands for it") {
  struct Constant : Module<double> {
    V a = register_parameter("a", X{7, 7});
    V forward(const V&) override { return a; }
  };
  Constant module;
  const V a = xgrad::parameter(X{1, 2});
  const V y = functional_call(module, {{"a", a}}, row);
  CHECK(y.value() == X{1, 2});
  CHECK(module.a.value() == X{7, 7});
  xgrad::sum(y * y).backward();
  CHECK(a.grad() == X{2, 4});
}

TEST_CASE("a module has its own values again when a call throws") {
  Aside module;
  module.fails = true;
  CHECK_THROWS_AS(functional_call(module, {{"scale", xgrad::parameter(X{3, 4})}}, row), ValueError);
  CHECK(module.parameters()[0].value() == X{1, 1});
  module.fails = false;
  CHECK(module(row).item() == 3);
}

TEST_CASE("functional_call nests") {
  struct Outer : Module<double> {
    Affine& inner = register_module("inner", Affine(2));
    V forward(const V& x) override {
      const V scale = inner.scale();
      return functional_call(inner, {{"scale", scale * scale}}, x);
    }
  };
  Outer outer;
  const V scale = xgrad::parameter(X{3, 4});
  const V y = functional_call(outer, {{"inner.scale", scale}}, row);
  CHECK(y.value() == X{9, 32});
  xgrad::sum(y).backward();
  CHECK(scale.grad() == X{6, 16});
  CHECK_FALSE(outer.inner.scale().has_grad());
  CHECK(outer.inner.scale().value() == X{2, 2});
}

TEST_CASE("given ones may be another thread's") {
  Affine affine(2);
  V scale, leaf = xgrad::parameter(X{1, 1});
  std::thread([&] {
    scale = leaf;
    for (int i = 0; i < 1000; ++i) scale = scale * 1.0;
  }).join();
  const V y = functional_call(affine, {{"scale", scale}}, row);
  xgrad::sum(y).backward();
  CHECK(leaf.grad() == X{1, 2});
}

TEST_CASE("constants and NoGrad are as for any call") {
  Affine affine(2);
  const V y = functional_call(affine, {{"scale", xgrad::constant(X{5, 6})}}, row);
  CHECK(y.value() == X{5, 12});
  xgrad::sum(y).backward();
  CHECK(affine.parameters()[1].grad() == X{1, 1});
  CHECK_FALSE(affine.scale().has_grad());
  const xgrad::NoGrad off;
  const V quiet = functional_call(affine, {{"scale", xgrad::parameter(X{5, 6})}}, row);
  CHECK(quiet.value() == X{5, 12});
  CHECK(affine.scale().value() == X{2, 2});
}

TEST_CASE("functional_call says what does not fit") {
  Aside module;
  const auto text = [&](std::vector<std::pair<std::string, V>> given) {
    return message_of([&] { functional_call(module, given, row); });
  };
  const V two = xgrad::parameter(X{1, 2});
  CHECK(text({{"size", two}}) ==
        "functional_call: the module has no parameter 'size'; see named_parameters() for those that it has");
  CHECK(text({{"scale", two}, {"scale", two}}) ==
        "functional_call: 'scale' is given twice; keep one of the two");
  CHECK(text({{"scale", xgrad::parameter(X{1})}}) ==
        "functional_call: the value for 'scale' is [1], the parameter [2]; they must be equal");
  CHECK(text({{"scale", V()}}) ==
        "functional_call: the Variable for 'scale' is empty; assign it a value first");
  CHECK(text({{"scale", two}, {"unused", two}}) ==
        "functional_call: nothing that was recorded has read 'unused'; leave it out, or look for what the "
        "forward pass reads in its place");
  struct Checkpointed : Module<double> {
    V scale = register_parameter("scale", X{1, 1});
    V forward(const V& x) override {
      return xgrad::checkpoint([&](const std::vector<V>& in) { return in[0] * scale; }, {x});
    }
  };
  Checkpointed block;
  CHECK(message_of<GraphError>([&] {
          functional_call(block, {{"scale", two}}, row);
        }).starts_with("functional_call: there is a checkpoint inside"));
  CHECK(block.scale.value() == X{1, 1});
}
