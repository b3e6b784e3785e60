// A network can be trained without backpropagation, by differences: the path is the same, the price is not.
#include <algorithm>
#include <chrono>
#include <cmath>
#include <functional>
#include <iostream>

#include <fmt/core.h>
#include <xgrad/xgrad.hpp>

#include "../lesson/lesson.hpp"

namespace xg = xgrad;
using Matrix = xt::xarray<double>;
using Labels = xt::xarray<std::int64_t>;
using Var = xg::Variable<double>;
using Net = xg::nn::TwoLayerNet<double>;

namespace {

xg::Array<double> by_differences(const std::function<Var()>& loss, const Var& parameter) {
  return xg::numerical_gradient(
      [&] {
        const xg::NoGrad quiet;
        return loss().item();
      },
      parameter);
}

double largest(const xg::Array<double>& a) {
  double size = 0;
  for (double element : a.storage()) size = std::max(size, std::abs(element));
  return size;
}

/// The gradient of every parameter of a network 64-20-10, by backpropagation and by differences.
void compare_gradients(lesson::Lesson& lesson) {
  xg::manual_seed(2);
  Net net(64, 20, 10);
  const Var x = xg::constant(xg::rand({4, 64}));
  const auto loss = [&] { return xg::nn::cross_entropy(net(x), Labels{3, 9, 0, 5}); };
  loss().backward();
  for (const auto& [name, parameter] : net.named_parameters()) {
    const xg::Array<double> g = parameter.grad();
    lesson.at_most(fmt::format("{}: worst difference over the largest gradient", name),
                   largest(by_differences(loss, parameter) - g) / largest(g), 1e-7);
  }
}

/// The network 2-4-3 of the forward pass, trained both ways for 100 steps.
void compare_paths(lesson::Lesson& lesson) {
  Net graph(2, 4, 3), differences(2, 4, 3);
  graph.hidden().weight().set_value(
      Matrix{{-.00416757847405471, -.00056266827226329, -.02136196095668454, .01640270808404989},
             {-.01793435585194863, -.00841747365656204, .00502881417158043, -.01245288086607232}});
  graph.output().weight().set_value(Matrix{{-1.05795222e-2, -9.09007615e-3, 5.51454045e-3},
                                           {2.29220801e-2, 4.15393930e-4, -1.11792545e-2},
                                           {5.39058321e-3, -5.96159700e-3, -1.91304965e-4},
                                           {1.17500122e-2, -7.47870949e-3, 9.02525097e-5}});
  graph.hidden().bias().set_value(xt::zeros<double>({4}));
  graph.output().bias().set_value(xt::zeros<double>({3}));
  xg::nn::copy_parameters(graph, differences);
  const Var X = xg::constant(Matrix{{1, 2}, {3, 4}, {5, 6}});
  const auto loss_of = [&](Net& net) {
    const Var squares =
        xg::sum(xg::square(net.hidden().weight())) + xg::sum(xg::square(net.output().weight()));
    return xg::nn::cross_entropy(net(X), Labels{2, 0, 1}) + 1e-3 * squares;
  };
  constexpr double rate = 0.1;
  xg::optim::SGD<double> sgd(graph.parameters(), {.learning_rate = rate});
  plot::Curve line{"by backpropagation", {}, {}, plot::blue},
      points{"by differences", {}, {}, plot::orange, plot::Mark::points};
  for (int step = 0; step < 100; ++step) {
    const Var loss = loss_of(graph);
    line.x.push_back(step);
    line.y.push_back(loss.item());
    if (step % 5 == 0) {
      points.x.push_back(step);
      points.y.push_back(loss_of(differences).item());
    }
    sgd.zero_grad();
    loss.backward();
    sgd.step();
    std::vector<xg::Array<double>> gradients;
    for (const Var& p : differences.parameters())
      gradients.push_back(by_differences([&] { return loss_of(differences); }, p));
    for (std::size_t i = 0; i < gradients.size(); ++i) {
      Var p = differences.parameters()[i];
      p.set_value(p.value() - rate * gradients[i]);
    }
  }
  double apart = 0;
  for (std::size_t i = 0; i < graph.parameters().size(); ++i)
    apart = std::max(apart, largest(graph.parameters()[i].value() - differences.parameters()[i].value()));
  lesson.at_most("after 100 steps the two networks' parameters differ by", apart, 1e-6);
  lesson.at_most("loss after 100 steps, from 1.098", loss_of(graph).item(), 0.7);
  plot::figure(lesson.drawing(), "numerical_training", "Two ways to the gradient, one path",
               {{.x_label = "step", .y_label = "loss", .layers = {line, points}, .y = {0.5, 1.15}}});
}

template <class F>
double milliseconds(F&& f) {
  double best = 1e9;
  for (int run = 0; run < 5; ++run) {
    const auto start = std::chrono::steady_clock::now();
    f();
    const auto time = std::chrono::steady_clock::now() - start;
    best = std::min(best, std::chrono::duration<double, std::milli>(time).count());
  }
  return best;
}

/// What the whole gradient of a network 784-100-10 costs, on a batch of 100.
void compare_prices(lesson::Lesson& lesson) {
  xg::manual_seed(1);
  Net net(784, 100, 10);
  std::cout << net.summary({100, 784});
  lesson.near("parameters", static_cast<double>(net.parameter_count()), 79510, 0);
  const Var x = xg::constant(xg::rand({100, 784}));
  const Labels labels = xt::zeros<std::int64_t>({100});
  const auto loss = [&] { return xg::nn::cross_entropy(net(x), labels); };
  const double forward = milliseconds([&] {
    const xg::NoGrad quiet;
    return loss().item();
  });
  const double both = milliseconds([&] {
    net.zero_grad();
    loss().backward();
  });
  const double passes = 2 * 79510;
  fmt::print("        a forward pass {:.2f} ms, forward and backward {:.2f} ms; {} forward passes {:.0f} s\n",
             forward, both, passes, passes * forward / 1e3);
  lesson.at_least("so a numerical gradient takes longer by a factor of", passes * forward / both, 1000);
}

void teach(lesson::Lesson& lesson) {
  compare_gradients(lesson);
  compare_paths(lesson);
  compare_prices(lesson);
}

}  // namespace

int main(int argc, char** argv) {
  return lesson::run(argc, argv, "numerical_training", "Training by differences, and its price.", teach);
}
