// Sums and means of all elements, for who computes them together with what they sum.
#pragma once

#include <optional>

#include "../core/graph/node.hpp"

namespace xgrad::detail {

/// Where the node is the sum or the mean of all elements of its input, as one run of axes: what the sum is
/// divided by.
std::optional<double> divisor_of_whole_sum(const Node& node);

}  // namespace xgrad::detail
