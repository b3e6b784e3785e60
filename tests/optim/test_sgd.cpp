#include <cmath>
#include <limits>
#include <string>
#include <vector>

#include <doctest/doctest.h>
#include <xgrad/optim/sgd.hpp>

#include "../message_of.hpp"
#include "training.hpp"

namespace {

using xgrad::Array;
using xgrad::Dense;
using xgrad::parameter;
using xgrad::Shape;
using xgrad::ValueError;
using xgrad::Variable;
using xgrad::optim::SGD;
using xgrad::optim::SGDOptions;
using xgrad::testing::distance_after;
using xgrad::testing::message_of;

/// Leaves the gradient of half the sum of squares: the value itself.
template <class T>
void differentiate_half_square(Variable<T> x) {
  x.zero_grad();
  (0.5 * square(x)).backward({.grad_output = Array<T>(xt::ones<T>(x.shape()))});
}

/// PyTorch's rule without dampening, spelt out for one element.
struct Reference {
  SGDOptions options;
  double parameter, velocity = 0;

  void step(double gradient) {
    double g = gradient + options.weight_decay * parameter;
    velocity = options.momentum * velocity + g;
    g = options.nesterov ? g + options.momentum * velocity : velocity;
    parameter -= options.learning_rate * g;
  }
};

}  // namespace

TEST_CASE("three steps with momentum on x^2 / 2 go as worked out by hand") {
  auto x = parameter(1.0);
  SGD<double> sgd({x}, {.learning_rate = 0.1, .momentum = 0.9});
  for (double expected : {0.9, 0.72, 0.486}) {  // velocities 1, 1.8, 2.34
    differentiate_half_square(x);
    sgd.step();
    CHECK(x.item() == doctest::Approx(expected).epsilon(1e-14));
  }
}

TEST_CASE("three steps with Nesterov's momentum on x^2 / 2 go as worked out by hand") {
  auto x = parameter(1.0);
  SGD<double> sgd({x}, {.learning_rate = 0.1, .momentum = 0.5, .nesterov = true});
  for (double expected : {0.85, 0.6975, 0.559125}) {  // velocities 1, 1.35, 1.3725
    differentiate_half_square(x);
    sgd.step();
    CHECK(x.item() == doctest::Approx(expected).epsilon(1e-14));
  }
}

TEST_CASE("ten steps agree with the rule spelt out, for momentum, Nesterov and weight decay") {
  for (const SGDOptions& options :
       {SGDOptions{.learning_rate = 0.2}, SGDOptions{.learning_rate = 0.2, .weight_decay = 0.3},
        SGDOptions{.learning_rate = 0.05, .momentum = 0.9},
        SGDOptions{.learning_rate = 0.05, .momentum = 0.9, .weight_decay = 0.3},
        SGDOptions{.learning_rate = 0.05, .momentum = 0.9, .nesterov = true},
        SGDOptions{0.05, 0.9, true, 0.3}})
    xgrad::testing::check_ten_steps<SGD<double>, Reference>(options);
}

TEST_CASE_TEMPLATE("every element of a parameter of any size is updated once", T, float, double) {
  for (const std::size_t size : {1u, 2u, 3u, 7u, 8u, 9u, 15u, 16u, 17u, 31u, 33u, 100u, 70001u}) {
    CAPTURE(size);
    const Shape shape{size};
    auto x = xgrad::detail::parameter_from(Dense<T>::filled(shape, T(2)));
    SGD<T> sgd({x}, {.learning_rate = 0.5, .momentum = 0.5, .nesterov = true, .weight_decay = 1});
    for (int step = 0; step < 2; ++step) {
      x.set_grad(Dense<T>::filled(shape, T(1)));
      sgd.step();
    }
    // g = 3, v = 3, moved by 4.5 / 2; then g = 0.75, v = 2.25, moved by 1.875 / 2: all without rounding.
    std::size_t wrong = 0;
    for (std::size_t i = 0; i < size; ++i) wrong += x.dense().data()[i] != T(-1.1875);
    CHECK(wrong == 0);
  }
}

TEST_CASE("a parameter without a gradient is skipped, and keeps its velocity for later") {
  auto x = parameter(1.0), y = parameter(5.0);
  SGD<double> sgd({x, y}, {.learning_rate = 0.1, .momentum = 0.5});
  differentiate_half_square(x);
  sgd.step();
  CHECK(x.item() == doctest::Approx(0.9));
  CHECK(y.item() == 5);
  sgd.zero_grad();
  CHECK_FALSE(x.has_grad());
  sgd.step();
  CHECK(x.item() == doctest::Approx(0.9));
  differentiate_half_square(x);
  sgd.step();
  CHECK(x.item() == doctest::Approx(0.9 - 0.1 * (0.5 * 1 + 0.9)));
}

TEST_CASE("a step does not change what a graph has saved") {
  auto w = parameter(xt::xarray<double>{1, 2, 3});
  SGD<double> sgd({w}, {.learning_rate = 1});
  const auto y = w * w * w;
  w.set_grad(Dense<double>::filled(Shape{3}, 10));
  sgd.step();
  CHECK(w.value() == xt::xarray<double>{-9, -8, -7});
  w.zero_grad();
  y.backward({.grad_output = xt::ones<double>({3})});
  CHECK(w.grad() == xt::xarray<double>{3, 12, 27});
}

TEST_CASE("a step changes no array that was handed out, nor another parameter that shares its buffer") {
  const Array<double> start = xt::xarray<double>{1, 2};
  auto a = parameter(start), b = parameter(start);
  const Array<double> before = a.value();
  SGD<double> sgd({a, b}, {.learning_rate = 1});
  a.set_grad(a.dense());
  sgd.step();
  CHECK(a.value() == xt::xarray<double>{0, 0});
  CHECK(a.grad() == xt::xarray<double>{1, 2});
  CHECK(b.value() == before);
  CHECK(before == xt::xarray<double>{1, 2});
  CHECK(start == before);
}

TEST_CASE("a step writes in place: a parameter that nobody shares keeps its buffer") {
  auto w = xgrad::detail::parameter_from(Dense<float>::filled(Shape{1000}, 1));
  SGD<float> sgd({w}, {.learning_rate = 0.1});
  w.set_grad(Dense<float>::filled(Shape{1000}, 1));
  const float* const before = w.dense().data();
  sgd.step();
  CHECK(w.dense().data() == before);
}

TEST_CASE("options can be changed between steps, and velocities stay") {
  auto x = parameter(1.0);
  SGD<double> sgd({x}, {.learning_rate = 0.1, .momentum = 0.5});
  const auto step = [&] {
    x.set_grad(Dense<double>::scalar(1));
    sgd.step();
  };
  step();
  sgd.set_learning_rate(0.2);
  CHECK(sgd.options().learning_rate == 0.2);
  step();
  CHECK(x.item() == doctest::Approx(1 - 0.1 - 0.2 * 1.5));
  sgd.set_options({.learning_rate = 1});
  step();
  sgd.set_options({.learning_rate = 1, .momentum = 0.5});
  step();  // the velocity was forgotten while the momentum was 0
  CHECK(x.item() == doctest::Approx(1 - 0.1 - 0.2 * 1.5 - 1 - 1));
}

TEST_CASE("SGD finds the minimum of a quadratic as fast as theory says") {
  // Each step multiplies the distance along an axis by 1 - rate * curvature: 0 and 0.75 here.
  auto x = parameter(xt::xarray<double>{3, 4});
  const Array<double> curvature = xt::xarray<double>{4, 1};
  SGD<double> sgd({x}, {.learning_rate = 0.25});
  for (int step = 0; step < 100; ++step) {
    sgd.zero_grad();
    (0.5 * square(x) * curvature).backward({.grad_output = xt::ones<double>({2})});
    sgd.step();
  }
  CHECK(x.value()(0) == 0);
  CHECK(x.value()(1) == doctest::Approx(4 * std::pow(0.75, 100)).epsilon(1e-10));
}

TEST_CASE("SGD with momentum reaches the minimum of Rosenbrock's function within 3300 steps") {
  for (const bool nesterov : {false, true}) {
    const xgrad::testing::Rosenbrock problem;
    SGD<double> sgd(problem.parameters(), {.learning_rate = 0.001, .momentum = 0.9, .nesterov = nesterov});
    CHECK(distance_after(3300, problem, sgd) < 1e-6);
  }
}

TEST_CASE("SGD with the best momentum for condition number 10^4 reaches the minimum within 1100 steps") {
  // Polyak, "Some methods of speeding up the convergence of iteration methods", 1964: for curvatures from m
  // to L, rate 4 / (sqrt(L) + sqrt(m))^2 and momentum ((sqrt(L) - sqrt(m)) / (sqrt(L) + sqrt(m)))^2.
  const xgrad::testing::IllConditioned problem;
  SGD<double> sgd(problem.parameters(),
                  {.learning_rate = 4.0 / (101 * 101), .momentum = 99.0 * 99 / (101 * 101)});
  CHECK(distance_after(1100, problem, sgd) < 1e-6);
}

TEST_CASE("a bad option is an error that names it and its value") {
  auto x = parameter(1.0);
  const double infinite = std::numeric_limits<double>::infinity();
  const auto made_with = [&](const SGDOptions& options) {
    return message_of([&] { SGD<double>({x}, options); });
  };
  CHECK(made_with({.learning_rate = -0.1}) == "SGD: learning_rate is -0.1; it must be finite and at least 0");
  CHECK(made_with({.learning_rate = infinite}) ==
        "SGD: learning_rate is inf; it must be finite and at least 0");
  CHECK(made_with({.momentum = 1}) == "SGD: momentum is 1; it must be at least 0 and below 1");
  CHECK(made_with({.momentum = -0.5}) == "SGD: momentum is -0.5; it must be at least 0 and below 1");
  CHECK(made_with({.nesterov = true}) == "SGD: momentum is 0; it must be above 0 for nesterov = true");
  CHECK(made_with({.weight_decay = -1}) == "SGD: weight_decay is -1; it must be finite and at least 0");
  CHECK_THROWS_AS(SGD<double>({x}, {.weight_decay = std::nan("")}), ValueError);

  SGD<double> sgd({x}, {.learning_rate = 0.1, .momentum = 0.5});
  CHECK_THROWS_AS(sgd.set_options({.learning_rate = 0.2, .momentum = 2}), ValueError);
  CHECK_THROWS_AS(sgd.set_options({.learning_rate = -1, .momentum = 0.1}), ValueError);
  CHECK_THROWS_AS(sgd.set_learning_rate(-1), ValueError);
  CHECK(sgd.options().learning_rate == 0.1);
  CHECK(sgd.options().momentum == 0.5);
}

TEST_CASE("what cannot be optimised is refused") {
  auto x = parameter(xt::xarray<double>{1, 2});
  const auto made_of = [](std::vector<Variable<double>> parameters) {
    return message_of([&] { SGD<double>(std::move(parameters)); });
  };
  CHECK(made_of({}) == "SGD: there are no parameters; pass at least one Variable");
  CHECK(made_of({x, Variable<double>()}) == "SGD: parameter 1 is an empty Variable; assign it a value first");
  CHECK(made_of({x + 1}) ==
        "SGD: parameter 0 of shape [2] is the result of 'add'; only leaves can be updated, make it with "
        "parameter()");
  CHECK(made_of({x, xgrad::constant(1.0)}) ==
        "SGD: parameter 1 of shape [] is a constant, which takes no gradient; make it with parameter() or "
        "leave "
        "it out");
  CHECK(made_of({x, x}) ==
        "SGD: parameter 1 of shape [2] is the same Variable as parameter 0; list it once, or a step would "
        "update "
        "it twice");
}
