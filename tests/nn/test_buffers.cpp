#include <string>
#include <utility>
#include <vector>

#include <doctest/doctest.h>
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

/// Counts its calls in a buffer, and scales by a parameter.
class Counting : public Module<double> {
 public:
  Counting()
      : calls_(register_buffer("calls", xgrad::zeros(1))),
        scale_(register_parameter("scale", Array<double>{2})) {}
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

}  // namespace

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
  const auto zero = [] { return xgrad::zeros({}); };
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
        "layer   type      output  bytes  FLOPs  parameters\n"
        "itself  Counting  [1]        16      2           1\n"
        "total                        16      2           1\n");
  CHECK(net.named_buffers()[0].second.item() == 0);
}
