// A neuron that is badly wrong should learn fast. With the quadratic cost it does the opposite: its gradient
// has the factor sigma'(z), which is almost 0 for a saturated neuron. Cross entropy cancels that factor.
// M. Nielsen, "Neural Networks and Deep Learning", chapter 3, has the two starts.
#include <cmath>

#include <fmt/core.h>
#include <xgrad/xgrad.hpp>

#include "../lesson/lesson.hpp"

namespace xg = xgrad;
using Var = xg::Variable<double>;

namespace {

Var quadratic(const Var& a, double target) { return 0.5 * xg::square(a - target); }
Var cross_entropy(const Var& a, double target) {
  return xg::nn::binary_cross_entropy(a, xt::xarray<double>(target));
}

using Cost = Var (*)(const Var& a, double target);

struct Training {
  plot::Curve costs;
  double output;  ///< after the last update
};

/// One weight, one bias, one input of 1 whose target is 0; 300 updates.
Training train(Cost cost, double w0, double b0, double rate) {
  constexpr double input = 1, target = 0;
  const Var w = xg::parameter(w0), b = xg::parameter(b0);
  const auto output = [&] { return xg::sigmoid(w * input + b); };
  xg::optim::SGD<double> sgd({w, b}, {.learning_rate = rate});
  const char* colour = w0 < 1 ? plot::blue : plot::orange;
  plot::Curve costs{fmt::format("output {:.2f} at first", output().item()), {}, {}, colour};
  for (int epoch = 0; epoch < 300; ++epoch) {
    const Var c = cost(output(), target);
    costs.x.push_back(epoch);
    costs.y.push_back(c.item());
    sgd.zero_grad();
    c.backward();
    sgd.step();
  }
  return {costs, output().item()};
}

/// Both starts with one cost; the outputs after the 300th update are known.
plot::Panel compare(lesson::Lesson& lesson, const std::string& name, Cost cost, double rate, double from_low,
                    double from_high) {
  const Training low = train(cost, 0.6, 0.9, rate), high = train(cost, 2, 2, rate);
  const std::string title = fmt::format("{}, rate {:g}", name, rate);
  lesson.near(title + ", from w = 0.6, b = 0.9", low.output, from_low, 0.5e-7);
  lesson.near(title + ", from w = b = 2", high.output, from_high, 0.5e-7);
  return {.title = title,
          .x_label = "epoch",
          .y_label = "cost",
          .layers = {low.costs, high.costs},
          .x = {0, 300},
          .y = {0, 1.4 * high.costs.y.front()}};  // room for the legend
}

/// With cross entropy, the gradient in w is (a - y) x: no factor sigma'(z).
void check_gradient(lesson::Lesson& lesson) {
  constexpr double x = 1.5, y = 0;
  for (const double start : {0.6, 2.0, 8.0}) {
    const Var w = xg::parameter(start);
    const auto output = [&] { return xg::sigmoid(w * x + 0.9); };
    const double a = output().item(), slope = a * (1 - a);
    lesson.near(fmt::format("cross entropy's gradient at w = {}: (a - y) x", start),
                xg::grad(cross_entropy(output(), y), {w})[0].item(), (a - y) * x, 1e-12);
    lesson.near(fmt::format("the quadratic cost's: that times a (1 - a) = {:.2g}", slope),
                xg::grad(quadratic(output(), y), {w})[0].item(), (a - y) * x * slope, 1e-12);
  }
}

void teach(lesson::Lesson& lesson) {
  check_gradient(lesson);
  plot::figure(lesson.drawing(), "saturation", "A neuron learns to answer 0",
               {compare(lesson, "Quadratic cost", quadratic, 0.15, 0.0939557, 0.2028484),
                compare(lesson, "Cross entropy", cross_entropy, 0.005, 0.4176793, 0.7795871),
                compare(lesson, "Cross entropy", cross_entropy, 0.15, 0.0116382, 0.0120087)},
               1, {640, 240});
}

}  // namespace

int main(int argc, char** argv) {
  return lesson::run(argc, argv, "saturation", "A saturated neuron, with two costs.", teach);
}
