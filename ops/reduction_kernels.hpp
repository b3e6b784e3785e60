// What the kernel file of the reductions and the library share.
#pragma once

#include "../core/kernels/reduction.hpp"

namespace xgrad::kernels {

/// Largest and smallest element: NaN if any is; of none, -inf and inf.
struct ReductionKernels {
  Reduction max, min;
};
template <class Isa>
const ReductionKernels* reduction_kernels();

}  // namespace xgrad::kernels
