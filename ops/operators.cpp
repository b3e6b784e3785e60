#include "operators.hpp"

#include <string>

#include "../core/array/instantiate.hpp"
#include "../core/formula/broadcast_loop.hpp"
#include "../core/formula/elementwise.hpp"
#include "../core/graph/broadcast.hpp"

namespace xgrad {
namespace {

std::string described(Node& node) {
  return "a " + std::string(node.gradient() != nullptr ? "parameter" : "buffer") + " of shape " +
         to_string(node.value.shape);
}

}  // namespace

template <class T>
void detail::update(const Variable<T>& left, const char* sign, const Elementwise& operation,
                    const Dense<T>& right) {
  Node& node = left.node();
  if (is_recording())
    throw GraphError(std::string(sign) + ": " + described(node) +
                     " is not written to while operations are recorded; do it under an xgrad::NoGrad, by an "
                     "optimizer, or with set_value()");
  const Shape& shape = node.value.shape;
  if (!(right.shape == shape) && !(broadcast_shapes(sign, shape, right.shape) == shape))
    throw ShapeError(std::string(sign) + ": a right side of shape " + to_string(right.shape) + " for " +
                     described(node) + ", which keeps its shape; reduce the right side to it");
  Dense<T>& value = static_cast<Dense<T>&>(node.value);
  const Source sources[] = {{value.data(), &shape}, {right.data(), &right.shape}};
  if (value.buffer.unique()) return elementwise_value<T>(operation, sources, shape, value.mutable_data());
  Dense<T> result(shape);
  elementwise_value<T>(operation, sources, shape, result.mutable_data());
  value.buffer = std::move(result.buffer);
}

void detail::throw_lost_update(const Node& node, const char* sign) {
  throw GraphError(std::string(sign) + ": the left side is a temporary handle to a '" +
                   std::string(node.operation()) + "' of shape " + to_string(node.value.shape) +
                   ", and rebinding it changes nothing; give it a name, as in auto x = ...; x " + sign +
                   " ...");
}

[[gnu::used]] constexpr auto instances =
    instantiate::for_numbers([]<class T>() { return detail::update<T>; });

}  // namespace xgrad
