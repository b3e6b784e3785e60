// The layers that normalise: over features, and over the batch.
#pragma once

#include "module.hpp"

namespace xgrad::nn {

/// What LayerNorm takes.
struct LayerNormOptions {
  double epsilon = 1e-5;           ///< added to the variance
  Flag elementwise_affine = true;  ///< has "weight" and "bias"
};

/// Normalises every sample over its last axes, as layer_norm does, and then multiplies by "weight" and adds
/// "bias", which have those axes' shape and start as ones and zeros.
template <class T = float>
class LayerNorm : public Module<T> {
 public:
  /// Over the last axis, of `features` elements. ValueError if that is less than 1, or epsilon negative.
  template <detail::IntegerType I>
  explicit LayerNorm(I features, const LayerNormOptions& options = {})
      : LayerNorm(Shape{Count(features).checked("LayerNorm", "the number of features")}, options) {}
  /// Over as many last axes as the shape has, of one or more.
  explicit LayerNorm(std::initializer_list<std::size_t> normalized_shape,
                     const LayerNormOptions& options = {})
      : LayerNorm(Shape(normalized_shape), options) {}
  explicit LayerNorm(const Shape& normalized_shape, const LayerNormOptions& options = {});

  /// ShapeError if x does not end in the normalised shape.
  Variable<T> forward(const Variable<T>& x) override;

  const Shape& normalized_shape() const { return shape_; }
  /// Empty for a layer without them.
  Variable<T> weight() const { return weight_; }
  Variable<T> bias() const { return bias_; }

 protected:
  std::unique_ptr<Module<T>> make_another() const override {
    return std::make_unique<LayerNorm>(shape_, LayerNormOptions{epsilon_, weight_.defined()});
  }

 private:
  Shape shape_;
  double epsilon_;
  Variable<T> weight_, bias_;
};

/// What BatchNorm1d and BatchNorm2d take.
struct BatchNormOptions {
  double epsilon = 1e-5;            ///< added to the variance
  double momentum = 0.1;            ///< the share of a batch in the running statistics
  Flag affine = true;               ///< has "weight" and "bias"
  Flag track_running_stats = true;  ///< has "running_mean" and "running_var"
};

/// What the batch normalisations share. In training it normalises each channel by the batch's mean and
/// variance, and moves the buffers "running_mean" and "running_var" towards them by the share `momentum`:
/// the running variance is the unbiased one, over n - 1, while the batch is normalised by that over n. In
/// evaluation, and if they are kept, the running statistics serve instead. Then it multiplies by "weight" and
/// adds "bias". S. Ioffe and C. Szegedy, "Batch normalization", 2015. Every forward pass in training counts:
/// inside a checkpoint, so does the second one.
template <class T = float>
class BatchNorm : public Module<T> {
 public:
  /// ShapeError if x has another number of axes or of channels; ValueError for one value a channel in
  /// training. The statistics are unchanged when it throws.
  Variable<T> forward(const Variable<T>& x) override;

  std::size_t features() const { return features_; }
  const BatchNormOptions& options() const noexcept { return options_; }
  /// Empty for a layer without them.
  Variable<T> weight() const { return weight_; }
  Variable<T> bias() const { return bias_; }
  Variable<T> running_mean() const { return running_mean_; }
  Variable<T> running_var() const { return running_var_; }

 protected:
  /// ValueError if `features` is 0, epsilon negative, or momentum not from 0 to 1.
  BatchNorm(Count features, const BatchNormOptions& options);
  /// What inputs must look like, "[N, 3] or [N, 3, L]", and whether a shape with its channels does.
  virtual std::string expected() const = 0;
  virtual bool accepts(std::size_t axes) const = 0;

 private:
  void track(const Variable<T>& mean, const Variable<T>& variance, double values);

  std::size_t features_;
  BatchNormOptions options_;
  Variable<T> weight_, bias_, running_mean_, running_var_;
};

/// Over the batch of [N, C], or the batch and places of [N, C, L].
template <class T = float>
class BatchNorm1d : public BatchNorm<T> {
 public:
  explicit BatchNorm1d(Count features, const BatchNormOptions& options = {})
      : BatchNorm<T>(features, options) {}

 protected:
  std::unique_ptr<Module<T>> make_another() const override {
    return std::make_unique<BatchNorm1d>(this->features(), this->options());
  }

 private:
  std::string expected() const override;
  bool accepts(std::size_t axes) const override { return axes == 2 || axes == 3; }
};

/// Over the batch and places of images [N, C, H, W].
template <class T = float>
class BatchNorm2d : public BatchNorm<T> {
 public:
  explicit BatchNorm2d(Count features, const BatchNormOptions& options = {})
      : BatchNorm<T>(features, options) {}

 protected:
  std::unique_ptr<Module<T>> make_another() const override {
    return std::make_unique<BatchNorm2d>(this->features(), this->options());
  }

 private:
  std::string expected() const override;
  bool accepts(std::size_t axes) const override { return axes == 4; }
};

extern template class LayerNorm<float>;
extern template class LayerNorm<double>;
extern template class BatchNorm<float>;
extern template class BatchNorm<double>;
extern template class BatchNorm1d<float>;
extern template class BatchNorm1d<double>;
extern template class BatchNorm2d<float>;
extern template class BatchNorm2d<double>;

}  // namespace xgrad::nn
