#include "dropout.hpp"

#include <sstream>

#include "../ops/dropout.hpp"

namespace xgrad::nn {

template <class T>
Dropout<T>::Dropout(double p) : p_(p) {
  if (p >= 0 && p <= 1) return;
  std::ostringstream text;
  text << "Dropout: p is " << p << "; give the share of elements to drop, from 0 to 1";
  throw ValueError(text.str());
}

template <class T>
Variable<T> Dropout<T>::forward(const Variable<T>& x) {
  return this->is_training() ? dropout(x, p_) : xgrad::detail::as_result(x);
}

template class Dropout<float>;
template class Dropout<double>;

}  // namespace xgrad::nn
