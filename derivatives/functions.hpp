// Derivatives of functions, by reverse mode. Below, f takes a Variable to a Variable of one element, and h to
// a Variable of any shape; both are called once, on a Variable of x's value, and differentiated in that
// argument alone. What else they depend on is held fast, and nobody's grad() changes.
#pragma once

#include <concepts>
#include <type_traits>

#include "grad.hpp"

namespace xgrad {

/// What the functions below take.
struct DerivativeOptions {
  /// Records the results, so that they can be differentiated again: in x, where x requires a gradient, and in
  /// every parameter that the function uses. Results are constants otherwise.
  Flag create_graph = false;
};

/// What value_and_grad gives: f(x), and its gradient in x.
template <class T>
struct ValueAndGradient {
  Variable<T> value, gradient;
};

/// What vjp gives: f(x), and the product of u with its Jacobian, of the shape of x.
template <class T>
struct OutputAndCotangent {
  Variable<T> output, cotangent;
};

/// A function from a Variable to a Variable of the same element type.
template <class F, class T>
concept VariableFunction = std::invocable < F&,
        const Variable<T>
& > &&std::same_as<std::remove_cvref_t<std::invoke_result_t<F&, const Variable<T>&>>, Variable<T>>;

namespace detail {

/// What to call the function with: x itself if the results are to be differentiated in it, else a new leaf.
template <class T>
Variable<T> argument_like(const Variable<T>& x, bool create_graph);
template <class T>
ValueAndGradient<T> value_and_gradient_at(const Variable<T>& y, const Variable<T>& x, bool create_graph);
template <class T>
OutputAndCotangent<T> pull_back(const Variable<T>& y, const Variable<T>& x, const Seed<T>& u,
                                bool create_graph);
template <class T>
Variable<T> hessian_product(const Variable<T>& y, const Variable<T>& x, const Seed<T>& v, bool create_graph);
template <class T>
Array<T> jacobian_at(const Variable<T>& y, const Variable<T>& x);
template <class T>
Array<T> hessian_at(const Variable<T>& y, const Variable<T>& x);

/// The function is recorded even where the caller has recording off.
template <class T, class F>
Variable<T> recorded_call(F& f, const Variable<T>& x) {
  const EnableGrad on;
  return f(x);
}

}  // namespace detail

/// f(x) and its gradient in x. GraphError if f(x) has not one element.
template <class T, VariableFunction<T> F>
ValueAndGradient<T> value_and_grad(F&& f, const Variable<T>& x, const DerivativeOptions& options = {}) {
  const Variable<T> argument = detail::argument_like(x, options.create_graph);
  return detail::value_and_gradient_at(detail::recorded_call(f, argument), argument, options.create_graph);
}

/// h(x), and u's product with the Jacobian of h: sum over i of u_i dh_i/dx_j, of x's shape. ShapeError if u
/// is not of h(x)'s shape.
template <class T, VariableFunction<T> H>
OutputAndCotangent<T> vjp(H&& h, const Variable<T>& x, const std::type_identity_t<Seed<T>>& u,
                          const DerivativeOptions& options = {}) {
  const Variable<T> argument = detail::argument_like(x, options.create_graph);
  return detail::pull_back(detail::recorded_call(h, argument), argument, u, options.create_graph);
}

/// The product of f's Hessian with v, sum over j of d2f/dx_i dx_j v_j, at the cost of a few calls of f: the
/// Hessian is never formed. GraphError if f(x) has not one element; ShapeError if v is not of x's shape.
template <class T, VariableFunction<T> F>
Variable<T> hvp(F&& f, const Variable<T>& x, const std::type_identity_t<Seed<T>>& v,
                const DerivativeOptions& options = {}) {
  const Variable<T> argument = detail::argument_like(x, options.create_graph);
  return detail::hessian_product(detail::recorded_call(f, argument), argument, v, options.create_graph);
}

/// All first derivatives, dh_i/dx_j, of shape h(x)'s followed by x's: one sweep for each element of h(x), or,
/// where that costs less, forward mode for the elements of x, up to sixteen at a time, if h has that: a
/// custom operation whose vjp is not written in operations has none, nor has a node with a hook, which may
/// change its gradient. ShapeError if that is more than eight axes.
template <class T, VariableFunction<T> H>
Array<T> jacobian(H&& h, const Variable<T>& x) {
  const Variable<T> argument = detail::argument_like(x, false);
  return detail::jacobian_at(detail::recorded_call(h, argument), argument);
}

/// All second derivatives, d2f/dx_i dx_j, of shape x's followed by x's: the gradient's Jacobian, as
/// jacobian() finds it. GraphError if f(x) has not one element; ShapeError if that is more than eight axes.
template <class T, VariableFunction<T> F>
Array<T> hessian(F&& f, const Variable<T>& x) {
  const Variable<T> argument = detail::argument_like(x, false);
  return detail::hessian_at(detail::recorded_call(f, argument), argument);
}

}  // namespace xgrad
