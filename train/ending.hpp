// How a training leaves what it was given.
#pragma once

#include "../nn/module.hpp"
#include "../optim/optimizer.hpp"

namespace xgrad::train::detail {

/// Also of what only one of the two has: parameters that are not trained, or are no module's.
template <class T>
void zero_gradients(nn::Module<T>& model, optim::Optimizer<T>& optimizer) {
  model.zero_grad();
  optimizer.zero_grad();
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
