// A run of elementwise operations on one element each, as one node of a program's graph.
#pragma once

#include <cstdint>
#include <functional>
#include <span>
#include <vector>

#include "../core/graph/node.hpp"

namespace xgrad::detail {

class Elementwise;
class ScalarBlock;

/// A value of a block that is read outside. It takes the place of the operation's own node.
class BlockOutput final : public Node {
 public:
  BlockOutput(ScalarBlock& block, Node& node, std::uint32_t number, std::uint64_t order);
  Description description() const noexcept override { return node_->description(); }
  void differentiate(Sweep<memory::Buffer>& sweep, memory::Buffer&& gradient) override;
  const Node& stands_for() const noexcept { return *node_; }
  /// Of the value in the block.
  std::uint32_t number() const noexcept { return number_; }
  void renew_as(memory::Buffer&& value) noexcept {
    reopen();
    exchange_buffer(std::move(value));
  }

 private:
  Node* node_;  ///< which the program keeps
  ScalarBlock* block_;
  Node* edge_;
  std::uint32_t number_;
};

/// Renewed, it computes what its operations would, and gives its outputs their values; visited, it gives its
/// inputs what all of them would give. A sweep meets it after its outputs.
class ScalarBlock : public Node {
 public:
  explicit ScalarBlock(ElementKind kind) : Node(no_axes, kind) {}

  Description description() const noexcept override;
  virtual std::size_t operations() const noexcept = 0;
  void fields(auto& visit) const { visit("operations", operations()); }

  /// One more, for `node`, which is one of its operations.
  virtual Node& add_output(Node& node) = 0;
  std::span<Node* const> outputs() const noexcept { return outputs_; }
  /// An output has been given its gradient.
  virtual void arrive(const BlockOutput& output, Sweep<memory::Buffer>& sweep, memory::Buffer&& gradient) = 0;
  /// Those that were under way when a sweep failed.
  virtual void forget_gradients() noexcept = 0;

 protected:
  std::vector<Node*> outputs_;
};

/// Of library operations, all of one kind and one after another. `is_constant` says of what they read whether
/// it is the same at every call, `read` what stands for it.
ScalarBlock* block_of(const std::vector<Node*>& operations,
                      const std::function<bool(const Node&)>& is_constant,
                      const std::function<Node&(Node&)>& read);

/// The elementwise operation of the library that made a node of one element; none for other nodes.
const Elementwise* scalar_operation(const Node& node);

}  // namespace xgrad::detail
