// A run of elementwise operations on one element each, as one node of a program's graph.
#pragma once

#include <vector>

#include "fused_node.hpp"

namespace xgrad::detail {

class Elementwise;

/// Of library operations, all of one kind and one after another.
FusedNode* block_of(const std::vector<Node*>& operations, const FusedInputs& inputs);

/// The elementwise operation of the library that made a node of one element; none for other nodes.
const Elementwise* scalar_operation(const Node& node);

}  // namespace xgrad::detail
