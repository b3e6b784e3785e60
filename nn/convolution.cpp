#include "convolution.hpp"

#include <cmath>

#include "../core/random.hpp"

namespace xgrad::nn {
namespace {

/// ValueError unless a kernel [out, in / groups, ...] of these numbers can be made, and be moved about.
void check_sizes(const std::string& layer, std::size_t in, std::size_t out, std::size_t groups,
                 std::initializer_list<std::size_t> extents, std::initializer_list<std::size_t> steps) {
  if (in == 0 || out == 0)
    throw ValueError(layer + ": " + std::to_string(in) + " channels in and " + std::to_string(out) +
                     " out; both must be at least 1");
  if (groups == 0 || in % groups != 0 || out % groups != 0)
    throw ValueError(layer + ": " + std::to_string(groups) + " groups of " + std::to_string(in) +
                     " channels in and " + std::to_string(out) + " out; the groups must divide both");
  for (const std::size_t extent : extents)
    if (extent == 0)
      throw ValueError(layer + ": the kernel " + to_string(Shape(extents)) +
                       " has no elements; its extents must be at least 1");
  for (const std::size_t step : steps)
    if (step == 0) throw ValueError(layer + ": a stride or dilation is 0; each must be at least 1");
}

double bound_of(const Shape& kernel) {
  return 1 / std::sqrt(static_cast<double>(element_count(kernel)) / static_cast<double>(kernel[0]));
}

}  // namespace

template <class T>
Conv2d<T>::Conv2d(std::size_t in, std::size_t out, std::array<std::size_t, 2> kernel,
                  const Conv2dOptions& options, bool bias)
    : options_(options) {
  const auto& [stride, padding, dilation, groups] = options;
  check_sizes("Conv2d", in, out, groups, {kernel[0], kernel[1]},
              {stride[0], stride[1], dilation[0], dilation[1]});
  const Shape shape{out, in / groups, kernel[0], kernel[1]};
  check_possible("Conv2d", shape);
  const double bound = bound_of(shape);
  weight_ = this->register_parameter("weight", random_uniform<T>(shape, -bound, bound));
  if (bias) bias_ = this->register_parameter("bias", random_uniform<T>(Shape{out}, -bound, bound));
}

template <class T>
Variable<T> Conv2d<T>::forward(const Variable<T>& images) {
  return bias_.defined() ? conv2d(images, weight_, bias_, options_) : conv2d(images, weight_, options_);
}

template <class T>
Conv1d<T>::Conv1d(std::size_t in, std::size_t out, std::size_t kernel, const Conv1dOptions& options,
                  bool bias)
    : options_(options) {
  check_sizes("Conv1d", in, out, options.groups, {kernel}, {options.stride, options.dilation});
  const Shape shape{out, in / options.groups, kernel};
  check_possible("Conv1d", shape);
  const double bound = bound_of(shape);
  weight_ = this->register_parameter("weight", random_uniform<T>(shape, -bound, bound));
  if (bias) bias_ = this->register_parameter("bias", random_uniform<T>(Shape{out}, -bound, bound));
}

template <class T>
Variable<T> Conv1d<T>::forward(const Variable<T>& signals) {
  return bias_.defined() ? conv1d(signals, weight_, bias_, options_) : conv1d(signals, weight_, options_);
}

template class Conv1d<float>;
template class Conv1d<double>;
template class Conv2d<float>;
template class Conv2d<double>;

}  // namespace xgrad::nn
