// What the optimizers that work element by element and the kernel file of their formulas share: the constants
// of each step, and one pass over parameter, gradient and slots.
#pragma once

#include <cstddef>

#include "../core/kernels/simd/isa.hpp"

namespace xgrad::kernels {

inline constexpr std::size_t max_slots = 3;

/// A parameter or a piece of it; a slot that the step does not use is null.
struct UpdateLoop {
  void* parameter;
  const void* gradient;
  void* slots[max_slots];
  std::size_t count;
};

/// Elements [begin, end).
template <class T>
UpdateLoop part_of(const UpdateLoop& whole, std::size_t begin, std::size_t end) {
  UpdateLoop part{static_cast<T*>(whole.parameter) + begin,
                  static_cast<const T*>(whole.gradient) + begin,
                  {},
                  end - begin};
  for (std::size_t s = 0; s < max_slots; ++s)
    if (whole.slots[s] != nullptr) part.slots[s] = static_cast<T*>(whole.slots[s]) + begin;
  return part;
}

/// Slot 0: the velocity, with momentum above 0.
struct SgdStep {
  double learning_rate;
  double momentum;
  bool nesterov;
  double weight_decay;
};

/// Slot 0: the sum of squares.
struct AdagradStep {
  double learning_rate;
  double epsilon;
  double weight_decay;
};

/// Slot 0: the mean square; 1: the mean, if centered; 2: the velocity, with momentum above 0.
struct RmspropStep {
  double learning_rate;
  double alpha;
  double epsilon;
  double weight_decay;
  double momentum;
  bool centered;
};

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

/// p * factor; the gradient is not used.
struct ScaleStep {
  double factor;
};

/// p moved into [-limit, limit], NaN staying NaN; the gradient is not used.
struct ClampStep {
  double limit;
};

/// Updates parameter and slots in place; [0] is float, [1] is double.
template <class Step>
struct UpdateKernels {
  void (*run[2])(const UpdateLoop& loop, const Step& step);
};
template <class Isa, class Step>
const UpdateKernels<Step>* update_kernels();

}  // namespace xgrad::kernels
