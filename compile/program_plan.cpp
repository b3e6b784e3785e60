#include "program_plan.hpp"

#include <algorithm>
#include <unordered_map>
#include <unordered_set>

namespace xgrad::detail {
namespace {

/// With fewer, a block costs more than it saves.
constexpr std::size_t least_operations = 2;

/// Puts the outputs of blocks in the place of their nodes, and blocks in the place of runs.
class Planner {
 public:
  explicit Planner(ProgramParts& parts) : parts_(parts) {
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
    for (Node*& result : parts_.results) result = &outside(*result);
    keep_nodes();
    find_last_reads();
    return std::move(plan_);
  }

 private:
  void add(std::span<const ProgramStep> run) {
    ProgramStep step = run.front();
    if (step.block == ProgramStep::no_block) {
      if (step.assigned != nullptr)
        step.node = &outside(*step.node);
      else
        read_outputs(*step.node);
    } else {
      step.node = &make_block(run);
      step.shape = step.node->value().shape;
    }
    plan_.steps.push_back(std::move(step));
  }

  Node& make_block(std::span<const ProgramStep> run) {
    std::vector<Node*> operations;
    for (const ProgramStep& each : run) {
      read_outputs(*each.node);
      operations.push_back(each.node);
      each.node->finish();
      each.node->exchange_buffer({});
    }
    plan_.blocks.push_back(
        block_of(operations, [this](const Node& node) { return constants_.contains(&node); }));
    for (Node* node : operations) made_in_.emplace(node, plan_.blocks.back());
    return *plan_.blocks.back();
  }

  /// What stands for a node outside of its block.
  Node& outside(Node& node) {
    const auto found = made_in_.find(&node);
    return found == made_in_.end() ? node : found->second->output_for(node);
  }
  /// In a block, those of earlier ones.
  void read_outputs(Node& node) {
    for (std::size_t i = 0; i < node.inputs().size(); ++i)
      if (Node& read = outside(*node.inputs()[i]); &read != node.inputs()[i]) node.replace_input(i, read);
  }

  void keep_nodes() {
    std::vector<Node*> made;
    for (ScalarBlock* block : plan_.blocks) {
      made.push_back(block);
      made.insert(made.end(), block->outputs().begin(), block->outputs().end());
    }
    if (!made.empty()) plan_.kept = Handle::first(new KeptNodes(std::move(made)));
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
        if (const auto found = last.find(input); found != last.end()) found->second = i;
    }
    for (Node* result : parts_.results) last.erase(result);
    for (const auto& [node, step] : last) plan_.steps[step].last_read.push_back(node);
    for (ProgramStep& step : plan_.steps) find_given(step);
  }
  /// Elementwise operations may take over what nobody reads after them.
  static void find_given(ProgramStep& step) {
    if (step.assigned != nullptr || step.node->shares() == 0) return;
    if (step.node->description().type->shares != ~std::uint64_t{0}) return;
    for (std::size_t i = 0; i < step.node->inputs().size(); ++i)
      if (std::find(step.last_read.begin(), step.last_read.end(), step.node->inputs()[i]) !=
          step.last_read.end())
        step.given |= std::uint32_t{1} << i;
  }

  ProgramParts& parts_;
  ProgramPlan plan_;
  std::unordered_set<const Node*> constants_;
  std::unordered_map<const Node*, ScalarBlock*> made_in_;
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
