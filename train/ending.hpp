// Gradients of a step, and how a training leaves what it was given.
#pragma once

#include <unordered_set>

#include "../nn/module.hpp"
#include "../optim/optimizer.hpp"

namespace xgrad::train::detail {

/// Also of what only one of the two has: parameters that are not trained, or are no module's.
template <class T>
void zero_gradients(nn::Module<T>& model, optim::Optimizer<T>& optimizer) {
  model.zero_grad();
  optimizer.zero_grad();
}

/// Of the same, each once.
template <class T>
void divide_gradients(nn::Module<T>& model, optim::Optimizer<T>& optimizer, T divisor) {
  std::unordered_set<const xgrad::detail::Node*> divided;
  for (const auto& parameters : {optimizer.parameters(), model.parameters()})
    for (Variable<T> parameter : parameters)
      if (parameter.has_grad() && divided.insert(&parameter.node()).second)
        parameter.set_grad(Array<T>(parameter.grad() / divisor));
}

/// Leaves no gradient, and the model in the mode that it was in, however the training ends.
template <class T>
class Ending {
 public:
  Ending(nn::Module<T>& model, optim::Optimizer<T>& optimizer)
      : model_(model), optimizer_(optimizer), was_training_(model.is_training()) {}
  Ending(const Ending&) = delete;
  Ending& operator=(const Ending&) = delete;
  ~Ending() {
    zero_gradients(model_, optimizer_);
    was_training_ ? model_.train() : model_.eval();
  }

 private:
  nn::Module<T>& model_;
  optim::Optimizer<T>& optimizer_;
  bool was_training_;
};

}  // namespace xgrad::train::detail
