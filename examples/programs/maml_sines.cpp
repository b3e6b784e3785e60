// A network learns to learn: from ten points of a new sine it finds the curve in one step. MAML of
// Finn, Abbeel and Levine, "Model-agnostic meta-learning", ICML 2017, whose outer gradient goes
// through the inner one. To be seen: after the step it errs a fifth of what the best function for
// all sines does, and a network trained without the inner step only gets worse by one.
#include <cmath>
#include <iostream>
#include <vector>
#include <xgrad/xgrad.hpp>

namespace xg = xgrad;
using Var = xg::Variable<double>;
using Weights = std::vector<Var>;

constexpr std::size_t points = 10;
constexpr double inner_rate = 0.05;

/// Sines a sin(x + phase), at points to adapt to and others to judge by: [tasks, points, 1].
struct Tasks {
  Var x, y, other_x, other_y;
};

Tasks draw(std::size_t tasks) {
  const Var a = xg::constant(0.1 + 4.9 * xg::rand({tasks, 1, 1}));
  const Var phase = xg::constant(std::acos(-1.0) * xg::rand({tasks, 1, 1}));
  const Var x = xg::constant(10 * xg::rand({tasks, points, 1}) - 5);
  const Var other_x = xg::constant(10 * xg::rand({tasks, points, 1}) - 5);
  return {x, a * xg::sin(x + phase), other_x, a * xg::sin(other_x + phase)};
}

Weights fresh_weights() {
  const auto normal = [](std::size_t in, std::size_t out) {
    return xg::parameter(std::sqrt(2.0 / static_cast<double>(in)) * xg::randn({in, out}));
  };
  const auto zeros = [](std::size_t n) { return xg::parameter(xg::zeros({1, n})); };
  return {normal(1, 32), zeros(32), normal(32, 32), zeros(32), normal(32, 1), zeros(1)};
}

/// The network as a function of its weights, which may differ from task to task.
Var predict(const Weights& w, const Var& x) {
  const Var first = xg::tanh(xg::matmul(x, w[0]) + w[1]);
  return xg::matmul(xg::tanh(xg::matmul(first, w[2]) + w[3]), w[4]) + w[5];
}

/// Weights for every task, some steps downhill on its own points. Gradients pass through.
Weights adapted(const Weights& weights, const Tasks& tasks, int steps) {
  const std::size_t count = tasks.x.shape()[0];
  Weights own;
  for (const Var& w : weights)
    own.push_back(xg::broadcast_to(w, {count, w.shape()[0], w.shape()[1]}));
  for (int step = 0; step < steps; ++step) {
    const Var errors = xg::mean(xg::square(predict(own, tasks.x) - tasks.y), {1, 2});
    const Weights slopes = xg::grad(xg::sum(errors), own, {.create_graph = true});
    for (std::size_t i = 0; i < own.size(); ++i) own[i] = own[i] - inner_rate * slopes[i];
  }
  return own;
}

Var loss_after(const Weights& weights, const Tasks& tasks, int steps) {
  return xg::nn::mean_squared_error(predict(adapted(weights, tasks, steps), tasks.other_x),
                                    tasks.other_y);
}

/// Weights that are good after so many inner steps.
Weights trained(int inner_steps) {
  Weights weights = fresh_weights();
  xg::optim::Adam adam(weights, {.learning_rate = 0.003});
  for (int step = 0; step < 2000; ++step) {
    adam.zero_grad();
    loss_after(weights, draw(25), inner_steps).backward();
    adam.step();
  }
  return weights;
}

int main() {
  xg::manual_seed(0);
  const Tasks few = draw(2), fresh = draw(2000);
  const auto report =
      xg::gradcheck([&](const Weights& w) { return loss_after(w, few, 1); }, fresh_weights());
  const Weights learner = trained(1), joint = trained(0);
  const auto error = [&](const Weights& w, int n) { return loss_after(w, fresh, n).item(); };
  const double before = error(learner, 0), after = error(learner, 1);
  const double joint_before = error(joint, 0), joint_after = error(joint, 1);
  // The best function for all sines is their mean, E[a] 2/pi cos(x). What it leaves is
  // E[a^2] / 2 - (E[a] 2/pi)^2 E[cos(x)^2], with a uniform in 0.1 ... 5 and x in -5 ... 5.
  const double mean = 2.55 * 2 / std::acos(-1.0), square = (125 - 0.001) / (3 * 4.9);
  const double least = square / 2 - mean * mean * (0.5 + std::sin(10.0) / 20);
  std::cout << "least error of one function for all sines " << least << "\ntrained to be that "
            << joint_before << ", after a step on ten points " << joint_after
            << "\ntrained to learn " << before << ", after a step on ten points " << after << '\n';
  const char* missed = !report.ok() ? "the gradient through the inner step is wrong"
                       : std::abs(joint_before / least - 1) > 0.15 ? "its error is not the least"
                       : before < 0.95 * least ? "before a step the error is less than can be"
                       : after > 0.2 * least   ? "a step does not bring the error to a fifth"
                       : joint_after < least   ? "a network not trained to learn learns, too"
                                               : nullptr;
  if (missed) std::cerr << "MISSED: " << missed << '\n';
  return missed ? 1 : 0;
}
