#include "program_node.hpp"

#include <optional>
#include <unordered_map>

#include "../core/graph/backward.hpp"
#include "../core/graph/journal.hpp"
#include "../core/graph/sweep.hpp"
#include "../derivatives/checkpoint.hpp"

namespace xgrad::detail {
namespace {

/// The leaves, modes and random numbers that a function reads, as they were at a call, while it lives.
class AsAtCall {
 public:
  AsAtCall(const CapturedProgram& program, const ProgramCall& call) : random_(generator().state()) {
    const ProgramParts& parts = program.parts();
    for (std::size_t i = 0; i < parts.inputs.size(); ++i) {
      const ProgramInput& input = parts.inputs[i];
      if (!input.source || input.source.node()->value().buffer.same_block(call.inputs[i])) continue;
      values_.emplace_back(input.source, input.source.node()->exchange_buffer(call.inputs[i]));
    }
    for (const ModuleMode& mode : parts.modes)
      modes_.push_back({mode.training, std::exchange(*mode.training, mode.was)});
    generator().set_state(call.random);
  }
  ~AsAtCall() {
    generator().set_state(random_);
    for (const ModuleMode& mode : modes_) *mode.training = mode.was;
    for (auto& [leaf, value] : values_) leaf.node()->exchange_buffer(std::move(value));
  }
  AsAtCall(const AsAtCall&) = delete;
  AsAtCall& operator=(const AsAtCall&) = delete;

 private:
  GeneratorState random_;
  std::vector<std::pair<Handle, memory::Buffer>> values_;
  std::vector<ModuleMode> modes_;
};

Handle restored(Node& node, const memory::Buffer& value) {
  return node.is_double() ? Handle(restore<double>(node, value).handle())
                          : Handle(restore<float>(node, value).handle());
}

/// A call of a program. Its edges lead to what requires a gradient.
class ProgramNode final : public Node {
 public:
  ProgramNode(std::shared_ptr<CapturedProgram> program, std::shared_ptr<ProgramCall> call,
              std::span<const Argument> arguments, Value&& value, ElementKind kind, bool is_result)
      : Node(std::move(value), kind),
        program_(std::move(program)),
        call_(std::move(call)),
        is_result_(is_result) {
    const ProgramParts& parts = program_->parts();
    edges_.reserve(parts.inputs.size());
    for (const ProgramInput& input : parts.inputs) {
      if (!input.requires_grad) continue;
      edges_.push_back(input.source ? input.source.node() : arguments[input.argument].variable.node());
    }
    if (edges_.empty()) {
      // Of what requires a gradient for the function's own sake; a node without edges would be a leaf.
      nothing_ = Handle::first(new Node(Shape{}, ElementKind::float32));
      edges_.push_back(nothing_.node());
    }
    require_gradient();
    set_inputs(edges_.data(), edges_.size());
  }
  ~ProgramNode() override { drop_saved(); }

  Description description() const noexcept override { return {"compiled"}; }
  void drop_saved() noexcept override {
    if (!call_) return;
    const auto lock = program_->lock();
    if (!program_->is_at_work()) program_->forget(*call_);
    call_.reset();
  }

  void differentiate(Sweep<memory::Buffer>& sweep, memory::Buffer&& dy) override {
    std::vector<memory::Buffer> seeds = seeds_of(sweep, std::move(dy));
    std::vector<InputGradient> gradients;
    {
      const auto lock = program_->lock();
      gradients = program_->backward(call_, std::move(seeds), !sweep.spends());
    }
    for (auto& [input, gradient] : gradients)
      sweep.give(*edges_[program_->parts().edge_of[input]], std::move(gradient));
  }

  /// The function runs again on the dynamic graph, which is differentiated.
  void differentiate(Sweep<Handle>& sweep, Handle&& dy) override {
    const std::vector<Handle> seeds = seeds_of(sweep, std::move(dy));
    std::vector<std::pair<std::size_t, Handle>> gradients;
    {
      const AsAtCall as_at_call(*program_, *call_);
      for (std::size_t i = 0; i < seeds.size(); ++i) {
        if (!seeds[i]) continue;
        generator().set_state(call_->random);  // each result is made by a run of its own
        add_gradients(i, seeds[i], gradients);
      }
    }
    for (auto& [edge, gradient] : gradients) sweep.give(*edges_[edge], std::move(gradient));
  }

 private:
  template <class G>
  std::vector<G> seeds_of(Sweep<G>& sweep, G&& dy) {
    std::vector<G> seeds;
    if (is_result_)
      seeds.push_back(std::move(dy));
    else
      seeds = sweep.take_further(*this);
    return seeds;
  }

  /// The arguments as they were, in the graph, and the edge that each node stands for.
  std::vector<Argument> arguments_again(std::unordered_map<const Node*, std::size_t>& edge_of) const {
    const ProgramParts& parts = program_->parts();
    std::vector<Argument> arguments = parts.arguments;
    for (std::size_t i = 0; i < parts.inputs.size(); ++i) {
      const ProgramInput& input = parts.inputs[i];
      if (input.source && parts.edge_of[i] != ProgramInput::none)
        edge_of.emplace(edges_[parts.edge_of[i]], parts.edge_of[i]);
      if (input.argument == ProgramInput::none) continue;
      Argument& argument = arguments[input.argument];
      const Value& entered = input.own.node()->value();
      if (argument.kind == Argument::Kind::elements) {
        argument.elements.buffer = call_->inputs[i];
      } else if (parts.edge_of[i] == ProgramInput::none) {
        argument.variable =
            Handle::first(new Node(Value{call_->inputs[i], entered.shape}, input.own.node()->kind()));
      } else {
        argument.variable = restored(*edges_[parts.edge_of[i]], call_->inputs[i]);
        edge_of.emplace(argument.variable.node(), parts.edge_of[i]);
      }
    }
    return arguments;
  }

  void add_gradients(std::size_t result, const Handle& seed,
                     std::vector<std::pair<std::size_t, Handle>>& gradients) const {
    if (program_->parts().results[result]->is_double())
      add_gradients_of<double>(result, seed, gradients);
    else
      add_gradients_of<float>(result, seed, gradients);
  }

  /// A block that is checkpointed knows its boundary, and stops there.
  template <class T>
  void add_gradients_of(std::size_t result, const Handle& seed,
                        std::vector<std::pair<std::size_t, Handle>>& gradients) const {
    std::unordered_map<const Node*, std::size_t> edge_of;
    const EnableGrad on;
    const Block<T> block = [program = program_, arguments = arguments_again(edge_of),
                            result](const std::vector<Variable<T>>&) {
      const LeafJournal undone;  // what the function assigns, the call has assigned
      std::optional<NoGrad> off;
      if (!program->parts().is_recording) off.emplace();
      return Variable<T>(program->callee().call(arguments)[result]);
    };
    const Variable<T> again = run_checkpoint<T>(block, {});
    Node& node = again.node();
    if (node.operation() != "checkpoint") return;
    Sweep<Handle> look;
    look.accept_only(node.inputs());
    look.look(node, Handle(seed));
    for (auto& slot : look.slots())
      if (slot.gradient)
        if (const auto found = edge_of.find(slot.node); found != edge_of.end())
          gradients.emplace_back(found->second, std::move(slot.gradient));
  }

  std::shared_ptr<CapturedProgram> program_;
  std::shared_ptr<ProgramCall> call_;
  std::vector<Node*> edges_;
  Handle nothing_;
  bool is_result_;  ///< rather than what several results are parts of
};

}  // namespace

std::vector<Handle> results_in_graph(const std::shared_ptr<CapturedProgram>& program,
                                     const std::shared_ptr<ProgramCall>& call,
                                     std::span<const Argument> arguments, std::vector<Value>&& values) {
  const std::vector<Node*>& nodes = program->parts().results;
  bool any = false;
  for (std::size_t i = 0; i < nodes.size(); ++i) any = any || program->passes_gradients(i);
  std::vector<Handle> results;
  if (any && values.size() == 1) {
    results.push_back(Handle::recorded(
        new ProgramNode(program, call, arguments, std::move(values[0]), nodes[0]->kind(), true)));
    return results;
  }
  Handle maker;
  if (any)
    maker = Handle::recorded(
        new ProgramNode(program, call, arguments, Dense<float>::scalar(0), ElementKind::float32, false));
  else
    program->forget(*call);
  for (std::size_t i = 0; i < values.size(); ++i) {
    if (any && program->passes_gradients(i))
      results.push_back(
          Handle::recorded(new FurtherOutput(*maker.node(), i + 1, std::move(values[i]), nodes[i]->kind())));
    else
      results.push_back(Handle::first(new Node(std::move(values[i]), nodes[i]->kind())));
  }
  return results;
}

}  // namespace xgrad::detail
