// Which operations can be performed together, and how what they read is repeated.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "../core/graph/node.hpp"

namespace xgrad::detail {

/// How an operand stands to a value of rows x columns.
enum class Spread : std::uint8_t { whole, one, row, column, other };

/// Of an operand that broadcasts to `shape`, and the rows, where that says how many there are, or else 0.
Spread spread_of(const Shape& operand, const Shape& shape, std::size_t& rows);

/// Whether an operation's gradient in its input `k`, which was repeated, is summed block by block as it is
/// computed.
bool sums_in_blocks(const Node& node, std::size_t k);

/// Whether a value of `shape` is summed to the shape `to` of all rows or columns in one run of axes.
bool is_summed_at_once(const Shape& shape, const Shape& to);

/// Whether its gradient in its input `k`, which is a column, is summed row by row, and rows are so short that
/// some of them fit the cache.
bool sums_rows(const Node& node, std::size_t k);

/// Which operations may be one group, one after another: those on values of one shape, and with reductions of
/// the rows of such values those on columns.
class GroupShape {
 public:
  /// Whether the node may be one more.
  bool takes(const Node& node);
  /// Of most of the values.
  const Shape& shape() const noexcept { return shape_; }
  /// Of the matrix that rows and columns are of; 1 where there are neither.
  std::size_t rows() const noexcept { return rows_ == 0 ? 1 : rows_; }
  bool is_inside(const Node& node) const noexcept;

 private:
  bool takes_elementwise(const Node& node);
  bool takes_reduction(const Node& node);
  bool takes_column(const Node& node) const;
  bool fits_operands(const Node& node, std::size_t& rows) const;

  std::vector<const Node*> taken_;
  Shape shape_;
  std::size_t rows_ = 0;     ///< of that matrix, once something tells
  std::size_t waiting_ = 0;  ///< shares that are summed when they are whole
};

}  // namespace xgrad::detail
