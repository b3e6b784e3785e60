#include "operation_type.hpp"

#include <algorithm>

#include "node.hpp"

namespace xgrad::detail {

std::optional<Value> tangent_of_linear(Node& node, std::span<const Value> of_inputs) {
  std::vector<Value> moved(of_inputs.begin(), of_inputs.end());
  for (std::size_t i = 0; i < moved.size(); ++i) {
    if (moved[i].defined()) continue;
    const Shape& shape = node.inputs()[i]->value().shape;
    moved[i] =
        node.is_double() ? Value(Dense<double>::filled(shape, 0)) : Value(Dense<float>::filled(shape, 0));
  }
  return std::move(node.perform_again(moved)[0]);
}

}  // namespace xgrad::detail
