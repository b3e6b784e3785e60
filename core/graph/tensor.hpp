// What structural operations are written for.
#pragma once

#include <type_traits>

#include "variable.hpp"

namespace xgrad::detail {

template <class E>
class Discrete;

/// What carries a reading's gradients through a sweep.
template <class V>
struct CarrierOf;
template <class T>
struct CarrierOf<Dense<T>> {
  using type = memory::Buffer;
  template <class E>
  using reading = Dense<E>;
};
template <class T>
struct CarrierOf<Variable<T>> {
  using type = Handle;
  template <class E>
  using reading = std::conditional_t<std::is_floating_point_v<E>, Variable<E>, Discrete<E>>;
};

/// A value of elements E beside a V, which may be of others: a mask beside a Variable<float>.
template <class E, class V>
using reading_of = typename CarrierOf<V>::template reading<E>;

template <class V>
inline constexpr bool is_tensor = false;
template <class T>
inline constexpr bool is_tensor<Dense<T>> = true;
template <class T>
inline constexpr bool is_tensor<Variable<T>> = true;

/// Dense<T>, a plain value, or Variable<T>, which is recorded.
template <class V>
concept Tensor = is_tensor<V>;

}  // namespace xgrad::detail
