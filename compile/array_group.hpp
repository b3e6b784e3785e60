// A run of elementwise operations on values of one shape, and of reductions of their rows, as one node of a
// program's graph.
#pragma once

#include <vector>

#include "fused_node.hpp"
#include "group_shape.hpp"

namespace xgrad::detail {

/// Of operations that `shape` has taken. `sum`, if there is one, is a whole sum that alone reads the last of
/// them: it is given its value when the group is renewed.
FusedNode* group_of(const std::vector<Node*>& operations, const GroupShape& shape, const FusedInputs& inputs,
                    Node* sum);

/// Whether a group that ends with `last` can compute `sum`, a step of the program: it is the sum or the mean
/// of all elements of that, which its own gradient does not read.
bool can_sum(const GroupShape& shape, const Node& last, const Node& sum);

}  // namespace xgrad::detail
