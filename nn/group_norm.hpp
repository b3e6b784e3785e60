// The layer that normalises groups of channels.
#pragma once

#include "module.hpp"

namespace xgrad::nn {

/// What GroupNorm takes.
struct GroupNormOptions {
  double epsilon = 1e-5;  ///< added to the variance
  Flag affine = true;     ///< has "weight" and "bias"
};

/// Normalises every sample of [N, C, ...], whose channels fall into groups of neighbours, over each group's
/// channels and places: (x - mean) / sqrt(variance + epsilon), with the variance over n. Then it multiplies
/// each channel by its element of "weight" and adds that of "bias", both [C], which start as ones and zeros.
/// Training and evaluation are the same. Y. Wu and K. He, "Group normalization", 2018, as PyTorch has it.
///
/// ```cpp
/// GroupNorm<float> norm(8, 32);  // 32 channels in 8 groups
/// ```
template <class T = float>
class GroupNorm : public Module<T> {
 public:
  /// ValueError if a number is less than 1, the groups do not divide the channels, or epsilon is negative.
  GroupNorm(Count groups, Count channels, const GroupNormOptions& options = {});

  /// ShapeError if x is not [N, channels, ...]; ValueError if a group has one value a sample, of which
  /// nothing would be left, or none.
  Variable<T> forward(const Variable<T>& x) override;

  std::size_t groups() const noexcept { return groups_; }
  std::size_t channels() const noexcept { return channels_; }
  /// Empty for a layer without them.
  Variable<T> weight() const { return weight_; }
  Variable<T> bias() const { return bias_; }

 protected:
  std::unique_ptr<Module<T>> make_another() const override {
    return std::make_unique<GroupNorm>(groups_, channels_, GroupNormOptions{epsilon_, weight_.defined()});
  }

 private:
  std::size_t groups_, channels_;
  double epsilon_;
  Variable<T> weight_, bias_;
};

extern template class GroupNorm<float>;
extern template class GroupNorm<double>;

}  // namespace xgrad::nn
