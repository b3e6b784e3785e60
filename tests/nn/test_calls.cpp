// What happens when modules call modules: errors say where they were, and modules of several inputs.
#include <stdexcept>
#include <string>
#include <thread>
#include <typeinfo>

#include <doctest/doctest.h>
#include <xgrad/nn/attention.hpp>
#include <xgrad/nn/embedding.hpp>
#include <xgrad/nn/linear.hpp>
#include <xgrad/nn/recurrent.hpp>
#include <xgrad/nn/sequential.hpp>
#include <xgrad/ops/operators.hpp>

#include "../message_of.hpp"
#include "layer_checks.hpp"

namespace {

using xgrad::Shape;
using xgrad::ShapeError;
using xgrad::ValueError;
using xgrad::Variable;
using xgrad::nn::Linear;
using xgrad::nn::Module;
using xgrad::nn::Sequential;
using xgrad::testing::message_of;
using xgrad::testing::sample;

using V = Variable<double>;

/// Knows the line that it failed in.
struct LineError : ValueError {
  explicit LineError(int at) : ValueError("line: it is wrong"), line(at) {}
  int line;
};

/// Fails as it is told.
class Failing : public Module<double> {
 public:
  V forward(const V& x) override {
    if (how == "own") throw LineError(7);
    if (how == "foreign") throw std::runtime_error("as it was");
    return x;
  }
  std::string how;
};

/// Two layers behind each other, in a module of their own.
class Encoder : public Module<double> {
 public:
  Encoder()
      : layer0_(register_module("layer0", Linear<double>(3, 4))),
        layer1_(register_module("layer1", Linear<double>(5, 2))) {}
  V forward(const V& x) override {
    const V hidden = layer0_(x);
    if (!translates) return layer1_(hidden);
    try {
      return layer1_(hidden);
    } catch (const ShapeError&) {
      throw ValueError("encoder's own: it does not fit");
    }
  }
  Linear<double>& layer1() { return layer1_; }
  bool translates = false;

 private:
  Linear<double>& layer0_;
  Linear<double>& layer1_;
};

class Net : public Module<double> {
 public:
  Net() : encoder_(register_module("encoder", Encoder())) {}
  V forward(const V& x) override { return encoder_(x); }
  Encoder& encoder() { return encoder_; }

 private:
  Encoder& encoder_;
};

/// first(x) * second(y): of two inputs, and of no single one.
class Product : public Module<double> {
 public:
  Product(std::size_t in, std::size_t out)
      : first_(register_module("first", Linear<double>(in, out))),
        second_(register_module("second", Linear<double>(in, out))) {}
  using Module<double>::operator();
  V operator()(const V& x, const V& y) {
    return call([&] { return first_(x) * second_(y); }, x, y);
  }

 private:
  Linear<double>& first_;
  Linear<double>& second_;
};

const V three = xgrad::constant(xt::xarray<double>{{1, 2, 3}});

std::string linear_message() {
  Linear<double> alone(5, 2);
  return message_of([&] { alone(sample<double>({1, 4}, 1)); });
}

}  // namespace

TEST_CASE("an error says in which module inside it was, and keeps its class") {
  Net net;
  const std::string expected = "encoder.layer1: " + linear_message();
  CHECK(linear_message().starts_with("linear: inner dimensions differ: [1, 4]"));
  for (int again = 0; again < 2; ++again) {
    CHECK(message_of([&] { net(three); }) == expected);
    CHECK_THROWS_AS(net(three), ShapeError);
  }
  Sequential<double> outer;
  outer.append(Failing());
  outer.append(std::move(net));
  CHECK(message_of([&] { outer(three); }) == "1." + expected);
  CHECK(message_of([&] { outer.summary({1, 3}); }) == "1." + expected);
  CHECK(message_of([&] { outer[1](three); }) == expected);

  dynamic_cast<Failing&>(outer[0]).how = "own";
  try {
    outer(three);
    FAIL("an error");
  } catch (const xgrad::Error& error) {
    CHECK(typeid(error) == typeid(LineError));
    CHECK(dynamic_cast<const LineError&>(error).line == 7);
    CHECK(std::string(error.what()) == "0: line: it is wrong");
  }
}

TEST_CASE("what is not the library's error comes through as it is") {
  Sequential<double> net;
  net.append(Failing()).how = "foreign";
  CHECK_THROWS_WITH_AS(net(three), "as it was", std::runtime_error);
}

TEST_CASE("the path is that of where modules are now") {
  Net net;
  net.encoder().layer1() = Linear<double>(6, 2);
  CHECK(
      message_of([&] { net(three); }).starts_with("encoder.layer1: linear: inner dimensions differ: [1, 4]"));
  Net moved = std::move(net);
  CHECK(message_of([&] {
          moved(three);
        }).starts_with("encoder.layer1: linear: inner dimensions differ: [1, 4]"));
  moved.encoder().layer1() = Linear<double>(4, 2);
  CHECK(moved(three).shape() == Shape{1, 2});
}

TEST_CASE("a module that makes another error of one is where that was") {
  Net net;
  net.encoder().translates = true;
  CHECK(message_of([&] { net(three); }) == "encoder: encoder's own: it does not fit");
}

TEST_CASE("an error that a module makes itself has no path of an earlier one") {
  Net net;
  (void)message_of([&] { net(three); });
  (void)message_of([&] { net(sample<double>({1, 9}, 1)); });
  CHECK(message_of([&] {
          net(sample<double>({1, 9}, 1));
        }).starts_with("encoder.layer0: linear: inner dimensions differ: [1, 9]"));
  Linear<double> alone(5, 2);
  CHECK(message_of([&] { alone(sample<double>({1, 4}, 1)); }) == linear_message());
}

TEST_CASE("each thread has errors of its own") {
  std::string here, there;
  Net a;
  here = message_of([&] { a(three); });
  std::thread([&] {
    Net b;
    there = message_of([&] { b(three); });
  }).join();
  CHECK(here == there);
}

TEST_CASE("a call operator of a module's own names the path, too") {
  Sequential<double> net;
  struct Attending : Module<double> {
    Attending() : attention(register_module("attention", xgrad::nn::MultiheadAttention<double>(4, 2))) {}
    V forward(const V& x) override { return attention(x, x, x); }
    xgrad::nn::MultiheadAttention<double>& attention;
  };
  net.append(Attending());
  CHECK(message_of([&] {
          net(sample<double>({3, 1, 5}, 1));
        }).starts_with("0.attention: MultiheadAttention: query"));

  Product product(3, 2);
  CHECK(product(three, three).shape() == Shape{1, 2});
  CHECK(message_of([&] {
          product(three, sample<double>({1, 4}, 1));
        }).starts_with("second: linear: inner dimensions differ: [1, 4]"));
}

TEST_CASE("a module without a forward pass of one input says so") {
  Product product(3, 2);
  const std::string text =
      "Product: it has no forward pass of one Variable; call it with what it takes, or override forward()";
  CHECK(message_of([&] { product(three); }) == text);
  CHECK(message_of([&] { product.summary({1, 3}); }) == text);
  CHECK_THROWS_AS(product(three), ValueError);
}

TEST_CASE("summary shows a call of several inputs") {
  Product product(3, 2);
  CHECK(product.summary([&] { product(three, three); }) ==
        "Product: output [1, 2]\n"
        "\n"
        "layer   type     output  bytes  FLOPs  parameters\n"
        "itself  Product  [1, 2]     16      2           0\n"
        "first   Linear   [1, 2]     16     14           8\n"
        "second  Linear   [1, 2]     16     14           8\n"
        "total                       48     30          16\n");
  CHECK(product.is_training());
  CHECK(product.summary([] {}).starts_with("Product: output -\n"));
}

TEST_CASE("summary sees an embedding that is called with indices") {
  struct Words : Module<double> {
    Words() : table(register_module("table", xgrad::nn::Embedding<double>(5, 3))) {}
    V operator()(const xgrad::Indices& words) {
      return call([&] { return table(words); });
    }
    xgrad::nn::Embedding<double>& table;
  };
  Words words;
  const xgrad::Indices some{0, 4};
  CHECK(words.summary([&] { return words(some); }) ==
        "Words: output [2, 3]\n"
        "\n"
        "layer  type       output  bytes  FLOPs  parameters\n"
        "table  Embedding  [2, 3]     48      0          15\n"
        "total                        48      0          15\n");
}
