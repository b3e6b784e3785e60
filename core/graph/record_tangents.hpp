// Forward mode of structural operations that are linear in an input: they are performed on its tangent, or on
// those of several directions at once.
#pragma once

#include <algorithm>
#include <optional>
#include <span>
#include <utility>
#include <vector>

#include "record_node.hpp"

namespace xgrad::detail {

template <class Op>
std::optional<Value> tangent_of_bilinear(Node& node, std::span<const Value> of_inputs) {
  if (of_inputs.size() > 2 && of_inputs[2].defined()) return std::nullopt;
  const auto of_type = [&]<class T>(const auto& record) -> std::optional<Value> {
    const Op& op = *static_cast<const Op*>(node.description().operation);
    Value tangent;
    for (std::size_t i = 0; i < 2; ++i) {
      if (!of_inputs[i].defined()) continue;
      const Value other = record.saved(1 - i);
      if (!other.defined()) return std::nullopt;
      const Dense<T> moved(of_inputs[i]), still(other);
      Dense<T> share = i == 0 ? op.forward(moved, still) : op.forward(still, moved);
      if (tangent.defined())
        accumulate(tangent.buffer, std::move(share.buffer), node);
      else
        tangent = std::move(share);
    }
    return tangent;
  };
  const auto of_record = [&]<class T>(T) {
    if constexpr (requires(const Op& op, const Dense<T>& x) { op.forward(x, x, x); })
      if (of_inputs.size() == 3)
        return of_type.template operator()<T>(static_cast<const Record<Op, T, T, T>&>(node));
    return of_type.template operator()<T>(static_cast<const Record<Op, T, T>&>(node));
  };
  return node.is_double() ? of_record(double()) : of_record(float());
}

/// The shape of several directions of a value. What repeats or sums up leading axes finds all of them in its
/// input: `axes` at least.
inline Shape with_directions(std::size_t directions, const Shape& shape, std::size_t axes) {
  Shape result{directions};
  for (std::size_t axis = shape.size(); axis < axes; ++axis) result.push_back(1);
  for (const std::size_t extent : shape) result.push_back(extent);
  return result;
}

template <class Op>
std::optional<Value> tangents_of_linear(Node& node, std::span<const Value> of_inputs,
                                        std::size_t directions) {
  const Op& op = *static_cast<const Op*>(node.description().operation);
  const Shape& result = node.value().shape;
  const auto of_type = [&]<class T>(T) -> std::optional<Value> {
    std::vector<Dense<T>> moved;
    for (std::size_t i = 0; i < of_inputs.size(); ++i) {
      const Shape& shape = node.inputs()[i]->value().shape;
      if (std::max(shape.size(), result.size()) == max_axes) return std::nullopt;
      constexpr bool aligned = requires { Op::aligns_axes; };
      const Shape wide = with_directions(directions, shape, aligned ? result.size() : 0);
      moved.push_back(of_inputs[i].defined() ? Dense<T>(of_inputs[i].buffer, wide)
                                             : Dense<T>::filled(wide, T(0)));
    }
    const Op wide = op.over_directions(moved[0].shape);
    Dense<T> tangents = [&] {
      if constexpr (requires { wide.forward(moved); })
        return wide.forward(moved);
      else
        return wide.forward(moved[0]);
    }();
    return std::move(tangents).with_shape(Shape{directions, node.value().size()});
  };
  return node.is_double() ? of_type(double()) : of_type(float());
}

template <class Op>
std::optional<Value> tangents_of_bilinear(Node& node, std::span<const Value> of_inputs,
                                          std::size_t directions) {
  if (of_inputs.size() > 2 && of_inputs[2].defined()) return std::nullopt;
  const Op& op = *static_cast<const Op*>(node.description().operation);
  const auto of_record = [&]<class T>(const auto& record, T) -> std::optional<Value> {
    std::optional<Dense<T>> tangents;
    for (std::size_t i = 0; i < 2; ++i) {
      if (!of_inputs[i].defined()) continue;
      const Value other = record.saved(1 - i);
      if (!other.defined() || tangents) return std::nullopt;
      const Shape& own = node.inputs()[i]->value().shape;
      tangents = op.forward_rows(i, Dense<T>(of_inputs[i].buffer, Shape{directions, element_count(own)}), own,
                                 Dense<T>(other));
      if (!tangents) return std::nullopt;
    }
    if (!tangents) return Value();
    return std::move(*tangents).with_shape(Shape{directions, node.value().size()});
  };
  const auto of_type = [&]<class T>(T zero) -> std::optional<Value> {
    if constexpr (requires(const Op& any, const Dense<T>& x) { any.forward(x, x, x); })
      if (of_inputs.size() == 3) return of_record(static_cast<const Record<Op, T, T, T>&>(node), zero);
    return of_record(static_cast<const Record<Op, T, T>&>(node), zero);
  };
  return node.is_double() ? of_type(double()) : of_type(float());
}

}  // namespace xgrad::detail
