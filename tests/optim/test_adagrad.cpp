#include <cmath>

#include <doctest/doctest.h>
#include <xgrad/optim/adagrad.hpp>

#include "../message_of.hpp"
#include "training.hpp"

namespace {

using xgrad::Dense;
using xgrad::parameter;
using xgrad::optim::Adagrad;
using xgrad::optim::AdagradOptions;
using xgrad::testing::check_ten_steps;
using xgrad::testing::distance_after;
using xgrad::testing::message_of;

/// The rule of Duchi, Hazan and Singer as PyTorch's documentation writes it, for one element.
struct Reference {
  AdagradOptions options;
  double parameter;
  double sum = options.initial_accumulator_value;
  int t = 0;

  void step(double gradient) {
    ++t;
    const double rate = options.learning_rate / (1 + (t - 1) * options.learning_rate_decay);
    const double g = gradient + options.weight_decay * parameter;
    sum = sum + g * g;
    parameter = parameter - rate * g / (std::sqrt(sum) + options.epsilon);
  }
};

}  // namespace

TEST_CASE("Adagrad: two steps go as worked out by hand") {
  auto x = parameter(1.0);
  Adagrad<double> adagrad({x}, {.learning_rate = 0.5, .epsilon = 0});
  x.set_grad(Dense<double>::scalar(3));
  adagrad.step();
  CHECK(x.item() == 0.5);  // sum 9
  x.set_grad(Dense<double>::scalar(4));
  adagrad.step();
  CHECK(x.item() == doctest::Approx(0.1).epsilon(1e-14));  // sum 25
}

TEST_CASE("Adagrad: ten steps agree with the rule spelt out, with every option") {
  for (const AdagradOptions& options :
       {AdagradOptions{}, AdagradOptions{.learning_rate = 0.3}, AdagradOptions{.learning_rate_decay = 0.5},
        AdagradOptions{.weight_decay = 0.3}, AdagradOptions{.initial_accumulator_value = 2},
        AdagradOptions{.epsilon = 0.1}, AdagradOptions{0.3, 0.1, 0.2, 0.5, 1e-3}})
    check_ten_steps<Adagrad<double>, Reference>(options);
}

TEST_CASE("Adagrad reaches the minimum of Rosenbrock's function within 20000 steps, to 1e-5") {
  const xgrad::testing::Rosenbrock problem;
  Adagrad<double> adagrad(problem.parameters(), {.learning_rate = 0.3});
  CHECK(distance_after(20000, problem, adagrad) < 1e-5);
}

TEST_CASE("Adagrad does not feel a condition number of 10^4 along the axes: 100 steps do") {
  const xgrad::testing::IllConditioned problem(0);
  Adagrad<double> adagrad(problem.parameters(), {.learning_rate = 0.3});
  CHECK(distance_after(100, problem, adagrad) < 1e-6);
}

TEST_CASE("Adagrad: a bad option is an error that names it and its value") {
  const auto made_with = [](const AdagradOptions& options) {
    return message_of([&] { Adagrad<double>({parameter(1.0)}, options); });
  };
  CHECK(made_with({.learning_rate = -1}) == "Adagrad: learning_rate is -1; it must be finite and at least 0");
  CHECK(made_with({.learning_rate_decay = -1}) ==
        "Adagrad: learning_rate_decay is -1; it must be finite and at least 0");
  CHECK(made_with({.weight_decay = -1}) == "Adagrad: weight_decay is -1; it must be finite and at least 0");
  CHECK(made_with({.initial_accumulator_value = -1}) ==
        "Adagrad: initial_accumulator_value is -1; it must be finite and at least 0");
  CHECK(made_with({.epsilon = INFINITY}) == "Adagrad: epsilon is inf; it must be finite and at least 0");
}
