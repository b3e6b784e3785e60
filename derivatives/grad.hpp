// Gradients as values: from an output to chosen Variables, without touching what backward() accumulates.
#pragma once

#include <initializer_list>
#include <optional>
#include <type_traits>
#include <utility>
#include <vector>

#include "../core/graph/variable.hpp"

namespace xgrad {

/// What a sweep is weighed by: an Array or any xtensor expression, which is a constant, or a Variable, which
/// keeps its place in the graph where a graph is created. Empty by default.
template <class T>
class Seed {
 public:
  Seed() noexcept = default;
  Seed(Variable<T> variable) noexcept : variable_(std::move(variable)) {}
  template <class E>
  // NOLINTNEXTLINE(bugprone-forwarding-reference-overload): a Seed is no expression
  requires detail::Expression<E> Seed(E&& values)
      : variable_(detail::make_dense<T>(std::forward<E>(values))) {}

  bool defined() const noexcept { return variable_.defined(); }
  const Variable<T>& variable() const noexcept { return variable_; }

 private:
  Variable<T> variable_;
};

/// What grad() takes.
template <class T>
struct GradOptions {
  /// Records the gradients, so that they can be differentiated again.
  Flag create_graph = false;
  /// Keeps the saved values of the graph, so that it can be swept again; as create_graph unless given.
  std::optional<Flag> retain_graph = std::nullopt;
  /// The gradient of what follows the output, of the output's shape; 1 for an output of one element.
  Seed<T> grad_output = {};
};

/// The gradients of y in each of `xs`, which may be leaves or results of operations, in their order and of
/// their shapes; zeros, as a constant, where y does not depend on an x, so also everywhere if y was computed
/// under NoGrad. Only paths that reach one of the xs are visited, and no leaf's grad() changes. Constants
/// unless create_graph is set. GraphError if an x requires no gradient, if y has not one element and there is
/// no grad_output, or if an earlier sweep has spent the graph; ShapeError if grad_output is not of y's shape.
template <class T>
std::vector<Variable<T>> grad(const Variable<T>& y, const std::vector<Variable<T>>& xs,
                              const std::type_identity_t<GradOptions<T>>& options = {});

/// Of a list in braces: grad(y, {x, w}).
template <class T>
std::vector<Variable<T>> grad(const Variable<T>& y, std::initializer_list<Variable<T>> xs,
                              const std::type_identity_t<GradOptions<T>>& options = {}) {
  return grad(y, std::vector<Variable<T>>(xs), options);
}

}  // namespace xgrad
