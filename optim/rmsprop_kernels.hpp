// The constants of a step of RMSprop, which its kernels are given.
#pragma once

namespace xgrad::kernels {

/// Slot 0: the mean square; 1: the mean, if centered; 2: the velocity, with momentum above 0.
struct RmspropStep {
  double learning_rate;
  double alpha;
  double epsilon;
  double weight_decay;
  double momentum;
  bool centered;
};

}  // namespace xgrad::kernels
