#include "linear.hpp"

#include <cmath>

#include "../core/kernels/random.hpp"
#include "../ops/linear_algebra.hpp"

namespace xgrad::nn {
using namespace xgrad::detail;

template <class T>
Linear<T>::Linear(Count in, Count out, Flag bias) {
  if (in.number() < 1 || out.number() < 1)
    throw ValueError("Linear: " + std::to_string(in.number()) + " inputs and " +
                     std::to_string(out.number()) + " outputs; both must be at least 1");
  check_possible("Linear", Shape{in, out});
  const double bound = 1 / std::sqrt(static_cast<double>(in.number()));
  weight_ = this->register_parameter("weight", random_uniform<T>(Shape{in, out}, -bound, bound),
                                     InPyTorch::transposed);
  if (bias) bias_ = this->register_parameter("bias", random_uniform<T>(Shape{out}, -bound, bound));
}

template <class T>
Variable<T> Linear<T>::forward(const Variable<T>& x) {
  return bias_.defined() ? linear(x, weight_, bias_) : linear(x, weight_);
}

template class Linear<float>;
template class Linear<double>;

}  // namespace xgrad::nn
