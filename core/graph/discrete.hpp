// Values of the graph that take no gradient and are no real numbers: indices and masks, as an operation's
// inputs and outputs.
#pragma once

#include <cstdint>
#include <type_traits>
#include <utility>

#include "node.hpp"

namespace xgrad::detail {

/// A handle to a value of int64 or bool; copies share it. Dense<E> is its plain reading, and stands for it
/// wherever an operation takes one.
template <class E>
class Discrete {
  static_assert(std::is_same_v<E, std::int64_t> || std::is_same_v<E, bool>);

 public:
  using value_type = E;
  explicit Discrete(Handle handle) noexcept : handle_(std::move(handle)) {}
  explicit Discrete(Dense<E> value) : handle_(Handle::first(new Node(std::move(value), kind_of<E>))) {}

  const Dense<E>& dense() const noexcept { return static_cast<const Dense<E>&>(node().value()); }
  const Shape& shape() const noexcept { return node().value().shape; }
  Node& node() const noexcept { return *handle_.node(); }
  const Handle& handle() const noexcept { return handle_; }

 private:
  Handle handle_;
};

}  // namespace xgrad::detail
