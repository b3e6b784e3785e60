// The options that layer_norm and batch_norm share.
#pragma once

namespace xgrad {

/// What layer_norm and batch_norm take.
struct NormalizationOptions {
  double epsilon = 1e-5;  ///< added to the variance, so that equal elements are normalised to 0
};

}  // namespace xgrad
