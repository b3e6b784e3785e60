// Sums of what the steps of a group show, which is never written to memory as a whole.
#pragma once

#include <span>
#include <vector>

#include "../core/array/memory.hpp"
#include "group_code.hpp"

namespace xgrad::detail {

/// Runs the steps, and gives the sum of all elements of the one value that they show over `divisor`, as
/// sum_axes() does.
memory::Buffer sum_of_shown(const PieceCode& code, const GroupCode& group,
                            std::span<const PieceCode::Elements> outside, std::span<void* const> stores,
                            double divisor);

/// Runs the steps of a way back, and gives the sums over the rows of each value that they show.
std::vector<memory::Buffer> sums_over_rows(const GroupCode::Way& way, const GroupCode& group,
                                           std::span<const PieceCode::Elements> outside,
                                           std::span<void* const> stores);

}  // namespace xgrad::detail
