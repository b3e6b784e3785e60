// How elementwise_gradient_sum() splits a value of rows x columns.
#pragma once

#include <algorithm>
#include <cstddef>

namespace xgrad::detail {

/// Elements of a block: a few of them fit the second-level cache beside what they are made of.
inline constexpr std::size_t summed_block = 1 << 13;

/// So many rows are summed at a time, which is part of a sum's last bits.
inline std::size_t rows_of_a_block(std::size_t columns) {
  return std::max<std::size_t>(1, summed_block / columns);
}

}  // namespace xgrad::detail
