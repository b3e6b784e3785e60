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

template class MaxPool2d<float>;
template class MaxPool2d<double>;
template class AvgPool2d<float>;
template class AvgPool2d<double>;

}  // namespace xgrad::nn
