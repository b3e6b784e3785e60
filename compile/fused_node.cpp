#include "fused_node.hpp"

namespace xgrad::detail {

FusedOutput::FusedOutput(FusedNode& made_by, Node& node, std::uint32_t number, std::uint64_t order)
    : Node(node.value().shape, node.kind()),
      node_(&node),
      made_by_(&made_by),
      edge_(&made_by),
      number_(number) {
  if (node.requires_grad()) require_gradient();
  take_uniform();
  set_inputs(&edge_, 1);
  set_order(order);
}

void FusedOutput::differentiate(Sweep<memory::Buffer>& sweep, memory::Buffer&& gradient) {
  made_by_->arrive(*this, sweep, std::move(gradient));
}

}  // namespace xgrad::detail
