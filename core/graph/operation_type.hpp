// What is to be said of an operation's struct.
#pragma once

#include <optional>
#include <span>
#include <type_traits>
#include <vector>

#include "attribute.hpp"
#include "description.hpp"

namespace xgrad::detail {

/// Of what is linear in its only input, or in all of a list's together: itself.
std::optional<Value> tangent_of_linear(Node& node, std::span<const Value> of_inputs);
/// Of what is linear in each of its first two inputs, and adds a third, which does not move: itself, with
/// each tangent in turn.
template <class Op>
std::optional<Value> tangent_of_bilinear(Node& node, std::span<const Value> of_inputs);

/// Of what is linear, for several directions at once: itself over an axis of directions before all others,
/// which is what `Op over_directions(const Shape& x) const` gives for an input of that shape.
template <class Op>
std::optional<Value> tangents_of_linear(Node& node, std::span<const Value> of_inputs, std::size_t directions);
/// Of what is bilinear, by its forward_rows(), which gives for several directions of one input a row each, or
/// nothing where they do not fit into one product.
template <class Op>
std::optional<Value> tangents_of_bilinear(Node& node, std::span<const Value> of_inputs,
                                          std::size_t directions);

/// That of an operation's struct. Its fields are said by `void fields(auto& visit) const`, and what it has to
/// do by `double flops(Shapes inputs, const Shape& output) const`, which may be static.
template <class Op>
constexpr OperationType type_made_of() {
  OperationType type;
  if constexpr (requires { Op::shares; }) type.shares = Op::shares;
  if constexpr (requires(const Op& op, AttributeList& list) { op.fields(list); })
    type.attributes = [](const void* op) { return attributes_of(*static_cast<const Op*>(op)); };
  else
    static_assert(std::is_empty_v<Op>, "an operation with fields names them: fields(auto& visit) const");
  if constexpr (requires(const Op& op, Shapes in, const Shape& out) { op.flops(in, out); })
    type.flops = [](const void* op, Shapes inputs, const Shape& output) {
      return static_cast<const Op*>(op)->flops(inputs, output);
    };
  type.is_total = requires { Op::is_linear; } || requires { Op::is_bilinear; };
  if constexpr (requires { Op::is_linear; }) type.tangent = tangent_of_linear;
  if constexpr (requires { Op::is_bilinear; }) type.tangent = tangent_of_bilinear<Op>;
  if constexpr (requires(const Op& op, const Shape& x) { op.over_directions(x); })
    type.tangents = tangents_of_linear<Op>;
  if constexpr (requires { Op::has_forward_rows; }) type.tangents = tangents_of_bilinear<Op>;
  return type;
}
template <class Op>
inline constexpr OperationType type_of = type_made_of<Op>();

template <class Op>
Description description_of(const Op& op) noexcept {
  return {Op::name, &type_of<Op>, &op};
}

}  // namespace xgrad::detail
