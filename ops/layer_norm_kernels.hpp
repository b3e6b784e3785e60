// What the kernel file of layer_norm and the library share.
#pragma once

#include <cstddef>

#include "../core/kernels/simd/isa.hpp"

namespace xgrad::kernels {

/// What layer_norm keeps of a row, as elements of its type: the mean; scale = 1 / sqrt(variance + epsilon);
/// and what the mean lacked by rounding, times -scale.
inline constexpr std::size_t layer_norm_data = 3;

/// Some rows of layer_norm.
struct LayerNormRows {
  const void *x, *gamma, *beta;  ///< the gradient does not read beta
  std::size_t rows, columns;
  double epsilon;
  void* row_data;  ///< written by the value, read by the gradient
  void* out;       ///< y; of the gradient dx, which may be dy

  // For the gradient: that of the output, and what is added to for gamma and beta. Those two have room for
  // whole packs.
  const void* dy;
  double *dgamma, *dbeta;
};

/// [0] is float, [1] is double.
struct LayerNormKernels {
  void (*value[2])(const LayerNormRows&);
  void (*gradient[2])(const LayerNormRows&);
};
template <class Isa>
const LayerNormKernels* layer_norm_kernels();

}  // namespace xgrad::kernels
