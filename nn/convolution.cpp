#include "convolution.hpp"

#include <algorithm>
#include <cmath>

#include "../core/kernels/random.hpp"

namespace xgrad::nn {
using namespace xgrad::detail;

namespace {

using Numbers = std::initializer_list<std::int64_t>;

/// As a shape is printed, though it may be none.
std::string written(Numbers extents) {
  std::string text;
  for (const std::int64_t extent : extents) text += (text.empty() ? "[" : ", ") + std::to_string(extent);
  return text + "]";
}

/// ValueError unless a kernel [out, in / groups, ...] of these numbers can be made, and be moved about. Gives
/// the kernel's shape.
Shape checked_kernel(const std::string& layer, const Count& in_count, const Count& out_count,
                     const Count& group_count, Numbers extents, Numbers steps, Numbers paddings) {
  const std::int64_t in = in_count.number(), out = out_count.number(), groups = group_count.number();
  if (in < 1 || out < 1)
    throw ValueError(layer + ": " + std::to_string(in) + " channels in and " + std::to_string(out) +
                     " out; both must be at least 1");
  if (groups < 1 || in % groups != 0 || out % groups != 0)
    throw ValueError(layer + ": " + std::to_string(groups) + " groups of " + std::to_string(in) +
                     " channels in and " + std::to_string(out) + " out; the groups must divide both");
  for (const std::int64_t extent : extents)
    if (extent < 1)
      throw ValueError(layer + ": the kernel " + written(extents) +
                       " has no elements; its extents must be at least 1");
  for (const std::int64_t step : steps)
    if (step < 1)
      throw ValueError(layer + ": a stride or dilation is " + std::to_string(step) +
                       "; each must be at least 1");
  for (const std::int64_t padding : paddings)
    if (padding < 0)
      throw ValueError(layer + ": a padding is " + std::to_string(padding) + "; each must be at least 0");
  Shape shape{out_count, static_cast<std::size_t>(in / groups)};
  for (const std::int64_t extent : extents) shape.push_back(static_cast<std::size_t>(extent));
  check_possible(layer, shape);
  return shape;
}

double bound_of(const Shape& kernel) {
  return 1 / std::sqrt(static_cast<double>(element_count(kernel)) / static_cast<double>(kernel[0]));
}

}  // namespace

template <class T>
Conv2d<T>::Conv2d(Count in, Count out, const Pair& kernel, const Conv2dOptions& options, Flag bias)
    : options_(options) {
  const auto& [stride, padding, dilation, groups] = options;
  const Shape shape =
      checked_kernel("Conv2d", in, out, groups, {kernel[0].number(), kernel[1].number()},
                     {stride[0].number(), stride[1].number(), dilation[0].number(), dilation[1].number()},
                     {padding.sides()[0].number(), padding.sides()[1].number()});
  const double bound = bound_of(shape);
  weight_ = this->register_parameter("weight", random_uniform<T>(shape, -bound, bound));
  if (bias) bias_ = this->register_parameter("bias", random_uniform<T>(Shape{shape[0]}, -bound, bound));
}

template <class T>
Variable<T> Conv2d<T>::forward(const Variable<T>& images) {
  return bias_.defined() ? conv2d(images, weight_, bias_, options_) : conv2d(images, weight_, options_);
}

template <class T>
Conv1d<T>::Conv1d(Count in, Count out, Count kernel, const Conv1dOptions& options, Flag bias)
    : options_(options) {
  const Shape shape =
      checked_kernel("Conv1d", in, out, options.groups, {kernel.number()},
                     {options.stride.number(), options.dilation.number()}, {options.padding.number()});
  const double bound = bound_of(shape);
  weight_ = this->register_parameter("weight", random_uniform<T>(shape, -bound, bound));
  if (bias) bias_ = this->register_parameter("bias", random_uniform<T>(Shape{shape[0]}, -bound, bound));
}

template <class T>
Variable<T> Conv1d<T>::forward(const Variable<T>& signals) {
  return bias_.defined() ? conv1d(signals, weight_, bias_, options_) : conv1d(signals, weight_, options_);
}

template <class T>
ConvTranspose2d<T>::ConvTranspose2d(Count in, Count out, const Pair& kernel,
                                    const ConvTranspose2dOptions& options, Flag bias)
    : options_(options) {
  const auto& [stride, padding, output_padding, dilation, groups] = options;
  // The transpose of a convolution from `out` channels to `in`.
  Shape shape =
      checked_kernel("ConvTranspose2d", in, out, groups, {kernel[0].number(), kernel[1].number()},
                     {stride[0].number(), stride[1].number(), dilation[0].number(), dilation[1].number()},
                     {padding.sides()[0].number(), padding.sides()[1].number(), output_padding[0].number(),
                      output_padding[1].number()});
  const std::size_t made = out, of_group = made / groups;
  shape[0] = in;
  shape[1] = of_group;
  check_possible("ConvTranspose2d", shape);
  for (std::size_t axis : {0u, 1u})
    if (output_padding[axis].number() >= std::max(stride[axis].number(), dilation[axis].number()))
      throw ValueError("ConvTranspose2d: an output_padding is " +
                       std::to_string(output_padding[axis].number()) +
                       "; each must be less than the stride or the dilation of its axis");
  const double bound = bound_of(shape);
  weight_ = this->register_parameter("weight", random_uniform<T>(shape, -bound, bound));
  if (bias) bias_ = this->register_parameter("bias", random_uniform<T>(Shape{made}, -bound, bound));
}

template <class T>
Variable<T> ConvTranspose2d<T>::forward(const Variable<T>& images) {
  return bias_.defined() ? conv_transpose2d(images, weight_, bias_, options_)
                         : conv_transpose2d(images, weight_, options_);
}

template class Conv1d<float>;
template class Conv1d<double>;
template class Conv2d<float>;
template class Conv2d<double>;
template class ConvTranspose2d<float>;
template class ConvTranspose2d<double>;

}  // namespace xgrad::nn
