// Turns a library formula into an Elementwise operation; for the .cpp file of its family.
#pragma once

#include <atomic>
#include <span>
#include <string_view>

#include "../array/immortal.hpp"
#include "../kernels/dispatch.hpp"
#include "elementwise.hpp"
#include "registry.hpp"

namespace xgrad::detail {

template <class Formula>
consteval std::size_t formula_inputs() {
  if constexpr (requires(Symbol s) { Formula::value(s); }) {
    return 1;
  } else if constexpr (requires(Symbol s) { Formula::value(s, s); }) {
    return 2;
  } else if constexpr (requires(Symbol s) { Formula::value(s, s, s); }) {
    return 3;
  } else {
    return 4;
  }
}

inline Symbol part(const Symbol& only, std::size_t) { return only; }
template <std::size_t N>
Symbol part(const std::array<Symbol, N>& all, std::size_t which) {
  return all[which];
}

/// The formula's gradient, read on symbols: inputs, output, output's gradient.
template <class Formula, std::size_t... K>
Symbol gradient_on_symbols(const Symbol* all, std::size_t which, std::index_sequence<K...>) {
  return part(Formula::template gradient<Symbol>(all[K]...), which);
}

template <class Formula>
Symbol gradient_formula(const Symbol* all, std::size_t which) {
  return gradient_on_symbols<Formula>(all, which, std::make_index_sequence<formula_inputs<Formula>() + 2>{});
}

/// The family's kernels for the instruction set in use.
template <class Family>
const kernels::Kernels* kernels_in_use() {
  return choose_kernels([]<class I>() { return kernels::table<I, Family>(); });
}

/// What an operation is made of.
struct OperationParts {
  std::string_view name;
  std::size_t inputs;
  const kernels::Kernels* (*family)();
  std::size_t position;  ///< in the family's list
  Elementwise::GradientFormula gradient;
  bool chooses;
};

/// Makes an operation and keeps it for ever, where none is kept yet.
const Elementwise& make_operation(std::atomic<Elementwise*>& kept, const OperationParts& parts);

template <class Formula>
inline constexpr bool passes_on_a_choice = requires {
  requires Formula::chooses;
};

/// What Family::operation() returns.
template <class Formula, class Family>
const Elementwise& operation_of() {
  static constinit std::atomic<Elementwise*> kept{nullptr};
  static constexpr OperationParts parts{Formula::name,
                                        formula_inputs<Formula>(),
                                        &kernels_in_use<Family>,
                                        kernels::Position<Formula, typename Family::list>::value,
                                        &gradient_formula<Formula>,
                                        passes_on_a_choice<Formula>};
  if (const Elementwise* known = kept.load(std::memory_order_acquire)) [[likely]]
    return *known;
  return make_operation(kept, parts);
}

template <class Family, class... Formulas>
OperationList list_operations(kernels::List<Formulas...>) {
  static constexpr OperationGetter all[] = {&Family::template operation<Formulas>...};
  return all;
}

/// A family's operations in the order of its list; naming them here is what instantiates them.
template <class Family>
OperationList operations_of() {
  return detail::list_operations<Family>(typename Family::list{});
}

}  // namespace xgrad::detail
