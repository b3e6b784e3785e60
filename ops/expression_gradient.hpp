// For an operation whose forward is a way of its own to an expression in other operations: the gradients that
// the expression gives, to every order.
#pragma once

#include <array>
#include <vector>

#include "../core/graph/gradients.hpp"
#include "../core/graph/pass_on.hpp"

namespace xgrad::detail {

/// What an expression is called with in the place of an input: where a sweep that starts at the expression
/// ends.
template <class T>
Variable<T> place_of(const Dense<T>& x, bool wanted) {
  return wanted ? argument_from(x) : Variable<T>(x);
}
template <class T>
Variable<T> place_of(const Variable<T>& x, bool wanted) {
  return wanted ? apply(PassOn{}, x) : x;
}

/// Of y in each target; undefined where none arrives.
template <class T>
std::vector<Dense<T>> gradients_of(const Variable<T>& y, const Dense<T>& dy, std::span<Node* const> targets) {
  std::vector<Dense<T>> found;
  for (Value& gradient : plain_gradients(y.handle(), Value(dy), targets, false))
    found.emplace_back(std::move(gradient));
  return found;
}
template <class T>
std::vector<Variable<T>> gradients_of(const Variable<T>& y, const Variable<T>& dy,
                                      std::span<Node* const> targets) {
  std::vector<Variable<T>> found;
  for (Handle& gradient : recorded_gradients(y.handle(), Handle(dy.handle()), targets, true))
    found.emplace_back(std::move(gradient));
  return found;
}

/// Gives the inputs numbered `inputs` what `expression` gives them, whose gradient is dy; it is called with a
/// std::array of Variables that stand for them.
template <class V, std::size_t N, class Expression>
void give_gradients_of(Backward<V>& b, const std::array<std::size_t, N>& inputs, const Expression& expression,
                       const V& dy) {
  const EnableGrad on;
  std::array<Variable<typename V::value_type>, N> places;
  std::vector<Node*> targets;
  for (std::size_t k = 0; k < N; ++k) {
    places[k] = place_of(b.input(inputs[k]), b.wants(inputs[k]));
    if (b.wants(inputs[k])) targets.push_back(&places[k].node());
  }
  auto gradients = gradients_of(expression(places), dy, targets);
  std::size_t next = 0;
  for (const std::size_t input : inputs)
    if (b.wants(input))
      if (V& gradient = gradients[next++]; gradient.defined()) b.give(input, std::move(gradient));
}

/// The same for an expression of the operation's output.
template <class V, std::size_t N, class Expression>
void give_gradients_of(Backward<V>& b, const std::array<std::size_t, N>& inputs,
                       const Expression& expression) {
  give_gradients_of(b, inputs, expression, b.gradient());
}

}  // namespace xgrad::detail
