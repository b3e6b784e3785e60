// What holds for every optimizer that works element by element, with each of its kernels.
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include <doctest/doctest.h>
#include <xgrad/core/kernels/random.hpp>
#include <xgrad/optim/adagrad.hpp>
#include <xgrad/optim/adam.hpp>
#include <xgrad/optim/rmsprop.hpp>
#include <xgrad/optim/sgd.hpp>
#include <xgrad/xtensor.hpp>

#include "../threads.hpp"
#include "training.hpp"

namespace {

using namespace xgrad::optim;
using xgrad::Array;
using xgrad::Dense;
using xgrad::Shape;
using xgrad::Variable;
using xgrad::testing::normal_numbers;
using xgrad::testing::OptimizerState;
using xgrad::testing::same_bits;
using xgrad::testing::Threads;

template <class T>
struct Kind {
  std::string name;
  std::function<std::unique_ptr<Optimizer<T>>(std::vector<Variable<T>>)> make;
};

template <class Made, class T>
void add(std::vector<Kind<T>>& kinds, const std::string& name, const typename Made::Options& options) {
  kinds.push_back({name, [options](std::vector<Variable<T>> parameters) {
                     return std::make_unique<Made>(std::move(parameters), options);
                   }});
}

/// Every formula of every optimizer, with every slot.
template <class T>
std::vector<Kind<T>> every_kind() {
  std::vector<Kind<T>> kinds;
  add<SGD<T>>(kinds, "SGD", {.learning_rate = 0.1, .weight_decay = 0.1});
  add<SGD<T>>(kinds, "SGD, momentum", {.learning_rate = 0.1, .momentum = 0.9});
  add<SGD<T>>(kinds, "SGD, Nesterov", {.learning_rate = 0.1, .momentum = 0.9, .nesterov = true});
  add<Adagrad<T>>(kinds, "Adagrad",
                  {.learning_rate = 0.1, .learning_rate_decay = 0.1, .initial_accumulator_value = 0.5});
  for (const bool centered : {false, true})
    for (const double momentum : {0.0, 0.9})
      add<RMSprop<T>>(kinds, "RMSprop", {.momentum = momentum, .centered = centered});
  for (const bool amsgrad : {false, true}) {
    add<Adam<T>>(kinds, "Adam", {.learning_rate = 0.1, .weight_decay = 0.1, .amsgrad = amsgrad});
    add<AdamW<T>>(kinds, "AdamW", {.learning_rate = 0.1, .amsgrad = amsgrad});
  }
  return kinds;
}

/// Steps of number from + 1 to `to`, with random gradients that depend on the step's number alone.
template <class T>
void train(Optimizer<T>& optimizer, int from, int to) {
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
  for (const Kind<T>& kind : every_kind<T>()) {
    CAPTURE(kind.name);
    for (const std::size_t size : {1u, 2u, 3u, 7u, 8u, 9u, 15u, 16u, 17u, 31u, 33u, 100u, 70001u}) {
      CAPTURE(size);
      const auto one = xgrad::parameter_from(Dense<T>::filled(Shape{1}, T(0.3)));
      const auto many = xgrad::parameter_from(Dense<T>::filled(Shape{size}, T(0.3)));
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
  for (const Kind<T>& kind : every_kind<T>()) {
    CAPTURE(kind.name);
    const auto trained_by = [&](std::size_t threads) {
      Threads use(threads);
      const auto optimizer = kind.make({xgrad::parameter_from(normal_numbers<T>(300'007, 1))});
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
  for (const Kind<T>& kind : every_kind<T>()) {
    CAPTURE(kind.name);
    const auto make = [&] {
      return kind.make({xgrad::parameter_from(normal_numbers<T>(37, 1)),
                        xgrad::parameter_from(normal_numbers<T>(6, 2).with_shape({2, 3}))});
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
  const auto after_a_step = [&](Optimizer<double>&& optimizer) {
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
  for (const Kind<T>& kind : every_kind<T>()) {
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
