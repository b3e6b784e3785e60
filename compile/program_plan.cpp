#include "program_plan.hpp"

#include <algorithm>
#include <unordered_map>
#include <unordered_set>

#include "../core/graph/elementwise_node.hpp"

namespace xgrad::detail {
namespace {

/// With fewer, a block costs more than it saves.
constexpr std::size_t least_operations = 2;

/// Puts the outputs of blocks in the place of their nodes, and blocks in the place of runs. Nothing has
/// changed until all is made, for memory may run out.
class Planner {
 public:
  explicit Planner(ProgramParts& parts) : parts_(parts), results_(parts.results) {
    for (const ProgramInput& input : parts.inputs)
      if (input.is_constant()) constants_.insert(input.own.node());
  }

  ProgramPlan plan() {
    const std::vector<ProgramStep>& steps = parts_.steps;
    for (std::size_t begin = 0; begin < steps.size();) {
      std::size_t end = begin + 1;
      if (const std::uint32_t number = steps[begin].block; number != ProgramStep::no_block)
        while (end < steps.size() && steps[end].block == number) ++end;
      add(std::span(steps).subspan(begin, end - begin));
      begin = end;
    }
    for (Node*& result : results_) result = &outside(*result);
    find_last_reads();
    keep_made();
    settle();
    return std::move(plan_);
  }

 private:
  void add(std::span<const ProgramStep> run) {
    ProgramStep step = run.front();
    if (step.block != ProgramStep::no_block) {
      step.node = &make_block(run);
      step.shape = step.node->value().shape;
    } else if (step.assigned != nullptr) {
      step.node = &outside(*step.node);
    } else {
      for (std::size_t i = 0; i < step.node->inputs().size(); ++i)
        if (Node& read = outside(*step.node->inputs()[i]); &read != step.node->inputs()[i])
          edges_.push_back({step.node, i, &read});
    }
    plan_.steps.push_back(std::move(step));
  }

  Node& make_block(std::span<const ProgramStep> run) {
    std::vector<Node*> operations;
    for (const ProgramStep& each : run) operations.push_back(each.node);
    ScalarBlock* const block = block_of(
        operations, [this](const Node& node) { return constants_.contains(&node); },
        [this](Node& node) -> Node& { return outside(node); });
    made_.push_back(Handle::first(block));
    plan_.blocks.push_back(block);
    for (Node* node : operations) made_in_.emplace(node, block);
    return *block;
  }

  /// What stands for a node outside of its block.
  Node& outside(Node& node) {
    const auto found = made_in_.find(&node);
    if (found == made_in_.end()) return node;
    Node*& output = output_of_[&node];
    if (output == nullptr) {
      output = &found->second->add_output(node);
      made_.push_back(Handle::first(output));
    }
    return *output;
  }

  void find_last_reads() {
    std::unordered_map<Node*, std::size_t> last;
    for (std::size_t i = 0, block = 0; i < plan_.steps.size(); ++i) {
      const ProgramStep& step = plan_.steps[i];
      last[step.node] = i;
      if (step.block != ProgramStep::no_block)
        for (Node* output : plan_.blocks[block++]->outputs()) last[output] = i;
      if (step.assigned != nullptr) continue;
      for (Node* input : step.node->inputs())
        if (const auto found = last.find(&outside(*input)); found != last.end()) found->second = i;
    }
    for (Node* result : results_) last.erase(result);
    for (const auto& [node, step] : last) plan_.steps[step].last_read.push_back(node);
    for (ProgramStep& step : plan_.steps) find_given(step);
  }
  /// Elementwise operations may take over what nobody reads after them.
  void find_given(ProgramStep& step) {
    if (step.assigned != nullptr || step.node->shares() == 0) return;
    if (elementwise_of(*step.node) == nullptr) return;
    for (std::size_t i = 0; i < step.node->inputs().size(); ++i)
      if (std::find(step.last_read.begin(), step.last_read.end(), &outside(*step.node->inputs()[i])) !=
          step.last_read.end())
        step.given |= std::uint32_t{1} << i;
  }

  void keep_made() {
    if (made_.empty()) return;
    std::vector<Node*> made;
    for (const Handle& each : made_) made.push_back(each.node());
    plan_.kept = Handle::first(new KeptNodes(std::move(made)));
  }

  void settle() noexcept {
    for (const Edge& edge : edges_) edge.node->replace_input(edge.input, *edge.read);
    for (const auto& [node, block] : made_in_) {
      node->finish();
      node->exchange_buffer({});
    }
    parts_.results.swap(results_);
  }

  struct Edge {
    Node* node;
    std::size_t input;
    Node* read;
  };

  ProgramParts& parts_;
  ProgramPlan plan_;
  std::vector<Node*> results_;
  std::vector<Handle> made_;  ///< what it consists of, until all of it is kept
  std::vector<Edge> edges_;   ///< that are to lead to outputs of blocks
  std::unordered_set<const Node*> constants_;
  std::unordered_map<Node*, ScalarBlock*> made_in_;
  std::unordered_map<const Node*, Node*> output_of_;
};

}  // namespace

void find_blocks(std::vector<ProgramStep>& steps) {
  const auto may_join = [](const ProgramStep& step) {
    return step.assigned == nullptr && scalar_operation(*step.node) != nullptr;
  };
  std::uint32_t block = 0;
  for (std::size_t begin = 0; begin < steps.size();) {
    std::size_t end = begin;
    while (end < steps.size() && may_join(steps[end]) && steps[end].node->kind() == steps[begin].node->kind())
      ++end;
    if (end - begin >= least_operations) {
      for (std::size_t i = begin; i < end; ++i) steps[i].block = block;
      ++block;
    }
    begin = std::max(end, begin + 1);
  }
}

ProgramPlan plan_of(ProgramParts& parts) { return Planner(parts).plan(); }

}  // namespace xgrad::detail
