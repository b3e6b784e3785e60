#include "grad.hpp"

#include <string>

#include "../core/array/instantiate.hpp"
#include "../core/graph/gradients.hpp"

namespace xgrad {
using namespace detail;

namespace {

template <class T>
std::vector<Node*> targets_of(const std::vector<Variable<T>>& xs) {
  std::vector<Node*> targets;
  targets.reserve(xs.size());
  for (std::size_t i = 0; i < xs.size(); ++i) {
    if (!xs[i].defined())
      throw GraphError("grad: input " + std::to_string(i) + " is an empty Variable; assign a value first");
    if (!xs[i].requires_grad())
      throw GraphError("grad: input " + std::to_string(i) + " ('" + std::string(xs[i].operation()) +
                       "' of shape " + to_string(xs[i].shape()) +
                       ") requires no gradient; make it a parameter, or leave it out");
    targets.push_back(&xs[i].node());
  }
  return targets;
}

template <class T>
Variable<T> seed_of(const Variable<T>& y, const Seed<T>& given) {
  if (!given.defined()) {
    if (y.size() != 1)
      throw GraphError("grad: the output of shape " + to_string(y.shape()) + " has " +
                       std::to_string(y.size()) +
                       " elements, not one; reduce it, or pass .grad_output of that shape");
    return Variable<T>(Dense<T>::filled(y.shape(), T(1)));
  }
  if (!(given.variable().shape() == y.shape()))
    throw ShapeError("grad: grad_output has shape " + to_string(given.variable().shape()) + ", the output " +
                     to_string(y.shape()) + "; they must be equal");
  return given.variable();
}

template <class T>
Variable<T> zeros_like(const Variable<T>& x) {
  return Variable<T>(Dense<T>::filled(x.shape(), T(0)));
}

}  // namespace

template <class T>
std::vector<Variable<T>> grad(const Variable<T>& y, const std::vector<Variable<T>>& xs,
                              const std::type_identity_t<GradOptions<T>>& options) {
  // NOLINTNEXTLINE(performance-unnecessary-copy-initialization)
  const std::vector<Variable<T>> kept = xs;  // while hooks run, which may drop them
  const std::vector<Node*> targets = targets_of(kept);
  const Variable<T> seed = seed_of(y, options.grad_output);
  const bool retain = options.retain_graph.value_or(options.create_graph);
  std::vector<Variable<T>> result;
  result.reserve(kept.size());
  if (is_capturing()) [[unlikely]] {
    std::vector<Handle> found =
        captured_gradients(y.handle(), Handle(seed.handle()), targets, options.create_graph);
    for (Handle& gradient : found) {
      result.emplace_back(std::move(gradient));
      // Derivatives of a user's own are recorded whatever is asked for.
      if (!options.create_graph && result.back().defined() && result.back().requires_grad())
        result.back() = result.back().detach();
    }
  } else if (options.create_graph) {
    std::vector<Handle> found = recorded_gradients(y.handle(), Handle(seed.handle()), targets, retain);
    for (Handle& gradient : found) result.emplace_back(std::move(gradient));
  } else {
    std::vector<Value> found = plain_gradients(y.handle(), Value(seed.dense()), targets, retain);
    for (Value& gradient : found)
      result.push_back(gradient.defined() ? Variable<T>(Dense<T>(std::move(gradient))) : Variable<T>());
  }
  for (std::size_t i = 0; i < kept.size(); ++i)
    if (!result[i].defined()) result[i] = zeros_like(kept[i]);
  return result;
}

[[gnu::used]] constexpr auto instances = instantiate::for_variables([]<class V>() {
  using Options = GradOptions<typename V::value_type>;
  return instantiate::overload<std::vector<V>(const V&, const std::vector<V>&, const Options&)>(grad);
});

}  // namespace xgrad
