#include <cmath>

#include <doctest/doctest.h>
#include <xgrad/optim/rmsprop.hpp>

#include "../message_of.hpp"
#include "training.hpp"

namespace {

using xgrad::Dense;
using xgrad::parameter;
using xgrad::optim::RMSprop;
using xgrad::optim::RMSpropOptions;
using xgrad::testing::check_ten_steps;
using xgrad::testing::distance_after;
using xgrad::testing::message_of;

/// The rule as PyTorch's documentation writes it, for one element.
struct Reference {
  RMSpropOptions options;
  double parameter;
  double square = 0, mean = 0, velocity = 0;

  void step(double gradient) {
    const double a = options.alpha;
    const double g = gradient + options.weight_decay * parameter;
    square = a * square + (1 - a) * g * g;
    double variance = square;
    if (options.centered) {
      mean = a * mean + (1 - a) * g;
      variance = square - mean * mean;
    }
    const double move = g / (std::sqrt(variance) + options.epsilon);
    if (options.momentum > 0) {
      velocity = options.momentum * velocity + move;
      parameter -= options.learning_rate * velocity;
    } else {
      parameter -= options.learning_rate * move;
    }
  }
};

}  // namespace

TEST_CASE("RMSprop: two steps go as worked out by hand") {
  auto x = parameter(1.0);
  RMSprop<double> rmsprop({x}, {.learning_rate = 0.5, .alpha = 0.75, .epsilon = 0});
  x.set_grad(Dense<double>::scalar(2));
  rmsprop.step();
  CHECK(x.item() == 0);  // mean square 1
  x.set_grad(Dense<double>::scalar(std::sqrt(13.0)));
  rmsprop.step();
  CHECK(x.item() == doctest::Approx(-0.5 * std::sqrt(13.0) / 2).epsilon(1e-14));  // mean square 4
}

TEST_CASE("RMSprop: ten steps agree with the rule spelt out, with every option") {
  for (const bool centered : {false, true})
    for (const double momentum : {0.0, 0.9})
      for (const RMSpropOptions& options :
           {RMSpropOptions{}, RMSpropOptions{.learning_rate = 0.3}, RMSpropOptions{.alpha = 0.5},
            RMSpropOptions{.epsilon = 0.1}, RMSpropOptions{.weight_decay = 0.3},
            RMSpropOptions{.learning_rate = 0.1, .alpha = 0.8, .epsilon = 1e-3, .weight_decay = 0.1}}) {
        RMSpropOptions all = options;
        all.centered = centered;
        all.momentum = momentum;
        check_ten_steps<RMSprop<double>, Reference>(all);
      }
}

TEST_CASE_TEMPLATE("RMSprop: a variance that rounding makes negative counts as 0", T, float, double) {
  // Under equal gradients both means grow alike, and with alpha = 0 the variance is g^2 - g^2.
  for (const double g : {0.1, 1.0 / 3, 7e-3, 123.456}) {
    auto x = parameter(xt::xarray<T>{T(1)});
    RMSprop<T> rmsprop({x}, {.learning_rate = 1, .alpha = 0, .epsilon = 1, .centered = true});
    x.set_grad(Dense<T>::filled(x.shape(), T(g)));
    rmsprop.step();
    CHECK(x.item() == doctest::Approx(1 - g).epsilon(1e-4));
  }
}

TEST_CASE("RMSprop with momentum and a falling rate reaches Rosenbrock's minimum within 8500 steps") {
  for (const bool centered : {false, true}) {
    const xgrad::testing::Rosenbrock problem;
    RMSprop<double> rmsprop(problem.parameters(), {.momentum = 0.9, .centered = centered});
    CHECK(distance_after(8500, problem, rmsprop,
                         [&](int step) { rmsprop.set_learning_rate(0.003 * std::pow(0.999, step)); }) < 1e-6);
  }
}

TEST_CASE("RMSprop with momentum reaches the minimum at condition number 10^4 within 8500 steps") {
  const xgrad::testing::IllConditioned problem;
  RMSprop<double> rmsprop(problem.parameters(), {.momentum = 0.9});
  CHECK(distance_after(8500, problem, rmsprop,
                       [&](int step) { rmsprop.set_learning_rate(0.003 * std::pow(0.999, step)); }) < 1e-6);
}

TEST_CASE("RMSprop does not feel a condition number of 10^4 along the axes: 100 steps do") {
  const xgrad::testing::IllConditioned problem(0);
  RMSprop<double> rmsprop(problem.parameters());
  CHECK(distance_after(100, problem, rmsprop,
                       [&](int step) { rmsprop.set_learning_rate(0.03 * std::pow(0.99, step)); }) < 1e-6);
}

TEST_CASE("RMSprop: a bad option is an error that names it and its value") {
  const auto made_with = [](const RMSpropOptions& options) {
    return message_of([&] { RMSprop<double>({parameter(1.0)}, options); });
  };
  CHECK(made_with({.learning_rate = -1}) == "RMSprop: learning_rate is -1; it must be finite and at least 0");
  CHECK(made_with({.alpha = 1}) == "RMSprop: alpha is 1; it must be at least 0 and below 1");
  CHECK(made_with({.epsilon = -1}) == "RMSprop: epsilon is -1; it must be finite and at least 0");
  CHECK(made_with({.weight_decay = NAN}).find("RMSprop: weight_decay is") == 0);
  CHECK(made_with({.momentum = 1}) == "RMSprop: momentum is 1; it must be at least 0 and below 1");
}
