// How reductions take their axes: sum(x, 1), sum(x, {0, 1}), sum(x, {0, 1}, {.keep_dims = true}), or all by
// name, sum(x, {.axes = {0, 1}, .keep_dims = true}). Each function has the three spellings, and this file
// what they mean.
//
// An axis is a template on what is given, and a list an initializer_list that is deduced: of a type that
// converts, g++ 12 would make a list of {.axes = {0}, .keep_dims = true}, too, and C++ of {} and of 0.5. A
// list of integers of several types, {0, n}, is an array of Integer, of two or more: of {.axes = {0}} g++ 12
// would make one of one.
#pragma once

#include <concepts>
#include <initializer_list>
#include <iterator>
#include <string>
#include <type_traits>

#include "../core/array/array_from.hpp"

namespace xgrad {

/// Which axes to reduce, negative ones counted from the end; none given means all of them. keep_dims leaves
/// them in the result's shape with extent 1.
struct ReduceOptions {
  Axes axes = {};
  Flag keep_dims = false;
};

/// What a reduction takes behind its axes.
struct AfterAxes {
  Flag keep_dims = false;
};

namespace detail {

template <class I>
concept AxisNumber = IntegerType<I> || std::same_as<I, Integer>;

/// Several of them: an Axes, a Shape, a std::vector<int>, Indices.
template <class A>
concept AxisRange = requires(const A& axes) {
  requires AxisNumber<std::remove_cvref_t<decltype(*std::begin(axes))>>;
  std::end(axes);
};

/// A list in braces may be of these. A bool is not among them: g++ 12 would deduce one from {.keep_dims =
/// true}.
template <class N>
concept ListedAxis = std::is_arithmetic_v<N> && !std::same_as<N, bool>;

[[noreturn]] void throw_axes_of_shape(const Shape& shape);

/// The axes that `axes` gives: one integer, or any number of them.
template <class A>
Axes axes_of(const A& axes) {
  static_assert(AxisNumber<A> || AxisRange<A>,
                "axes are an integer or a list of integers, sum(x, 1) or sum(x, {0, 1}), and options go by "
                "their names, {.keep_dims = true}; of two values maximum(a, b) is the larger");
  if constexpr (AxisNumber<A>) {
    return {Integer(axes)};
  } else if constexpr (AxisRange<A>) {
    if constexpr (requires { axes.dimension(); })
      if (axes.dimension() > 1) throw_axes_of_shape(Shape(axes.shape().begin(), axes.shape().end()));
    Axes all;
    for (const auto axis : axes) all.push_back(Integer(axis));
    return all;
  } else {
    return {};
  }
}

template <class A>
ReduceOptions over_axes(const A& axes, const AfterAxes& options) {
  return {axes_of(axes), options.keep_dims};
}

}  // namespace detail

}  // namespace xgrad
