// The public surface by example: networks and training.
#include <doctest/doctest.h>

#include <filesystem>
#include <fstream>
#include <iostream>
#include <iterator>
#include <sstream>
#include <string>
#include <xgrad/xgrad.hpp>
namespace xg = xgrad;

#include <unistd.h>

namespace {

/// What the program writes goes into an empty folder while it lives, and what it prints into a string.
class Elsewhere {
 public:
  Elsewhere() : before_(std::filesystem::current_path()), console_(std::cout.rdbuf(printed.rdbuf())) {
    folder_ = std::filesystem::temp_directory_path() / ("xgrad_api_" + std::to_string(::getpid()));
    std::filesystem::create_directories(folder_);
    std::filesystem::current_path(folder_);
  }
  ~Elsewhere() {
    std::cout.rdbuf(console_);
    std::filesystem::current_path(before_);
    std::filesystem::remove_all(folder_);
  }
  std::ostringstream printed;

 private:
  std::filesystem::path before_, folder_;
  std::streambuf* console_;
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

TEST_CASE("a network is described, trained, saved, loaded and drawn") {
  Elsewhere elsewhere;
  const auto clothing = xg::data::load_fashion_sample<float>();
  const xg::Array<float> pixels = xt::reshape_view(clothing.images, {500, 784});
  const xg::data::TensorDataset train(pixels, clothing.labels);
  const auto images = xg::constant(pixels);

  xg::manual_seed(0);
  xg::nn::Sequential<float> net{xg::nn::Linear<float>(784, 100), xg::nn::ReLU<float>(),
                                xg::nn::Linear<float>(100, 10)};
  std::cout << net.summary({100, 784});  // layers, output shapes, parameter counts: 79510 in all
  const float before = xg::nn::cross_entropy(net(images), clothing.labels).item();
  xg::optim::SGD<float> sgd(net.parameters(),
                            {.learning_rate = 0.1, .momentum = 0.9});  // any vector of Variables will do
  xg::data::DataLoader loader(train, {.batch_size = 100, .shuffle = true, .seed = 0});
  for (int epoch = 0; epoch < 10; ++epoch)
    for (const auto& [images, labels] : loader) {
      auto loss = xg::nn::cross_entropy(net(images), labels);  // logits; labels as indices or one-hot rows
      sgd.zero_grad();
      loss.backward();
      sgd.step();
    }
  const xg::Array<float> outputs = net(images).value();
  xg::io::save(net, "digits.safetensors");  // and .npz
  sgd.step();
  CHECK(net(images).value() != outputs);
  xg::io::load(net, "digits.safetensors");  // IoError / ShapeError that names the parameter; net unchanged
  std::ofstream("net.dot") << xg::io::to_dot(net(images));

  CHECK(elsewhere.printed.str() ==
        "Sequential: input [100, 784], output [100, 10]\n"
        "\n"
        "layer  type    output      bytes     FLOPs  parameters\n"
        "0      Linear  [100, 100]  40000  15690000       78500\n"
        "1      ReLU    [100, 100]  40000     10000           0\n"
        "2      Linear  [100, 10]    4000    201000        1010\n"
        "total                      84000  15901000       79510\n");
  CHECK(before > 2);  // of some log(10) = 2.3
  CHECK(xg::nn::cross_entropy(net(images), clothing.labels).item() < 0.8f);
  CHECK(net(images).value() == outputs);
  std::ifstream drawn("net.dot");
  CHECK(std::string(std::istreambuf_iterator<char>(drawn), {}).find("digraph") != std::string::npos);

  xg::io::save(net, "digits.npz");
  sgd.step();
  xg::io::load(net, "digits.npz");
  CHECK(net(images).value() == outputs);

  // Another network's file is refused by name, and nothing changes.
  xg::nn::Sequential<float> other{xg::nn::Linear<float>(784, 50), xg::nn::ReLU<float>(),
                                  xg::nn::Linear<float>(50, 10)};
  const xg::Array<float> others = other(images).value();
  std::string message;
  try {
    xg::io::load(other, "digits.safetensors");
  } catch (const xg::ShapeError& error) {
    message = error.what();
  }
  CHECK(message.find("0.weight") != std::string::npos);
  CHECK(other(images).value() == others);
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
