// The public surface by example: a training loop, files, optimizers, schedules and clipping.
#include <doctest/doctest.h>

#include <filesystem>
#include <fstream>
#include <iostream>
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

}  // namespace

TEST_CASE("a network is trained, saved, loaded and drawn") {
  Elsewhere elsewhere;
  const auto clothing = xg::data::load_fashion_sample<float>();
  const xg::Array<float> pixels = xt::reshape_view(clothing.images, {500, 784});
  const xg::data::TensorDataset train(pixels, clothing.labels);
  const auto images = xg::constant(pixels);

  xg::manual_seed(0);
  xg::nn::Sequential<float> net{xg::nn::Linear<float>(784, 100), xg::nn::ReLU<float>(),
                                xg::nn::Linear<float>(100, 10)};
  std::cout << net.summary({100, 784});
  CHECK(elsewhere.printed.str().find("79510") != std::string::npos);
  xg::optim::SGD<float> sgd(net.parameters(), {.learning_rate = 0.1, .momentum = 0.9});
  xg::data::DataLoader loader(train, {.batch_size = 100, .shuffle = true, .seed = 0});
  const float before = xg::nn::cross_entropy(net(images), clothing.labels).item();
  for (int epoch = 0; epoch < 10; ++epoch)
    for (const auto& [images, labels] : loader) {
      auto loss = xg::nn::cross_entropy(net(images), labels);
      sgd.zero_grad();
      loss.backward();
      sgd.step();
    }
  CHECK(before > 2);
  CHECK(xg::nn::cross_entropy(net(images), clothing.labels).item() < 0.8f);

  const xg::Array<float> outputs = net(images).value();
  xg::io::save(net, "digits.safetensors");
  xg::io::save(net, "digits.npz");
  sgd.step();
  CHECK(net(images).value() != outputs);
  xg::io::load(net, "digits.safetensors");
  CHECK(net(images).value() == outputs);
  sgd.step();
  xg::io::load(net, "digits.npz");
  CHECK(net(images).value() == outputs);
  std::ofstream("net.dot") << xg::io::to_dot(net(images));
  CHECK(std::filesystem::file_size("net.dot") > 100);
}

TEST_CASE("optimizers take any vector of Variables, or groups of them with options of their own") {
  xg::manual_seed(0);
  xg::nn::Sequential<float> net{xg::nn::Linear<float>(4, 3), xg::nn::ReLU<float>(),
                                xg::nn::Linear<float>(3, 2)};
  xg::optim::SGD<float> sgd(net.parameters(), {.learning_rate = 0.1, .momentum = 0.9});
  xg::optim::Adagrad<float> adagrad(net.parameters(), {.learning_rate = 0.01});
  xg::optim::RMSprop<float> rmsprop(net.parameters(), {.learning_rate = 0.01, .momentum = 0.9});
  xg::optim::Adam<float> adam(net.parameters());
  xg::optim::AdamW<float> adamw(net.parameters(), {.learning_rate = 0.001, .weight_decay = 0.05});

  auto weight = xg::parameter(xt::xarray<double>{1, 2});
  auto bias = xg::parameter(xt::xarray<double>{0, 0});
  xg::optim::AdamW<double> groups({{{weight}, {.learning_rate = 0.1, .weight_decay = 0.05}},
                                   {{bias}, {.learning_rate = 0.2, .weight_decay = 0}}});
  CHECK(groups.group_count() == 2);
  CHECK(groups.learning_rate(1) == 0.2);

  const xg::Variable<float> images(xg::Dense<float>::filled({5, 4}, 1));
  const xg::Indices labels = {0, 1, 1, 0, 1};
  float first = 0, last = 0;
  for (int step = 0; step < 20; ++step) {
    auto loss = xg::nn::cross_entropy(net(images), labels);
    sgd.zero_grad();
    loss.backward();
    xg::optim::clip_grad_norm(net.parameters(), 1.0);
    xg::optim::clip_grad_value(net.parameters(), 0.5);
    sgd.step();
    if (step == 0) first = loss.item();
    last = loss.item();
  }
  CHECK(last < first);
}

TEST_CASE("schedules scale each group's own rate, and everything resumes from a state") {
  auto x = xg::parameter(xt::xarray<double>{1, 2});
  xg::optim::Adam<double> adam({x}, {.learning_rate = 0.1});
  xg::optim::CosineAnnealingLR cosine(adam, {.t_max = 10});
  xg::optim::LinearWarmup schedule(adam, {.total_steps = 5}, cosine);
  for (int step = 0; step < 7; ++step) {
    adam.zero_grad();
    xg::sum(xg::square(x)).backward();
    adam.step();
    schedule.step();
  }
  auto y = xg::parameter(x.value());
  xg::optim::Adam<double> resumed({y}, {.learning_rate = 0.1});
  resumed.load_state(adam.state());
  for (auto* optimizer : {&adam, &resumed}) {
    optimizer->zero_grad();
    for (auto parameter : optimizer->parameters()) xg::sum(xg::square(parameter)).backward();
    optimizer->step();
  }
  CHECK(x.value() == y.value());

  xg::optim::StepLR steps(resumed, {.step_size = 30, .gamma = 0.1});
  xg::optim::ExponentialLR exponential(resumed, {.gamma = 0.95});
  xg::optim::OneCycleLR cycle(resumed, {.total_steps = 100});
  xg::optim::ReduceLROnPlateau plateau(resumed, {.factor = 0.5, .patience = 2});
  plateau.step(1.0);
}

TEST_CASE("LBFGS evaluates the loss by a closure") {
  auto x = xg::parameter(xt::xarray<double>{3, -4});
  xg::optim::LBFGS<double> lbfgs({x}, {.max_iter = 50});
  lbfgs.step([&] {
    lbfgs.zero_grad();
    auto loss = xg::sum(xg::square(x - 1));
    loss.backward();
    return loss;
  });
  CHECK(xt::allclose(x.value(), xt::ones<double>({2})));
}
