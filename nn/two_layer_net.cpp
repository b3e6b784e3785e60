#include "two_layer_net.hpp"

#include "../ops/activation.hpp"
#include "../ops/exponential.hpp"

namespace xgrad::nn {

template <class T>
TwoLayerNet<T>::TwoLayerNet(Count in, Count hidden, Count out, HiddenActivation activation)
    : hidden_(this->register_module("hidden", Linear<T>(in, hidden))),
      output_(this->register_module("output", Linear<T>(hidden, out))),
      activation_(activation) {}

template <class T>
Variable<T> TwoLayerNet<T>::forward(const Variable<T>& x) {
  const Variable<T> z = hidden_(x);
  switch (activation_) {
    case HiddenActivation::sigmoid:
      return output_(sigmoid(z));
    case HiddenActivation::relu:
      return output_(relu(z));
    case HiddenActivation::tanh:
      break;
  }
  return output_(tanh(z));
}

template class TwoLayerNet<float>;
template class TwoLayerNet<double>;

}  // namespace xgrad::nn
