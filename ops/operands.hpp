// What may stand for an operand beside a Variable: a scalar, an Array or any xtensor expression, which become
// constants of the Variable's element type. Beside other readings, a scalar.
#pragma once

#include <concepts>
#include <type_traits>
#include <utility>

#include "../core/formula/formula.hpp"
// Kernel files include formulas too, and must not see containers.
#ifndef XGRAD_ISA
#include <initializer_list>
#include <vector>

#include "../core/graph/variable.hpp"
#endif

namespace xgrad::detail {

/// Makes the constant V that an E stands for. Kernel files see no expressions.
template <class V, class E>
struct ConstantOf : std::false_type {};

#ifndef XGRAD_ISA
template <class T, Expression E>
struct ConstantOf<Variable<T>, E> : std::true_type {
  template <class X>
  static Variable<T> make(X&& expression) {
    return Variable<T>(make_dense<T>(std::forward<X>(expression)));
  }
};

/// What a list of operands may hold beside its Variables: {x, array, 0.5}.
template <class T>
class Operand {
 public:
  Operand(const Variable<T>& x) : operand_(x) {}
  template <class E>
  requires(Real<E> || Expression<E>) Operand(E&& e) : operand_(make_dense<T>(std::forward<E>(e))) {}
  const Variable<T>& variable() const noexcept { return operand_; }

 private:
  Variable<T> operand_;
};

template <class T>
std::vector<Variable<T>> variables_of(std::initializer_list<Operand<T>> operands) {
  std::vector<Variable<T>> variables;
  for (const Operand<T>& operand : operands) variables.push_back(operand.variable());
  return variables;
}
#endif

// Plain truths, not concepts: a wrong call is then told which of them is false, and not each of their parts.

/// Whether all of Es may stand beside a V: each is one, too, or a scalar or an expression.
template <class V, class... Es>
inline constexpr bool go_beside = ((std::same_as<Es, V> ||
                                    (!Reading<Es> &&
                                     (std::convertible_to<const Es&, double> || ConstantOf<V, Es>::value))) &&
                                   ...);

/// The first reading among operands.
template <class E, class... Es>
struct ReadingAmong {
  using type = typename ReadingAmong<Es...>::type;
};
template <Reading V, class... Es>
struct ReadingAmong<V, Es...> {
  using type = V;
};
template <class E>
requires(!Reading<E>) struct ReadingAmong<E> {
  using type = E;
};
template <class... Es>
using reading_among = typename ReadingAmong<std::remove_cvref_t<Es>...>::type;

/// Whether one of the operands is a reading, and the others go beside it.
template <class... Es>
inline constexpr bool have_reading =
    Reading<reading_among<Es...>>&& go_beside<reading_among<Es...>, std::remove_cvref_t<Es>...>;

/// Whether operands are of several kinds, of which one is a Variable: they become Variables, and then it is
/// the function of Variables that is called.
template <class... Es>
inline constexpr bool are_mixed = have_reading<Es...> && !(Reading<std::remove_cvref_t<Es>> && ...);

/// A reading as it is, and what else stands there as a constant.
template <class V, class E>
decltype(auto) as_operand(E&& input) {
  using Given = std::remove_cvref_t<E>;
  if constexpr (std::same_as<Given, V>) {
    return static_cast<const V&>(input);
  } else if constexpr (ConstantOf<V, Given>::value) {
    return ConstantOf<V, Given>::make(std::forward<E>(input));
  } else {
    return scalar_operand<V>(static_cast<double>(input));
  }
}

/// Calls f with the operands as what the reading among them is. None of these is given away.
template <class F, class... Es>
decltype(auto) with_operands(F&& f, Es&&... operands) {
  return f(as_operand<reading_among<Es...>>(std::forward<Es>(operands))...);
}

/// Applies a library formula.
template <class Formula, class Family, class... Es>
auto apply_beside(Es&&... operands) {
  return with_operands([](const auto&... inputs) { return apply<Formula, Family>(inputs...); },
                       std::forward<Es>(operands)...);
}

}  // namespace xgrad::detail
