// Layers that convolve images and signals.
#pragma once

#include "../ops/convolution.hpp"
#include "module.hpp"

namespace xgrad::nn {

/// conv2d with a kernel and a bias of its own: images [N, in, H, W] become [N, out, oH, oW]. Parameters
/// "weight" [out, in / groups, kH, kW] and "bias" [out] start uniform in +- 1 / sqrt(in / groups kH kW), from
/// this thread's generator, which is where PyTorch's layer starts too; see Linear for other starts.
///
/// ```cpp
/// Conv2d<float> first(1, 32, 3);  // 32 kernels of 3 x 3
/// Conv2d<float> second(32, 64, {5, 3}, {.stride = 2, .padding = {2, 1}});
/// ```
template <class T = float>
class Conv2d : public Module<T> {
 public:
  /// ValueError if a number of channels, the kernel's extent, a stride or a dilation is less than 1, a
  /// padding is negative, or the groups do not divide both numbers of channels.
  Conv2d(Count in, Count out, const Pair& kernel, const Conv2dOptions& options = {}, Flag bias = true);

  /// Errors as conv2d's.
  Variable<T> forward(const Variable<T>& images) override;

  const Conv2dOptions& options() const noexcept { return options_; }
  Variable<T> weight() const { return weight_; }
  /// Empty for a layer without one.
  Variable<T> bias() const { return bias_; }

 protected:
  std::unique_ptr<Module<T>> make_another() const override {
    const Shape& shape = weight_.shape();  // [out, in / groups, kH, kW]
    return std::make_unique<Conv2d>(shape[1] * options_.groups, shape[0], Pair(shape[2], shape[3]), options_,
                                    bias_.defined());
  }

 private:
  Conv2dOptions options_;
  Variable<T> weight_, bias_;
};

/// conv1d, likewise: signals [N, in, L] become [N, out, oL]; "weight" is [out, in / groups, kernel].
template <class T = float>
class Conv1d : public Module<T> {
 public:
  /// Errors as Conv2d's.
  Conv1d(Count in, Count out, Count kernel, const Conv1dOptions& options = {}, Flag bias = true);

  /// Errors as conv1d's.
  Variable<T> forward(const Variable<T>& signals) override;

  const Conv1dOptions& options() const noexcept { return options_; }
  Variable<T> weight() const { return weight_; }
  /// Empty for a layer without one.
  Variable<T> bias() const { return bias_; }

 protected:
  std::unique_ptr<Module<T>> make_another() const override {
    const Shape& shape = weight_.shape();  // [out, in / groups, kernel]
    return std::make_unique<Conv1d>(shape[1] * options_.groups, shape[0], shape[2], options_,
                                    bias_.defined());
  }

 private:
  Conv1dOptions options_;
  Variable<T> weight_, bias_;
};

/// conv_transpose2d with a kernel and a bias of its own: images [N, in, H, W] become [N, out, oH, oW], where
/// oH is (H - 1) stride - 2 padding + dilation (kH - 1) + output_padding + 1. Parameters "weight" [in, out /
/// groups, kH, kW], whose first axis is the inputs' as in PyTorch, and "bias" [out] start uniform in
/// +- 1 / sqrt(out / groups kH kW), from this thread's generator, which is where PyTorch's layer starts too.
///
/// ```cpp
/// ConvTranspose2d<float> doubles(32, 16, 4, {.stride = 2, .padding = 1});
/// ```
template <class T = float>
class ConvTranspose2d : public Module<T> {
 public:
  /// Errors as Conv2d's, and ValueError unless output_padding is less than the stride or the dilation.
  ConvTranspose2d(Count in, Count out, const Pair& kernel, const ConvTranspose2dOptions& options = {},
                  Flag bias = true);

  /// Errors as conv_transpose2d's.
  Variable<T> forward(const Variable<T>& images) override;

  const ConvTranspose2dOptions& options() const noexcept { return options_; }
  Variable<T> weight() const { return weight_; }
  /// Empty for a layer without one.
  Variable<T> bias() const { return bias_; }

 protected:
  std::unique_ptr<Module<T>> make_another() const override {
    const Shape& shape = weight_.shape();  // [in, out / groups, kH, kW]
    return std::make_unique<ConvTranspose2d>(shape[0], shape[1] * options_.groups, Pair(shape[2], shape[3]),
                                             options_, bias_.defined());
  }

 private:
  ConvTranspose2dOptions options_;
  Variable<T> weight_, bias_;
};

extern template class Conv1d<float>;
extern template class Conv1d<double>;
extern template class Conv2d<float>;
extern template class Conv2d<double>;
extern template class ConvTranspose2d<float>;
extern template class ConvTranspose2d<double>;

}  // namespace xgrad::nn
