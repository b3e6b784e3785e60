// Every optimizer that steps from its gradients: what the tests of what holds for all of them run through.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include <xgrad/optim/adagrad.hpp>
#include <xgrad/optim/adam.hpp>
#include <xgrad/optim/rmsprop.hpp>
#include <xgrad/optim/sgd.hpp>

namespace xgrad::testing {

template <class T>
struct OptimizerKind {
  std::string name;
  std::function<std::unique_ptr<optim::GradientOptimizer<T>>(std::vector<Variable<T>>)> make;
};

template <class Made, class T>
void add_kind(std::vector<OptimizerKind<T>>& kinds, const std::string& name,
              const typename Made::Options& options) {
  kinds.push_back({name, [options](std::vector<Variable<T>> parameters) {
                     return std::make_unique<Made>(std::move(parameters), options);
                   }});
}

/// Every formula of every optimizer, with every slot: a new one has its row here.
template <class T>
std::vector<OptimizerKind<T>> every_optimizer() {
  using namespace optim;
  std::vector<OptimizerKind<T>> kinds;
  add_kind<SGD<T>>(kinds, "SGD", {.learning_rate = 0.1, .weight_decay = 0.1});
  add_kind<SGD<T>>(kinds, "SGD, momentum", {.learning_rate = 0.1, .momentum = 0.9});
  add_kind<SGD<T>>(kinds, "SGD, Nesterov", {.learning_rate = 0.1, .momentum = 0.9, .nesterov = true});
  add_kind<Adagrad<T>>(kinds, "Adagrad",
                       {.learning_rate = 0.1, .learning_rate_decay = 0.1, .initial_accumulator_value = 0.5});
  for (const bool centered : {false, true})
    for (const double momentum : {0.0, 0.9})
      add_kind<RMSprop<T>>(kinds, "RMSprop", {.momentum = momentum, .centered = centered});
  for (const bool amsgrad : {false, true}) {
    add_kind<Adam<T>>(kinds, "Adam", {.learning_rate = 0.1, .weight_decay = 0.1, .amsgrad = amsgrad});
    add_kind<AdamW<T>>(kinds, "AdamW", {.learning_rate = 0.1, .amsgrad = amsgrad});
  }
  return kinds;
}

}  // namespace xgrad::testing
