#include "normalization.hpp"

#include <cmath>
#include <sstream>

#include "../ops/batch_norm.hpp"
#include "../ops/creation.hpp"
#include "../ops/layer_norm.hpp"
#include "../ops/operators.hpp"
#include "../ops/shape.hpp"

namespace xgrad::nn {
using namespace xgrad::detail;

namespace {

void check_epsilon(const char* layer, double epsilon) {
  if (epsilon >= 0 && std::isfinite(epsilon)) return;
  std::ostringstream text;
  text << layer << ": epsilon is " << epsilon << "; give a finite number that is not negative, such as 1e-5";
  throw ValueError(text.str());
}

}  // namespace

template <class T>
LayerNorm<T>::LayerNorm(const Shape& normalized_shape, const LayerNormOptions& options)
    : shape_(normalized_shape), epsilon_(options.epsilon) {
  check_possible("LayerNorm", shape_);
  if (shape_.empty() || element_count(shape_) == 0)
    throw ValueError("LayerNorm: the normalised shape " + to_string(shape_) +
                     " has no elements to take a mean of; give the extents of the last axes");
  check_epsilon("LayerNorm", epsilon_);
  if (!options.elementwise_affine) return;
  weight_ = this->register_parameter("weight", ones<T>(shape_));
  bias_ = this->register_parameter("bias", zeros<T>(shape_));
}

template <class T>
Variable<T> LayerNorm<T>::forward(const Variable<T>& x) {
  const Shape shape = x.shape();
  const std::size_t axes = shape_.size();
  const bool fits = shape.size() >= axes && Shape(shape.end() - axes, shape.end()) == shape_;
  if (!fits)
    throw ShapeError("LayerNorm: " + to_string(shape) + " does not end in the normalised shape " +
                     to_string(shape_) + "; check the layer's input size");
  const Shape line{element_count(shape_)};
  Shape lines(shape.begin(), shape.end() - axes);
  lines.push_back(line[0]);
  const Variable<T> flat = reshape(x, lines);
  const Variable<T> y = weight_.defined() ? layer_norm(flat, reshape(weight_, line), reshape(bias_, line),
                                                       NormalizationOptions{epsilon_})
                                          : layer_norm(flat, NormalizationOptions{epsilon_});
  return reshape(y, shape);
}

template <class T>
BatchNorm<T>::BatchNorm(Count channels, const BatchNormOptions& options) : options_(options) {
  if (channels.number() < 1)
    throw ValueError("BatchNorm: " + std::to_string(channels.number()) +
                     " features; give the number of channels");
  const std::size_t features = features_ = channels;
  check_possible("BatchNorm", Shape{features});
  check_epsilon("BatchNorm", options.epsilon);
  if (!(options.momentum >= 0 && options.momentum <= 1)) {
    std::ostringstream text;
    text << "BatchNorm: momentum is " << options.momentum << "; give the share of a batch, from 0 to 1";
    throw ValueError(text.str());
  }
  if (options.affine) {
    weight_ = this->register_parameter("weight", ones<T>(features));
    bias_ = this->register_parameter("bias", zeros<T>(features));
  }
  if (options.track_running_stats) {
    running_mean_ = this->register_buffer("running_mean", zeros<T>(features));
    running_var_ = this->register_buffer("running_var", ones<T>(features));
    // The batches that PyTorch counts matter with momentum = None alone, which there is not here.
    this->register_in_pytorch_only("num_batches_tracked");
  }
}

template <class T>
Variable<T> BatchNorm<T>::forward(const Variable<T>& x) {
  const Shape& shape = x.shape();
  if (!accepts(shape.size()) || shape[1] != features_)
    throw ShapeError(this->name() + ": " + to_string(shape) + " is not " + expected() +
                     "; check the layer's number of features");
  const NormalizationOptions options{options_.epsilon};
  const bool tracks = running_mean_.defined();
  if (!this->is_training() && tracks) {
    // A program reads the statistics at each call, and so they are in its graph.
    if (is_capturing()) return batch_norm_by(x, weight_, bias_, running_mean_, running_var_, options);
    const BatchStatistics<T> statistics{running_mean_.value(), running_var_.value()};
    return weight_.defined() ? batch_norm(x, weight_, bias_, statistics, options)
                             : batch_norm(x, statistics, options);
  }
  const auto made = weight_.defined() ? batch_norm_with_moments(x, weight_, bias_, options)
                                      : batch_norm_with_moments(x, options);
  const std::size_t samples = x.size() / features_;  // of each feature
  if (tracks) track(made.mean, made.variance, static_cast<double>(samples));
  return made.y;
}

template <class T>
void BatchNorm<T>::track(const Variable<T>& mean, const Variable<T>& variance, double values) {
  const auto share = static_cast<T>(options_.momentum), unbiased = static_cast<T>(values / (values - 1));
  const NoGrad off;
  running_mean_ *= 1 - share;
  running_mean_ += share * mean;
  running_var_ *= 1 - share;
  running_var_ += share * unbiased * variance;
}

template <class T>
std::string BatchNorm1d<T>::expected() const {
  const std::string channels = std::to_string(this->features());
  return "[N, " + channels + "] or [N, " + channels + ", L]";
}

template <class T>
std::string BatchNorm2d<T>::expected() const {
  return "[N, " + std::to_string(this->features()) + ", H, W]";
}

template class LayerNorm<float>;
template class LayerNorm<double>;
template class BatchNorm<float>;
template class BatchNorm<double>;
template class BatchNorm1d<float>;
template class BatchNorm1d<double>;
template class BatchNorm2d<float>;
template class BatchNorm2d<double>;

}  // namespace xgrad::nn
