// The constants of a step of Adam and AdamW, which its kernels are given.
#pragma once

namespace xgrad::kernels {

/// p * parameter_factor - rate * m / (sqrt(w) * root_factor + epsilon), m and w made of the gradient
/// g + gradient_decay * p. Slot 0: m; 1: the mean square; 2: the largest of it, w, with amsgrad.
struct AdamStep {
  double rate;
  double beta1;
  double beta2;
  double root_factor;
  double epsilon;
  double gradient_decay;
  double parameter_factor;
  bool amsgrad;
};

}  // namespace xgrad::kernels
