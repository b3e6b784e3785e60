// The kept graph of a captured function: performed again on other inputs, and differentiated as any graph is.
#pragma once

#include <cstdint>
#include <memory>
#include <mutex>
#include <span>
#include <utility>
#include <vector>

#include "../core/graph/node.hpp"
#include "../core/graph/sweep.hpp"
#include "../core/kernels/random.hpp"
#include "argument.hpp"
#include "program_listing.hpp"

namespace xgrad::detail {

/// Where a value enters a program: a leaf of the program's own, so that nothing outside knows its graph.
class EnteredLeaf final : public Node {
 public:
  EnteredLeaf(Value&& value, ElementKind kind, std::size_t number, bool requires_grad)
      : Node(std::move(value), kind), number_(number) {
    if (requires_grad) require_gradient();
  }
  std::size_t number() const noexcept { return number_; }

 private:
  std::size_t number_;
};

/// What a program reads.
struct ProgramInput {
  static constexpr std::size_t none = ~std::size_t{0};
  Handle own;                   ///< the EnteredLeaf
  Handle source;                ///< of what the function uses beside its arguments; none for a constant
  std::size_t argument = none;  ///< or the number of an argument
  bool requires_grad = false;
  bool is_assigned = false;  ///< by the function itself
  bool is_target = false;    ///< of a gradient that the function itself takes
  bool is_constant() const noexcept { return argument == none && !source; }
  EnteredLeaf& leaf() const noexcept { return static_cast<EnteredLeaf&>(*own.node()); }
};

/// An operation that is performed again, or an assignment to a leaf of the program's.
struct ProgramStep {
  static constexpr std::uint32_t no_run = ~std::uint32_t{0};
  Node* node = nullptr;
  EnteredLeaf* assigned = nullptr;  ///< takes the node's value
  Shape shape = {};
  bool draws = false;
  std::uint32_t run = no_run;     ///< the number of the block or group that it is a part of
  bool is_summed_before = false;  ///< a sum that the group before it has computed
  std::uint32_t given = 0;  ///< the inputs, a bit each, whose elements an elementwise operation may take over
  std::vector<Node*> last_read = {};  ///< whose values nobody reads after this step
};

/// The mode of a module that was asked for it.
struct ModuleMode {
  std::shared_ptr<bool> training;
  bool was = true;
};

/// Keeps nodes, and not their values.
class KeptNodes final : public Node {
 public:
  explicit KeptNodes(std::vector<Node*> nodes)
      : Node(Shape{}, ElementKind::float32), edges_(std::move(nodes)) {
    set_inputs(edges_.data(), edges_.size());
  }

 private:
  std::vector<Node*> edges_;
};

/// What one call of a program was given, as long as somebody may differentiate it: values belong to the call.
struct ProgramCall {
  std::vector<memory::Buffer> inputs;  ///< one for each input of the program
  GeneratorState random;               ///< before it
  bool in_graph = false;               ///< the program's nodes hold what its backward reads
};

/// The plain gradient of an input.
using InputGradient = std::pair<std::size_t, memory::Buffer>;

/// All that a program consists of.
struct ProgramParts {
  std::vector<ProgramInput> inputs;
  std::vector<ProgramStep> steps;
  std::vector<Node*> results;
  std::vector<std::size_t> edge_of;  ///< of a call's node, for each input; ProgramInput::none for a constant
  std::vector<ModuleMode> modes;
  std::vector<Argument> arguments;  ///< as they were given, without their values
  bool is_recording = true;         ///< rather than called under NoGrad
  bool takes_gradients = false;     ///< itself
  Handle kept;
};

class FusedNode;

/// How they are performed again.
struct ProgramPlan {
  std::vector<ProgramStep> steps;  ///< a block or group is one of them
  std::vector<FusedNode*> fused;   ///< blocks and groups
  Handle kept;
};

/// One program. Its lock is held while it is at work.
class CapturedProgram {
 public:
  CapturedProgram(ProgramParts parts, std::shared_ptr<void> function, std::unique_ptr<const Callee> callee);

  const ProgramParts& parts() const noexcept { return parts_; }
  const Callee& callee() const noexcept { return *callee_; }
  /// Whether gradients pass to result `i`.
  bool passes_gradients(std::size_t i) const noexcept { return parts_.results[i]->requires_grad(); }

  /// Performs all steps on what the call was given, and gives the results' values. What is assigned stays
  /// with the program, for commit().
  std::vector<Value> forward(const std::shared_ptr<ProgramCall>& call);
  /// After forward(), the values that the function assigned go to the leaves outside.
  void commit();
  /// Or nowhere.
  void release_assigned() noexcept;
  /// What is assigned to input `i`, after forward().
  const Value& assigned(std::size_t i) const noexcept { return parts_.inputs[i].own.node()->value(); }
  /// The gradients of the inputs, for seeds of the results, undefined ones for those that have none.
  std::vector<InputGradient> backward(const std::shared_ptr<ProgramCall>& call,
                                      std::vector<memory::Buffer> seeds, bool retain);
  /// Nobody will differentiate the call.
  void forget(ProgramCall& call) noexcept;
  /// The call that captured the program, which the graph holds.
  void begin_with(const std::shared_ptr<ProgramCall>& call) noexcept { current_ = call; }
  /// What inputs hold now, for a call.
  std::shared_ptr<ProgramCall> call_with(std::span<const Argument> arguments);

  ProgramListing listing() const;

  std::unique_lock<std::recursive_mutex> lock() { return std::unique_lock(mutex_); }
  bool is_at_work() const noexcept { return at_work_; }

  std::uint64_t replays = 0;

 private:
  class Work;
  std::vector<Value> perform(const std::shared_ptr<ProgramCall>& call);
  void perform(const ProgramStep& step);
  void sweep_from(std::vector<memory::Buffer>& seeds, bool retain, std::vector<InputGradient>& gradients);
  const std::vector<ProgramStep>& steps() const noexcept { return is_planned_ ? plan_.steps : parts_.steps; }
  void release_inputs() noexcept;
  void release_graph() noexcept;

  ProgramParts parts_;
  ProgramPlan plan_;  ///< once it is replayed: the call that captured the program is differentiated as it is
  Sweep<memory::Buffer>::Space space_;
  std::shared_ptr<void> function_;
  std::unique_ptr<const Callee> callee_;
  std::shared_ptr<ProgramCall> current_;  ///< whose values the graph holds
  std::shared_ptr<ProgramCall> spare_;    ///< the latest one
  std::recursive_mutex mutex_;
  bool is_planned_ = false;
  bool is_reached_ = false;  ///< all that requires a gradient, from the results together
  bool at_work_ = false;
};

}  // namespace xgrad::detail
