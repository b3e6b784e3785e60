#include "flatten.hpp"

#include "../ops/shape.hpp"

namespace xgrad::nn {

template <class T>
Variable<T> Flatten<T>::forward(const Variable<T>& x) {
  return flatten(x, first_);
}

template class Flatten<float>;
template class Flatten<double>;

}  // namespace xgrad::nn
