// An operation that does nothing: a node of its own for a value that there is.
#pragma once

#include "record.hpp"

namespace xgrad::detail {

struct PassOn {
  static constexpr std::string_view name = "identity";
  static constexpr bool is_linear = true;
  static constexpr std::uint64_t shares = 1;
  static double flops(Shapes, const Shape&) noexcept { return 0; }

  template <class T>
  Dense<T> forward(const Dense<T>& x) const {
    return x;
  }
  PassOn over_directions(const Shape&) const noexcept { return {}; }
  template <class V>
  void vjp(Backward<V>& b) const {
    b.give(0, b.take_gradient());
  }
};

}  // namespace xgrad::detail
