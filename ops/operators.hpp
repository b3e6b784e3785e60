// + - * / and unary - on Variables, and beside them scalars, Arrays and xtensor expressions, which become
// constants.
#pragma once

#include <type_traits>
#include <utility>

#include "arithmetic.hpp"
#include "comparison.hpp"

namespace xgrad {

namespace detail {

template <class E>
concept OperandRef = Operand<std::remove_cvref_t<E>>;

template <class A, class B>
struct OperandOf {
  using type = std::remove_cvref_t<A>;
};
template <class A, class B>
requires(!OperandRef<A>) struct OperandOf<A, B> {
  using type = std::remove_cvref_t<B>;
};

/// Whether E may stand beside a V: a V, a scalar, and for Variables an xtensor expression.
template <class E, class V>
concept Beside = std::is_same_v<std::remove_cvref_t<E>, V> || Real<E> ||
    (Expression<E> && !std::is_same_v<V, Symbol> && !std::is_same_v<V, Dense<typename V::value_type>>);

/// One operand at least is ours. Of xtensor's own shape (A&&, B&&) and more constrained, so that xtensor's
/// lose.
template <class A, class B>
concept OperatorPair =
    (OperandRef<A> ||
     OperandRef<B>)&&Beside<A, typename OperandOf<A, B>::type>&& Beside<B, typename OperandOf<A, B>::type>;

template <class A, class B>
using Result = typename OperandOf<A, B>::type;

template <class V, class E>
decltype(auto) as_operand(E&& e) {
  if constexpr (std::is_same_v<std::remove_cvref_t<E>, V>) {
    return static_cast<const V&>(e);
  } else if constexpr (Real<E>) {
    return scalar_operand<V>(static_cast<double>(e));
  } else {
    return V(make_dense<typename V::value_type>(std::forward<E>(e)));
  }
}

}  // namespace detail

template <class A, class B>
requires detail::OperatorPair<A, B>
auto operator+(A&& a, B&& b) -> detail::Result<A, B> {
  using V = detail::Result<A, B>;
  return add<V>(detail::as_operand<V>(std::forward<A>(a)), detail::as_operand<V>(std::forward<B>(b)));
}
template <class A, class B>
requires detail::OperatorPair<A, B>
auto operator-(A&& a, B&& b) -> detail::Result<A, B> {
  using V = detail::Result<A, B>;
  return subtract<V>(detail::as_operand<V>(std::forward<A>(a)), detail::as_operand<V>(std::forward<B>(b)));
}
template <class A, class B>
requires detail::OperatorPair<A, B>
auto operator*(A&& a, B&& b) -> detail::Result<A, B> {
  using V = detail::Result<A, B>;
  return multiply<V>(detail::as_operand<V>(std::forward<A>(a)), detail::as_operand<V>(std::forward<B>(b)));
}
template <class A, class B>
requires detail::OperatorPair<A, B>
auto operator/(A&& a, B&& b) -> detail::Result<A, B> {
  using V = detail::Result<A, B>;
  return divide<V>(detail::as_operand<V>(std::forward<A>(a)), detail::as_operand<V>(std::forward<B>(b)));
}
template <class A>
requires detail::OperandRef<A>
auto operator-(A&& a) -> std::remove_cvref_t<A> { return negative(a); }

template <class A, class B>
requires detail::OperandRef<A> A& operator+=(A& a, B&& b) { return a = a + std::forward<B>(b); }
template <class A, class B>
requires detail::OperandRef<A> A& operator-=(A& a, B&& b) { return a = a - std::forward<B>(b); }
template <class A, class B>
requires detail::OperandRef<A> A& operator*=(A& a, B&& b) { return a = a * std::forward<B>(b); }
template <class A, class B>
requires detail::OperandRef<A> A& operator/=(A& a, B&& b) { return a = a / std::forward<B>(b); }

// Comparisons of formulas: 1 where they hold, 0 elsewhere, for select(). Their value is no bool, so `if (x >
// 0)` does not compile; less(), equal() and so on give a Mask.

template <class A, class B>
requires detail::OperatorPair<A, B>
auto operator<(A&& a, B&& b) -> detail::Result<A, B> {
  using V = detail::Result<A, B>;
  return apply<V>(operation<Less, Arithmetic>(), detail::as_operand<V>(std::forward<A>(a)),
                  detail::as_operand<V>(std::forward<B>(b)));
}
template <class A, class B>
requires detail::OperatorPair<A, B>
auto operator<=(A&& a, B&& b) -> detail::Result<A, B> {
  using V = detail::Result<A, B>;
  return apply<V>(operation<LessEqual, Arithmetic>(), detail::as_operand<V>(std::forward<A>(a)),
                  detail::as_operand<V>(std::forward<B>(b)));
}
template <class A, class B>
requires detail::OperatorPair<A, B>
auto operator>(A&& a, B&& b) -> detail::Result<A, B> { return std::forward<B>(b) < std::forward<A>(a); }
template <class A, class B>
requires detail::OperatorPair<A, B>
auto operator>=(A&& a, B&& b) -> detail::Result<A, B> { return std::forward<B>(b) <= std::forward<A>(a); }
template <class A, class B>
requires detail::OperatorPair<A, B>
auto operator==(A&& a, B&& b) -> detail::Result<A, B> {
  using V = detail::Result<A, B>;
  return apply<V>(operation<Equal, Arithmetic>(), detail::as_operand<V>(std::forward<A>(a)),
                  detail::as_operand<V>(std::forward<B>(b)));
}
template <class A, class B>
requires detail::OperatorPair<A, B>
auto operator!=(A&& a, B&& b) -> detail::Result<A, B> {
  using V = detail::Result<A, B>;
  return apply<V>(operation<NotEqual, Arithmetic>(), detail::as_operand<V>(std::forward<A>(a)),
                  detail::as_operand<V>(std::forward<B>(b)));
}

}  // namespace xgrad
