// Identity, ModuleList and ParameterList.
#include <string>
#include <type_traits>
#include <vector>

#include <doctest/doctest.h>
#include <xgrad/nn/identity.hpp>
#include <xgrad/nn/linear.hpp>
#include <xgrad/nn/module_list.hpp>
#include <xgrad/nn/parameter_list.hpp>
#include <xgrad/nn/sequential.hpp>
#include <xgrad/ops/creation.hpp>
#include <xgrad/ops/operators.hpp>
#include <xgrad/ops/reduction.hpp>

#include "../message_of.hpp"
#include "affine.hpp"

namespace {

using xgrad::Shape;
using xgrad::ValueError;
using xgrad::Variable;
using xgrad::nn::Identity;
using xgrad::nn::Linear;
using xgrad::nn::Module;
using xgrad::nn::ModuleList;
using xgrad::nn::ParameterList;
using xgrad::nn::Sequential;
using xgrad::testing::Affine;
using xgrad::testing::message_of;
using xgrad::testing::names_of;

using V = Variable<double>;
using X = xt::xarray<double>;

const V row = xgrad::constant(X{1, 2});

static_assert(std::is_nothrow_move_constructible_v<ModuleList<float>>);
static_assert(!std::is_copy_constructible_v<ParameterList<float>>);

/// Calls what is in its list, one after another.
class Chain : public Module<double> {
 public:
  Chain() : layers_(register_module("layers", ModuleList<double>{Affine(2), Affine(3)})) {}
  V forward(const V& x) override {
    V y = x;
    for (auto& layer : layers_) y = layer(y);
    return y;
  }

 private:
  ModuleList<double>& layers_;
};

}  // namespace

TEST_CASE("Identity gives the very Variable, and has nothing") {
  Identity<double> identity;
  CHECK(&identity(row).node() == &row.node());
  CHECK(identity.parameter_count() == 0);
  CHECK(identity.name() == "Identity");
  Sequential<double> net{Affine(2), Identity<double>(), Affine(2, 5)};
  CHECK(net(row).value() == X{10, 20});
}

TEST_CASE("a ModuleList owns modules of any class under numbers") {
  ModuleList<double> list{Affine(2), Linear<double>(2, 3)};
  CHECK(list.push_back(Affine(2, 7)).scale().value() == X{7, 7});
  CHECK(list.size() == 3);
  CHECK(names_of(list) ==
        std::vector<std::string>{"0.scale", "0.shift", "1.weight", "1.bias", "2.scale", "2.shift"});
  CHECK(list[2](row).value() == X{7, 14});
  CHECK(list[1].name() == "Linear");
  CHECK(list.name() == "ModuleList");
  std::vector<std::string> names;
  for (Module<double>& module : list) names.push_back(module.name());
  CHECK(names == std::vector<std::string>{"Affine", "Linear", "Affine"});
  list.eval();
  CHECK_FALSE(list[0].is_training());

  const Module<double>* first = &list[0];
  const ModuleList<double> moved = std::move(list);
  CHECK(&moved[0] == first);
  CHECK(moved.size() == 3);
  CHECK(ModuleList<double>().begin() == ModuleList<double>().end());
}

TEST_CASE("a ModuleList of one class gives its modules back as such") {
  ModuleList<double, Affine> list;
  for (int i = 1; i <= 3; ++i) list.push_back(Affine(2, i));
  double sum = 0;
  for (Affine& affine : list) sum += affine.scale().value()(0);
  CHECK(sum == 6);
  CHECK(list[1].scale().value() == X{2, 2});
  CHECK(list.name() == "ModuleList");
  CHECK(list.begin()->scale().value() == X{1, 1});
}

TEST_CASE("a ModuleList says what it has not") {
  ModuleList<double> list{Affine(2)};
  CHECK_THROWS_WITH_AS(list[1], "ModuleList: there is no module 1 among 1; they are counted from 0",
                       ValueError);
  CHECK_THROWS_WITH_AS(list[-1], "ModuleList: there is no module -1 among 1; they are counted from 0",
                       ValueError);
  CHECK(message_of([&] { list(row); }) ==
        "ModuleList: it has no forward pass; call its modules, as list[0](x), or make a Sequential of them");
}

TEST_CASE("a ParameterList owns parameters under numbers") {
  ParameterList<double> list{X{1, 2}, X{{3, 4}}};
  CHECK(list.push_back(xgrad::eye(2)).shape() == Shape{2, 2});
  CHECK(list.size() == 3);
  CHECK(names_of(list) == std::vector<std::string>{"0", "1", "2"});
  CHECK(list[0].value() == X{1, 2});
  xgrad::sum(row * list[0]).backward();
  CHECK(list[0].grad() == X{1, 2});
  for (V& parameter : list) {
    parameter.zero_grad();
    CHECK(parameter.requires_grad());
    CHECK_FALSE(parameter.has_grad());
  }
  CHECK_THROWS_WITH_AS(list[3], "ParameterList: there is no parameter 3 among 3; they are counted from 0",
                       ValueError);
  CHECK(message_of([&] { list(row); }) ==
        "ParameterList: it has no forward pass; use its parameters, as x * list[0]");
  const ParameterList<double> empty, of_many(std::vector<xgrad::Array<double>>{X{1}, X{2}});
  CHECK(empty.size() == 0);
  CHECK(of_many[1].item() == 2);
}

TEST_CASE("lists inside a module are named by their path") {
  struct Both : Module<double> {
    Both()
        : layers(register_module("layers", ModuleList<double, Affine>{Affine(2)})),
          gains(register_module("gains", ParameterList<double>{X{1, 1}})) {
      layers.push_back(Affine(2, 3));
    }
    V forward(const V& x) override {
      V y = x;
      for (Affine& layer : layers) y = layer(y) * gains[0];
      return y;
    }
    ModuleList<double, Affine>& layers;
    ParameterList<double>& gains;
  };
  Both both;
  CHECK(names_of(both) == std::vector<std::string>{"layers.0.scale", "layers.0.shift", "layers.1.scale",
                                                   "layers.1.shift", "gains.0"});
  CHECK(both(row).value() == X{6, 12});
}

TEST_CASE("the path leads through a list, which is not called itself") {
  Chain chain;
  const std::string text = message_of([&] { chain(xgrad::constant(xgrad::ones({2, 2}))); });
  CHECK(text.starts_with("layers.1: multiply: "));
}
