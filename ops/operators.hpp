// + - * / and unary - on Variables, and beside them scalars, Arrays and xtensor expressions, which become
// constants. The result takes over the buffer of an operand that is an rvalue where nobody else wants it; a
// Variable that was moved from, std::move(x) + 1, is empty afterwards.
#pragma once

#include <type_traits>
#include <utility>

#include "arithmetic.hpp"
#include "comparison.hpp"

namespace xgrad {

namespace detail {

template <class A, class B>
struct OperandOf {
  using type = std::remove_cvref_t<A>;
};
template <class A, class B>
requires(!ReadingRef<A>) struct OperandOf<A, B> {
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
    (ReadingRef<A> ||
     ReadingRef<B>)&&Beside<A, typename OperandOf<A, B>::type>&& Beside<B, typename OperandOf<A, B>::type>;

template <class A, class B>
using Result = typename OperandOf<A, B>::type;

/// The operation on two operands, of which one that is an rvalue is given away.
template <class A, class B>
Result<A, B> apply_pair(const Elementwise& operation, A&& a, B&& b) {
  using V = Result<A, B>;
  const auto compute = [&](const V& first, const V& second) {
    const V* const inputs[] = {&first, &second};
    return apply_to<V>(operation, inputs, given_away<A> | given_away<B> << 1);
  };
  return compute(as_operand<V>(std::forward<A>(a)), as_operand<V>(std::forward<B>(b)));
}

}  // namespace detail

/// add, subtract, multiply, divide and negative, element by element. ShapeError if shapes do not broadcast.
template <class A, class B>
requires detail::OperatorPair<A, B>
auto operator+(A&& a, B&& b) -> detail::Result<A, B> {
  return detail::apply_pair(detail::operation<formulas::Add, formulas::Core>(), std::forward<A>(a),
                            std::forward<B>(b));
}
template <class A, class B>
requires detail::OperatorPair<A, B>
auto operator-(A&& a, B&& b) -> detail::Result<A, B> {
  return detail::apply_pair(detail::operation<formulas::Subtract, formulas::Arithmetic>(), std::forward<A>(a),
                            std::forward<B>(b));
}
template <class A, class B>
requires detail::OperatorPair<A, B>
auto operator*(A&& a, B&& b) -> detail::Result<A, B> {
  return detail::apply_pair(detail::operation<formulas::Multiply, formulas::Core>(), std::forward<A>(a),
                            std::forward<B>(b));
}
template <class A, class B>
requires detail::OperatorPair<A, B>
auto operator/(A&& a, B&& b) -> detail::Result<A, B> {
  return detail::apply_pair(detail::operation<formulas::Divide, formulas::Arithmetic>(), std::forward<A>(a),
                            std::forward<B>(b));
}
template <class A>
requires detail::ReadingRef<A>
auto operator-(A&& a) -> std::remove_cvref_t<A> { return negative(std::forward<A>(a)); }

// += -= *= /= write to a parameter, or to a module's buffer, in place, seen through every handle to it, and
// keep its shape and its gradient: the right side broadcasts to it, or is a ShapeError. What operations have
// saved stays as it was. While operations are recorded that is a GraphError, and nothing is written. A handle
// to anything else, a constant or the result of an operation, is rebound to a result, as by `a = a + b`; a
// temporary handle that would be rebound, to no effect, is a GraphError.

namespace detail {

/// A parameter's or buffer's value, with `sign` for the messages.
template <class T>
void update(Variable<T>& left, const char* sign, const Elementwise& operation, const Dense<T>& right);
/// The same by the value of `right`, of which a program takes note.
template <class T>
void update_by(Variable<T>& left, const char* sign, const Elementwise& operation, const Variable<T>& right);
[[noreturn]] void throw_lost_update(std::string_view operation, const Shape& shape, const char* sign);

/// What may stand on the left: not a Symbol or Dense that is a temporary, nor what x[...] gives, a const one,
/// which says so itself.
template <class A>
concept Updated =
    ReadingRef<A> && !std::is_const_v<A> && (std::is_lvalue_reference_v<A> || requires(A && a) { a.node(); });

template <class A, class B>
concept UpdatePair = Updated<A> && OperatorPair<A, B>;

template <class A, class B>
A update_or_rebind(const char* sign, const Elementwise& operation, A&& a, B&& b) {
  using V = std::remove_cvref_t<A>;
  constexpr bool is_temporary = !std::is_lvalue_reference_v<A>;
  if constexpr (std::is_const_v<std::remove_reference_t<A>>) {
    static_assert(!ReadingRef<A>,
                  "a const Variable is neither rebound nor written to: take a handle by value, as in "
                  "for (auto p : net.parameters())");
  } else if constexpr (!requires { a.node(); }) {
    a = apply_pair(operation, a, std::forward<B>(b));
  } else if (a.is_updated_in_place()) {
    using T = typename V::value_type;
    if constexpr (std::is_same_v<std::remove_cvref_t<B>, V>)
      update_by<T>(a, sign, operation, b);
    else
      update<T>(a, sign, operation, make_dense<T>(std::forward<B>(b)));
  } else if constexpr (is_temporary) {
    throw_lost_update(a.operation(), a.shape(), sign);
  } else {
    a = apply_pair(operation, a, std::forward<B>(b));
  }
  return std::forward<A>(a);
}

}  // namespace detail

/// A parameter or a buffer is written to, under NoGrad; any other Variable is bound to the result. Gives `a`.
template <class A, class B>
requires detail::UpdatePair<A, B> A operator+=(A&& a, B&& b) {
  return detail::update_or_rebind("+=", detail::operation<formulas::Add, formulas::Core>(),
                                  std::forward<A>(a), std::forward<B>(b));
}
template <class A, class B>
requires detail::UpdatePair<A, B> A operator-=(A&& a, B&& b) {
  return detail::update_or_rebind("-=", detail::operation<formulas::Subtract, formulas::Arithmetic>(),
                                  std::forward<A>(a), std::forward<B>(b));
}
template <class A, class B>
requires detail::UpdatePair<A, B> A operator*=(A&& a, B&& b) {
  return detail::update_or_rebind("*=", detail::operation<formulas::Multiply, formulas::Core>(),
                                  std::forward<A>(a), std::forward<B>(b));
}
template <class A, class B>
requires detail::UpdatePair<A, B> A operator/=(A&& a, B&& b) {
  return detail::update_or_rebind("/=", detail::operation<formulas::Divide, formulas::Arithmetic>(),
                                  std::forward<A>(a), std::forward<B>(b));
}

// Comparisons of formulas: 1 where they hold, 0 elsewhere, for select(), where() and x[x > 0]. Their value is
// no bool, so `if (x > 0)` does not compile; less(), equal() and so on give a Mask.

namespace detail {

/// What two operands' comparison gives.
template <class A, class B>
Result<A, B> compare(const Elementwise& operation, A&& a, B&& b) {
  Result<A, B> result = apply_pair(operation, std::forward<A>(a), std::forward<B>(b));
  if constexpr (requires { result.node(); }) result.node().mark_as_comparison();
  return result;
}

}  // namespace detail

/// 1 where the comparison holds and 0 elsewhere, of the element type of the operands, without a gradient; NaN
/// is unequal to everything. ShapeError if shapes do not broadcast.
template <class A, class B>
requires detail::OperatorPair<A, B>
auto operator<(A&& a, B&& b) -> detail::Result<A, B> {
  return detail::compare(detail::operation<formulas::Less, formulas::Arithmetic>(), std::forward<A>(a),
                         std::forward<B>(b));
}
template <class A, class B>
requires detail::OperatorPair<A, B>
auto operator<=(A&& a, B&& b) -> detail::Result<A, B> {
  return detail::compare(detail::operation<formulas::LessEqual, formulas::Arithmetic>(), std::forward<A>(a),
                         std::forward<B>(b));
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
  return detail::compare(detail::operation<formulas::Equal, formulas::Arithmetic>(), std::forward<A>(a),
                         std::forward<B>(b));
}
template <class A, class B>
requires detail::OperatorPair<A, B>
auto operator!=(A&& a, B&& b) -> detail::Result<A, B> {
  return detail::compare(detail::operation<formulas::NotEqual, formulas::Arithmetic>(), std::forward<A>(a),
                         std::forward<B>(b));
}

}  // namespace xgrad
