// Forward mode: how an output moves when the input moves in a given direction.
#pragma once

#include "functions.hpp"

namespace xgrad {

/// What jvp gives: f(x), and the product of its Jacobian with v, of the output's shape.
template <class T>
struct OutputAndTangent {
  Variable<T> output, tangent;
};

namespace detail {

/// The tangent of y when x moves by v; sweeps what was recorded between them forwards.
template <class T>
Variable<T> push_forward(const Variable<T>& y, const Variable<T>& x, const Seed<T>& v, bool create_graph);

/// dy_i/dx_j at [i, j] of what has y's and x's elements, by columns, several in one forward sweep. False, and
/// nothing is written, where sweeps back would be fewer and cheaper, or where something between them has no
/// forward mode.
template <class T>
bool fill_columns(const Variable<T>& y, const Variable<T>& x, T* jacobian);

}  // namespace detail

/// h(x), and the Jacobian of h times v: sum over j of dh_i/dx_j v_j, of h(x)'s shape. One sweep, whatever the
/// number of elements. ShapeError if v is not of x's shape.
template <class T, VariableFunction<T> H>
OutputAndTangent<T> jvp(H&& h, const Variable<T>& x, const std::type_identity_t<Seed<T>>& v,
                        const DerivativeOptions& options = {}) {
  const Variable<T> argument = detail::argument_like(x, options.create_graph);
  const Variable<T> output = detail::recorded_call(h, argument);
  const Variable<T> tangent = detail::push_forward(output, argument, v, options.create_graph);
  return {options.create_graph ? output : output.detach(), tangent};
}

}  // namespace xgrad
