#include <algorithm>
#include <cmath>

#include <doctest/doctest.h>
#include <xgrad/optim/adam.hpp>

#include "../message_of.hpp"
#include "training.hpp"

namespace {

using xgrad::Dense;
using xgrad::parameter;
using xgrad::optim::Adam;
using xgrad::optim::AdamOptions;
using xgrad::optim::AdamW;
using xgrad::optim::AdamWOptions;
using xgrad::testing::check_ten_steps;
using xgrad::testing::distance_after;
using xgrad::testing::message_of;

/// Algorithm 1 of Kingma and Ba, with the variants of amsgrad and of decoupled weight decay as PyTorch's
/// documentation writes them, for one element.
template <class Options, bool decoupled>
struct Reference {
  Options options;
  double parameter;
  double m = 0, v = 0, largest = 0;
  int t = 0;

  void step(double gradient) {
    ++t;
    double g = gradient;
    if (decoupled)
      parameter -= options.learning_rate * options.weight_decay * parameter;
    else
      g += options.weight_decay * parameter;
    m = options.beta1 * m + (1 - options.beta1) * g;
    v = options.beta2 * v + (1 - options.beta2) * g * g;
    largest = std::max(largest, v);
    const double m_hat = m / (1 - std::pow(options.beta1, t));
    const double v_hat = (options.amsgrad ? largest : v) / (1 - std::pow(options.beta2, t));
    parameter -= options.learning_rate * m_hat / (std::sqrt(v_hat) + options.epsilon);
  }
};

template <class Options>
std::vector<Options> every_option() {
  std::vector<Options> all;
  for (const bool amsgrad : {false, true})
    for (Options options :
         {Options{}, Options{.learning_rate = 0.3}, Options{.beta1 = 0.5}, Options{.beta1 = 0},
          Options{.beta2 = 0.6}, Options{.epsilon = 0.1}, Options{.weight_decay = 0},
          Options{.weight_decay = 0.3}, Options{0.1, 0.8, 0.9, 1e-3, 0.2}}) {
      options.amsgrad = amsgrad;
      all.push_back(options);
    }
  return all;
}

/// What falls slowly enough to arrive, and fast enough to end a dance around the minimum.
template <class Optimizer>
auto falling_rate(Optimizer& optimizer, double from) {
  return [&optimizer, from](int step) { optimizer.set_learning_rate(from * std::pow(0.9995, step)); };
}

}  // namespace

TEST_CASE("the first step of Adam has the length of the rate, whatever the gradient") {
  for (const double gradient : {1e-5, -3.0, 1e6}) {
    auto x = parameter(1.0);
    Adam<double> adam({x}, {.learning_rate = 0.25, .epsilon = 0});
    x.set_grad(Dense<double>::scalar(gradient));
    adam.step();
    CHECK(x.item() == doctest::Approx(gradient > 0 ? 0.75 : 1.25).epsilon(1e-14));
  }
}

TEST_CASE("Adam: ten steps agree with the rule spelt out, with every option") {
  for (const AdamOptions& options : every_option<AdamOptions>())
    check_ten_steps<Adam<double>, Reference<AdamOptions, false>>(options);
}

TEST_CASE("AdamW: ten steps agree with the rule spelt out, with every option") {
  for (const AdamWOptions& options : every_option<AdamWOptions>())
    check_ten_steps<AdamW<double>, Reference<AdamWOptions, true>>(options);
}

TEST_CASE("AdamW's weight decay does not depend on the gradient's size, Adam's does") {
  auto x = parameter(2.0), y = parameter(2.0);
  AdamW<double> adamw({x}, {.learning_rate = 0.1, .weight_decay = 0.5});
  Adam<double> adam({y}, {.learning_rate = 0.1, .epsilon = 0, .weight_decay = 0.5});
  x.set_grad(Dense<double>::scalar(0));
  y.set_grad(Dense<double>::scalar(0));
  adamw.step();
  adam.step();
  CHECK(x.item() == doctest::Approx(2 * (1 - 0.1 * 0.5)).epsilon(1e-14));
  CHECK(y.item() == doctest::Approx(2 - 0.1).epsilon(1e-14));
  CHECK(AdamW<double>({parameter(1.0)}).options().weight_decay == 0.01);
}

TEST_CASE("the bias is taken out by each parameter's own count of steps") {
  auto x = parameter(1.0), late = parameter(1.0);
  Adam<double> adam({x, late}, {.learning_rate = 0.25, .epsilon = 0});
  for (int step = 0; step < 3; ++step) {
    x.set_grad(Dense<double>::scalar(1));
    adam.step();
  }
  CHECK(late.item() == 1);
  late.set_grad(Dense<double>::scalar(1e-3));
  adam.step();
  CHECK(late.item() == doctest::Approx(0.75).epsilon(1e-14));
}

TEST_CASE_TEMPLATE("a gradient of 0 moves nothing, and a NaN reaches the parameter", T, float, double) {
  for (const bool amsgrad : {false, true}) {
    auto x = parameter(xt::xarray<T>{T(1), T(2)});
    Adam<T> adam({x}, {.amsgrad = amsgrad});
    x.set_grad(Dense<T>::filled(x.shape(), T(0)));
    adam.step();
    CHECK(x.value() == xt::xarray<T>{T(1), T(2)});
    x.set_grad(to_dense(xgrad::Array<T>(xt::xarray<T>{T(0), T(NAN)})));
    adam.step();
    CHECK(x.value()(0) == 1);
    CHECK(std::isnan(x.value()(1)));
  }
}

TEST_CASE("Adam and AdamW with a falling rate reach the minimum of Rosenbrock's function within 3000 steps") {
  for (const bool amsgrad : {false, true}) {
    const xgrad::testing::Rosenbrock problem, another;
    Adam<double> adam(problem.parameters(), {.amsgrad = amsgrad});
    AdamW<double> adamw(another.parameters(), {.weight_decay = 0, .amsgrad = amsgrad});
    CHECK(distance_after(3000, problem, adam, falling_rate(adam, 0.3)) < 1e-6);
    CHECK(distance_after(3000, another, adamw, falling_rate(adamw, 0.3)) < 1e-6);
  }
}

TEST_CASE("Adam and AdamW reach the minimum at condition number 10^4 within 7000 steps") {
  const xgrad::testing::IllConditioned problem, another;
  Adam<double> adam(problem.parameters());
  AdamW<double> adamw(another.parameters(), {.weight_decay = 0});
  CHECK(distance_after(7000, problem, adam, falling_rate(adam, 1)) < 1e-6);
  CHECK(distance_after(7000, another, adamw, falling_rate(adamw, 1)) < 1e-6);
}

TEST_CASE("Adam and AdamW: a bad option is an error that names it and its value") {
  const auto adam_with = [](const AdamOptions& options) {
    return message_of([&] { Adam<double>({parameter(1.0)}, options); });
  };
  const auto adamw_with = [](const AdamWOptions& options) {
    return message_of([&] { AdamW<double>({parameter(1.0)}, options); });
  };
  CHECK(adam_with({.learning_rate = -1}) == "Adam: learning_rate is -1; it must be finite and at least 0");
  CHECK(adam_with({.beta1 = 1}) == "Adam: beta1 is 1; it must be at least 0 and below 1");
  CHECK(adam_with({.beta2 = -0.5}) == "Adam: beta2 is -0.5; it must be at least 0 and below 1");
  CHECK(adam_with({.epsilon = -1}) == "Adam: epsilon is -1; it must be finite and at least 0");
  CHECK(adam_with({.weight_decay = -1}) == "Adam: weight_decay is -1; it must be finite and at least 0");
  CHECK(adamw_with({.learning_rate = -1}) == "AdamW: learning_rate is -1; it must be finite and at least 0");
  CHECK(adamw_with({.beta1 = 1}) == "AdamW: beta1 is 1; it must be at least 0 and below 1");
  CHECK(adamw_with({.beta2 = 1}) == "AdamW: beta2 is 1; it must be at least 0 and below 1");
  CHECK(adamw_with({.epsilon = -1}) == "AdamW: epsilon is -1; it must be finite and at least 0");
  CHECK(adamw_with({.weight_decay = -1}) == "AdamW: weight_decay is -1; it must be finite and at least 0");
}
