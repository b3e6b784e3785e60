#include "program_capture.hpp"

#include <algorithm>
#include <cstring>
#include <string>
#include <unordered_map>
#include <unordered_set>

#include "../core/array/error.hpp"
#include "../core/graph/capture.hpp"
#include "../core/graph/watch.hpp"
#include "program_inputs.hpp"
#include "program_plan.hpp"
#include "program_pruning.hpp"

namespace xgrad::detail {
namespace {

/// Elements of its own, so that they are told from all others.
Value copy_of(const Value& value) {
  Value copy{memory::Buffer(value.buffer.bytes()), value.shape};
  std::memcpy(copy.buffer.mutable_data(), value.buffer.data(), value.buffer.bytes());
  return copy;
}

class ProgramCapture final : public Capture {
 public:
  explicit ProgramCapture(std::span<const Argument> given) : random_(generator().state()) {
    arguments_.assign(given.begin(), given.end());
    given_ = given;
    for (std::size_t i = 0; i < given.size(); ++i) {
      Argument& argument = arguments_[i];
      if (argument.kind == Argument::Kind::elements) {
        argument.elements = copy_of(given[i].elements);
        by_elements_.emplace(argument.elements.buffer.data(), Elements{nullptr, i});
      } else if (argument.kind != Argument::Kind::whole) {
        const Node& node = *given[i].variable.node();
        ProgramInput& input = enter(Value(node.value()), node.kind(), node.requires_grad());
        input.argument = i;
        if (node.is_updated_in_place()) input.own.node()->update_in_place();
        argument.variable = input.own;
        known_.emplace(input.own.node(), Known{true});
      }
    }
  }

  /// With what the function is to be called.
  const std::vector<Argument>& arguments() const noexcept { return arguments_; }
  /// To be called before results are taken: nobody else then has a handle to what is entered.
  void release_arguments() {
    for (Argument& argument : arguments_) {
      argument.variable.reset();
      argument.elements.buffer.reset();
    }
  }

  void see(Node& node) override {
    if (Capture::present() != this) return;  // inside an operation of a user's own, or another capture in it
    const bool passes = &node.maker() == &node ? passes_gradients() : node.maker().requires_grad();
    if (!passes) node.forgo_gradient();
    Known known{node.draws()};
    bool shares_with_input = false;
    for (std::size_t i = 0; i < node.inputs().size(); ++i) {
      Node& input = *node.inputs()[i];
      shares_with_input = shares_with_input || input.value().buffer.same_block(node.value().buffer);
      const auto found = known_.find(&input);
      if (found == known_.end()) {
        Node& own = is_real(input.kind()) ? input_for(input) : discrete_input_for(input);
        if (&own != &input) node.replace_input(i, own);
        known.depends = known.depends || known_.at(&own).depends;
      } else {
        known.depends = known.depends || found->second.depends;
      }
    }
    known_.emplace(&node, known);
    nodes_.emplace_back(&node);
    steps_.push_back({&node, nullptr, node.value().shape, node.draws()});
    if (!is_real(node.kind()))
      by_elements_.insert_or_assign(node.value().buffer.data(), Elements{&node, 0});
    else if (!shares_with_input)
      results_.insert(node.value().buffer.data());
  }
  bool keeps_inputs() const noexcept override { return true; }

  bool depends_on_inputs(const Node& node) const override {
    if (const auto found = known_.find(&node); found != known_.end()) return found->second.depends;
    if (const auto found = entered_.find(&node); found != entered_.end())
      return known_.at(found->second).depends;
    return is_input(node);
  }
  bool knows(const memory::Buffer& elements) const override {
    const auto found = by_elements_.find(elements.data());
    if (found == by_elements_.end()) return false;
    return found->second.node == nullptr || known_.at(found->second.node).depends;
  }
  Node& input_for(Node& outside) override {
    if (known_.contains(&outside)) return outside;
    if (const auto found = entered_.find(&outside); found != entered_.end()) return *found->second;
    if (results_.contains(outside.value().buffer.data()) && !is_input(outside))
      throw CaptureError("compile: a constant of shape " + to_string(outside.value().shape) +
                         " has the elements of a result that was captured, which later calls would keep; "
                         "write detach() where a value is to be a constant");
    check_is_outside(outside);
    ProgramInput& input = enter(Value(outside.value()), outside.kind(), outside.requires_grad());
    input.source = Handle(&outside);
    known_.emplace(input.own.node(), Known{is_input(outside)});
    entered_.emplace(&outside, input.own.node());
    return *input.own.node();
  }
  void assign(Node& leaf, Node& value) override {
    Node& own = input_for(leaf);
    ProgramInput& input = inputs_[static_cast<EnteredLeaf&>(own).number()];
    if (input.argument != ProgramInput::none) throw_assigned(input.argument);
    input.is_assigned = true;
    steps_.push_back({&value, static_cast<EnteredLeaf*>(&own), value.value().shape});
    if (std::none_of(assigned_.begin(), assigned_.end(),
                     [&](const auto& before) { return before.first == &leaf; }))
      assigned_.emplace_back(&leaf, leaf.value().buffer);
  }
  std::vector<Node*> targets_for(const Node& y, std::span<Node* const> by) override {
    takes_gradients_ = true;
    if (y.is_leaf() && !y.requires_grad()) return {};
    if (!known_.contains(&y))
      throw CaptureError("grad: the output, a '" + std::string(y.operation()) + "' of shape " +
                         to_string(y.value().shape) +
                         ", was not computed in the function that compile() captures; compute it there, or "
                         "take its gradient outside and pass that");
    std::vector<Node*> targets;
    for (Node* const x : by) {
      targets.push_back(&input_for(*x));
      if (auto* const leaf = dynamic_cast<EnteredLeaf*>(targets.back()))
        inputs_[leaf->number()].is_target = true;
    }
    check_draws_nothing(y, targets);
    return targets;
  }
  bool is_assigned(const Node& input) const override {
    const auto* const leaf = dynamic_cast<const EnteredLeaf*>(&input);
    return leaf != nullptr && inputs_[leaf->number()].is_assigned;
  }
  void tell_mode(const std::shared_ptr<bool>& training) override {
    for (const ModuleMode& mode : modes_)
      if (mode.training == training) return;
    modes_.push_back({training, *training});
  }

  /// Puts back what the function has changed.
  void undo() noexcept {
    for (auto& [leaf, before] : assigned_) leaf->exchange_buffer(std::move(before));
    generator().set_state(random_);
  }

  /// The program, for results that nobody but `results` has a handle to.
  Captured finish(std::vector<Handle> results, std::shared_ptr<void> function,
                  std::unique_ptr<const Callee> callee) {
    ProgramParts parts;
    Captured made;
    for (std::size_t i = 0; i < results.size(); ++i) {
      if (!results[i])
        throw GraphError("compile: result " + std::to_string(i) +
                         " of the function is an empty Variable; return a value");
      parts.results.push_back(&input_for(*results[i].node()));
      made.values.push_back(results[i].node()->value());
    }
    results.clear();
    check_assigned(inputs_, given_);
    check_targets(inputs_, given_);
    check_containers();
    check_kept();
    check_draws();
    made.call = std::make_shared<ProgramCall>();
    settle_inputs(*made.call);
    made.call->random = random_;
    leave_out_needless(parts.results, *made.call);
    find_runs(steps_);
    std::vector<Node*> kept;
    for (const ProgramStep& step : steps_)
      if (step.assigned == nullptr) kept.push_back(step.node);
    parts.kept = Handle::first(new KeptNodes(kept));
    nodes_.clear();
    for (Node* node : kept) {
      if (node->requires_grad()) continue;
      node->drop_saved();
      node->exchange_buffer({});
    }
    for (const ProgramInput& input : inputs_)
      if (!input.is_constant()) input.own.node()->exchange_buffer({});
    for (std::size_t edges = 0; const ProgramInput& input : inputs_)
      parts.edge_of.push_back(input.requires_grad ? edges++ : ProgramInput::none);
    parts.inputs = std::move(inputs_);
    parts.steps = std::move(steps_);
    parts.modes = std::move(modes_);
    parts.is_recording = is_recording_;
    parts.takes_gradients = takes_gradients_;
    parts.arguments = std::move(arguments_);
    made.program =
        std::make_shared<CapturedProgram>(std::move(parts), std::move(function), std::move(callee));
    made.call->in_graph = true;
    made.program->begin_with(made.call);
    return made;
  }

 private:
  struct Known {
    bool depends = false;  ///< on what differs from call to call
  };
  /// Whose elements they are: a node's, or an argument's.
  struct Elements {
    Node* node;
    std::size_t argument;
  };

  /// A gradient by the targets would draw again what later calls draw otherwise.
  static void check_draws_nothing(const Node& y, std::span<Node* const> targets) {
    std::unordered_set<const Node*> depends(targets.begin(), targets.end());
    std::vector<const Node*> between;
    walk_back(y, [&](const Node& node) {
      if (depends.contains(&node) || !node.requires_grad()) return false;
      between.push_back(&node);
      return true;
    });
    std::sort(between.begin(), between.end(),
              [](const Node* a, const Node* b) { return a->order() < b->order(); });
    for (const Node* node : between) {
      const auto inputs = node->inputs();
      if (std::none_of(inputs.begin(), inputs.end(), [&](const Node* x) { return depends.contains(x); }))
        continue;
      depends.insert(node);
      if (node->draws())
        throw CaptureError("grad: a '" + std::string(node->operation()) + "' of shape " +
                           to_string(node->value().shape) +
                           " draws random numbers, so that compile() captures no gradient of it; take "
                           "gradients of what draws none, as a network in eval() does");
    }
  }

  /// Whether a node that was there before may hold something else at another call.
  static bool is_input(const Node& node) {
    return !node.is_leaf() || node.is_updated_in_place() || const_cast<Node&>(node).gradient() != nullptr;
  }

  /// A node that was not seen, and yet was made of what was, is another thread's.
  void check_is_outside(const Node& outside) const {
    walk_back(outside, [&](const Node& node) {
      if (known_.contains(&node))
        throw CaptureError("compile: a '" + std::string(outside.operation()) + "' of shape " +
                           to_string(outside.value().shape) +
                           " was computed from an argument by another thread, which is not captured; compute "
                           "it in the function's own thread");
      return true;
    });
  }

  ProgramInput& enter(Value&& value, ElementKind kind, bool requires_grad) {
    ProgramInput input;
    input.own = Handle::first(new EnteredLeaf(std::move(value), kind, inputs_.size(), requires_grad));
    input.requires_grad = requires_grad;
    inputs_.push_back(std::move(input));
    return inputs_.back();
  }

  /// For indices or a mask, which enter the graph anew wherever they are used, and are known by their
  /// elements.
  Node& discrete_input_for(Node& leaf) {
    const auto found = by_elements_.find(leaf.value().buffer.data());
    if (found == by_elements_.end()) {
      ProgramInput& input = enter(Value(leaf.value()), leaf.kind(), false);
      known_.emplace(input.own.node(), Known{});
      return *input.own.node();
    }
    if (Node* const node = found->second.node) {
      if (node->value().shape == leaf.value().shape) return *node;
      throw CaptureError("compile: a mask of shape " + to_string(node->value().shape) + " is read as " +
                         to_string(leaf.value().shape) + ", which no operation did; reshape the comparison");
    }
    for (const ProgramInput& input : inputs_)
      if (input.argument == found->second.argument && input.own.node()->value().shape == leaf.value().shape)
        return *input.own.node();
    ProgramInput& input = enter(Value(leaf.value()), leaf.kind(), false);
    input.argument = found->second.argument;
    known_.emplace(input.own.node(), Known{true});
    return *input.own.node();
  }

  void check_containers() const {
    for (std::size_t i = 0; i < arguments_.size(); ++i) {
      if (arguments_[i].kind != Argument::Kind::elements) continue;
      if (std::any_of(inputs_.begin(), inputs_.end(),
                      [&](const ProgramInput& input) { return input.argument == i; }))
        continue;
      throw CaptureError("compile: argument " + std::to_string(i) + ", " +
                         (arguments_[i].element == ElementKind::boolean ? "a Mask" : "Indices") +
                         " of shape " + to_string(arguments_[i].elements.shape) +
                         ", is read by no operation: what was made of it inside would stay as it is now; "
                         "make it outside, and pass the result");
    }
  }

  /// What somebody else holds would change under him.
  void check_kept() const {
    for (const Handle& node : nodes_) check_kept(*node.node());
    for (const ProgramInput& input : inputs_)
      if (input.argument != ProgramInput::none) check_kept(*input.own.node());
  }
  static void check_kept(const Node& node) {
    if (node.has_one_handle()) return;
    throw CaptureError("compile: a '" + std::string(node.operation()) + "' of shape " +
                       to_string(node.value().shape) +
                       " that was captured is still held outside of the function; return it as one more "
                       "result, or hold its detach() of a result");
  }

  /// Draws by operations are drawn again; others would stay as they are.
  void check_draws() {
    const GeneratorState after = generator().state();
    generator().set_state(random_);
    bool known = true;
    for (const ProgramStep& step : steps_)
      if (step.draws) known = step.node->draw_again() && known;
    known = generator().state() == after && known;
    generator().set_state(after);
    if (known) return;
    throw CaptureError(
        "compile: the function draws random numbers by what is no operation, or from a Generator of its own, "
        "and later calls would keep them; draw outside, and pass them as an argument");
  }

  /// What nobody outside holds was made in the function, and stays.
  void settle_inputs(ProgramCall& call) {
    for (ProgramInput& input : inputs_) {
      if (input.is_assigned && input.source.node()->is_held_once())
        throw CaptureError("compile: a leaf of shape " + to_string(input.source.node()->value().shape) +
                           " that the function makes is updated in it; make the leaf outside");
      if (input.source && input.source.node()->is_held_once() && !input.is_assigned) {
        // Nobody can ask for its gradient.
        if (std::exchange(input.requires_grad, false)) input.own.node()->forgo_gradient();
        input.source.reset();
      }
      call.inputs.push_back(input.is_constant() ? memory::Buffer() : input.own.node()->value().buffer);
    }
  }

  void leave_out_needless(std::span<Node* const> results, ProgramCall& call) {
    ProgramConstants constants{.known = {}, .make = [&](const Node& node) -> Node& {
                                 call.inputs.emplace_back();
                                 return *enter(Value(node.value()), node.kind(), false).own.node();
                               }};
    for (const ProgramInput& input : inputs_)
      if (input.is_constant()) constants.known.push_back(input.own.node());
    prune(steps_, results, constants);
  }

  std::vector<Argument> arguments_;
  std::span<const Argument> given_;  ///< what the caller has
  std::vector<ProgramInput> inputs_;
  std::vector<ProgramStep> steps_;
  std::vector<Handle> nodes_;  ///< with their values, which are wanted till the end
  std::vector<ModuleMode> modes_;
  std::vector<std::pair<Node*, memory::Buffer>> assigned_;  ///< what they held; kept by their inputs
  std::unordered_map<const Node*, Known> known_;
  std::unordered_map<const Node*, Node*> entered_;  ///< what stands for what was there before
  std::unordered_set<const void*> results_;         ///< elements that operations gave
  std::unordered_map<const void*, Elements> by_elements_;
  GeneratorState random_;
  const bool is_recording_ = xgrad::is_recording();
  bool takes_gradients_ = false;
};

}  // namespace

Captured capture(const std::shared_ptr<void>& function, std::unique_ptr<const Callee> callee,
                 std::span<const Argument> arguments) {
  ProgramCapture capture(arguments);
  try {
    std::vector<Handle> results;
    {
      const CapturedBy captured(&capture);
      const Watch watch(capture);
      results = callee->call(capture.arguments());
    }
    capture.release_arguments();
    return capture.finish(std::move(results), function, std::move(callee));
  } catch (...) {
    capture.undo();
    throw;
  }
}

}  // namespace xgrad::detail
