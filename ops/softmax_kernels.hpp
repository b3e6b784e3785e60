// What the kernel file of softmax and the library share.
#pragma once

#include "../core/kernels/reduction.hpp"

namespace xgrad::kernels {

/// [0] is float, [1] is double. Values from x; gradients from y and dy, which `out` may overwrite.
struct SoftmaxKernels {
  AxisKernel softmax[2], log_softmax[2];
  AxisKernel softmax_gradient[2], log_softmax_gradient[2];
};
template <class Isa>
const SoftmaxKernels* softmax_kernels();

}  // namespace xgrad::kernels
