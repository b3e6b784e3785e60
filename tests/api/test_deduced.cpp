// Layers are of float unless said, containers of layers and optimizers of what they hold.
#include <doctest/doctest.h>

#include <type_traits>
#include <xgrad/xgrad.hpp>
namespace xg = xgrad;

TEST_CASE("layers without an element type are of float") {
  xg::nn::Linear layer(2, 3);
  static_assert(std::is_same_v<decltype(layer), xg::nn::Linear<float>>);
  xg::nn::Conv2d convolution(1, 4, 3, {.padding = 1});
  static_assert(std::is_same_v<decltype(convolution), xg::nn::Conv2d<float>>);
  static_assert(std::is_same_v<xg::nn::ReLU<>, xg::nn::ReLU<float>>);
  CHECK(layer(xg::constant({{1.0f, 2.0f}})).shape() == xg::Shape{1, 3});
}

TEST_CASE("a Sequential is of its modules' element type") {
  xg::nn::Sequential net{xg::nn::Linear(2, 4), xg::nn::ReLU<>(), xg::nn::Linear(4, 1)};
  static_assert(std::is_same_v<decltype(net), xg::nn::Sequential<float>>);
  xg::nn::Sequential of_double{xg::nn::Linear<double>(2, 1), xg::nn::Tanh<double>()};
  static_assert(std::is_same_v<decltype(of_double), xg::nn::Sequential<double>>);
  CHECK(net.size() == 3);
}

TEST_CASE("an optimizer is of its parameters' element type") {
  xg::nn::Linear layer(2, 3);
  xg::optim::SGD sgd(layer.parameters(), {.learning_rate = 0.1});
  static_assert(std::is_same_v<decltype(sgd), xg::optim::SGD<float>>);
  auto w = xg::parameter({1, 2});
  xg::optim::Adam adam({w});
  static_assert(std::is_same_v<decltype(adam), xg::optim::Adam<double>>);
  xg::optim::AdamW adamw(layer.parameters());
  static_assert(std::is_same_v<decltype(adamw), xg::optim::AdamW<float>>);
  xg::optim::LBFGS lbfgs({w}, {.max_iter = 3});
  static_assert(std::is_same_v<decltype(lbfgs), xg::optim::LBFGS<double>>);
  CHECK(sgd.learning_rate() == 0.1);
}

// A module of one's own, too.
class Doubled : public xg::nn::Module<> {
 public:
  xg::Variable<float> forward(const xg::Variable<float>& x) override { return 2 * inner_(x); }

 private:
  xg::nn::Linear<>& inner_ = register_module("inner", xg::nn::Linear(2, 3));
};

TEST_CASE("a module of one's own is of float unless said") {
  Doubled net;
  CHECK(net.parameters().size() == 2);
}
