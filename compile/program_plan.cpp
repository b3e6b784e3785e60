#include "program_plan.hpp"

#include <algorithm>
#include <unordered_map>
#include <unordered_set>

#include "../core/graph/elementwise_node.hpp"
#include "array_group.hpp"
#include "group_shape.hpp"
#include "scalar_block.hpp"

namespace xgrad::detail {
namespace {

/// With fewer, a block costs more than it saves.
constexpr std::size_t least_in_block = 2;
/// Of a group on values of so many bytes. Large ones save passes over memory, and small ones nodes; between
/// them, in the cache, eager operations lose nothing by going one after another.
constexpr std::size_t least_in_group(std::size_t bytes) {
  constexpr std::size_t large = std::size_t{1} << 20, small = std::size_t{1} << 13;
  return bytes >= large ? 2 : bytes > small ? 8 : 4;
}
/// What a long group's way back has made again would not stay in the cache.
constexpr std::size_t most_in_group = 32;

/// Puts blocks and groups in the place of runs, and their outputs in the place of captured nodes. Nothing has
/// changed until all is made, for memory may run out.
class Planner {
 public:
  explicit Planner(ProgramParts& parts) : parts_(parts), results_(parts.results) {
    for (const ProgramInput& input : parts.inputs)
      if (input.is_constant())
        constants_.insert(input.own.node());
      else if (!input.is_assigned)
        kept_.insert(input.own.node());
    for (const ProgramStep& step : parts.steps) {
      if (step.assigned != nullptr)
        ++reads_[step.node];
      else
        for (const Node* input : step.node->inputs()) ++reads_[input];
    }
    for (const Node* result : parts.results) ++reads_[result];
  }

  ProgramPlan plan() {
    const std::vector<ProgramStep>& steps = parts_.steps;
    for (std::size_t begin = 0; begin < steps.size();) {
      std::size_t end = begin + 1;
      if (const std::uint32_t number = steps[begin].run; number != ProgramStep::no_run)
        while (end < steps.size() && steps[end].run == number) ++end;
      add(std::span(steps).subspan(begin, end - begin), end < steps.size() ? &steps[end] : nullptr);
      begin = end;
    }
    for (Node*& result : results_) result = &outside(*result);
    find_last_reads();
    keep_made();
    settle();
    return std::move(plan_);
  }

 private:
  /// `next` is what comes after the run, if anything does.
  void add(std::span<const ProgramStep> run, const ProgramStep* next) {
    ProgramStep step = run.front();
    step.is_summed_before = step.node == summed_;
    if (step.run != ProgramStep::no_run) {
      step.node = &fuse(run, next);
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

  Node& fuse(std::span<const ProgramStep> run, const ProgramStep* next) {
    std::vector<Node*> operations;
    for (const ProgramStep& each : run) operations.push_back(each.node);
    const FusedInputs inputs{[this](const Node& node) { return constants_.contains(&node); },
                             [this](const Node& node) { return kept_.contains(&node); },
                             [this](Node& node) -> Node& { return outside(node); }};
    FusedNode* made;
    if (scalar_operation(*operations.front()) != nullptr) {
      made = block_of(operations, inputs);
    } else {
      GroupShape shape;
      for (const Node* node : operations) shape.takes(*node);
      summed_ = sum_after(shape, *operations.back(), next);
      made = group_of(operations, shape, inputs, summed_);
    }
    made_.push_back(Handle::first(made));
    plan_.fused.push_back(made);
    for (Node* node : operations) made_in_.emplace(node, made);
    return *made;
  }

  bool is_read_once(const Node& node) const {
    const auto found = reads_.find(&node);
    return found != reads_.end() && found->second == 1;
  }
  /// The sum that a group can compute of its last value, if it alone reads that.
  Node* sum_after(const GroupShape& shape, const Node& last, const ProgramStep* next) const {
    if (next == nullptr || next->assigned != nullptr || !is_read_once(last)) return nullptr;
    return can_sum(shape, last, *next->node) ? next->node : nullptr;
  }

  /// What stands for a node outside of its run.
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
    for (std::size_t i = 0, fused = 0; i < plan_.steps.size(); ++i) {
      const ProgramStep& step = plan_.steps[i];
      last[step.node] = i;
      if (step.run != ProgramStep::no_run)
        for (Node* output : plan_.fused[fused++]->outputs()) last[output] = i;
      if (step.assigned != nullptr) continue;
      for (Node* input : step.node->inputs())
        if (const auto found = last.find(&outside(*input)); found != last.end()) found->second = i;
    }
    for (Node* result : results_) last.erase(result);
    for (const auto& [node, step] : last) plan_.steps[step].last_read.push_back(node);
    for (std::size_t fused = 0; ProgramStep & step : plan_.steps) {
      find_given(step);
      if (step.run != ProgramStep::no_run) plan_.fused[fused++]->reads_last(step.last_read);
    }
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
    for (const auto& [node, run] : made_in_) {
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
  std::vector<Edge> edges_;   ///< that are to lead to outputs of a run
  Node* summed_ = nullptr;    ///< that the latest group computes, if it does
  std::unordered_map<const Node*, std::size_t> reads_;
  std::unordered_set<const Node*> constants_, kept_;  ///< inputs; those of which each call keeps the elements
  std::unordered_map<Node*, FusedNode*> made_in_;
  std::unordered_map<const Node*, Node*> output_of_;
};

}  // namespace

namespace {

/// The end of the run that begins at `begin`, of operations on one element each, or on values of one shape
/// and their rows; `begin` where none is worth it.
std::size_t end_of_run(const std::vector<ProgramStep>& steps, std::size_t begin) {
  std::size_t end = begin;
  const auto joins = [&](const auto& takes) {
    return end < steps.size() && steps[end].assigned == nullptr && takes(*steps[end].node);
  };
  const Node& first = *steps[begin].node;
  const auto is_scalar = [&](const Node& node) {
    return scalar_operation(node) != nullptr && node.kind() == first.kind();
  };
  while (joins(is_scalar)) ++end;
  if (end > begin) return end - begin < least_in_block ? begin : end;
  GroupShape group;
  while (end - begin < most_in_group && joins([&](const Node& node) { return group.takes(node); })) ++end;
  const std::size_t bytes =
      element_count(group.shape()) * (first.is_double() ? sizeof(double) : sizeof(float));
  return end - begin < least_in_group(bytes) ? begin : end;
}

}  // namespace

void find_runs(std::vector<ProgramStep>& steps) {
  std::uint32_t run = 0;
  for (std::size_t begin = 0; begin < steps.size();) {
    const std::size_t end = end_of_run(steps, begin);
    for (std::size_t i = begin; i < end; ++i) steps[i].run = run;
    run += end > begin;
    begin = std::max(end, begin + 1);
  }
}

ProgramPlan plan_of(ProgramParts& parts) { return Planner(parts).plan(); }

}  // namespace xgrad::detail
