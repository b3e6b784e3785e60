// Handwritten digits, read by a network with one hidden layer that is trained on mini-batches of 100.
#include <chrono>
#include <ctime>

#include <fmt/core.h>
#include <xgrad/xgrad.hpp>

#include "../lesson/lesson.hpp"

namespace xg = xgrad;

namespace {

using Digits = xg::data::TensorDataset<float>;

/// The share of samples whose largest logit is the true class's: softmax would change no order, so it is left
/// out.
double accuracy(xg::nn::Module<float>& net, const Digits::Batch& samples) {
  const xg::NoGrad off;
  const xg::Indices said = xg::argmax(net(samples.inputs), 1);
  double right = 0;
  for (std::size_t i = 0; i < said.size(); ++i) right += said(i) == samples.targets(i) ? 1 : 0;
  return right / static_cast<double>(said.size());
}

void teach(lesson::Lesson& lesson) {
  xg::manual_seed(0);
  const auto digits = xg::data::load_digits<float>();
  // Every fifth sample is for the test: each writer then has a part in both.
  std::vector<std::size_t> training_rows, test_rows;
  for (std::size_t i = 0; i < digits.labels.size(); ++i)
    (i % 5 == 0 ? test_rows : training_rows).push_back(i);
  const Digits all(digits.images, digits.labels);
  const xg::data::Subset training(all, training_rows), test_part(all, test_rows);
  const auto test = xg::data::whole(test_part), seen = xg::data::whole(training);

  xg::nn::TwoLayerNet<float> net(64, 100, 10, xg::nn::HiddenActivation::relu);
  xg::optim::SGD<float> sgd(net.parameters(), {.learning_rate = 0.1, .momentum = 0.9, .weight_decay = 1e-3});
  xg::data::DataLoader loader(training, {.batch_size = 100, .shuffle = true, .seed = 0});
  plot::Curve train_curve{"training", {}, {}, plot::blue}, test_curve{"test", {}, {}, plot::orange};
  const auto start = std::chrono::steady_clock::now();
  const std::clock_t start_of_work = std::clock();
  for (int epoch = 1; epoch <= 100; ++epoch) {
    for (const auto& [images, labels] : loader) {
      sgd.zero_grad();
      xg::nn::cross_entropy(net(images), labels).backward();
      sgd.step();
    }
    train_curve.x.push_back(epoch);
    test_curve.x.push_back(epoch);
    train_curve.y.push_back(accuracy(net, seen));
    test_curve.y.push_back(accuracy(net, test));
  }
  const double seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  fmt::print("        {:.4f} s an epoch\n", seconds / 100);
  lesson.at_least("test accuracy on the digits", test_curve.y.back(), 0.96);
  // The processor's seconds, of all threads together: what else the machine does is not in them.
  const double work = static_cast<double>(std::clock() - start_of_work) / CLOCKS_PER_SEC;
  // A build that is to find faults is slower by what it looks for: the bound is one of a release build.
#ifdef NDEBUG
  lesson.at_most("seconds of work for 100 epochs", work, 10);
#else
  fmt::print("        {:.4f} s of work for 100 epochs\n", work);
#endif
  plot::figure(lesson.drawing(), "digits", "A 64-100-10 network reads digits",
               {{.x_label = "epoch",
                 .y_label = "accuracy",
                 .layers = {train_curve, test_curve},
                 .x = {0, 100},
                 .y = {0, 1},
                 .key = plot::below_axes,
                 .close_up = plot::Limits{0.9, 1}}});
}

}  // namespace

int main(int argc, char** argv) {
  return lesson::run(argc, argv, "digits", "A two-layer network on handwritten digits.", teach);
}
