// Comparisons that give a Mask, an array of bool that broadcasts like its operands; and where(), which takes
// one, or what `x > 0` gives.
#pragma once

#include "arithmetic.hpp"

namespace xgrad {

/// One truth value an element; ShapeError if the shapes do not broadcast. NaN is unequal to everything.
template <class T>
Mask equal(const Variable<T>& a, const Variable<T>& b);
template <class T>
Mask not_equal(const Variable<T>& a, const Variable<T>& b);
template <class T>
Mask less(const Variable<T>& a, const Variable<T>& b);
template <class T>
Mask less_equal(const Variable<T>& a, const Variable<T>& b);
template <class T>
Mask greater(const Variable<T>& a, const Variable<T>& b) {
  return less(b, a);
}
template <class T>
Mask greater_equal(const Variable<T>& a, const Variable<T>& b) {
  return less_equal(b, a);
}
/// Neither infinite nor NaN.
template <class T>
Mask isfinite(const Variable<T>& x);

/// Whether x is NaN.
template <class T>
Mask isnan(const Variable<T>& x);
/// Whether x is infinite, of either sign; a NaN is not.
template <class T>
Mask isinf(const Variable<T>& x);

/// a where the mask holds, else b; all three broadcast.
template <class T>
Variable<T> where(const Mask& mask, const Variable<T>& a, const Variable<T>& b);
/// a where the condition is not 0 (a NaN is not), else b; all three broadcast. No gradient reaches the
/// condition.
template <class T>
Variable<T> where(const Variable<T>& condition, const Variable<T>& a, const Variable<T>& b);

/// x, with `value` where the mask holds, which broadcasts to x's shape and does not change it; ShapeError
/// otherwise. Elements that are replaced get a gradient of 0.
template <class T>
Variable<T> masked_fill(const Variable<T>& x, const Mask& mask, double value);
/// The same with what `x > 0` gives for a mask: it holds where that is not 0.
template <class T>
Variable<T> masked_fill(const Variable<T>& x, const Variable<T>& mask, double value);

// A scalar for one of the operands.

template <class T>
Mask equal(const Variable<T>& a, double b) {
  return equal(a, detail::scalar_operand<Variable<T>>(b));
}
template <class T>
Mask not_equal(const Variable<T>& a, double b) {
  return not_equal(a, detail::scalar_operand<Variable<T>>(b));
}
template <class T>
Mask less(const Variable<T>& a, double b) {
  return less(a, detail::scalar_operand<Variable<T>>(b));
}
template <class T>
Mask less_equal(const Variable<T>& a, double b) {
  return less_equal(a, detail::scalar_operand<Variable<T>>(b));
}
template <class T>
Mask greater(const Variable<T>& a, double b) {
  return less(detail::scalar_operand<Variable<T>>(b), a);
}
template <class T>
Mask greater_equal(const Variable<T>& a, double b) {
  return less_equal(detail::scalar_operand<Variable<T>>(b), a);
}
template <class T>
Variable<T> where(const Mask& mask, const Variable<T>& a, double b) {
  return xgrad::where(mask, a, detail::scalar_operand<Variable<T>>(b));
}
template <class T>
Variable<T> where(const Mask& mask, double a, const Variable<T>& b) {
  return xgrad::where(mask, detail::scalar_operand<Variable<T>>(a), b);
}
template <class T>
Variable<T> where(const Variable<T>& condition, const Variable<T>& a, double b) {
  return xgrad::where(condition, a, detail::scalar_operand<Variable<T>>(b));
}
template <class T>
Variable<T> where(const Variable<T>& condition, double a, const Variable<T>& b) {
  return xgrad::where(condition, detail::scalar_operand<Variable<T>>(a), b);
}
template <class T>
Variable<T> where(const Variable<T>& condition, double a, double b) {
  return xgrad::where(condition, detail::scalar_operand<Variable<T>>(a),
                      detail::scalar_operand<Variable<T>>(b));
}

}  // namespace xgrad
