// One pass over parameter, gradient and slots, as optimizers ask for it and the kernel files of their
// formulas do it; and the passes that are nobody's own.
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

/// p * factor; the gradient is not used.
struct ScaleStep {
  double factor;
};

/// p moved into [-limit, limit], NaN staying NaN; the gradient is not used.
struct ClampStep {
  double limit;
};

/// p + share * (g - p), by at least one unit in p's last place while p is not g and a normal number: rounding
/// alone would stop p short of a g that stays, by half a unit divided by the share.
struct ApproachStep {
  double share;
};

/// Updates parameter and slots in place; [0] is float, [1] is double.
template <class Step>
struct UpdateKernels {
  void (*run[2])(const UpdateLoop& loop, const Step& step);
};
template <class Isa, class Step>
const UpdateKernels<Step>* update_kernels();

}  // namespace xgrad::kernels
