#include <memory>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

#include <doctest/doctest.h>
#include <xgrad/core/kernels/random.hpp>
#include <xgrad/nn/linear.hpp>
#include <xgrad/nn/sequential.hpp>
#include <xgrad/ops/operators.hpp>

#include "affine.hpp"

namespace {

using xgrad::Array;
using xgrad::Shape;
using xgrad::ShapeError;
using xgrad::ValueError;
using xgrad::Variable;
using xgrad::nn::Module;
using xgrad::nn::Sequential;
using xgrad::testing::Affine;
using xgrad::testing::names_in;
using xgrad::testing::names_of;

/// Two of them, and a parameter of its own; `second` may be left out.
class Twice : public Module<double> {
 public:
  Twice()
      : gain_(register_parameter("gain", xt::xarray<double>{3})),
        first_(register_module("first", Affine(2))),
        second_(register_module("second", Affine(2, 5))) {}
  Variable<double> forward(const Variable<double>& x) override {
    const auto y = first_(x) * gain_;
    return uses_second ? second_(y) : y;
  }
  Affine& first() { return first_; }
  Affine& second() { return second_; }
  bool uses_second = true;
  using Module<double>::register_module;
  using Module<double>::register_parameter;

 private:
  Variable<double>& gain_;
  Affine& first_;
  Affine& second_;
};

/// Draws a random number, fails on request, and remembers whether it was in training.
class Noisy : public Module<double> {
 public:
  Variable<double> forward(const Variable<double>& x) override {
    was_training = is_training();
    (void)xgrad::generator().next();
    if (fails) throw ValueError("noisy: as asked");
    return x + 1;
  }
  std::string name() const override { return "Noise"; }
  bool was_training = true;
  bool fails = false;
};

static_assert(!std::is_copy_constructible_v<Twice>);
static_assert(!std::is_copy_assignable_v<Sequential<double>>);
static_assert(std::is_move_constructible_v<Twice>);
static_assert(std::is_nothrow_move_constructible_v<Sequential<float>>);

const xt::xarray<double> one_row = {{1, 2}};

}  // namespace

TEST_CASE("parameters are named by their path, a module's own before its children's") {
  Twice net;
  CHECK(names_of(net) ==
        std::vector<std::string>{"gain", "first.scale", "first.shift", "second.scale", "second.shift"});
  CHECK(net.parameters().size() == 5);
  for (std::size_t i = 0; i < 5; ++i)
    CHECK(&net.parameters()[i].node() == &net.named_parameters()[i].second.node());
  CHECK(net.parameter_count() == 9);
  CHECK(net.parameters()[1].dense().data() == net.first().scale().dense().data());
  CHECK(net(xgrad::constant(one_row)).value() == xt::xarray<double>{{30, 60}});
}

TEST_CASE("named_modules lists a module and all inside it, and apply visits them in that order") {
  Sequential<double> net{Twice(), Noisy()};
  const auto modules = net.named_modules();
  CHECK(names_in(modules) == std::vector<std::string>{"", "0", "0.first", "0.second", "1"});
  CHECK(modules[0].second == &net);
  CHECK(modules[2].second == &dynamic_cast<Twice&>(net[0]).first());

  std::vector<std::string> visited;
  net.apply([&](Module<double>& module) { visited.push_back(module.name()); });
  CHECK(visited == std::vector<std::string>{"Sequential", "Twice", "Affine", "Affine", "Noise"});
  net.apply([](auto& module) {
    if (auto* affine = dynamic_cast<Affine*>(&module)) affine->scale().set_value(xt::xarray<double>{1, 1});
  });
  CHECK(net(xgrad::constant(one_row)).value() == xt::xarray<double>{{4, 7}});
}

TEST_CASE("a module that has moved keeps its parameters, its children, and the references to both") {
  Twice net;
  Affine& first = net.first();
  const Variable<double>& scale = first.scale();
  Twice moved = std::move(net);
  CHECK(&moved.first() == &first);
  auto owner = std::make_unique<Twice>(std::move(moved));
  CHECK(&owner->first().scale() == &scale);
  CHECK(names_of(*owner).size() == 5);
  owner->first().scale().set_value(xt::xarray<double>{1, 1});
  CHECK((*owner)(xgrad::constant(one_row)).value() == xt::xarray<double>{{15, 30}});
  std::vector<Twice> several;
  several.push_back(std::move(*owner));
  several.emplace_back();
  CHECK(several.front()(xgrad::constant(one_row)).value() == xt::xarray<double>{{15, 30}});
}

TEST_CASE("zero_grad forgets the gradients of all parameters") {
  Twice net;
  net(xgrad::constant(one_row)).backward({.grad_output = xt::ones<double>({1, 2})});
  for (const auto& parameter : net.parameters()) CHECK(parameter.has_grad());
  net.zero_grad();
  for (const auto& parameter : net.parameters()) CHECK_FALSE(parameter.has_grad());
}

TEST_CASE("train and eval reach every module inside") {
  Twice net;
  CHECK(net.is_training());
  CHECK(net.first().is_training());
  net.eval();
  CHECK_FALSE(net.is_training());
  CHECK_FALSE(net.second().is_training());
  net.train();
  CHECK(net.is_training());
  CHECK(net.first().is_training());
}

TEST_CASE("a name is refused that is empty, has a dot, or is taken") {
  Twice net;
  const auto zero = [] { return xgrad::zeros({}); };
  CHECK_THROWS_WITH_AS(
      net.register_parameter("a.b", zero()),
      "register_parameter: the name 'a.b' is empty or has a dot in it; dots separate the names "
      "of nested modules",
      ValueError);
  CHECK_THROWS_AS(net.register_module("", Affine(1)), ValueError);
  CHECK_THROWS_WITH_AS(net.register_module("gain", Affine(1)),
                       "register_module: the name 'gain' is taken by a parameter; choose another",
                       ValueError);
  CHECK_THROWS_WITH_AS(net.register_parameter("first", zero()),
                       "register_parameter: the name 'first' is taken by a module; choose another",
                       ValueError);
  CHECK(net.parameter_count() == 9);
}

TEST_CASE("a state taken from one module can be loaded into another") {
  Twice a, b;
  a.first().scale().set_value(xt::xarray<double>{7, 8});
  const auto state = a.state();
  a.first().scale().set_value(xt::xarray<double>{0, 0});
  b.load_state(state);
  CHECK(b.first().scale().value() == xt::xarray<double>{7, 8});
  CHECK(b.second().scale().value() == xt::xarray<double>{5, 5});
}

TEST_CASE("a state that does not fit is refused by name, and changes nothing") {
  Twice net;
  auto state = net.state();
  for (auto& [name, array] : state) array = Array<double>(array + 1);
  const auto refused = [&](auto&& edit) {
    auto bad = state;
    edit(bad);
    std::string text;
    try {
      net.load_state(bad);
    } catch (const xgrad::Error& error) {
      text = error.what();
    }
    CHECK(net.parameters()[0].value()(0) == 3);
    return text;
  };
  CHECK(refused([](auto& s) { s.erase(s.begin() + 2); }) ==
        "load_state: there is no value for 'first.shift'; every parameter of the module needs one");
  CHECK(refused([](auto& s) { s.push_back(s[1]); }) ==
        "load_state: 'first.scale' is given twice; keep one of the two");
  CHECK(refused([](auto& s) { s.emplace_back("third.scale", s[1].second); }) ==
        "load_state: the module has no parameter or buffer 'third.scale'; see state() for those that it has");
  CHECK(
      refused([](auto& s) { s[4].second = xt::zeros<double>({3}); }) ==
      "load_state: the value for 'second.shift' is [3], the parameter [2]; make the module with the sizes of "
      "the one that the values come from");
  net.load_state(state);
  CHECK(net.parameters()[0].value()(0) == 4);
}

TEST_CASE("copy_parameters copies by name, and the two are independent afterwards") {
  Twice a, b;
  a.second().scale().set_value(xt::xarray<double>{-1, -2});
  copy_parameters(a, b);
  CHECK(b.second().scale().value() == xt::xarray<double>{-1, -2});
  b.second().scale().mutable_data()[0] = 9;
  CHECK(a.second().scale().value() == xt::xarray<double>{-1, -2});
  copy_parameters(a, a);
  Affine other(2);
  CHECK_THROWS_WITH_AS(
      copy_parameters(a, other),
      "copy_parameters: there is no value for 'scale'; every parameter of the module needs one", ValueError);
  Sequential<double> narrow{Affine(2)}, wide{Affine(3)};
  CHECK_THROWS_AS(copy_parameters(narrow, wide), ShapeError);
}

TEST_CASE("Sequential feeds each module's output to the next, whatever its type") {
  Sequential<double> net{Affine(2, 2), Noisy(), Sequential<double>{Affine(2, 10), Affine(2, 3)}};
  CHECK(net.size() == 3);
  CHECK(net(xgrad::constant(one_row)).value() == xt::xarray<double>{{90, 150}});
  CHECK(names_of(net) ==
        std::vector<std::string>{"0.scale", "0.shift", "2.0.scale", "2.0.shift", "2.1.scale", "2.1.shift"});
  CHECK(net[1].name() == "Noise");
  CHECK(net[0](xgrad::constant(one_row)).value() == xt::xarray<double>{{2, 4}});
  CHECK_THROWS_WITH_AS(net[3], "Sequential: there is no module 3 among 3; they are counted from 0",
                       ValueError);
  Sequential<double> moved = std::move(net);
  CHECK(moved.append(Affine(2, 0.5)).name() == "Affine");
  CHECK(moved(xgrad::constant(one_row)).value() == xt::xarray<double>{{45, 75}});
  Sequential<double> none;
  CHECK(none(xgrad::constant(one_row)).value() == one_row);
}

TEST_CASE("an Array or an xtensor expression is a constant to a module") {
  Sequential<double> net{Affine(2, 2), Affine(2, 3)};
  const auto expected = net(xgrad::constant(one_row)).value();
  const Array<double> array = one_row;
  const xt::xarray<float> single = {{1, 2}};
  CHECK(net(one_row).value() == expected);
  CHECK(net(array).value() == expected);
  CHECK(net(single).value() == expected);
  CHECK(net(2 * one_row / 2).value() == expected);
  CHECK(net[1](array).value() == net[1](xgrad::constant(one_row)).value());
  int calls = 0;
  auto hook = net.register_forward_hook([&](auto&, const Variable<double>& x, const Variable<double>&) {
    calls += x.value() == one_row && !x.requires_grad();
  });
  const Variable<double> y = net(array);
  CHECK(calls == 1);
  CHECK(y.requires_grad());
}

TEST_CASE("summary lists modules, shapes and counts") {
  Sequential<double> net{Twice(), Noisy()};
  CHECK(net.summary({4, 2}) ==
        "Sequential: input [4, 2], output [4, 2]\n"
        "\n"
        "layer     type    output  bytes  FLOPs  parameters\n"
        "0         Twice   [4, 2]     64      8           1\n"
        "0.first   Affine  [4, 2]    128     16           4\n"
        "0.second  Affine  [4, 2]    128     16           4\n"
        "1         Noise   [4, 2]     64      8           0\n"
        "total                       384     48           9\n");
  CHECK(Affine(2).summary({2}) ==
        "Affine: input [2], output [2]\n"
        "\n"
        "layer   type    output  bytes  FLOPs  parameters\n"
        "itself  Affine  [2]        32      4           4\n"
        "total                      32      4           4\n");
  Twice partly;
  partly.uses_second = false;
  CHECK(partly.summary({2}) ==
        "Twice: input [2], output [2]\n"
        "\n"
        "layer   type    output  bytes  FLOPs  parameters\n"
        "itself  Twice   [2]        16      2           1\n"
        "first   Affine  [2]        32      4           4\n"
        "second  Affine  -           0      0           4\n"
        "total                      48      6           9\n");
}

TEST_CASE("summary counts what a module that is made for a call does as its maker's") {
  struct Making : Module<double> {
    Variable<double> forward(const Variable<double>& x) override {
      xgrad::nn::Linear<double> inner(2, 3);
      return inner(x);
    }
  };
  // 2 4 2 3 and a bias each, in 12 numbers of eight bytes.
  CHECK(Making().summary({4, 2}) ==
        "Making: input [4, 2], output [4, 3]\n"
        "\n"
        "layer   type    output  bytes  FLOPs  parameters\n"
        "itself  Making  [4, 3]     96     60           0\n"
        "total                      96     60           0\n");
}

TEST_CASE("summary changes nothing, also when the forward pass fails") {
  Sequential<double> net;
  Affine& affine = net.append(Affine(2));
  Noisy& noisy = net.append(Noisy());
  affine.eval();
  const auto random = xgrad::generator().state();
  for (const bool fails : {false, true}) {
    noisy.fails = fails;
    if (fails) {
      CHECK_THROWS_AS(net.summary({3, 2}), ValueError);
    } else {
      net.summary({3, 2});
    }
    CHECK_FALSE(noisy.was_training);
    CHECK(net.is_training());
    CHECK(noisy.is_training());
    CHECK_FALSE(affine.is_training());
    CHECK(xgrad::generator().state() == random);
    CHECK(xgrad::is_recording());
    CHECK_FALSE(affine.scale().has_grad());
  }
  CHECK_THROWS_AS(net.summary({3}), ShapeError);
}
