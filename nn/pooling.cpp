#include "pooling.hpp"

namespace xgrad::nn {

template <class T>
Variable<T> MaxPool2d<T>::forward(const Variable<T>& images) {
  return max_pool2d(images, options_);
}

template <class T>
Variable<T> AvgPool2d<T>::forward(const Variable<T>& images) {
  return avg_pool2d(images, options_);
}

template <class T>
AdaptiveAvgPool2d<T>::AdaptiveAvgPool2d(const Pair& output_size) : output_size_(output_size) {
  for (std::size_t axis : {0u, 1u})
    static_cast<void>(output_size[axis].checked("AdaptiveAvgPool2d", "an extent of the output", 1));
}

template <class T>
Variable<T> AdaptiveAvgPool2d<T>::forward(const Variable<T>& images) {
  return adaptive_avg_pool2d(images, output_size_);
}

template class MaxPool2d<float>;
template class MaxPool2d<double>;
template class AvgPool2d<float>;
template class AvgPool2d<double>;
template class AdaptiveAvgPool2d<float>;
template class AdaptiveAvgPool2d<double>;

}  // namespace xgrad::nn
