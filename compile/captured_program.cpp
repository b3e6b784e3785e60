#include "captured_program.hpp"

#include <algorithm>
#include <string>
#include <unordered_map>

#include "../core/array/error.hpp"
#include "../core/graph/activity.hpp"
#include "../core/graph/capture.hpp"
#include "../core/graph/journal.hpp"
#include "../core/graph/notes.hpp"
#include "../core/graph/renewal.hpp"
#include "../core/graph/sweep.hpp"
#include "fused_node.hpp"
#include "program_plan.hpp"

namespace xgrad::detail {

/// While it lives, the program is not to be used otherwise.
class CapturedProgram::Work {
 public:
  explicit Work(CapturedProgram& program) : program_(program) {
    if (program.at_work_)
      throw GraphError(
          "compile: a program was used by a function that it calls itself; let an operation of your own do "
          "without the compiled function that it stands in");
    program.at_work_ = true;
  }
  ~Work() { program_.at_work_ = false; }
  Work(const Work&) = delete;
  Work& operator=(const Work&) = delete;

 private:
  CapturedProgram& program_;
};

CapturedProgram::CapturedProgram(ProgramParts parts, std::shared_ptr<void> function,
                                 std::unique_ptr<const Callee> callee)
    : parts_(std::move(parts)), function_(std::move(function)), callee_(std::move(callee)) {
  for (const ProgramInput& input : parts_.inputs)
    if (input.requires_grad) space_.add_leaf(input.leaf());
}

std::shared_ptr<ProgramCall> CapturedProgram::call_with(std::span<const Argument> arguments) {
  // That of a call that nobody can differentiate any more serves again.
  std::shared_ptr<ProgramCall> call =
      spare_.use_count() == 1 ? std::move(spare_) : std::make_shared<ProgramCall>();
  call->inputs.clear();
  call->in_graph = false;
  spare_ = call;
  call->inputs.reserve(parts_.inputs.size());
  for (const ProgramInput& input : parts_.inputs) {
    if (input.is_constant()) {
      call->inputs.emplace_back();
    } else if (input.source) {
      call->inputs.push_back(input.source.node()->value().buffer);
    } else {
      const Argument& given = arguments[input.argument];
      call->inputs.push_back(given.variable ? given.variable.node()->value().buffer : given.elements.buffer);
    }
  }
  call->random = generator().state();
  return call;
}

void CapturedProgram::perform(const ProgramStep& step) {
  Node& node = *step.node;
  if (step.assigned != nullptr) {
    step.assigned->exchange_buffer(node.value().buffer);
  } else {
    node.reopen();
    if (step.draws) node.draw_again();
    if (step.given != 0) give_to_renewal(step.given);
    if (step.is_summed_before) {
      // its value has come already
    } else if (is_watched()) [[unlikely]] {
      Watched watched({Activity::Kind::forward, node.description(), Shapes(node.inputs())});
      node.renew();
      watched.gave(node);
    } else {
      node.renew();
    }
    if (!(node.value().shape == step.shape)) [[unlikely]]
      throw CaptureError("compile: '" + std::string(node.operation()) + "' gives " +
                         to_string(node.value().shape) + ", and gave " + to_string(step.shape) +
                         " when it was captured; leave what has a shape that depends on values outside");
  }
  for (Node* read : step.last_read) {
    read->release_value();
    if (!read->requires_grad()) read->drop_saved();
  }
}

void CapturedProgram::release_inputs() noexcept {
  for (const ProgramInput& input : parts_.inputs)
    if (!input.is_constant() && !input.is_assigned) input.own.node()->exchange_buffer({});
}

void CapturedProgram::release_assigned() noexcept {
  for (const ProgramInput& input : parts_.inputs)
    if (input.is_assigned) input.own.node()->exchange_buffer({});
}

void CapturedProgram::release_graph() noexcept {
  for (const ProgramStep& step : steps())
    if (step.assigned == nullptr) {
      step.node->finish();
      step.node->exchange_buffer({});
    }
  for (const FusedNode* run : plan_.fused)
    for (Node* output : run->outputs()) {
      output->finish();
      output->exchange_buffer({});
    }
  current_ = nullptr;
}

std::vector<Value> CapturedProgram::perform(const std::shared_ptr<ProgramCall>& call) {
  if (current_) current_->in_graph = false;  // from now on the graph holds what this call computes
  current_ = nullptr;
  if (!is_planned_) plan_ = plan_of(parts_);
  is_planned_ = true;
  try {
    for (std::size_t i = 0; i < parts_.inputs.size(); ++i)
      if (!parts_.inputs[i].is_constant()) parts_.inputs[i].own.node()->exchange_buffer(call->inputs[i]);
    for (const ProgramStep& step : plan_.steps) perform(step);
  } catch (...) {
    release_graph();
    release_inputs();
    release_assigned();
    throw;
  }
  std::vector<Value> results;
  results.reserve(parts_.results.size());
  for (const Node* result : parts_.results) results.push_back(result->value());
  for (Node* result : parts_.results) {
    if (result->is_leaf()) continue;
    result->release_value();
    if (!result->requires_grad()) result->drop_saved();
  }
  release_inputs();
  current_ = call;
  call->in_graph = true;
  return results;
}

std::vector<Value> CapturedProgram::forward(const std::shared_ptr<ProgramCall>& call) {
  const Work work(*this);
  return perform(call);
}

void CapturedProgram::commit() {
  for (const ProgramInput& input : parts_.inputs) {
    if (!input.is_assigned) continue;
    if (input.source) {
      LeafJournal::value_changes(*input.source.node());
      input.source.node()->exchange_buffer(input.own.node()->value().buffer);
    }
  }
  release_assigned();
}

namespace {

/// This thread's generator from a state on, while it lives.
class RandomFrom {
 public:
  explicit RandomFrom(const GeneratorState& state) : before_(generator().state()) {
    generator().set_state(state);
  }
  ~RandomFrom() { generator().set_state(before_); }
  RandomFrom(const RandomFrom&) = delete;
  RandomFrom& operator=(const RandomFrom&) = delete;

 private:
  GeneratorState before_;
};

}  // namespace

void CapturedProgram::sweep_from(std::vector<memory::Buffer>& seeds, bool retain,
                                 std::vector<InputGradient>& gradients) {
  const NoGrad off;
  const ApartFromSweeps apart;
  Sweep<memory::Buffer> sweep(space_);
  gradients.reserve(sweep.slots().size());
  for (std::size_t i = 0; i < seeds.size(); ++i)
    if (seeds[i]) sweep.give(*parts_.results[i], std::move(seeds[i]));
  sweep.run(retain);
  for (auto& slot : sweep.slots())
    if (slot.node != nullptr && slot.gradient)
      gradients.emplace_back(static_cast<EnteredLeaf&>(*slot.node).number(), std::move(slot.gradient));
}

std::vector<InputGradient> CapturedProgram::backward(const std::shared_ptr<ProgramCall>& call,
                                                     std::vector<memory::Buffer> seeds, bool retain) {
  const Work work(*this);
  if (!call->in_graph) {
    const RandomFrom as_then(call->random);
    perform(call);
    release_assigned();  // that was done by the call itself
  }
  std::vector<InputGradient> gradients;
  const bool is_whole = std::all_of(seeds.begin(), seeds.end(), [](const auto& seed) { return bool(seed); });
  try {
    sweep_from(seeds, retain, gradients);
  } catch (...) {
    for (FusedNode* run : plan_.fused) run->forget_gradients();
    throw;
  }
  if (retain) return gradients;
  if (is_whole && seeds.size() == parts_.results.size()) {
    // The sweep has spent what it has passed; once there was nothing else, there is nothing else again.
    is_reached_ = is_reached_ || std::all_of(steps().begin(), steps().end(), [](const auto& step) {
                    return step.assigned != nullptr || !step.node->requires_grad() || step.node->is_spent();
                  });
    if (is_reached_) {
      call->in_graph = false;
      current_ = nullptr;
    }
  }
  forget(*call);
  return gradients;
}

void CapturedProgram::forget(ProgramCall& call) noexcept {
  call.inputs.clear();
  if (std::exchange(call.in_graph, false)) release_graph();
}

namespace {

const char* name_of(ElementKind kind) {
  switch (kind) {
    case ElementKind::float32:
      return "float";
    case ElementKind::float64:
      return "double";
    case ElementKind::int64:
      return "int64";
    case ElementKind::boolean:
      break;
  }
  return "bool";
}

std::size_t bytes_of(ElementKind kind) {
  return kind == ElementKind::float32 ? 4 : kind == ElementKind::boolean ? 1 : 8;
}

std::string name_of(const ProgramInput& input) {
  if (input.argument != ProgramInput::none) return "argument " + std::to_string(input.argument);
  if (!input.source) return "constant";
  return std::string(input.source.node()->operation());
}

}  // namespace

ProgramListing CapturedProgram::listing() const {
  std::unordered_map<const Node*, std::string> names;
  for (const ProgramInput& input : parts_.inputs) names.emplace(input.own.node(), name_of(input));
  const auto name = [&](const Node& node) {
    const auto* const output = dynamic_cast<const FusedOutput*>(&node);
    const auto known = names.find(output != nullptr ? &output->stands_for() : &node);
    return known == names.end() ? std::string("constant") : known->second;
  };
  std::vector<ProgramInstruction> rows;
  // Blocks and groups are numbered apart.
  std::uint32_t last = ProgramStep::no_run;
  std::size_t blocks = 0, groups = 0;
  const auto number_among = [&](const ProgramStep& step, bool is_block) {
    std::size_t& count = is_block ? blocks : groups;
    if (std::exchange(last, step.run) != step.run) ++count;
    return count - 1;
  };
  for (const ProgramStep& step : parts_.steps) {
    ProgramInstruction row;
    const Node& node = *step.node;
    row.shape = node.value().shape;
    row.elements = name_of(node.kind());
    if (step.run != ProgramStep::no_run)
      (node.value().size() == 1 ? row.block : row.group) = number_among(step, node.value().size() == 1);
    row.bytes = element_count(row.shape) * bytes_of(node.kind());
    if (step.assigned != nullptr) {
      row.operation = "assign";
      row.inputs = {name(*step.assigned), name(node)};
    } else {
      const Description made_by = node.description();
      row.operation = made_by.name;
      row.flops = made_by.flops(Shapes(node.inputs()), row.shape);
      row.requires_grad = node.requires_grad();
      for (const Node* input : node.inputs()) row.inputs.push_back(name(*input));
      if (const Notes* notes = find_notes(node); notes != nullptr && notes->place)
        row.scope = notes->place->path;
      names.emplace(&node, "%" + std::to_string(rows.size()));
    }
    rows.push_back(std::move(row));
  }
  return ProgramListing(std::move(rows));
}

}  // namespace xgrad::detail
