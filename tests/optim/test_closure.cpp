// A step that is given a closure: what it asks of it, and what is left when it fails.
#include <functional>
#include <memory>
#include <stdexcept>
#include <string>
#include <vector>

#include <doctest/doctest.h>
#include <xgrad/ops/reduction.hpp>
#include <xgrad/optim/adam.hpp>
#include <xgrad/optim/lbfgs.hpp>
#include <xgrad/optim/sgd.hpp>

#include "../message_of.hpp"
#include "training.hpp"

namespace {

using namespace xgrad::optim;
using xgrad::Array;
using xgrad::parameter;
using xgrad::Variable;
using xgrad::testing::message_of;
using xgrad::testing::OptimizerState;
using xgrad::testing::same_bits;

using Made = std::unique_ptr<Optimizer<double>>;

/// Of each kind one: with slots, without, and with a search.
std::vector<Made> optimizers_of(const Variable<double>& x) {
  const std::vector<Variable<double>> list{x};
  std::vector<Made> all;
  all.push_back(std::make_unique<SGD<double>>(list, SGDOptions{.learning_rate = 0.1}));
  all.push_back(std::make_unique<Adam<double>>(list, AdamOptions{.learning_rate = 0.1}));
  all.push_back(std::make_unique<LBFGS<double>>(list, LBFGSOptions{.max_iter = 2}));
  return all;
}

/// Sum (x^4 + x^2), at whose minimum 0 nobody begins here.
Variable<double> differentiated(Optimizer<double>& optimizer, const Variable<double>& x) {
  optimizer.zero_grad();
  Variable<double> loss = sum(square(square(x)) + square(x));
  loss.backward();
  return loss;
}

}  // namespace

TEST_CASE("every optimizer steps by a closure, records it whatever NoGrad is outside, and gives the loss") {
  const auto x = parameter(xt::xarray<double>{1, -2});
  for (const Made& optimizer : optimizers_of(x)) {
    Variable<double>(x).set_value(xt::xarray<double>{1, -2});
    const xgrad::NoGrad off;
    bool recorded = true;
    const double loss = optimizer->step([&] {
      recorded = recorded && xgrad::is_recording();
      return differentiated(*optimizer, x);
    });
    CHECK(recorded);
    CHECK_FALSE(xgrad::is_recording());
    CHECK(loss == 1 + 1 + 16 + 4);
    CHECK(std::abs(x.value()(0)) < 1);
    CHECK(std::abs(x.value()(1)) < 2);
  }
}

TEST_CASE("when a closure throws, parameters and state are what they were, and the gradients are its own") {
  const auto x = parameter(xt::xarray<double>{1, -2});
  for (const Made& optimizer : optimizers_of(x)) {
    optimizer->step([&] { return differentiated(*optimizer, x); });
    const OptimizerState<double> state = optimizer->state();
    const Array<double> value = x.value();
    CHECK_THROWS_AS(optimizer->step([&]() -> Variable<double> {
      differentiated(*optimizer, x);
      throw std::runtime_error("the data ran out");
    }),
                    std::runtime_error);
    CHECK(xgrad::is_recording());
    CHECK(same_bits(x.value(), value));
    CHECK(same_bits(optimizer->state(), state));
    // 4 x^3 + 2 x of each.
    for (std::size_t i = 0; i < 2; ++i)
      CHECK(x.grad()(i) == doctest::Approx(4 * std::pow(value(i), 3) + 2 * value(i)).epsilon(1e-12));
  }
}

TEST_CASE("a closure that gives no loss is an error, and nothing has moved") {
  const auto x = parameter(xt::xarray<double>{1, -2});
  for (const Made& optimizer : optimizers_of(x)) {
    const OptimizerState<double> state = optimizer->state();
    const auto refused = [&](const Optimizer<double>::Closure& closure) {
      const std::string text = message_of([&] { optimizer->step(closure); });
      CHECK(x.value()(0) == 1);
      CHECK(x.value()(1) == -2);
      CHECK(same_bits(optimizer->state(), state));
      return text;
    };
    CHECK(refused({}) == refused(nullptr));
    CHECK(
        refused(nullptr).find(": the closure is empty; give a function that forgets the gradients, computes "
                              "the loss, calls backward() and returns it") != std::string::npos);
    CHECK(refused([] { return Variable<double>(); }) == "Variable: empty, it has no value; assign one first");
    CHECK(refused([&] {
            differentiated(*optimizer, x);
            return square(x);
          }) == "item: a value of shape [2] has 2 elements, not one; reduce it first, or read value()");
  }
}

TEST_CASE("a closure that forgets backward() is told, and moves nothing") {
  const auto x = parameter(xt::xarray<double>{1, -2});
  for (const Made& optimizer : optimizers_of(x)) {
    CHECK(message_of([&] {
            optimizer->step([&] {
              optimizer->zero_grad();
              return Variable<double>(sum(square(x)));
            });
          }).find(": the closure left no gradient in any parameter; call backward() on the loss in it") !=
          std::string::npos);
    CHECK(x.value() == Array<double>{1, -2});
  }
}
