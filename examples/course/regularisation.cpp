// A penalty on large weights: the cost grows by lambda sum_l |W_l|^2, so that every weight's gradient grows
// by 2 lambda W and pulls it towards 0. Biases are left alone: they bend nothing.
#include <fmt/core.h>
#include <xgrad/xgrad.hpp>

#include "../lesson/lesson.hpp"

namespace xg = xgrad;
using Var = xg::Variable<double>;
using Net = xg::nn::TwoLayerNet<double>;

namespace {

bool is_weight(const std::string& name) { return name.ends_with("weight"); }

Var sum_of_squares(Net& net) {
  return xg::sum(xg::square(net.hidden().weight())) + xg::sum(xg::square(net.output().weight()));
}

/// Each gradient with the penalty, less the one without it, is 2 lambda W for weights and 0 for biases.
void check_gradients(lesson::Lesson& lesson, const xg::data::Points<double>& spiral) {
  constexpr double lambda = 0.05;
  Net net(2, 8, 3);
  const Var X = xg::constant(spiral.points);
  const auto plain = [&] { return xg::nn::cross_entropy(net(X), spiral.labels); };
  const auto penalised = [&] { return plain() + lambda * sum_of_squares(net); };
  const auto without = xg::grad(plain(), net.parameters()), with = xg::grad(penalised(), net.parameters());
  const auto named = net.named_parameters();
  for (std::size_t i = 0; i < named.size(); ++i) {
    const auto& [name, parameter] = named[i];
    const bool weight = is_weight(name);
    lesson.near(
        fmt::format("what the penalty adds to the gradient of {}: {}", name, weight ? "2 lambda W" : "0"),
        with[i].value() - without[i].value(), (weight ? 2 * lambda : 0.0) * parameter.value(), 1e-15);
  }
  const auto report = xg::gradcheck(penalised, net.parameters());
  lesson.holds("all of it agrees with central differences", report.ok());
}

/// An optimizer's weight decay is the same pull: decay * W with decay = 2 lambda, for the weights' group
/// alone.
void check_weight_decay(lesson::Lesson& lesson, const xg::data::Points<double>& spiral) {
  constexpr double lambda = 0.05, rate = 0.1;
  Net by_cost(2, 8, 3), by_decay(2, 8, 3);
  xg::nn::copy_parameters(by_cost, by_decay);
  const Var X = xg::constant(spiral.points);
  xg::optim::SGD<double> first(by_cost.parameters(), {.learning_rate = rate});
  using Groups = std::vector<xg::optim::SGD<double>::Group>;
  xg::optim::SGD<double> second(
      Groups{{{by_decay.hidden().weight(), by_decay.output().weight()},
              {.learning_rate = rate, .weight_decay = 2 * lambda}},
             {{by_decay.hidden().bias(), by_decay.output().bias()}, {.learning_rate = rate}}});
  for (int step = 0; step < 20; ++step) {
    first.zero_grad();
    second.zero_grad();
    (xg::nn::cross_entropy(by_cost(X), spiral.labels) + lambda * sum_of_squares(by_cost)).backward();
    xg::nn::cross_entropy(by_decay(X), spiral.labels).backward();
    first.step();
    second.step();
  }
  lesson.near("20 steps with the penalty and with weight decay end at the same W",
              by_cost.hidden().weight().value(), by_decay.hidden().weight().value(), 1e-12);
}

/// The sum of the squared weights while the network learns.
plot::Curve train(const xg::data::Points<double>& spiral, double lambda, const char* colour, int steps) {
  xg::manual_seed(3);
  Net net(2, 30, 3);
  const Var X = xg::constant(spiral.points);
  xg::optim::SGD<double> sgd(net.parameters(), {.learning_rate = 0.5, .momentum = 0.9});
  plot::Curve curve{fmt::format("{{/Symbol l}} = {:g}", lambda), {}, {}, colour};
  for (int step = 0; step < steps; ++step) {
    const Var squares = sum_of_squares(net);
    curve.x.push_back(step + 1);
    curve.y.push_back(squares.item());
    sgd.zero_grad();
    (xg::nn::cross_entropy(net(X), spiral.labels) + lambda * squares).backward();
    sgd.step();
  }
  return curve;
}

void teach(lesson::Lesson& lesson) {
  xg::manual_seed(0);
  const auto spiral = xg::data::make_spiral<double>();
  check_gradients(lesson, spiral);
  check_weight_decay(lesson, spiral);

  const int steps = lesson.small() ? 200 : 1000;
  const std::vector<plot::Curve> curves{
      train(spiral, 0, plot::blue, steps), train(spiral, 1e-4, plot::orange, steps),
      train(spiral, 1e-3, plot::green, steps), train(spiral, 1e-2, plot::purple, steps)};
  for (std::size_t i = 1; i < curves.size(); ++i)
    lesson.at_most("a stronger penalty leaves smaller weights: |W|^2", curves[i].y.back(),
                   curves[i - 1].y.back());
  plot::Panel panel{.x_label = "iteration", .y_label = "sum of the squared weights", .logarithmic_y = true};
  for (const auto& curve : curves) panel.layers.push_back(curve);
  panel.x = {0, steps};
  panel.y = {5, 2000};
  panel.key = "outside right center";
  plot::figure(lesson.drawing(), "regularisation", "A penalty keeps the weights small", {panel}, 1,
               {640, 400});
}

}  // namespace

int main(int argc, char** argv) {
  return lesson::run(argc, argv, "regularisation", "Costs with a penalty on the weights.", teach);
}
