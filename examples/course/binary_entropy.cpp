// A target need not be 0 or 1. For one between, cross entropy is least where the output equals the target,
// and what is left there is the binary entropy of the target, which no training can remove.
#include <cmath>

#include <fmt/core.h>
#include <xgrad/xgrad.hpp>

#include "../lesson/lesson.hpp"

namespace xg = xgrad;
using Matrix = xt::xarray<double>;

namespace {

double cost_at(double output, double target) {
  return xg::nn::binary_cross_entropy(xg::constant(output), Matrix(target)).item();
}

/// The cost as a function of the output, and a point where descent ended.
void show(lesson::Lesson& lesson, double target, const char* colour, plot::Panel& panel) {
  const auto z = xg::parameter(0.0);
  xg::optim::SGD<double> sgd({z}, {.learning_rate = 4});
  for (int step = 0; step < 300; ++step) {
    sgd.zero_grad();
    xg::nn::binary_cross_entropy_with_logits(z, Matrix(target)).backward();
    sgd.step();
  }
  const double found = xg::sigmoid(z).item(), least = cost_at(found, target);
  const double entropy = -target * std::log(target) - (1 - target) * std::log(1 - target);
  lesson.near(fmt::format("target {}: sigma(z) where descent ends", target), found, target, 1e-6);
  lesson.near(fmt::format("target {}: the cost there is the binary entropy", target), least, entropy, 1e-6);

  plot::Curve curve{fmt::format("y = {}", target), {}, {}, colour};
  for (int i = 1; i < 200; ++i) {
    curve.x.push_back(i / 200.0);
    curve.y.push_back(cost_at(i / 200.0, target));
  }
  panel.layers.push_back(curve);
  panel.layers.push_back(plot::Curve{"", {found}, {least}, "#202020", plot::Mark::points});
}

void teach(lesson::Lesson& lesson) {
  plot::Panel panel{.x_label = "output a", .y_label = "cross entropy"};
  plot::Curve entropy{"binary entropy of y = a", {}, {}, plot::grey, plot::Mark::dashes};
  for (int i = 1; i < 200; ++i) {
    const double y = i / 200.0;
    entropy.x.push_back(y);
    entropy.y.push_back(cost_at(y, y));
  }
  panel.layers.push_back(entropy);
  show(lesson, 0.1, plot::blue, panel);
  show(lesson, 0.3, plot::orange, panel);
  show(lesson, 0.5, plot::green, panel);
  show(lesson, 0.8, plot::purple, panel);
  panel.x = {0, 1};
  panel.y = {0, 2.5};
  panel.key = "top center";
  plot::figure(lesson.drawing(), "binary_entropy", "Cross entropy is least where a = y", {panel});
}

}  // namespace

int main(int argc, char** argv) {
  return lesson::run(argc, argv, "binary_entropy", "Cross entropy for targets between 0 and 1.", teach);
}
