#include "group_norm.hpp"

#include <cmath>
#include <sstream>
#include <string>

#include "../ops/creation.hpp"
#include "../ops/layer_norm.hpp"
#include "../ops/operators.hpp"
#include "../ops/shape.hpp"

namespace xgrad::nn {
using namespace xgrad::detail;

template <class T>
GroupNorm<T>::GroupNorm(Count groups, Count channels, const GroupNormOptions& options)
    : groups_(groups.checked("GroupNorm", "the number of groups", 1)),
      channels_(channels.checked("GroupNorm", "the number of channels", 1)),
      epsilon_(options.epsilon) {
  check_possible("GroupNorm", Shape{channels_});
  if (channels_ % groups_ != 0)
    throw ValueError("GroupNorm: " + std::to_string(groups_) + " groups of " + std::to_string(channels_) +
                     " channels; the groups, which come first, must divide the channels");
  if (!(epsilon_ >= 0 && std::isfinite(epsilon_))) {
    std::ostringstream text;
    text << "GroupNorm: epsilon is " << epsilon_
         << "; give a finite number that is not negative, such as 1e-5";
    throw ValueError(text.str());
  }
  if (!options.affine) return;
  weight_ = this->register_parameter("weight", ones<T>(channels_));
  bias_ = this->register_parameter("bias", zeros<T>(channels_));
}

template <class T>
Variable<T> GroupNorm<T>::forward(const Variable<T>& x) {
  const Shape shape = x.shape();
  if (shape.size() < 2 || shape[1] != channels_)
    throw ShapeError("GroupNorm: " + to_string(shape) + " is not [N, " + std::to_string(channels_) +
                     ", ...]; check the layer's number of channels");
  std::size_t places = 1;
  for (std::size_t axis = 2; axis < shape.size(); ++axis) places *= shape[axis];
  const std::size_t values = channels_ / groups_ * places;
  if (values < 2)
    throw ValueError("GroupNorm: each of the " + std::to_string(groups_) + " groups of " + to_string(shape) +
                     " has " + (values == 1 ? "one value" : "no values") +
                     " a sample, and normalising leaves nothing of it; give fewer groups or more places");
  const Variable<T> lines = reshape(x, Shape{shape[0], groups_, values});
  const Variable<T> y = layer_norm(lines, NormalizationOptions{epsilon_});
  if (!weight_.defined()) return reshape(y, shape);
  const Shape column{channels_, 1};
  return reshape(
      reshape(y, Shape{shape[0], channels_, places}) * reshape(weight_, column) + reshape(bias_, column),
      shape);
}

template class GroupNorm<float>;
template class GroupNorm<double>;

}  // namespace xgrad::nn
