#include <optional>
#include <stdexcept>
#include <string>
#include <vector>

#include <doctest/doctest.h>
#include <xgrad/nn/embedding.hpp>
#include <xgrad/nn/linear.hpp>
#include <xgrad/nn/recurrent.hpp>
#include <xgrad/nn/sequential.hpp>
#include <xgrad/ops/operators.hpp>
#include <xgrad/ops/reduction.hpp>
#include <xgrad/ops/shape.hpp>

#include "../message_of.hpp"
#include "affine.hpp"

namespace {

using xgrad::Shape;
using xgrad::Variable;
using xgrad::nn::ForwardHookHandle;
using xgrad::nn::Module;
using xgrad::nn::Sequential;
using xgrad::testing::Affine;
using xgrad::testing::message_of;

using V = Variable<double>;
using X = xt::xarray<double>;

const V row = xgrad::constant(X{1, 2});

/// x * y, and how often it was asked.
class Product : public Module<double> {
 public:
  V operator()(const V& x, const V& y, int times = 1) {
    return call([&] { return x * y * times; }, x, times, y);
  }
  V operator()(const std::vector<V>& factors) {
    return call([&] { return factors[0] * factors[1]; }, factors);
  }
};

}  // namespace

TEST_CASE("a forward hook sees the module, what it was given, and what it gives") {
  Affine affine(2);
  int calls = 0;
  affine.register_forward_hook([&](Module<double>& module, const V& input, const V& output) {
    ++calls;
    CHECK(&module == &affine);
    CHECK(&input.node() == &row.node());
    CHECK(output.value() == X{2, 4});
  });
  CHECK(affine(row).value() == X{2, 4});
  CHECK(calls == 1);
  affine.forward(row);  // no call of the module
  CHECK(calls == 1);
}

TEST_CASE("forward hooks follow each other, and each may put another output in its place") {
  Affine affine(2);
  std::vector<double> seen;
  auto doubled = affine.register_forward_hook([](auto&, auto&, auto& output) { return 2 * output; });
  affine.register_forward_hook([&](auto&, auto&, const V& output) { seen.push_back(output.value()(1)); });
  affine.register_forward_hook([](auto&, auto&, auto&) { return V(); });
  affine.register_forward_hook([](auto&, auto&, const V& output) { return xgrad::sum(output); });
  const V y = affine(row);
  CHECK(y.item() == 12);
  CHECK(seen == std::vector<double>{8});
  y.backward();
  CHECK(affine.scale().grad() == X{2, 4});
  doubled.remove();
  CHECK(affine(row).item() == 6);
  CHECK(seen == std::vector<double>{8, 4});
  doubled.remove();
  CHECK(affine(row).item() == 6);
}

TEST_CASE("a hook's handle may outlive the module, and a hook the handle") {
  ForwardHookHandle handle;
  handle.remove();
  int calls = 0;
  {
    Affine affine(2);
    handle = affine.register_forward_hook([&](auto&, auto&, auto&) { ++calls; });
    handle = affine.register_forward_hook([](auto&, auto&, auto&) {});
    affine(row);
  }
  handle.remove();
  CHECK(calls == 1);
}

TEST_CASE("a hook may take itself off and register others, which wait for the next call") {
  Affine affine(2);
  std::string log;
  ForwardHookHandle once;
  once = affine.register_forward_hook([&](Module<double>& module, auto&, auto&) {
    log += 'a';
    once.remove();
    module.register_forward_hook([&](auto&, auto&, auto&) { log += 'b'; });
  });
  affine.register_forward_hook([&](auto&, auto&, auto&) { log += 'c'; });
  affine(row);
  CHECK(log == "ac");
  affine(row);
  CHECK(log == "accb");
}

TEST_CASE("a hook sees the inputs as they were given, whatever the call does to its own") {
  class Scaled : public Module<double> {
   public:
    V operator()(V x) {
      return call(
          [&] {
            x = x * 10;
            return x;
          },
          x);
    }
  };
  Scaled scaled;
  V seen;
  scaled.register_forward_hook([&](auto&, const V& input, const V&) { seen = input; });
  CHECK(scaled(row).value() == X{10, 20});
  CHECK(seen.value() == X{1, 2});
}

TEST_CASE("a hook moves with its module") {
  Affine affine(2);
  int calls = 0;
  const Module<double>* called = nullptr;
  affine.register_forward_hook([&](auto& module, auto&, auto&) {
    ++calls;
    called = &module;
  });
  Sequential<double> net;
  Affine& placed = net.append(std::move(affine));
  net(row);
  CHECK(calls == 1);
  CHECK(called == &placed);
}

TEST_CASE("hooks of a module of several inputs see the first, or all of them") {
  Product product;
  const V other = xgrad::constant(X{3, 5});
  std::vector<V> all;
  product.register_forward_hook([&](auto&, const std::vector<V>& inputs, const V&) { all = inputs; });
  product.register_forward_hook([](auto&, const V& input, const V& output) { return output - input; });
  CHECK(product(row, other, 2).value() == X{5, 18});
  REQUIRE(all.size() == 2);
  CHECK(&all[0].node() == &row.node());
  CHECK(&all[1].node() == &other.node());
  CHECK(product(std::vector<V>{other, row}).value() == X{0, 5});
  REQUIRE(all.size() == 2);
  CHECK(&all[0].node() == &other.node());
}

TEST_CASE("hooks see the output among several, and an empty input where none is a Variable") {
  xgrad::nn::LSTM<double> lstm(2, 3);
  lstm.register_forward_hook([](auto&, const std::vector<V>& inputs, const V& output) {
    CHECK(inputs.size() == 3);
    CHECK(output.shape() == Shape{4, 1, 3});
    return output * 0;
  });
  const V x = xgrad::constant(xgrad::ones({4, 1, 2}));
  const auto result = lstm(x, {});
  CHECK(result.output.value() == xt::zeros<double>({4, 1, 3}));
  CHECK_FALSE(result.state.hidden.value() == xt::zeros<double>({1, 1, 3}));

  xgrad::nn::Embedding<double> table(3, 2);
  bool is_empty = false;
  table.register_forward_hook([&](auto&, const V& input, const V&) { is_empty = !input.defined(); });
  table(xgrad::Indices{0, 1});
  CHECK(is_empty);
}

TEST_CASE("what a hook throws comes out of the call, with the path if it is the library's") {
  Sequential<double> net;
  Affine& affine = net.append(Affine(2));
  auto hook =
      affine.register_forward_hook([](auto&, auto&, const V& output) { xgrad::reshape(output, {3}); });
  CHECK(message_of([&] { net(row); }).starts_with("0: reshape: "));
  hook.remove();
  affine.register_forward_hook([](auto&, auto&, auto&) { throw std::logic_error("mine"); });
  CHECK_THROWS_WITH_AS(net(row), "mine", std::logic_error);
}

TEST_CASE("summary shows what hooks make of outputs") {
  Sequential<double> net;
  net.append(Affine(2)).register_forward_hook(
      [](auto&, auto&, const V& output) { return xgrad::expand_dims(output, 0); });
  CHECK(net.summary({2}) ==
        "Sequential: input [2], output [1, 2]\n"
        "\n"
        "layer  type    output  bytes  FLOPs  parameters\n"
        "0      Affine  [1, 2]     32      4           4\n"
        "total                     32      4           4\n");
}
