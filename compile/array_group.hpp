// A run of elementwise operations on values of one shape, as one node of a program's graph.
#pragma once

#include <vector>

#include "fused_node.hpp"

namespace xgrad::detail {

/// Of operations that one GroupShape has taken.
FusedNode* group_of(const std::vector<Node*>& operations, const FusedInputs& inputs);

}  // namespace xgrad::detail
