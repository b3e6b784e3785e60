#include "program_pruning.hpp"

#include <algorithm>
#include <map>
#include <string_view>
#include <tuple>
#include <unordered_map>
#include <unordered_set>
#include <utility>

#include "../core/graph/elementwise_node.hpp"

namespace xgrad::detail {
namespace {

/// Of a value that may be kept for longer than the function kept it, rather than be computed anew.
constexpr std::size_t most_kept_bytes = 4096;

/// Further outputs look at their operation's node itself.
bool is_further(Node& node) { return &node.maker() != &node; }

/// Whether it may do something beside giving a value, such as to refuse some.
bool acts(const Node& node) {
  const Description made_by = node.description();
  return made_by.type == nullptr || !made_by.type->is_total;
}

/// Other nodes to read in the place of some.
class Replacements {
 public:
  void add(const Node& node, Node& other) { others_.emplace(&node, &other); }
  /// What passes gradients on goes on doing so.
  void apply(Node& reader) const {
    if (is_further(reader)) return;
    for (std::size_t i = 0; i < reader.inputs().size(); ++i) {
      const Node* const input = reader.inputs()[i];
      const auto found = others_.find(input);
      if (found == others_.end()) continue;
      const bool passes = input->requires_grad() || found->second->requires_grad();
      if (!reader.requires_grad() || !passes) reader.replace_input(i, *found->second);
    }
  }

 private:
  std::unordered_map<const Node*, Node*> others_;
};

class ConstantFolding {
 public:
  explicit ConstantFolding(ProgramConstants& constants)
      : constants_(constants), known_(constants.known.begin(), constants.known.end()) {}

  void visit(Node& node) {
    replacements_.apply(node);
    const auto inputs = node.inputs();
    if (node.requires_grad() || is_further(node) || acts(node) || !is_real(node.kind()) ||
        node.value().buffer.bytes() > most_kept_bytes ||
        !std::all_of(inputs.begin(), inputs.end(), [&](const Node* x) { return known_.contains(x); }))
      return;
    Node& constant = constants_.make(node);
    constants_.known.push_back(&constant);
    known_.insert(&constant);
    replacements_.add(node, constant);
  }

 private:
  ProgramConstants& constants_;
  std::unordered_set<const Node*> known_;
  Replacements replacements_;
};

/// Of numbers that are equal, and of elementwise operations that no gradient passes, where the value of the
/// first one is there at the second, for a replay is to take no more memory than the function.
class Merging {
 public:
  Merging(std::span<const ProgramStep> steps, std::span<Node* const> results,
          const ProgramConstants& constants) {
    std::map<std::tuple<ElementKind, std::size_t, std::string_view>, Node*> numbers;
    for (Node* constant : constants.known) {
      const Value& value = constant->value();
      if (value.size() != 1) continue;
      const std::string_view bits(static_cast<const char*>(value.buffer.data()), value.buffer.bytes());
      const auto [known, is_new] =
          numbers.try_emplace({constant->kind(), value.shape.size(), bits}, constant);
      if (!is_new) replacements_.add(*constant, *known->second);
    }
    for (std::size_t i = 0; i < steps.size(); ++i) {
      if (steps[i].assigned != nullptr) {
        assigned_.insert(steps[i].assigned);
        last_read_[steps[i].node] = i;
      } else {
        for (const Node* input : steps[i].node->inputs()) last_read_[input] = i;
      }
    }
    for (const Node* result : results) last_read_[result] = steps.size();
  }

  void visit(Node& node, std::size_t at) {
    replacements_.apply(node);
    const Elementwise* const operation = elementwise_of(node);
    if (operation == nullptr) return;
    const std::vector<Node*> inputs(node.inputs().begin(), node.inputs().end());
    if (std::any_of(inputs.begin(), inputs.end(), [&](const Node* x) { return assigned_.contains(x); }))
      return;
    const auto [known, is_new] = first_.try_emplace({operation, node.kind(), inputs}, &node);
    if (is_new) return;
    std::size_t& until = last_read_[known->second];
    if (until < at && node.value().buffer.bytes() > most_kept_bytes) {
      known->second = &node;
      return;
    }
    until = std::max(until, last_read_[&node]);
    replacements_.add(node, *known->second);
  }

 private:
  std::map<std::tuple<const Elementwise*, ElementKind, std::vector<Node*>>, Node*> first_;
  std::unordered_map<const Node*, std::size_t> last_read_;  ///< in which step
  std::unordered_set<const Node*> assigned_;                ///< whose values change on the way
  Replacements replacements_;
};

/// What was recorded to be differentiated in the function alone saves nothing for later.
void forgo_unreached(std::span<const ProgramStep> steps, std::span<Node* const> results) {
  std::unordered_set<const Node*> reached(results.begin(), results.end());
  for (auto step = steps.rbegin(); step != steps.rend(); ++step) {
    if (step->assigned != nullptr || !step->node->requires_grad()) continue;
    if (!reached.contains(step->node))
      step->node->forgo_gradient();
    else
      for (const Node* input : step->node->inputs()) reached.insert(input);
  }
}

void leave_out_unread(std::vector<ProgramStep>& steps, std::span<Node* const> results) {
  std::unordered_set<const Node*> read(results.begin(), results.end());
  std::vector<ProgramStep> kept;
  for (auto step = steps.rbegin(); step != steps.rend(); ++step) {
    if (step->assigned != nullptr) {
      read.insert(step->node);
    } else {
      if (!read.contains(step->node) && !acts(*step->node)) continue;
      for (const Node* input : step->node->inputs()) read.insert(input);
    }
    kept.push_back(std::move(*step));
  }
  std::reverse(kept.begin(), kept.end());
  steps = std::move(kept);
}

}  // namespace

void prune(std::vector<ProgramStep>& steps, std::span<Node* const> results, ProgramConstants& constants) {
  forgo_unreached(steps, results);
  ConstantFolding folding(constants);
  for (const ProgramStep& step : steps)
    if (step.assigned == nullptr) folding.visit(*step.node);
  Merging merging(steps, results, constants);
  for (std::size_t i = 0; i < steps.size(); ++i)
    if (steps[i].assigned == nullptr) merging.visit(*steps[i].node, i);
  leave_out_unread(steps, results);
}

}  // namespace xgrad::detail
