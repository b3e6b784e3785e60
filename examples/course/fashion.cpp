// All of Fashion-MNIST: 60,000 pictures to learn from, 10,000 to be tested on; a network with one hidden
// layer, and the convolutional one. They come with Debian's package dataset-fashion-mnist; MNIST's files load
// the same way. The small run takes the 500 pictures that ship with xgrad.
#include <chrono>
#include <cstdio>
#include <filesystem>

#include <fmt/core.h>
#include <xgrad/xgrad.hpp>

#include "../lesson/lesson.hpp"

namespace xg = xgrad;
namespace nn = xg::nn;

namespace {

const std::filesystem::path folder = "/usr/share/datasets/fashion-mnist";

using Images = xg::data::TensorDataset<float>;
using Part = xg::data::Subset<Images>;

/// Pixels from -1 to 1, one channel.
Images prepare(const xg::data::LabelledImages<float>& from) {
  auto images = xg::data::normalise(from.images, 0.5, 0.5);
  images.reshape({from.labels.size(), 1, 28, 28});
  return Images(images, from.labels);
}

struct Parts {
  Part train, test;
};

Parts load(bool small) {
  if (small) {
    const Images all = prepare(xg::data::load_fashion_sample<float>());
    return {xg::data::subset(all, 0, 400), xg::data::subset(all, 400, 500)};
  }
  const auto [train, test] = xg::data::load_fashion_mnist<float>(folder);
  return {xg::data::subset(prepare(train), 0, train.labels.size()),
          xg::data::subset(prepare(test), 0, test.labels.size())};
}

/// The share of samples whose largest logit is the true class's.
double accuracy(nn::Module<float>& net, const Part& samples) {
  const xg::NoGrad off;
  double right = 0;
  for (const auto& [x, y] : xg::data::DataLoader(samples, {.batch_size = 500})) {
    const xg::Indices said = xg::argmax(net(x), 1);
    for (std::size_t i = 0; i < said.size(); ++i) right += said(i) == y(i) ? 1 : 0;
  }
  return right / static_cast<double>(samples.size());
}

struct Plan {
  const char* name;
  int epochs;
  std::size_t batch_size;
  double rate;
  double accuracy;  ///< to be reached
  const char* colour;
};

plot::Curve train(lesson::Lesson& lesson, nn::Module<float>& net, const Parts& parts, const Plan& plan) {
  xg::data::DataLoader loader(parts.train, {.batch_size = plan.batch_size, .shuffle = true, .seed = 0});
  xg::optim::SGD<float> sgd(net.parameters(), {.learning_rate = plan.rate, .momentum = 0.9});
  plot::Curve curve{plan.name, {}, {}, plan.colour, plot::Mark::path};
  for (int epoch = 1; epoch <= plan.epochs; ++epoch) {
    // The last epochs go at a tenth of the rate: large steps keep the weights from settling.
    if (3 * epoch > 2 * plan.epochs) sgd.set_learning_rate(plan.rate / 10);
    const auto start = std::chrono::steady_clock::now();
    for (const auto& [images, labels] : loader) {
      sgd.zero_grad();
      nn::cross_entropy(net(images), labels).backward();
      sgd.step();
    }
    const std::chrono::duration<double> time = std::chrono::steady_clock::now() - start;
    curve.x.push_back(epoch);
    curve.y.push_back(accuracy(net, parts.test));
    fmt::print("        {}, epoch {}: test accuracy {:.4f}, {:.2f} s an epoch\n", plan.name, epoch,
               curve.y.back(), time.count());
    std::fflush(stdout);
  }
  lesson.at_least(fmt::format("{}: test accuracy", plan.name), curve.y.back(), plan.accuracy);
  return curve;
}

void teach(lesson::Lesson& lesson) {
  if (!lesson.small() && !std::filesystem::exists(folder)) {
    fmt::print(
        "skipped: Fashion-MNIST is not in {}: install it (Debian, Ubuntu: apt install dataset-fashion-mnist) "
        "and run this again, or try --small\n",
        folder.string());
    return;
  }
  const bool small = lesson.small();
  const Parts parts = load(small);
  xg::manual_seed(0);
  nn::Sequential<float> two_layers{nn::Flatten<float>(), nn::Linear<float>(784, 100), nn::ReLU<float>(),
                                   nn::Linear<float>(100, 10)};
  nn::Sequential<float> convolutional{nn::Conv2d<float>(1, 32, 3), nn::ReLU<float>(),
                                      nn::MaxPool2d<float>(2),     nn::Conv2d<float>(32, 64, 3),
                                      nn::ReLU<float>(),           nn::MaxPool2d<float>(2),
                                      nn::Flatten<float>(),        nn::Linear<float>(1600, 128),
                                      nn::ReLU<float>(),           nn::Linear<float>(128, 10)};
  const Plan first{"two layers, 784-100-10", small ? 20 : 10, 100, 0.05, small ? 0.7 : 0.87, plot::blue};
  const Plan second{"convolutional", small ? 4 : 3, 50, 0.03, small ? 0.4 : 0.89, plot::orange};
  const auto by_layers = train(lesson, two_layers, parts, first);
  const auto by_windows = train(lesson, convolutional, parts, second);
  plot::Panel panel{.x_label = "epoch",
                    .y_label = "test accuracy",
                    .layers = {by_layers, by_windows},
                    .y = {0, 1},
                    .key = plot::below_axes};
  if (!small) panel.close_up = plot::Limits{0.82, 0.92};
  plot::figure(lesson.drawing(), "fashion",
               fmt::format("Fashion-MNIST, {} pictures to learn from", parts.train.size()), {panel});
}

}  // namespace

int main(int argc, char** argv) {
  return lesson::run(argc, argv, "fashion", "Two networks on Fashion-MNIST.", teach);
}
