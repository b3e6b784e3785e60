// A run of operations as one node of a program's graph.
#pragma once

#include <cstdint>
#include <functional>
#include <span>
#include <vector>

#include "../core/graph/node.hpp"
#include "../core/graph/sweep.hpp"

namespace xgrad::detail {

class FusedNode;

/// A value of a run that is read outside. It takes the place of the operation's own node.
class FusedOutput final : public Node {
 public:
  FusedOutput(FusedNode& made_by, Node& node, std::uint32_t number, std::uint64_t order);
  Description description() const noexcept override { return node_->description(); }
  void differentiate(Sweep<memory::Buffer>& sweep, memory::Buffer&& gradient) override;
  const Node& stands_for() const noexcept { return *node_; }
  /// Of the value in the run.
  std::uint32_t number() const noexcept { return number_; }
  void renew_as(memory::Buffer&& value) noexcept {
    reopen();
    exchange_buffer(std::move(value));
  }

 private:
  Node* node_;  ///< which the program keeps
  FusedNode* made_by_;
  Node* edge_;
  std::uint32_t number_;
};

/// Renewed, it computes what its operations would, and gives its outputs their values; visited, it gives its
/// inputs what all of them would give. A sweep meets it after its outputs.
class FusedNode : public Node {
 public:
  explicit FusedNode(ElementKind kind) : Node(no_axes, kind) {}

  virtual std::size_t operations() const noexcept = 0;
  void fields(auto& visit) const { visit("operations", operations()); }

  /// One more, for `node`, which is one of its operations.
  virtual Node& add_output(Node& node) = 0;
  std::span<Node* const> outputs() const noexcept { return outputs_; }
  /// Those of its inputs that nobody reads after it: their elements are free when it has read them.
  virtual void reads_last(std::span<Node* const>) {}
  /// An output has been given its gradient.
  virtual void arrive(const FusedOutput& output, Sweep<memory::Buffer>& sweep, memory::Buffer&& gradient) = 0;
  /// Those that were under way when a sweep failed.
  virtual void forget_gradients() noexcept = 0;

 protected:
  std::vector<Node*> outputs_;
};

/// What a run's operations read: whether it is the same at every call, and what stands for it.
struct FusedInputs {
  std::function<bool(const Node&)> is_constant;
  /// Whether a call of the program keeps its elements, as those of an argument.
  std::function<bool(const Node&)> is_kept;
  std::function<Node&(Node&)> read;
};

}  // namespace xgrad::detail
