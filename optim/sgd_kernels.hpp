// The constants of a step of SGD, which its kernels are given.
#pragma once

namespace xgrad::kernels {

/// Slot 0: the velocity, with momentum above 0.
struct SgdStep {
  double learning_rate;
  double momentum;
  bool nesterov;
  double weight_decay;
};

}  // namespace xgrad::kernels
