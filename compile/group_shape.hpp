// Which elementwise operations can be performed together, and how what they read is repeated.
#pragma once

#include <cstddef>
#include <cstdint>

#include "../core/graph/node.hpp"

namespace xgrad::detail {

/// How an operand stands to a value of rows x columns.
enum class Spread : std::uint8_t { whole, one, row, column, other };

/// Of an operand that broadcasts to `shape`, and the rows, where that says how many there are, or else 0.
Spread spread_of(const Shape& operand, const Shape& shape, std::size_t& rows);

/// Whether an operation's gradient in its input `k`, which was repeated, is summed block by block as it is
/// computed.
bool sums_in_blocks(const Node& node, std::size_t k);

/// Which operations may be one group, one after another.
class GroupShape {
 public:
  /// Whether the node may be one more. It is a library operation's on many elements, of the shape and kind of
  /// those before, and each of its operands has that shape, one element, or all rows or all columns of a
  /// matrix that all agree on. Shares of repeated operands that are summed only when they are whole are no
  /// more than eager would hold, but for a little.
  bool takes(const Node& node);
  /// Whether those that it has taken read no rows and no columns.
  bool is_flat() const noexcept { return rows_ == 0; }

 private:
  const Node* first_ = nullptr;
  std::size_t rows_ = 0;     ///< of that matrix, once an operand tells
  std::size_t waiting_ = 0;  ///< shares that are summed when they are whole
};

}  // namespace xgrad::detail
