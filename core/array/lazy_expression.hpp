// Lazy xtensor expressions on their way into an Array. xtensor repeats an operand along an axis of extent 1
// by stepping through it as if the axis were longer. What holds its elements steps with stride 0 then. A
// reduction that keeps its axes, a view without strides and an index_view step on, and read what is not
// theirs; a lazy random number is drawn anew for every repetition. So such an operand is evaluated before it
// is repeated. Included by array.hpp.
#pragma once

#include <type_traits>
#include <utility>

#include "array.hpp"

namespace xt {
// Declared here, and named where nothing of theirs is included.
template <class F, class CT, class X, class O>
class xreducer;
template <class CT, class X>
class xbroadcast;
}  // namespace xt

namespace xgrad::detail {

template <class E>
inline constexpr bool is_scalar = false;
template <class T>
inline constexpr bool is_scalar<xt::xscalar<T>> = true;

/// Whether an axis of extent 1 of E can be repeated: E is a number, holds its elements, or combines such.
template <class E>
inline constexpr bool repeats = is_scalar<E> ||
                                (xt::has_data_interface<E>::value && xt::has_strides<E>::value);
template <class F, class... CT>
inline constexpr bool repeats<xt::xfunction<F, CT...>> = (repeats<std::decay_t<CT>> && ...);
template <class CT, class X>
inline constexpr bool repeats<xt::xbroadcast<CT, X>> = repeats<std::decay_t<CT>>;

/// Whether evaluating E, at the shape that it has, may repeat something that cannot be repeated.
template <class E>
inline constexpr bool misreads = false;
template <template <class...> class Other, class... E>
inline constexpr bool misreads<Other<E...>> = (misreads<std::decay_t<E>> || ...);
template <class F, class... CT>
inline constexpr bool misreads<xt::xfunction<F, CT...>> = (misreads<std::decay_t<CT>> || ...) ||
                                                          ((int(!is_scalar<std::decay_t<CT>>) + ...) > 1 &&
                                                           !(repeats<std::decay_t<CT>> && ...));
template <class CT, class X>
inline constexpr bool misreads<xt::xbroadcast<CT, X>> = !repeats<std::decay_t<CT>>;
template <class CT, class S, xt::layout_type L, class Elements>
inline constexpr bool misreads<xt::xstrided_view<CT, S, L, Elements>> = misreads<std::decay_t<CT>>;

/// `e` itself where it can be repeated, else its elements.
template <class E>
decltype(auto) operand(const E& e) {
  if constexpr (repeats<E>) {
    return (e);
  } else {
    return Array<std::decay_t<typename E::value_type>>(e);
  }
}

template <class E>
using operand_of = decltype(operand(std::declval<const std::decay_t<E>&>()));

/// The same expression, of operands that can be repeated.
template <class F, class... CT>
auto evaluated_first(const xt::xfunction<F, CT...>& e) {
  return std::apply(
      [&](const auto&... operands) {
        return xt::xfunction<F, operand_of<CT>...>(e.functor(), operand(operands)...);
      },
      e.arguments());
}
template <class CT, class X>
auto evaluated_first(const xt::xbroadcast<CT, X>& e) {
  return e.build_broadcast(operand(e.expression()));
}
template <class F, class CT, class X, class O>
auto evaluated_first(const xt::xreducer<F, CT, X, O>& e) {
  return e.build_reducer(operand(e.expression()));
}
template <class CT, class... S>
auto evaluated_first(const xt::xview<CT, S...>& e) {
  return e.build_view(operand(e.expression()));
}
template <class CT, class S, xt::layout_type L, class Elements>
auto evaluated_first(const xt::xstrided_view<CT, S, L, Elements>& e) {
  return e.build_view(operand(e.expression()));
}
template <class E>
const E& evaluated_first(const E& e) {
  static_assert(!misreads<E>,
                "this lazy xtensor expression would read outside of its operands, for it broadcasts a lazy "
                "reduction or view: evaluate that first, as an xgrad::Array, or with xt::keep_dims | "
                "xt::evaluation_strategy::immediate");
  return e;
}

}  // namespace xgrad::detail

/// How xtensor evaluates such an expression into an Array.
template <class T, class E, xt::layout_type L>
requires xgrad::detail::misreads<E>
class xt::stepper_assigner<xgrad::Array<T>, E, L> {
 public:
  stepper_assigner(xgrad::Array<T>& to, const E& e) : to_(to), e_(e) {}
  void run() { xt::assign_data(to_, xgrad::detail::evaluated_first(e_), false); }

 private:
  xgrad::Array<T>& to_;
  const E& e_;
};
