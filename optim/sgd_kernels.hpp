// The kernel of a step of SGD: one pass over parameter, gradient and velocity.
#pragma once

#include <cstddef>

#include "../core/simd/isa.hpp"

namespace xgrad::kernels {

struct SgdStep {
  double learning_rate;
  double momentum;
  bool nesterov;
  double weight_decay;
};

/// Updates `count` elements of parameter and velocity in place; without momentum there is no velocity.
/// [0] is float, [1] is double.
struct SgdKernels {
  void (*update[2])(void* parameter, const void* gradient, void* velocity, std::size_t count,
                    const SgdStep& step);
};
template <class Isa>
const SgdKernels* sgd_kernels();

}  // namespace xgrad::kernels
