#include "linear.hpp"

#include <cmath>

#include "../core/random.hpp"
#include "../ops/linear_algebra.hpp"

namespace xgrad::nn {

template <class T>
Linear<T>::Linear(std::size_t in, std::size_t out, bool bias) {
  if (in == 0 || out == 0)
    throw ValueError("Linear: " + std::to_string(in) + " inputs and " + std::to_string(out) +
                     " outputs; both must be at least 1");
  check_possible("Linear", Shape{in, out});
  const double bound = 1 / std::sqrt(static_cast<double>(in));
  weight_ = this->register_parameter("weight", random_uniform<T>(Shape{in, out}, -bound, bound));
  if (bias) bias_ = this->register_parameter("bias", random_uniform<T>(Shape{out}, -bound, bound));
}

template <class T>
Variable<T> Linear<T>::forward(const Variable<T>& x) {
  return bias_.defined() ? linear(x, weight_, bias_) : linear(x, weight_);
}

template class Linear<float>;
template class Linear<double>;

}  // namespace xgrad::nn
