// Comparisons that give a Mask, an array of bool that broadcasts like its operands; and where(), which takes
// one, or what `x > 0` gives.
#pragma once

#include "../core/graph/index_input.hpp"
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
Variable<T> where(const MaskInput& mask, const Variable<T>& a, const Variable<T>& b);
/// a where the condition is not 0 (a NaN is not), else b; all three broadcast. No gradient reaches the
/// condition.
template <class T>
Variable<T> where(const Variable<T>& condition, const Variable<T>& a, const Variable<T>& b);

/// x, with `value` where the mask holds, which broadcasts to x's shape and does not change it; ShapeError
/// otherwise. Elements that are replaced get a gradient of 0.
template <class T>
Variable<T> masked_fill(const Variable<T>& x, const MaskInput& mask, double value);
/// The same with what `x > 0` gives for a mask: it holds where that is not 0.
template <class T>
Variable<T> masked_fill(const Variable<T>& x, const Variable<T>& mask, double value);

// A scalar, an Array or an xtensor expression for one operand or two beside a Variable. Of xtensor's own
// shape.

template <class A, class B>
requires detail::are_mixed<A, B> Mask equal(A&& a, B&& b) {
  return detail::with_operands([](const auto&... in) { return xgrad::equal(in...); }, std::forward<A>(a),
                               std::forward<B>(b));
}
template <class A, class B>
requires detail::are_mixed<A, B> Mask not_equal(A&& a, B&& b) {
  return detail::with_operands([](const auto&... in) { return xgrad::not_equal(in...); }, std::forward<A>(a),
                               std::forward<B>(b));
}
template <class A, class B>
requires detail::are_mixed<A, B> Mask less(A&& a, B&& b) {
  return detail::with_operands([](const auto&... in) { return xgrad::less(in...); }, std::forward<A>(a),
                               std::forward<B>(b));
}
template <class A, class B>
requires detail::are_mixed<A, B> Mask less_equal(A&& a, B&& b) {
  return detail::with_operands([](const auto&... in) { return xgrad::less_equal(in...); }, std::forward<A>(a),
                               std::forward<B>(b));
}
template <class A, class B>
requires detail::are_mixed<A, B> Mask greater(A&& a, B&& b) {
  return detail::with_operands([](const auto&... in) { return xgrad::greater(in...); }, std::forward<A>(a),
                               std::forward<B>(b));
}
template <class A, class B>
requires detail::are_mixed<A, B> Mask greater_equal(A&& a, B&& b) {
  return detail::with_operands([](const auto&... in) { return xgrad::greater_equal(in...); },
                               std::forward<A>(a), std::forward<B>(b));
}
/// The condition is a Variable, a Mask, or an xtensor expression, which holds where it is not 0.
template <class C, class A, class B>
requires(detail::are_mixed<C, A, B>&& detail::ReadingRef<C>) auto where(C&& condition, A&& a, B&& b) {
  return detail::with_operands([](const auto&... in) { return xgrad::where(in...); },
                               std::forward<C>(condition), std::forward<A>(a), std::forward<B>(b));
}
template <class C, class A, class B>
requires(detail::Expression<C>&& detail::have_reading<A, B>) auto where(C&& mask, A&& a, B&& b) {
  const MaskInput chosen = Mask(std::forward<C>(mask));
  return detail::with_operands([&](const auto&... in) { return xgrad::where(chosen, in...); },
                               std::forward<A>(a), std::forward<B>(b));
}

}  // namespace xgrad
