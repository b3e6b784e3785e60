// Reductions of rows, for who performs them on some rows at a time.
#pragma once

#include <cstdint>
#include <optional>

#include "../core/graph/node.hpp"
#include "../core/kernels/reduction.hpp"

namespace xgrad::detail {

/// The sum, mean, maximum or minimum of each row of a value of rows x columns, two of each or more.
struct RowReduction {
  enum class Kind : std::uint8_t { sum, mean, extreme } kind;
  kernels::AxisKernel kernel;  ///< of so short rows that the operation takes each of them whole
  std::size_t rows, columns;
  double divisor() const noexcept { return kind == Kind::mean ? static_cast<double>(columns) : 1; }
};

/// Of the node, if that is what it computes of its input's first axes and of all others.
std::optional<RowReduction> row_reduction_of(const Node& node);

/// The kernel that sums rows as sum() does.
kernels::AxisKernel sum_of_rows(bool is_double);

}  // namespace xgrad::detail
