// What holds for every optimizer that works element by element, with each of its kernels.
#include <string>
#include <vector>

#include <doctest/doctest.h>
#include <xgrad/core/kernels/random.hpp>
#include <xgrad/ops/reduction.hpp>
#include <xgrad/xtensor.hpp>

#include "../threads.hpp"
#include "every_optimizer.hpp"
#include "training.hpp"

namespace {

using namespace xgrad::optim;
using xgrad::Array;
using xgrad::Dense;
using xgrad::Shape;
using xgrad::Variable;
using xgrad::testing::every_optimizer;
using xgrad::testing::normal_numbers;
using xgrad::testing::OptimizerKind;
using xgrad::testing::OptimizerState;
using xgrad::testing::same_bits;
using xgrad::testing::Threads;

/// Steps of number from + 1 to `to`, with random gradients that depend on the step's number alone.
template <class T>
void train(GradientOptimizer<T>& optimizer, int from, int to) {
  for (int step = from; step < to; ++step) {
    std::uint64_t seed = 1000 * static_cast<std::uint64_t>(step);
    for (Variable<T> x : optimizer.parameters())
      x.set_grad(normal_numbers<T>(x.size(), ++seed).with_shape(x.shape()));
    optimizer.step();
  }
}

}  // namespace

TEST_CASE_TEMPLATE("an element's bits do not depend on the parameter's size, nor on where it stands", T,
                   float, double) {
  for (const OptimizerKind<T>& kind : every_optimizer<T>()) {
    CAPTURE(kind.name);
    for (const std::size_t size : {1u, 2u, 3u, 7u, 8u, 9u, 15u, 16u, 17u, 31u, 33u, 100u, 70001u}) {
      CAPTURE(size);
      const auto one = xgrad::detail::parameter_from(Dense<T>::filled(Shape{1}, T(0.3)));
      const auto many = xgrad::detail::parameter_from(Dense<T>::filled(Shape{size}, T(0.3)));
      const auto optimizer = kind.make({one, many});
      for (const double gradient : {0.7, -0.2, 0.1}) {
        for (Variable<T> x : optimizer->parameters())
          x.set_grad(Dense<T>::filled(x.shape(), static_cast<T>(gradient)));
        optimizer->step();
      }
      std::size_t different = 0;
      for (std::size_t i = 0; i < size; ++i) different += many.dense().data()[i] != one.dense().data()[0];
      CHECK(different == 0);
      CHECK(one.dense().data()[0] != T(0.3));
    }
  }
}

TEST_CASE_TEMPLATE("two threads give the bits of one", T, float, double) {
  for (const OptimizerKind<T>& kind : every_optimizer<T>()) {
    CAPTURE(kind.name);
    const auto trained_by = [&](std::size_t threads) {
      Threads use(threads);
      const auto optimizer = kind.make({xgrad::detail::parameter_from(normal_numbers<T>(300'007, 1))});
      train(*optimizer, 0, 2);
      use.shared_a_loop();
      optimizer->step();
      CHECK(use.shared_a_loop() == (threads > 1));
      OptimizerState<T> all = optimizer->state();
      all.emplace_back("parameter", optimizer->parameters()[0].value());
      return all;
    };
    CHECK(same_bits(trained_by(1), trained_by(2)));
  }
}

TEST_CASE_TEMPLATE("every optimizer goes on bit for bit from its state", T, float, double) {
  for (const OptimizerKind<T>& kind : every_optimizer<T>()) {
    CAPTURE(kind.name);
    const auto make = [&] {
      return kind.make({xgrad::detail::parameter_from(normal_numbers<T>(37, 1)),
                        xgrad::detail::parameter_from(normal_numbers<T>(6, 2).with_shape({2, 3}))});
    };
    const auto first = make(), second = make();
    first->set_learning_rate(0.1 / 3);
    train(*first, 0, 5);
    for (std::size_t i = 0; i < 2; ++i)
      Variable<T>(second->parameters()[i]).set_value(first->parameters()[i].value());
    second->load_state(first->state());
    CHECK(same_bits(second->state(), first->state()));
    train(*first, 5, 10);
    train(*second, 5, 10);
    for (std::size_t i = 0; i < 2; ++i)
      CHECK(same_bits(first->parameters()[i].value(), second->parameters()[i].value()));
    CHECK(same_bits(first->state(), second->state()));
  }
}

TEST_CASE("states carry PyTorch's names, and only what the options use") {
  const auto slots_of = [](const Optimizer<double>& optimizer) {
    std::vector<std::string> slots = xgrad::testing::names_of(optimizer.state());
    slots.erase(slots.begin(), slots.begin() + 2);  // learning rate and step
    return slots;
  };
  const auto after_a_step = [&](GradientOptimizer<double>&& optimizer) {
    train(optimizer, 0, 1);
    return slots_of(optimizer);
  };
  using Names = std::vector<std::string>;
  const auto x = [] { return std::vector{xgrad::parameter(1.0)}; };
  CHECK(after_a_step(SGD<double>(x())).empty());
  CHECK(after_a_step(Adagrad<double>(x())) == Names{"parameters.0.sum"});
  CHECK(after_a_step(RMSprop<double>(x())) == Names{"parameters.0.square_avg"});
  CHECK(after_a_step(RMSprop<double>(x(), {.momentum = 0.5, .centered = true})) ==
        Names{"parameters.0.square_avg", "parameters.0.grad_avg", "parameters.0.momentum_buffer"});
  CHECK(after_a_step(Adam<double>(x())) == Names{"parameters.0.exp_avg", "parameters.0.exp_avg_sq"});
  CHECK(after_a_step(AdamW<double>(x(), {.amsgrad = true})) ==
        Names{"parameters.0.exp_avg", "parameters.0.exp_avg_sq", "parameters.0.max_exp_avg_sq"});
}

TEST_CASE_TEMPLATE("two half batches equal one whole: gradients add up until zero_grad", T, float, double) {
  // Powers of two keep every sum exact.
  const Array<T> whole = xt::xarray<T>{T(1), T(2), T(-4), T(0.5)};
  for (const OptimizerKind<T>& kind : every_optimizer<T>()) {
    CAPTURE(kind.name);
    const auto at_once = xgrad::parameter(xt::xarray<T>{T(0.5)}),
               in_halves = xgrad::parameter(xt::xarray<T>{T(0.5)});
    const auto first = kind.make({at_once}), second = kind.make({in_halves});
    for (int step = 0; step < 3; ++step) {
      first->zero_grad();
      second->zero_grad();
      (at_once * whole).backward({.grad_output = Array<T>(xt::ones<T>({4}))});
      for (const std::size_t from : {0u, 2u}) {
        const Array<T> half = xt::view(whole, xt::range(from, from + 2));
        (in_halves * half).backward({.grad_output = Array<T>(xt::ones<T>({2}))});
      }
      first->step();
      second->step();
    }
    CHECK(same_bits(at_once.value(), in_halves.value()));
    CHECK(at_once.value()(0) != T(0.5));
  }
}

TEST_CASE_TEMPLATE("a step with a closure is zero_grad, backward and step, bit for bit", T, float, double) {
  for (const OptimizerKind<T>& kind : every_optimizer<T>()) {
    CAPTURE(kind.name);
    const auto by_hand = xgrad::detail::parameter_from(normal_numbers<T>(37, 1));
    const auto by_closure = xgrad::detail::parameter_from(normal_numbers<T>(37, 1));
    const auto first = kind.make({by_hand}), second = kind.make({by_closure});
    const auto loss_of = [](const Variable<T>& x) { return sum(square(x) * x + x); };
    Optimizer<T>& any = *second;
    for (int step = 0; step < 3; ++step) {
      first->zero_grad();
      const Variable<T> loss = loss_of(by_hand);
      loss.backward();
      first->step();
      int calls = 0;
      const double at_start = any.step([&] {
        ++calls;
        any.zero_grad();
        Variable<T> own = loss_of(by_closure);
        own.backward();
        return own;
      });
      CHECK(calls == 1);
      CHECK(at_start == static_cast<double>(loss.item()));
    }
    CHECK(same_bits(by_hand.value(), by_closure.value()));
    CHECK(same_bits(first->state(), second->state()));
  }
}
