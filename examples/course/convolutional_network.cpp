// A convolution looks at a small window and uses the same weights wherever it looks. Two of them, with
// pooling in between, on 500 pictures of clothes.
#include <chrono>

#include <fmt/core.h>
#include <xgrad/xgrad.hpp>

#include "../lesson/lesson.hpp"

namespace xg = xgrad;
namespace nn = xg::nn;

namespace {

nn::Sequential<float> make_network() {
  return nn::Sequential<float>{nn::Conv2d<float>(1, 32, 3), nn::ReLU<float>(),
                               nn::MaxPool2d<float>(2),     nn::Conv2d<float>(32, 64, 3),
                               nn::ReLU<float>(),           nn::MaxPool2d<float>(2),
                               nn::Flatten<float>(),        nn::Linear<float>(1600, 128),
                               nn::ReLU<float>(),           nn::Linear<float>(128, 10)};
}

double count_right(const xg::Variable<float>& logits, const xg::Indices& labels) {
  const xg::Indices said = xg::argmax(logits, 1);
  double right = 0;
  for (std::size_t i = 0; i < said.size(); ++i) right += said(i) == labels(i) ? 1 : 0;
  return right;
}

void teach(lesson::Lesson& lesson) {
  xg::manual_seed(0);
  const auto sample = xg::data::load_fashion_sample<float>();
  auto images = xg::data::normalise(sample.images, 0.5, 0.5);
  images.reshape({500, 1, 28, 28});
  const xg::data::TensorDataset dataset(images, sample.labels);
  xg::data::DataLoader loader(dataset, {.batch_size = 32, .shuffle = true, .seed = 0});

  auto net = make_network();
  fmt::print("{}", net.summary({32, 1, 28, 28}));
  lesson.near("parameters", static_cast<double>(net.parameter_count()), 320 + 18496 + 204928 + 1290, 0);
  xg::optim::SGD<float> sgd(net.parameters(), {.learning_rate = 0.001, .momentum = 0.9});
  plot::Curve losses{"", {}, {}, plot::blue}, accuracies{"", {}, {}, plot::orange};
  const int epochs = lesson.small() ? 3 : 10, stride = lesson.small() ? 1 : 3;
  const auto start = std::chrono::steady_clock::now();
  for (int epoch = 1; epoch <= epochs; ++epoch) {
    double loss_sum = 0, right = 0;
    for (const auto& [x, y] : loader) {
      const auto logits = net(x);
      const auto loss = nn::cross_entropy(logits, y);
      sgd.zero_grad();
      loss.backward();
      sgd.step();
      loss_sum += loss.item() * static_cast<double>(y.size());
      right += count_right(logits, y);
    }
    losses.x.push_back(epoch);
    accuracies.x.push_back(epoch);
    losses.y.push_back(loss_sum / 500);
    accuracies.y.push_back(right / 500);
    fmt::print("        epoch {:2}: loss {:.4f}, training accuracy {:.3f}\n", epoch, losses.y.back(),
               accuracies.y.back());
  }
  const std::chrono::duration<double> time = std::chrono::steady_clock::now() - start;
  fmt::print("        {:.2f} s an epoch\n", time.count() / epochs);
  for (std::size_t i = static_cast<std::size_t>(stride); i < losses.y.size();
       i += static_cast<std::size_t>(stride)) {
    const std::size_t before = i - static_cast<std::size_t>(stride);
    lesson.at_most(fmt::format("loss in epoch {}, against epoch {}", i + 1, before + 1), losses.y[i],
                   losses.y[before]);
    lesson.at_least(fmt::format("training accuracy in epoch {}, against epoch {}", i + 1, before + 1),
                    accuracies.y[i], accuracies.y[before]);
  }
  plot::figure(
      lesson.drawing(), "convolutional_network", "A convolutional network on 500 pictures of clothes",
      {{.x_label = "epoch", .y_label = "loss", .layers = {losses}, .key = ""},
       {.x_label = "epoch", .y_label = "training accuracy", .layers = {accuracies}, .y = {0, 1}, .key = ""}},
      2, {360, 320});
}

}  // namespace

int main(int argc, char** argv) {
  return lesson::run(argc, argv, "convolutional_network", "A convolutional network on 500 images.", teach);
}
