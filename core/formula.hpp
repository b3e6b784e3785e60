// What the file of an elementwise family needs: formulas are structs, and a function beside each makes it
// public.
//
//   struct Sigmoid {
//     static constexpr std::string_view name = "sigmoid";
//     template <class V> static V value(const V& x) { return 1 / (1 + exp(-x)); }
//     template <class V> static V gradient(unused, const V& y, const V& dy) { return dy * y * (1 - y); }
//   };
//   struct Activation { using list = kernels::List<Sigmoid>; };      // every formula of the file
//   template <Operand V> V sigmoid(const V& x) { return apply(operation<Sigmoid, Activation>(), x); }
//
// Rules: calls are unqualified, branches are select(condition, a, b), no bare double is returned, and
// `gradient` takes the inputs, the output and the output's gradient, and returns one V, or a std::array<V, n>
// for n inputs.
#pragma once

#include <array>
#include <string_view>
#include <type_traits>

#include "kernel.hpp"
// Kernel files include formulas too, and must not see the containers behind a Variable.
#ifndef XGRAD_ISA
#include "symbol.hpp"
#include "variable.hpp"
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

/// Applies an elementwise operation to as many inputs as it takes; shapes broadcast as NumPy's do, ShapeError
/// otherwise. A bit in `temporaries` is for an input that the caller gives away: where nobody else wants its
/// value, the result takes over the buffer.
template <Operand V>
V apply_to(const Elementwise& operation, const V* const* inputs, std::uint32_t temporaries = 0);

template <Operand V, class... Vs>
requires(std::is_same_v<V, Vs>&&...) V
    apply(const Elementwise& operation, const V& first, const Vs&... rest) {
  const V* const inputs[] = {&first, &rest...};
  return apply_to<V>(operation, inputs);
}

/// A scalar as an operand.
template <Operand V>
V scalar_operand(double number);

}  // namespace xgrad
