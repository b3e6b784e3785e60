// A scalar for one input of an elementwise function.
#pragma once

#include <concepts>

#include "../core/formula/formula.hpp"

namespace xgrad::detail {

// Plain truths, not concepts: a wrong call is then told which of them is false, and not each of their parts.

/// Whether all of Es may stand beside a V: each is one, too, or a scalar.
template <class V, class... Es>
inline constexpr bool go_beside =
    ((std::same_as<Es, V> || (!Reading<Es> && std::convertible_to<const Es&, double>)) && ...);

/// Whether one of two inputs is a reading, and the other goes beside it.
template <class A, class B>
inline constexpr bool have_reading = (Reading<A> && go_beside<A, B>) || (Reading<B> && go_beside<B, A>);

/// A reading as it is, and a scalar as a constant.
template <class V, class E>
decltype(auto) with_scalar(const E& input) {
  if constexpr (std::same_as<E, V>) {
    return (input);
  } else {
    return scalar_operand<V>(static_cast<double>(input));
  }
}

/// Applies a library formula; the first input or the second is a reading, others may be scalars. None is
/// given away.
template <class Formula, class Family, class First, class Second, class... Rest>
auto apply_with_scalars(const First& first, const Second& second, const Rest&... rest) {
  using V = std::conditional_t<Reading<First>, First, Second>;
  return [](const auto&... inputs) { return apply<Formula, Family>(inputs...); }(
             with_scalar<V>(first), with_scalar<V>(second), with_scalar<V>(rest)...);
}

}  // namespace xgrad::detail
