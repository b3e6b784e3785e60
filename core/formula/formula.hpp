// What the file of an elementwise family needs: formulas are structs, and a function beside each makes it
// public.
//
//   struct Sigmoid {  // in namespace formulas where a layer has its name
//     static constexpr std::string_view name = "sigmoid";
//     template <class V> static V value(const V& x) { return 1 / (1 + exp(-x)); }
//     template <class V> static V gradient(unused, const V& y, const V& dy) { return dy * y * (1 - y); }
//   };
//   struct Activation { using list = kernels::List<formulas::Sigmoid>; };  // every formula of the file
//   template <OperandRef X>
//   auto sigmoid(X&& x) { return apply(operation<formulas::Sigmoid, Activation>(), std::forward<X>(x)); }
//
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

/// Stands for an argument that a gradient does not read, so that it is not saved.
struct unused {
  constexpr unused() = default;
  template <class V>
  constexpr unused(const V&) noexcept {}
};

template <class T>
class Dense;
template <class T>
class Variable;
class Symbol;
class Elementwise;

namespace detail {
template <class V>
struct IsOperand : std::false_type {};
template <class T>
struct IsOperand<Dense<T>> : std::true_type {};
template <class T>
struct IsOperand<Variable<T>> : std::true_type {};
template <>
struct IsOperand<Symbol> : std::true_type {};
}  // namespace detail

/// What an operation can be applied to: Variable (recorded), Dense (plain) or Symbol (traced).
template <class V>
concept Operand = detail::IsOperand<V>::value;

/// The operation of a library formula; its family's .cpp file instantiates it.
template <class Formula, class Family>
const Elementwise& operation();

/// The same, given by value or by reference.
template <class E>
concept OperandRef = Operand<std::remove_cvref_t<E>>;

namespace detail {
/// Whether a forwarding reference E&& is bound to a Variable that its owner gives away.
template <class E>
inline constexpr std::uint32_t given_away = 0;
template <class T>
inline constexpr std::uint32_t given_away<Variable<T>> = 1;
}  // namespace detail

/// Applies an elementwise operation to as many inputs as it takes; shapes broadcast as NumPy's do, ShapeError
/// otherwise. A bit in `temporaries` is for an input that is given away: where nobody else wants its value,
/// the result takes over the buffer, and after the call the input is empty. (It is no const object then.)
template <Operand V>
V apply_to(const Elementwise& operation, const V* const* inputs, std::uint32_t temporaries = 0);

/// The same; an rvalue is given away.
template <OperandRef First, class... Rest>
requires(std::is_same_v<std::remove_cvref_t<First>, std::remove_cvref_t<Rest>>&&...) auto apply(
    const Elementwise& operation, First&& first, Rest&&... rest) {
  using V = std::remove_cvref_t<First>;
  const V* const inputs[] = {&first, &rest...};
  std::uint32_t temporaries = detail::given_away<First>, place = 0;
  ((temporaries |= detail::given_away<Rest> << ++place), ...);
  return apply_to<V>(operation, inputs, temporaries);
}

/// A scalar as an operand.
template <Operand V>
V scalar_operand(double number);

}  // namespace xgrad
