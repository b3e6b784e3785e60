// What the kernel file of batch_norm and the library share: the formula of evaluation, and the passes of
// training.
#pragma once

#include <array>
#include <cstddef>
#include <string_view>

#include "../core/formula/formula.hpp"

namespace xgrad {

namespace formulas {

/// (x - mean) scale + shift.
struct Standardize {
  static constexpr std::string_view name = "standardize";
  template <class V>
  static V value(const V& x, const V& mean, const V& scale, const V& shift) {
    return (x - mean) * scale + shift;
  }
  template <class V>
  static std::array<V, 4> gradient(const V& x, const V& mean, const V& scale, unused, unused, const V& dy) {
    return {dy * scale, -dy * scale, dy * (x - mean), dy};
  }
};

struct LayerFormulas {
  using list = kernels::List<Standardize>;
  /// Defined in batch_norm.cpp, for the formulas of the list.
  template <class Formula>
  static const detail::Elementwise& operation();
};

}  // namespace formulas

namespace kernels {

/// Some channels of batch_norm: x is [samples, channels, inner].
struct BatchNormChannels {
  const void *x, *gamma, *beta;  ///< the gradient does not read beta
  std::size_t samples, channels, inner;
  std::size_t first, count;  ///< of channels; at most strip_columns
  double epsilon;
  /// One a channel, written by the value; the gradient reads the mean and the scale, 1 / sqrt(variance +
  /// epsilon).
  double *mean, *variance, *scale;
  void* out;  ///< y; of the gradient dx, which may be dy

  // For the gradient: that of the output, and where those of gamma and beta are written.
  const void* dy;
  double *dgamma, *dbeta;
};

/// [0] is float, [1] is double.
struct BatchNormKernels {
  void (*value[2])(const BatchNormChannels&);
  void (*gradient[2])(const BatchNormChannels&);
};
template <class Isa>
const BatchNormKernels* batch_norm_kernels();

}  // namespace kernels
}  // namespace xgrad
