// Layers that pool images.
#pragma once

#include "../ops/adaptive_pooling.hpp"
#include "../ops/pooling.hpp"
#include "module.hpp"

namespace xgrad::nn {

/// max_pool2d: images [N, C, H, W] become [N, C, oH, oW].
///
/// ```cpp
/// MaxPool2d<float> halves(2);  // windows of 2 x 2, side by side
/// MaxPool2d<float> overlaps({.kernel = 3, .stride = 2, .padding = 1});
/// ```
template <class T = float>
class MaxPool2d : public Module<T> {
 public:
  explicit MaxPool2d(const MaxPool2dOptions& options) : options_(options) {}
  /// Windows of this extent, side by side.
  explicit MaxPool2d(const Pair& kernel) : options_{.kernel = kernel} {}

  /// Errors as max_pool2d's.
  Variable<T> forward(const Variable<T>& images) override;
  const MaxPool2dOptions& options() const noexcept { return options_; }

 protected:
  std::unique_ptr<Module<T>> make_another() const override { return std::make_unique<MaxPool2d>(options_); }

 private:
  MaxPool2dOptions options_;
};

/// avg_pool2d, likewise.
template <class T = float>
class AvgPool2d : public Module<T> {
 public:
  explicit AvgPool2d(const AvgPool2dOptions& options) : options_(options) {}
  /// Windows of this extent, side by side.
  explicit AvgPool2d(const Pair& kernel) : options_{.kernel = kernel} {}

  /// Errors as avg_pool2d's.
  Variable<T> forward(const Variable<T>& images) override;
  const AvgPool2dOptions& options() const noexcept { return options_; }

 protected:
  std::unique_ptr<Module<T>> make_another() const override { return std::make_unique<AvgPool2d>(options_); }

 private:
  AvgPool2dOptions options_;
};

/// adaptive_avg_pool2d: images of any extents [N, C, H, W] become [N, C, oH, oW] of the extents given.
///
/// ```cpp
/// AdaptiveAvgPool2d<float> global(1);  // [N, C, H, W] to [N, C, 1, 1]
/// ```
template <class T = float>
class AdaptiveAvgPool2d : public Module<T> {
 public:
  /// One number for both extents, or one for each. ValueError if one is less than 1.
  explicit AdaptiveAvgPool2d(const Pair& output_size);

  /// Errors as adaptive_avg_pool2d's.
  Variable<T> forward(const Variable<T>& images) override;
  const Pair& output_size() const noexcept { return output_size_; }

 protected:
  std::unique_ptr<Module<T>> make_another() const override {
    return std::make_unique<AdaptiveAvgPool2d>(output_size_);
  }

 private:
  Pair output_size_;
};

extern template class MaxPool2d<float>;
extern template class MaxPool2d<double>;
extern template class AvgPool2d<float>;
extern template class AvgPool2d<double>;
extern template class AdaptiveAvgPool2d<float>;
extern template class AdaptiveAvgPool2d<double>;

}  // namespace xgrad::nn
