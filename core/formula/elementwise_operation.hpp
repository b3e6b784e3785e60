// Turns a library formula into an Elementwise operation; for the .cpp file of its family.
#pragma once

#include <span>

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

template <class Family>
OperationList operations_of();

/// Makes a family known, by being named in its operations.
template <class Family>
inline const Registration family_registration{operations_of<Family>()};

template <class Formula, class Family>
const Elementwise& operation() {
  static_cast<void>(&family_registration<Family>);
  return detail::immortal([] {
    return Elementwise(
        Formula::name, detail::formula_inputs<Formula>(), choose_kernels([]<class I>() {
          return kernels::table<I, Family>();
        })[kernels::Position<Formula, typename Family::list>::value],
        &detail::gradient_formula<Formula>, requires { requires Formula::chooses; });
  });
}

template <class Family, class... Formulas>
OperationList list_operations(kernels::List<Formulas...>) {
  static constexpr OperationGetter all[] = {&operation<Formulas, Family>...};
  return all;
}

/// A family's operations in the order of its list; naming them here is what instantiates them.
template <class Family>
OperationList operations_of() {
  return detail::list_operations<Family>(typename Family::list{});
}

}  // namespace xgrad::detail
