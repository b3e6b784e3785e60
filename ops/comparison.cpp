#include "comparison.hpp"

namespace xgrad {
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

#define XGRAD_INSTANTIATE(T)                                        \
  template Mask equal(const Variable<T>&, const Variable<T>&);      \
  template Mask not_equal(const Variable<T>&, const Variable<T>&);  \
  template Mask less(const Variable<T>&, const Variable<T>&);       \
  template Mask less_equal(const Variable<T>&, const Variable<T>&); \
  template Mask isfinite(const Variable<T>&);                       \
  template Variable<T> where(const Mask&, const Variable<T>&, const Variable<T>&);
XGRAD_INSTANTIATE(float)
XGRAD_INSTANTIATE(double)
#undef XGRAD_INSTANTIATE

}  // namespace xgrad
