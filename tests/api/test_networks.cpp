// The public surface by example: networks and training.
#include <doctest/doctest.h>

#include <iostream>
#include <sstream>
#include <xgrad/xgrad.hpp>
namespace xg = xgrad;

namespace {

/// What a program prints while it lives.
class Printed {
 public:
  Printed() : before_(std::cout.rdbuf(text_.rdbuf())) {}
  ~Printed() { std::cout.rdbuf(before_); }
  std::string text() const { return text_.str(); }

 private:
  std::ostringstream text_;
  std::streambuf* before_;
};

class TwoLayerNet : public xg::nn::Module<float> {
 public:
  TwoLayerNet(std::size_t in, std::size_t hidden, std::size_t out)
      : hidden_(register_module("hidden", xg::nn::Linear<float>(in, hidden))),
        output_(register_module("output", xg::nn::Linear<float>(hidden, out))) {}
  xg::Variable<float> forward(const xg::Variable<float>& x) override { return output_(xg::tanh(hidden_(x))); }

 private:
  xg::nn::Linear<float>& hidden_;
  xg::nn::Linear<float>& output_;
};

}  // namespace

TEST_CASE("a network of layers, and its summary") {
  const Printed printed;
  xg::manual_seed(0);
  xg::nn::Sequential<float> net{xg::nn::Linear<float>(784, 100), xg::nn::ReLU<float>(),
                                xg::nn::Linear<float>(100, 10)};
  std::cout << net.summary({100, 784});  // layers, output shapes, parameter counts: 79510 in all
  CHECK(printed.text() ==
        "Sequential: input [100, 784], output [100, 10]\n"
        "\n"
        "layer  type    output      parameters\n"
        "0      Linear  [100, 100]       78500\n"
        "1      ReLU    [100, 100]           0\n"
        "2      Linear  [100, 10]         1010\n"
        "total                           79510\n");
}

TEST_CASE("a network is trained on mini-batches") {
  const auto digits = xg::data::load_digits<float>();
  const xg::data::TensorDataset train(digits.images, digits.labels);
  xg::manual_seed(0);
  xg::nn::Sequential<float> net{xg::nn::Linear<float>(64, 32), xg::nn::ReLU<float>(),
                                xg::nn::Linear<float>(32, 10)};
  xg::optim::SGD<float> sgd(net.parameters(), {.learning_rate = 0.1, .momentum = 0.9});
  xg::data::DataLoader loader(train, {.batch_size = 100, .shuffle = true, .seed = 0});
  float last = 0;
  for (int epoch = 0; epoch < 10; ++epoch)
    for (const auto& [images, labels] : loader) {
      auto loss = xg::nn::cross_entropy(net(images), labels);  // logits; labels as indices or one-hot rows
      sgd.zero_grad();
      loss.backward();
      sgd.step();
      last = loss.item();
    }
  CHECK(last < 0.2);  // from log(10) = 2.3
}

TEST_CASE("a module of one's own, and its parameters copied to another by name") {
  TwoLayerNet from(4, 3, 2), to(4, 3, 2);
  auto x = xg::constant(xt::xarray<float>{{1, 2, 3, 4}});
  CHECK(from(x).value() != to(x).value());
  xg::nn::copy_parameters(from, to);
  CHECK(from(x).value() == to(x).value());
  CHECK(to.named_parameters()[2].first == "output.weight");
  TwoLayerNet moved = std::move(to);
  CHECK(from(x).value() == moved(x).value());
}
