// Elementwise operations of a user's own: from a formula alone, or from a formula and its derivative.
#pragma once

#include <array>
#include <memory>
#include <span>
#include <string_view>
#include <type_traits>
#include <utility>

#include "../core/array/immortal.hpp"
#include "../core/formula/elementwise.hpp"
#include "../core/formula/replay.hpp"
#include "../core/graph/broadcast.hpp"
#include "operators.hpp"
#include "shape.hpp"

namespace xgrad {

namespace detail {

/// A formula of more operands than one loop takes is its steps, one by one. All broadcast, also those that no
/// step reads.
template <class V, class... Vs>
V apply_formula(const Elementwise& operation, const V& first, const Vs&... others) {
  if constexpr (1 + sizeof...(Vs) <= kernels::max_inputs) {
    return apply(operation, first, others...);
  } else {
    const std::array<V, 1 + sizeof...(Vs)> operands{first, others...};
    if constexpr (Tensor<V>) {
      Shape shape;
      for (const V& each : operands) shape = broadcast_shapes(operation.name(), shape, shape_of(each));
      const V result = replay<V>(*operation.program(), operands);
      // One that is an operand itself gets a handle of its own, as every result has.
      return shape_of(result) == shape ? as_result(result) : broadcast_to(result, shape);
    } else {
      return replay<V>(*operation.program(), operands);
    }
  }
}

}  // namespace detail

/// An elementwise operation of `Inputs` operands, made by elementwise(); copies share it.
template <std::size_t Inputs>
class ElementwiseFunction {
 public:
  explicit ElementwiseFunction(std::shared_ptr<const detail::Elementwise> operation) noexcept
      : operation_(std::move(operation)) {}

  /// Applies it to Variables (recorded), which broadcast, or inside another formula. A scalar, an Array or an
  /// xtensor expression may stand beside one Variable at least.
  template <class... Es>
  requires(sizeof...(Es) == Inputs && detail::have_reading<Es...>) auto operator()(
      const Es&... inputs) const {
    return detail::with_operands(
        [&](const auto&... operands) { return detail::apply_formula(*operation_, operands...); }, inputs...);
  }
  void operator()(...) const = delete;  // as many as the formula has, of one type, one of them a Variable

 private:
  std::shared_ptr<const detail::Elementwise> operation_;
};

namespace detail {

inline constexpr std::size_t most_formula_inputs = 16;

/// How many symbols a formula takes, or 0.
template <class F, class... Symbols>
consteval std::size_t arity() {
  if constexpr (sizeof...(Symbols) == most_formula_inputs) {
    return 0;
  } else if constexpr (std::is_invocable_v<F, Symbol, Symbols...>) {
    return 1 + sizeof...(Symbols);
  } else {
    return arity<F, Symbol, Symbols...>();
  }
}

template <class F, std::size_t... K>
Program program_of_formula(F& formula, std::index_sequence<K...>) {
  return program_of(sizeof...(K), [&](std::span<const Symbol> s) -> Symbol { return formula(s[K]...); });
}

template <class Formula, std::size_t... K>
Program program_of_gradient(std::size_t which, std::index_sequence<K...>) {
  return program_of(sizeof...(K), [&](std::span<const Symbol> s) -> Symbol {
    const auto all = Formula::template gradient<Symbol>(s[K]...);
    if constexpr (sizeof...(K) == 3) {
      return all;
    } else {
      return all[which];
    }
  });
}

template <class Formula, std::size_t Inputs>
std::shared_ptr<const Elementwise> make_elementwise() {
  const auto value = [](const auto&... s) -> Symbol { return Formula::value(s...); };
  std::vector<Program> gradients;
  for (std::size_t k = 0; k < Inputs; ++k)
    gradients.push_back(program_of_gradient<Formula>(k, std::make_index_sequence<Inputs + 2>{}));
  return std::make_shared<Elementwise>(
      Formula::name, program_of_formula(value, std::make_index_sequence<Inputs>{}), std::move(gradients));
}

}  // namespace detail

/// An operation from a formula of one to sixteen arguments, `[](auto x) { return x * tanh(log1p(exp(x))); }`:
/// called once, on symbols, to learn its steps. Branches are select(condition, a, b). The first two
/// derivatives are taken symbolically and run in blocks through the library's kernels; higher orders record
/// the second's steps one by one, and go on from there without end. A formula of more than four arguments is
/// recorded step by step from the start. What the formula captures is fixed at this call.
template <class F>
auto elementwise(std::string_view name, F&& formula) {
  constexpr std::size_t inputs = detail::arity<F&>();
  static_assert(inputs != 0, "elementwise: the formula takes one to sixteen arguments, each `auto`");
  detail::Program program = detail::program_of_formula(formula, std::make_index_sequence<inputs>{});
  return ElementwiseFunction<inputs>(
      std::make_shared<const detail::Elementwise>(name, std::move(program), std::vector<detail::Program>()));
}

using formulas::unused;

/// Applies a formula that comes with its derivative: a struct with `name`, `value` and `gradient`, where
/// `gradient` takes the inputs, the output and the output's gradient, `unused` for what it does not read, and
/// returns one V or, for n inputs, a std::array<V, n>. Operands are as an ElementwiseFunction's.
template <class Formula, class... Es>
requires detail::have_reading<Es...>
auto elementwise(const Es&... inputs) {
  static_assert(sizeof...(Es) <= kernels::max_inputs,
                "elementwise: a formula with its derivative takes one to four operands");
  const std::shared_ptr<const detail::Elementwise>& made =
      detail::immortal([] { return detail::make_elementwise<Formula, sizeof...(Es)>(); });
  return detail::with_operands([&](const auto&... operands) { return detail::apply(*made, operands...); },
                               inputs...);
}

}  // namespace xgrad
