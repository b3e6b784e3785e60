#include <memory>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

#include <doctest/doctest.h>
#include <xgrad/core/random.hpp>
#include <xgrad/nn/sequential.hpp>
#include <xgrad/ops/operators.hpp>
#include <xtensor/xarray.hpp>

namespace {

using xgrad::Array;
using xgrad::Dense;
using xgrad::Shape;
using xgrad::ShapeError;
using xgrad::ValueError;
using xgrad::Variable;
using xgrad::nn::Module;
using xgrad::nn::Sequential;

/// x * scale + shift, with a parameter for each of `features`.
class Affine : public Module<double> {
 public:
  explicit Affine(std::size_t features, double scale = 2)
      : scale_(register_parameter("scale", Dense<double>::filled(Shape{features}, scale))),
        shift_(register_parameter("shift", Dense<double>::filled(Shape{features}, 0))) {}
  Variable<double> forward(const Variable<double>& x) override { return x * scale_ + shift_; }
  Variable<double>& scale() { return scale_; }

 private:
  Variable<double>& scale_;
  Variable<double>& shift_;
};

/// Two of them, and a parameter of its own; `second` may be left out.
class Twice : public Module<double> {
 public:
  Twice()
      : gain_(register_parameter("gain", Array<double>(xt::xarray<double>{3}))),
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

/// Counts its calls in a buffer, and scales by a parameter.
class Counting : public Module<double> {
 public:
  Counting()
      : calls_(register_buffer("calls", Array<double>(xt::xarray<double>{0}))),
        scale_(register_parameter("scale", Dense<double>::filled(Shape{1}, 2))) {}
  Variable<double> forward(const Variable<double>& x) override {
    calls_.set_value(calls_.value() + 1);
    return x * scale_ + calls_;
  }
  using Module<double>::register_buffer;
  using Module<double>::register_module;
  using Module<double>::register_parameter;

 private:
  Variable<double>& calls_;
  Variable<double>& scale_;
};

template <class Named>
std::vector<std::string> names_in(const Named& all) {
  std::vector<std::string> names;
  for (const auto& [name, value] : all) names.push_back(name);
  return names;
}

std::vector<std::string> names_of(const Module<double>& module) {
  return names_in(module.named_parameters());
}

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
  const auto zero = [] { return Dense<double>::scalar(0); };
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

TEST_CASE("summary lists modules, shapes and counts") {
  Sequential<double> net{Twice(), Noisy()};
  CHECK(net.summary({4, 2}) ==
        "Sequential: input [4, 2], output [4, 2]\n"
        "\n"
        "layer     type    output  parameters\n"
        "0         Twice   [4, 2]           1\n"
        "0.first   Affine  [4, 2]           4\n"
        "0.second  Affine  [4, 2]           4\n"
        "1         Noise   [4, 2]           0\n"
        "total                              9\n");
  CHECK(Affine(2).summary({2}) ==
        "Affine: input [2], output [2]\n"
        "\n"
        "layer   type    output  parameters\n"
        "itself  Affine  [2]              4\n"
        "total                            4\n");
  Twice partly;
  partly.uses_second = false;
  CHECK(partly.summary({2}) ==
        "Twice: input [2], output [2]\n"
        "\n"
        "layer   type    output  parameters\n"
        "itself  Twice   [2]              1\n"
        "first   Affine  [2]              4\n"
        "second  Affine  -                4\n"
        "total                            9\n");
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

TEST_CASE("buffers are part of the state, a module's own after its parameters, and are not parameters") {
  Sequential<double> net{Affine(1), Counting(), Counting()};
  CHECK(names_in(net.named_buffers()) == std::vector<std::string>{"1.calls", "2.calls"});
  CHECK(names_of(net) == std::vector<std::string>{"0.scale", "0.shift", "1.scale", "2.scale"});
  CHECK(net.parameters().size() == 4);
  CHECK(net.parameter_count() == 4);
  CHECK(names_in(net.state()) ==
        std::vector<std::string>{"0.scale", "0.shift", "1.scale", "1.calls", "2.scale", "2.calls"});
}

TEST_CASE("a buffer takes no gradient, and what it was in the forward pass counts in the backward pass") {
  Counting net;
  const auto x = xgrad::parameter(xt::xarray<double>{5});
  const auto y = net(x) * net.named_buffers()[0].second;
  CHECK(y.value()(0) == 11);
  net(x);
  y.backward();
  CHECK_FALSE(net.named_buffers()[0].second.requires_grad());
  CHECK_FALSE(net.named_buffers()[0].second.has_grad());
  CHECK(net.named_buffers()[0].second.item() == 2);
  CHECK(x.grad()(0) == 2);
  CHECK(net.parameters()[0].grad()(0) == 5);
}

TEST_CASE("buffers are loaded and copied with the parameters, and refused as they are") {
  Counting a, b;
  const auto x = xgrad::constant(xt::xarray<double>{1});
  a(x);
  a(x);
  b.load_state(a.state());
  CHECK(b.named_buffers()[0].second.item() == 2);
  a(x);
  CHECK(b.named_buffers()[0].second.item() == 2);
  copy_parameters(a, b);
  b(x);
  CHECK(b.named_buffers()[0].second.item() == 4);
  CHECK(a.named_buffers()[0].second.item() == 3);

  auto state = a.state();
  state[0].second = xt::xarray<double>{7};
  state[1].second = xt::zeros<double>({2});
  CHECK_THROWS_WITH_AS(
      a.load_state(state),
      "load_state: the value for 'calls' is [2], the buffer [1]; make the module with the sizes of "
      "the one that the values come from",
      ShapeError);
  state.pop_back();
  CHECK_THROWS_WITH_AS(a.load_state(state),
                       "load_state: there is no value for 'calls'; every buffer of the module needs one",
                       ValueError);
  CHECK(a.parameters()[0].item() == 2);
  CHECK(a.named_buffers()[0].second.item() == 3);
}

TEST_CASE("a buffer's name is one of its module's names") {
  Counting net;
  const auto zero = [] { return Dense<double>::scalar(0); };
  CHECK_THROWS_WITH_AS(net.register_buffer("scale", zero()),
                       "register_buffer: the name 'scale' is taken by a parameter; choose another",
                       ValueError);
  CHECK_THROWS_WITH_AS(net.register_parameter("calls", zero()),
                       "register_parameter: the name 'calls' is taken by a buffer; choose another",
                       ValueError);
  CHECK_THROWS_AS(net.register_buffer("calls", zero()), ValueError);
  CHECK_THROWS_AS(net.register_buffer("a.b", zero()), ValueError);
  CHECK_THROWS_AS(net.register_module("calls", Affine(1)), ValueError);
  CHECK(net.state().size() == 2);
}

TEST_CASE("buffers move with their module") {
  Counting net;
  Counting moved = std::move(net);
  moved(xgrad::constant(xt::xarray<double>{1}));
  CHECK(moved.named_buffers()[0].second.item() == 1);
}

TEST_CASE("summary does not count buffers, and leaves them as they were") {
  Counting net;
  CHECK(net.summary({1}) ==
        "Counting: input [1], output [1]\n"
        "\n"
        "layer   type      output  parameters\n"
        "itself  Counting  [1]              1\n"
        "total                              1\n");
  CHECK(net.named_buffers()[0].second.item() == 0);
}
