// What the file of an elementwise family needs: formulas are structs, and a function beside each makes it
// public.
//
// ```cpp
// struct Sigmoid {
//   static constexpr std::string_view name = "sigmoid";
//   template <class V>
//   static V value(const V& x) {
//     return 1 / (1 + exp(-x));
//   }
//   template <class V>
//   static V gradient(unused, const V& y, const V& dy) {
//     return dy * (y * (1 - y));
//   }
// };
// ```
// Its family's list names it, as every formula of the file, and the function is
// ```cpp
// template <detail::ReadingRef X>
// auto sigmoid(X&& x) {
//   return detail::apply<formulas::Sigmoid, formulas::Activation>(std::forward<X>(x));
// }
// ```
// Rules: calls are unqualified, branches are select(condition, a, b), no bare double is returned, and
// `gradient` takes the inputs, the output and the output's gradient, and returns one V, or a std::array<V, n>
// for n inputs.
#pragma once

#include <array>
#include <cstdint>
#include <string_view>
#include <type_traits>
#include <utility>

#include "../kernels/kernel.hpp"
// Kernel files include formulas too, and must not see containers.
#ifndef XGRAD_ISA
#include "symbol.hpp"
#endif

namespace xgrad {

template <class T>
class Dense;
template <class T>
class Variable;
class Symbol;

namespace formulas {

/// Stands for an argument that a gradient does not read, so that it is not saved.
struct unused {
  constexpr unused() = default;
  template <class V>
  constexpr unused(const V&) noexcept {}
};

}  // namespace formulas

namespace detail {

class Elementwise;

template <class V>
struct IsReading : std::false_type {};
template <class T>
struct IsReading<Dense<T>> : std::true_type {};
template <class T>
struct IsReading<Variable<T>> : std::true_type {};
template <>
struct IsReading<Symbol> : std::true_type {};

/// What an elementwise operation can be applied to: Variable (recorded), Dense (plain) or Symbol (a step of a
/// program).
template <class V>
concept Reading = IsReading<V>::value;

/// The same, given by value or by reference.
template <class E>
concept ReadingRef = Reading<std::remove_cvref_t<E>>;

/// The operation of a library formula. The family's own file defines the function that it asks: defined in a
/// header, every file that names one formula would make all of the family.
template <class Formula, class Family>
const Elementwise& operation() {
  return Family::template operation<Formula>();
}

/// Whether a forwarding reference E&& is bound to a Variable that its owner gives away.
template <class E>
inline constexpr std::uint32_t given_away = 0;
template <class T>
inline constexpr std::uint32_t given_away<Variable<T>> = 1;

/// Applies an elementwise operation to as many inputs as it takes; shapes broadcast as NumPy's do, ShapeError
/// otherwise. A bit in `temporaries` is for an input that is given away: where nobody else wants its value,
/// the result takes over the buffer, and after the call the input is empty. (It is no const object then.)
template <Reading V>
V apply_to(const Elementwise& operation, const V* const* inputs, std::uint32_t temporaries = 0);

/// The same; an rvalue is given away.
template <ReadingRef First, class... Rest>
requires(std::is_same_v<std::remove_cvref_t<First>, std::remove_cvref_t<Rest>>&&...) auto apply(
    const Elementwise& operation, First&& first, Rest&&... rest) {
  using V = std::remove_cvref_t<First>;
  const V* const inputs[] = {&first, &rest...};
  std::uint32_t temporaries = given_away<First>, place = 0;
  ((temporaries |= given_away<Rest> << ++place), ...);
  return apply_to<V>(operation, inputs, temporaries);
}

/// The same for a library formula.
template <class Formula, class Family, ReadingRef... Inputs>
auto apply(Inputs&&... inputs) {
  return apply(operation<Formula, Family>(), std::forward<Inputs>(inputs)...);
}

/// A scalar in a reading.
template <Reading V>
V scalar_operand(double number);

}  // namespace detail
}  // namespace xgrad
