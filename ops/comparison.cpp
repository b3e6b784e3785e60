#include "comparison.hpp"

namespace xgrad {
using namespace detail;
using namespace formulas;

namespace {

template <class T, class... Vs>
Mask mask_of(const Elementwise& comparison, const Vs&... operands) {
  const Dense<T> held = apply(comparison, operands.dense()...);
  Dense<bool> mask(held.shape);
  bool* out = mask.mutable_data();
  for (std::size_t i = 0; i < held.size(); ++i) out[i] = held.data()[i] != 0;
  return to_array(std::move(mask));
}

}  // namespace

template <class T>
Mask equal(const Variable<T>& a, const Variable<T>& b) {
  return mask_of<T>(operation<Equal, Arithmetic>(), a, b);
}
template <class T>
Mask not_equal(const Variable<T>& a, const Variable<T>& b) {
  return mask_of<T>(operation<NotEqual, Arithmetic>(), a, b);
}
template <class T>
Mask less(const Variable<T>& a, const Variable<T>& b) {
  return mask_of<T>(operation<Less, Arithmetic>(), a, b);
}
template <class T>
Mask less_equal(const Variable<T>& a, const Variable<T>& b) {
  return mask_of<T>(operation<LessEqual, Arithmetic>(), a, b);
}
template <class T>
Mask isfinite(const Variable<T>& x) {
  return mask_of<T>(operation<IsFinite, Arithmetic>(), x);
}

template <class T>
Variable<T> where(const Mask& mask, const Variable<T>& a, const Variable<T>& b) {
  const Dense<bool> held = to_dense(mask);
  Dense<T> condition(held.shape);
  T* out = condition.mutable_data();
  for (std::size_t i = 0; i < held.size(); ++i) out[i] = held.data()[i] ? T(1) : T(0);
  return select(Variable<T>(std::move(condition)), a, b);
}

template <class T>
Variable<T> where(const Variable<T>& condition, const Variable<T>& a, const Variable<T>& b) {
  return select(condition.detach(), a, b);
}

template Mask equal(const Variable<float>&, const Variable<float>&);
template Mask not_equal(const Variable<float>&, const Variable<float>&);
template Mask less(const Variable<float>&, const Variable<float>&);
template Mask less_equal(const Variable<float>&, const Variable<float>&);
template Mask isfinite(const Variable<float>&);
template Variable<float> where(const Mask&, const Variable<float>&, const Variable<float>&);
template Variable<float> where(const Variable<float>&, const Variable<float>&, const Variable<float>&);
template Mask equal(const Variable<double>&, const Variable<double>&);
template Mask not_equal(const Variable<double>&, const Variable<double>&);
template Mask less(const Variable<double>&, const Variable<double>&);
template Mask less_equal(const Variable<double>&, const Variable<double>&);
template Mask isfinite(const Variable<double>&);
template Variable<double> where(const Mask&, const Variable<double>&, const Variable<double>&);
template Variable<double> where(const Variable<double>&, const Variable<double>&, const Variable<double>&);

}  // namespace xgrad
