// What is to be said of an operation's struct.
#pragma once

#include <type_traits>
#include <vector>

#include "attribute.hpp"
#include "description.hpp"

namespace xgrad::detail {

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
  return type;
}
template <class Op>
inline constexpr OperationType type_of = type_made_of<Op>();

template <class Op>
Description description_of(const Op& op) noexcept {
  return {Op::name, &type_of<Op>, &op};
}

}  // namespace xgrad::detail
