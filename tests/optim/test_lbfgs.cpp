#include <cmath>
#include <functional>
#include <limits>
#include <stdexcept>
#include <string>
#include <vector>

#include <doctest/doctest.h>
#include <xgrad/ops/exponential.hpp>
#include <xgrad/ops/reduction.hpp>
#include <xgrad/optim/lbfgs.hpp>

#include "../message_of.hpp"
#include "training.hpp"

namespace {

using xgrad::Array;
using xgrad::parameter;
using xgrad::Variable;
using xgrad::optim::LBFGS;
using xgrad::optim::LBFGSEnding;
using xgrad::optim::LBFGSOptions;
using xgrad::testing::message_of;
using xgrad::testing::same_bits;

/// What step() takes: forgets the gradients, computes the loss and differentiates it; counts its calls.
template <class T, class Loss>
auto closure_of(LBFGS<T>& lbfgs, Loss loss, int* calls = nullptr) {
  return [&lbfgs, loss, calls] {
    lbfgs.zero_grad();
    Variable<T> value = loss();
    value.backward();
    if (calls != nullptr) ++*calls;
    return value;
  };
}

/// The sum of x^4 / 4 + x^2 / 2 - c x with c of 1, 2, 3 ...: convex, least where x^3 + x = c.
template <class T>
Variable<T> loss_of(const Variable<T>& x) {
  const Array<T> c = xt::arange<T>(1, static_cast<T>(x.size() + 1));
  return sum(square(square(x)) * 0.25 + square(x) * 0.5 - x * c);
}

template <class T>
Variable<T> zeros(std::size_t count) {
  return xgrad::detail::parameter_from(xgrad::Dense<T>::filled(xgrad::Shape{count}, T(0)));
}

}  // namespace

TEST_CASE("LBFGS reaches the minimum of Rosenbrock's function within 60 evaluations") {
  const xgrad::testing::Rosenbrock problem;
  LBFGS<double> lbfgs(problem.parameters(), {.max_iter = 100});
  int calls = 0;
  const double first = lbfgs.step(closure_of(
      lbfgs, [&] { return problem.loss(); }, &calls));
  CHECK(first == doctest::Approx(24.2));
  CHECK(problem.distance() < 1e-6);
  CHECK(calls <= 60);
}

TEST_CASE("LBFGS reaches the minimum at condition number 10^4 within 30 evaluations") {
  const xgrad::testing::IllConditioned problem;
  LBFGS<double> lbfgs(problem.parameters(), {.max_iter = 100});
  int calls = 0;
  lbfgs.step(closure_of(
      lbfgs, [&] { return problem.loss(); }, &calls));
  CHECK(problem.distance() < 1e-6);
  CHECK(calls <= 30);
}

TEST_CASE_TEMPLATE("LBFGS solves x^3 + x = c for every element, with a short history too", T, float, double) {
  for (const std::uint64_t history : {1u, 3u, 100u}) {
    Variable<T> x = zeros<T>(20), y = zeros<T>(7);
    LBFGS<T> lbfgs({x, y}, {.max_iter = 100, .tolerance_change = 0, .history_size = history});
    lbfgs.step(closure_of(lbfgs, [&] { return loss_of(x) + loss_of(y); }));
    // A loss of some 300 in float is told from the least by no less than 300 * 2^-24, which is a distance of
    // the root of that.
    const double accuracy = std::is_same_v<T, double> ? 1e-6 : 4 * std::sqrt(300 * 0x1p-24);
    for (const Variable<T>& solved : {x, y})
      for (std::size_t i = 0; i < solved.size(); ++i) {
        const double v = static_cast<double>(solved.dense().data()[i]), c = static_cast<double>(i) + 1;
        CHECK(v * v * v + v == doctest::Approx(c).epsilon(accuracy));
      }
  }
}

TEST_CASE("the first step of LBFGS is as long as the rule says, and the second is Newton's") {
  // Of x^2 / 2 from 3 the first trial, of length min(1, 1 / |g|) |g| = 1, has 2/3 of the slope and is taken.
  Variable<double> x = parameter(3.0);
  LBFGS<double> lbfgs({x}, {.max_iter = 1});
  int calls = 0;
  lbfgs.step(closure_of(
      lbfgs, [&] { return 0.5 * square(x); }, &calls));
  CHECK(x.item() == doctest::Approx(2).epsilon(1e-14));
  CHECK(calls == 2);
  // The second is Newton's step, for one pair is all the curvature there is.
  lbfgs.step(closure_of(lbfgs, [&] { return 0.5 * square(x); }));
  CHECK(std::abs(x.item()) < 1e-14);
}

TEST_CASE(
    "the line search comes back from where the loss is not finite, and narrows a step that is too long") {
  Variable<double> x = parameter(1.0);
  // The loss is NaN for x < 0, where a step of 100 leads; the minimum of x - log x / 2 is at 1/2.
  LBFGS<double> lbfgs({x}, {.learning_rate = 100, .max_iter = 50});
  lbfgs.step(closure_of(lbfgs, [&] { return x - 0.5 * log(x); }));
  CHECK(x.item() == doctest::Approx(0.5).epsilon(1e-6));
}

TEST_CASE("tolerances and limits end a step") {
  Variable<double> x = zeros<double>(5);
  const auto calls_with = [&](const LBFGSOptions& options) {
    x.set_value(Array<double>(xt::zeros<double>({5})));
    LBFGS<double> lbfgs({x}, options);
    int calls = 0;
    lbfgs.step(closure_of(
        lbfgs, [&] { return loss_of(x); }, &calls));
    return calls;
  };
  const int all = calls_with({.max_iter = 100});
  CHECK(calls_with({.tolerance_grad = 10}) == 1);  // the largest element of the gradient at 0 is 5
  CHECK(calls_with({.max_iter = 100, .tolerance_grad = 0.1}) < all);
  CHECK(calls_with({.max_iter = 100, .tolerance_change = 0.1}) < all);
  CHECK(calls_with({.max_iter = 1, .max_eval = 100}) < calls_with({.max_iter = 3, .max_eval = 100}));
  CHECK(calls_with({.max_iter = 100, .max_eval = 4}) < all);
}

TEST_CASE("a step says why it ended") {
  Variable<double> x = zeros<double>(5);
  const auto ending_with = [&](const LBFGSOptions& options) {
    x.set_value(Array<double>(xt::zeros<double>({5})));
    LBFGS<double> lbfgs({x}, options);
    CHECK(lbfgs.ending() == LBFGSEnding::none);
    lbfgs.step(closure_of(lbfgs, [&] { return loss_of(x); }));
    return lbfgs.ending();
  };
  CHECK(ending_with({.max_iter = 100, .tolerance_change = 0}) == LBFGSEnding::tolerance_grad);
  CHECK(ending_with({.max_iter = 100, .tolerance_grad = 0}) == LBFGSEnding::tolerance_change);
  CHECK(ending_with({.max_iter = 3, .max_eval = 100}) == LBFGSEnding::max_iter);
  CHECK(ending_with({.max_iter = 100, .max_eval = 4}) == LBFGSEnding::max_eval);
  CHECK(ending_with({.learning_rate = 0}) == LBFGSEnding::no_decrease);
}

TEST_CASE("with both tolerances 0 a step goes on to the last digits, and says when none can be gained") {
  Variable<double> x = zeros<double>(5);
  LBFGS<double> lbfgs({x}, {.max_iter = 1000, .tolerance_grad = 0, .tolerance_change = 0});
  int calls = 0;
  const auto closure = closure_of(
      lbfgs, [&] { return loss_of(x); }, &calls);
  lbfgs.step(closure);
  CHECK(lbfgs.ending() == LBFGSEnding::no_decrease);
  for (std::size_t i = 0; i < 5; ++i) {
    const double v = x.dense().data()[i];
    // The loss, of about 10, has 52 bits: its root is what is left of the distance.
    CHECK(v * v * v + v == doctest::Approx(static_cast<double>(i + 1)).epsilon(1e-7));
  }
  // Nor can the next one: it stays, after one search along the history and one along the gradient.
  const Array<double> place = x.value();
  calls = 0;
  lbfgs.step(closure);
  CHECK(lbfgs.ending() == LBFGSEnding::no_decrease);
  CHECK(same_bits(x.value(), place));
  CHECK(calls <= 1 + 2 * 25);
}

TEST_CASE("where the history leads nowhere, the search begins again along the gradient") {
  Variable<double> x = parameter(3.0), y = parameter(3.0);
  double steep = 1;
  LBFGS<double> lbfgs({x, y}, {.max_iter = 100});
  const auto closure = closure_of(lbfgs, [&] { return steep * (square(x) + 3 * square(y - x)); });
  lbfgs.step(closure);
  // Of a loss that is 10^40 times as steep the old curvature's step is too long by as much, which is more
  // than a search can take back.
  steep = 1e40;
  x.set_value(Array<double>(1.0));
  lbfgs.step(closure);
  CHECK(std::abs(x.item()) < 1e-6);
  CHECK(std::abs(y.item()) < 1e-6);
}

TEST_CASE("a loss whose gradient is not its own ends a step, which says so and stays") {
  Variable<double> x = parameter(2.0);
  LBFGS<double> lbfgs({x});
  const double loss = lbfgs.step([&] {
    lbfgs.zero_grad();
    Variable<double> right = square(x), wrong = -right;
    wrong.backward();
    return right;
  });
  CHECK(loss == 4);
  CHECK(lbfgs.ending() == LBFGSEnding::no_decrease);
  CHECK(x.item() == 2);
}

TEST_CASE("the line search comes back from where the gradient is not finite, however low the loss") {
  // Left of -1/2, where the first trial leads, the loss is 0 and its gradient NaN.
  Variable<double> x = parameter(1.0);
  LBFGS<double> lbfgs({x}, {.learning_rate = 4});
  lbfgs.step([&] {
    const bool defined = x.item() > -0.5;
    lbfgs.zero_grad();
    Variable<double> loss = defined ? square(x - 0.25) + 1 : 0 * x;
    loss.backward();
    if (!defined) x.set_grad(xgrad::Dense<double>::filled({}, NAN));
    return loss;
  });
  CHECK(x.item() == doctest::Approx(0.25).epsilon(1e-6));
}

TEST_CASE("a parameter without a gradient stays") {
  Variable<double> x = parameter(3.0), y = parameter(4.0);
  LBFGS<double> lbfgs({x, y});
  lbfgs.step(closure_of(lbfgs, [&] { return 0.5 * square(x); }));
  CHECK(std::abs(x.item()) < 1e-6);
  CHECK(y.item() == 4);
}

TEST_CASE_TEMPLATE("LBFGS goes on bit for bit from its state", T, float, double) {
  const auto train = [](LBFGS<T>& lbfgs, int steps) {
    for (int i = 0; i < steps; ++i)
      lbfgs.step(closure_of(lbfgs, [&] { return loss_of(lbfgs.parameters()[0]); }));
  };
  LBFGS<T> first({zeros<T>(9)}, {.max_iter = 2, .tolerance_change = 0, .history_size = 3});
  CHECK(first.state().size() == 2);
  first.set_learning_rate(0.9);
  train(first, 2);
  LBFGS<T> second({zeros<T>(9)}, {.max_iter = 2, .tolerance_change = 0, .history_size = 3});
  Variable<T>(second.parameters()[0]).set_value(first.parameters()[0].value());
  second.load_state(first.state());
  CHECK(second.options().learning_rate == 0.9);
  CHECK(same_bits(first.state(), second.state()));
  train(first, 2);
  train(second, 2);
  CHECK(same_bits(first.parameters()[0].value(), second.parameters()[0].value()));
  CHECK(same_bits(first.state(), second.state()));

  // What it refuses changes nothing.
  const auto before = first.state();
  auto bad = before;
  bad.pop_back();
  CHECK(message_of([&] { first.load_state(bad); }).find("LBFGS: the state has no 'history.") == 0);
  bad = before;
  bad[2].second = xt::ones<T>({4});
  CHECK_THROWS_AS(first.load_state(bad), xgrad::ShapeError);
  bad = before;
  bad[2].second = xt::zeros<T>({9});
  CHECK(message_of([&] { first.load_state(bad); }) == "LBFGS: s . y of the state is 0; it must be above 0");
  bad = before;
  bad[1].second = xgrad::optim::number_array<T>(4);
  CHECK(message_of([&] { first.load_state(bad); }) ==
        "LBFGS: history.count of the state is 4; it must be at most history_size");
  CHECK(same_bits(first.state(), before));
}

TEST_CASE("a pair without curvature is not learned") {
  const auto pairs_after_a_step = [](double start,
                                     const std::function<Variable<double>(Variable<double>)>& f) {
    Variable<double> x = parameter(start);
    LBFGS<double> lbfgs({x}, {.max_iter = 1});
    lbfgs.step(closure_of(lbfgs, [&] { return f(x); }));
    CHECK(x.item() < start);
    return (lbfgs.state().size() - 2) / 2;  // beside a rate and the count: two arrays a pair
  };
  // A straight line: y = 0, and a pair with s . y = 0 would make the next direction a NaN.
  CHECK(pairs_after_a_step(1, [](auto x) { return 1 * x; }) == 0);
  // From a to the minimum of x^2 / 2, s = y = -a: PyTorch's bound for s . y = a^2 is 1e-10.
  const auto half_square = [](auto x) { return 0.5 * square(x); };
  CHECK(pairs_after_a_step(1e-6, half_square) == 0);
  CHECK(pairs_after_a_step(0.9e-5, half_square) == 0);
  CHECK(pairs_after_a_step(1.1e-5, half_square) == 1);
  CHECK(pairs_after_a_step(1, half_square) == 1);
}

TEST_CASE("when a closure throws, parameters and history are what they were") {
  Variable<double> x = zeros<double>(5);
  LBFGS<double> lbfgs({x}, {.max_iter = 3});
  lbfgs.step(closure_of(lbfgs, [&] { return loss_of(x); }));
  x.set_value(Array<double>(xt::ones<double>({5}) * -2));
  const auto state = lbfgs.state();
  const Array<double> value = x.value();
  for (const int good_calls : {0, 1, 2}) {
    int calls = 0;
    const auto failing = [&] {
      if (calls++ == good_calls) throw std::runtime_error("the data ran out");
      return closure_of(lbfgs, [&] { return loss_of(x); })();
    };
    CHECK_THROWS_AS(lbfgs.step(failing), std::runtime_error);
    CHECK(same_bits(x.value(), value));
    CHECK(same_bits(lbfgs.state(), state));
  }
}

TEST_CASE("LBFGS: a bad option and a bad loss are errors") {
  const auto made_with = [](const LBFGSOptions& options) {
    return message_of([&] { LBFGS<double>({parameter(1.0)}, options); });
  };
  CHECK(made_with({.learning_rate = -1}) == "LBFGS: learning_rate is -1; it must be finite and at least 0");
  CHECK(made_with({.max_iter = 0}) == "LBFGS: max_iter is 0; it must be at least 1");
  CHECK(made_with({.tolerance_grad = -1}) == "LBFGS: tolerance_grad is -1; it must be finite and at least 0");
  CHECK(made_with({.tolerance_change = -1}) ==
        "LBFGS: tolerance_change is -1; it must be finite and at least 0");
  CHECK(made_with({.history_size = 0}) == "LBFGS: history_size is 0; it must be at least 1");

  Variable<double> x = parameter(-1.0);
  LBFGS<double> lbfgs({x});
  const std::string text = message_of([&] { lbfgs.step(closure_of(lbfgs, [&] { return log(x); })); });
  CHECK(text.find("LBFGS: the closure's loss is") == 0);
  CHECK(text.find("nan; start where it is finite") != std::string::npos);
  CHECK(x.item() == -1);
  x.set_value(Array<double>(0.0));
  CHECK(message_of([&] { lbfgs.step(closure_of(lbfgs, [&] { return sqrt(x); })); }) ==
        "LBFGS: the largest element of the gradient is inf; start where the gradient is finite");
  CHECK(x.item() == 0);
}
