// The constants of a step of Adagrad, which its kernels are given.
#pragma once

namespace xgrad::kernels {

/// Slot 0: the sum of squares.
struct AdagradStep {
  double learning_rate;
  double epsilon;
  double weight_decay;
};

}  // namespace xgrad::kernels
