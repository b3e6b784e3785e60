#include "checkpoint.hpp"

#include <algorithm>
#include <string>
#include <type_traits>
#include <unordered_map>
#include <unordered_set>

#include "../core/array/instantiate.hpp"
#include "../core/graph/capture.hpp"
#include "../core/graph/hook.hpp"
#include "../core/graph/record.hpp"
#include "../core/graph/watch.hpp"
#include "../core/kernels/random.hpp"

namespace xgrad {
using namespace detail;

namespace {

/// The nodes that lead from a boundary to a block's result, the latest first, and the nodes on the boundary
/// that are met.
struct Inside {
  std::vector<Node*> nodes;
  std::vector<Node*> boundary;
};

template <class IsBoundary>
Inside look_inside(Node& result, IsBoundary&& is_boundary) {
  Inside found;
  std::unordered_set<const Node*> met;
  std::vector<Node*> pending{&result};
  while (!pending.empty()) {
    Node* node = pending.back();
    pending.pop_back();
    if (!node->requires_grad() || !met.insert(node).second) continue;
    if (is_boundary(*node)) {
      found.boundary.push_back(node);
      continue;
    }
    found.nodes.push_back(node);
    for (Node* input : node->inputs()) pending.push_back(input);
  }
  const auto later = [](const Node* a, const Node* b) { return a->order() > b->order(); };
  std::sort(found.nodes.begin(), found.nodes.end(), later);
  std::sort(found.boundary.begin(), found.boundary.end(), later);
  return found;
}

/// The thread's random numbers from an earlier state on, while it lives.
class EarlierRandom {
 public:
  explicit EarlierRandom(const GeneratorState& state) : before_(generator().state()) {
    generator().set_state(state);
  }
  ~EarlierRandom() { generator().set_state(before_); }
  EarlierRandom(const EarlierRandom&) = delete;
  EarlierRandom& operator=(const EarlierRandom&) = delete;

 private:
  GeneratorState before_;
};

/// A node's value as it was, while it lives: a parameter may have been set since.
class EarlierValue {
 public:
  EarlierValue(Node& node, const memory::Buffer& value)
      : node_(node), present_(node.exchange_buffer(value)) {}
  ~EarlierValue() { node_.exchange_buffer(std::move(present_)); }
  EarlierValue(const EarlierValue&) = delete;
  EarlierValue& operator=(const EarlierValue&) = delete;

 private:
  Node& node_;
  memory::Buffer present_;
};

template <class T>
void check_result(const Variable<T>& result) {
  if (!result.defined()) throw GraphError("checkpoint: the block gave an empty Variable; return its result");
}

/// Gradients on their way through the inside of a block.
template <class G>
class InnerSweep {
 public:
  /// To those nodes on the boundary that are `wanted`.
  InnerSweep(const Inside& inside, std::unordered_set<const Node*> wanted)
      : inside_(inside), needed_(std::move(wanted)) {
    for (auto node = inside.nodes.rbegin(); node != inside.nodes.rend(); ++node)
      for (const Node* input : (*node)->inputs())
        if (needed_.contains(input)) needed_.insert(*node);
  }

  /// From `result`, weighed by `seed`. Nodes that are `ours` are spent as they are passed.
  void run(Node& result, G&& seed, detail::Recorded* ours) {
    gradients_[&result] = std::move(seed);
    for (Node* node : inside_.nodes) {
      const auto arrived = gradients_.find(node);
      if (arrived == gradients_.end() || !needed_.contains(node)) continue;
      G gradient = std::move(arrived->second);
      gradients_.erase(arrived);
      check_unspent(*node);
      if (node->is_noted()) {
        run_hooks(*node, gradient);
        check_unspent(*node);  // hooks may sweep, too
      }
      pass(*node, std::move(gradient));
      if (ours != nullptr && ours->contains(*node)) node->finish();
    }
  }

  /// What has arrived on the boundary.
  std::vector<std::pair<Node*, G>> arrived(const std::vector<Node*>& boundary) {
    std::vector<std::pair<Node*, G>> result;
    for (Node* node : boundary)
      if (const auto found = gradients_.find(node); found != gradients_.end())
        result.emplace_back(node, std::move(found->second));
    return result;
  }

 private:
  static void check_unspent(const Node& node) {
    if (!node.is_spent()) return;
    throw GraphError("checkpoint: the block uses '" + std::string(node.operation()) +
                     "' of a graph that an earlier backward has spent; pass {.retain_graph = true} to the "
                     "earlier one");
  }

  void pass(Node& node, G&& gradient) {
    std::vector<Node*> targets;
    for (Node* input : node.maker().inputs())
      if (needed_.contains(input)) targets.push_back(input);
    Sweep<G> gives;
    gives.accept_only(targets);
    gives.look(node, std::move(gradient));
    for (auto& slot : gives.slots()) {
      if (!slot.gradient) continue;
      G& sum = gradients_[slot.node];
      if (sum)
        accumulate(sum, std::move(slot.gradient), *slot.node);
      else
        sum = std::move(slot.gradient);
    }
  }

  const Inside& inside_;
  std::unordered_set<const Node*> needed_;
  std::unordered_map<const Node*, G> gradients_;
};

/// The node of a block. Its inputs are those listed and then whatever else the block reads that requires a
/// gradient.
template <class T>
class CheckpointNode final : public Node {
 public:
  CheckpointNode(detail::Block<T> block, const GeneratorState& random, Dense<T> output,
                 const std::vector<Variable<T>>& inputs, const std::vector<Node*>& captured)
      : Node(std::move(output), kind_of<T>),
        block_(std::move(block)),
        random_(random),
        listed_(inputs.size()) {
    for (const Variable<T>& input : inputs) edges_.push_back(&input.node());
    edges_.insert(edges_.end(), captured.begin(), captured.end());
    for (const Node* edge : edges_) saved_.push_back(edge->value().buffer);
    require_gradient();
    set_inputs(edges_.data(), edges_.size());
  }

  Description description() const noexcept override { return {"checkpoint"}; }
  void drop_saved() noexcept override {
    block_ = nullptr;
    saved_.clear();
  }
  void differentiate(Sweep<memory::Buffer>& sweep, memory::Buffer&& dy) override {
    run_again(sweep, std::move(dy));
  }
  void differentiate(Sweep<Handle>& sweep, Handle&& dy) override { run_again(sweep, std::move(dy)); }
  std::vector<Value> perform_again(std::span<const Value> inputs) const override {
    const NoGrad off;
    std::vector<Variable<T>> arguments;
    for (std::size_t i = 0; i < listed_; ++i) arguments.emplace_back(Dense<T>(inputs[i]));
    std::vector<std::unique_ptr<EarlierValue>> captured;
    for (std::size_t i = listed_; i < edges_.size(); ++i)
      captured.push_back(std::make_unique<EarlierValue>(*edges_[i], inputs[i].buffer));
    const detail::Block<T> block = block_;
    const Variable<T> result = block(arguments);
    check_result(result);
    return {result.dense()};
  }
  void renew() override {
    random_ = generator().state();
    value_to_come() = std::move(perform_again(input_values())[0]);
    for (std::size_t i = 0; i < edges_.size(); ++i) saved_[i] = edges_[i]->value().buffer;
  }
  bool has_forward_mode() override {
    detail::Recorded recorded;
    const Variable<T> result = call_block(recorded);
    const Inside inside =
        look_inside(result.node(), [edges = boundary()](const Node& node) { return edges.contains(&node); });
    return std::all_of(inside.nodes.begin(), inside.nodes.end(),
                       [](Node* node) { return node->has_forward_mode(); });
  }

 private:
  std::unordered_set<const Node*> boundary() const { return {edges_.begin(), edges_.end()}; }

  template <class G>
  void run_again(Sweep<G>& sweep, std::type_identity_t<G>&& dy) {
    // Given only when the marks that `sweep` goes by are back in their places: the sweeps inside are gone.
    for (auto& [node, gradient] : gradients_inside(sweep, std::move(dy)))
      sweep.give(*node, std::move(gradient));
  }

  template <class G>
  std::vector<std::pair<Node*, G>> gradients_inside(const Sweep<G>& outside, std::type_identity_t<G>&& dy) {
    const std::unordered_set<const Node*> edges = boundary();
    std::unordered_set<const Node*> wanted;
    for (const Node* edge : edges)
      if (outside.wants(*edge)) wanted.insert(edge);
    detail::Recorded recorded;
    const Variable<T> result = call_block(recorded);
    const Inside inside = look_inside(result.node(), [&](const Node& node) { return edges.contains(&node); });
    for (Node* node : inside.nodes) {
      // One that nobody holds was the block's own.
      if (node->is_leaf() && node->is_held()) throw_unknown(*node);
    }
    InnerSweep<G> inner(inside, std::move(wanted));
    if constexpr (std::is_same_v<G, Handle>) {
      const EnableGrad on;
      inner.run(result.node(), std::move(dy), nullptr);  // the gradients' graph may need it all
    } else {
      const NoGrad off;
      inner.run(result.node(), std::move(dy), &recorded);
    }
    return inner.arrived(inside.boundary);
  }

  /// Records the block once more, in the graph that it was first called in.
  Variable<T> call_block(detail::Recorded& recorded) const {
    const EnableGrad on;
    const detail::Watch watch(recorded);
    const EarlierRandom numbers(random_);
    std::vector<Variable<T>> inputs;
    for (std::size_t i = 0; i < listed_; ++i) inputs.push_back(detail::restore<T>(*edges_[i], saved_[i]));
    std::vector<std::unique_ptr<EarlierValue>> values;
    for (std::size_t i = listed_; i < edges_.size(); ++i)
      if (!edges_[i]->value().buffer.same_block(saved_[i]))
        values.push_back(std::make_unique<EarlierValue>(*edges_[i], saved_[i]));
    const detail::Block<T> block = block_;  // which a sweep of the block's own may drop
    Variable<T> result = block(inputs);
    check_result(result);
    if (!(result.shape() == value().shape))
      throw GraphError("checkpoint: the block gave shape " + to_string(value().shape) + " at first and " +
                       to_string(result.shape()) +
                       " when it was run again; it must do the same on every call");
    return result;
  }

  [[noreturn]] static void throw_unknown(const Node& parameter) {
    throw GraphError(
        "checkpoint: run again, the block uses a parameter of shape " + to_string(parameter.value().shape) +
        " that it did not use at first; it must do the same on every call, and make no parameters");
  }

  detail::Block<T> block_;
  GeneratorState random_;
  std::size_t listed_;
  std::vector<Node*> edges_;
  std::vector<memory::Buffer> saved_;
};

}  // namespace

template <class T>
Variable<T> detail::run_checkpoint(Block<T> block, const std::vector<Variable<T>>& given) {
  refuse_in_capture("checkpoint", "compile the block alone, and call it in a checkpoint outside");
  const std::vector<Variable<T>> inputs = given;  // which the block may change
  std::unordered_set<const Node*> listed;
  for (std::size_t i = 0; i < inputs.size(); ++i) {
    if (!inputs[i].defined())
      throw GraphError("checkpoint: input " + std::to_string(i) +
                       " is an empty Variable; assign a value first");
    listed.insert(&inputs[i].node());
  }
  const GeneratorState random = generator().state();
  Recorded recorded;
  const Variable<T> result = [&] {
    const Watch watch(recorded);
    return block(inputs);
  }();
  check_result(result);
  if (!leaves_node([&] { return result.requires_grad(); })) return result;
  const Inside inside = look_inside(result.node(), [&](const Node& node) {
    return listed.contains(&node) || node.is_leaf() || !recorded.contains(node);
  });
  if (inside.boundary.empty()) return result;
  std::vector<Node*> captured;
  for (Node* node : inside.boundary)
    if (!listed.contains(node)) captured.push_back(node);
  return Variable<T>(Handle::recorded(
      new CheckpointNode<T>(std::move(block), random, Dense<T>(result.dense()), inputs, captured)));
}

[[gnu::used]] constexpr auto instances =
    instantiate::for_numbers([]<class T>() { return detail::run_checkpoint<T>; });

}  // namespace xgrad
