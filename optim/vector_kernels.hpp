// The kernels that make one number of a vector or two: for norms and for the products of LBFGS.
#pragma once

#include <cstddef>

#include "../core/kernels/simd/isa.hpp"

namespace xgrad::kernels {

/// [0] is float, [1] is double. Everything is summed up in double.
struct VectorKernels {
  double (*dot[2])(const void* a, const void* b, std::size_t count);
  /// The sum of |factor x|^power.
  double (*power_sum[2])(const void* x, std::size_t count, double power, double factor);
  /// The largest |x|; NaN if there is one.
  double (*largest[2])(const void* x, std::size_t count);
};
template <class Isa>
const VectorKernels* vector_kernels();

}  // namespace xgrad::kernels
