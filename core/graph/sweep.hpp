// One backward sweep: the gradients that are under way, and the order in which nodes are visited.
#pragma once

#include <cstdint>
#include <unordered_map>
#include <vector>

#include "node.hpp"

namespace xgrad::detail {

class FurtherOutput;

/// A plain gradient is a buffer of the node's shape, or a `uniform` one: one element that stands for all of
/// them, as the gradient of a mean is. This makes the latter the former.
void expand(memory::Buffer& gradient, const Node& node);
inline void expand(Handle&, const Node&) noexcept {}

/// Adds `share` to a gradient of `node`, in place where one of the two buffers is held by nobody else.
void accumulate(memory::Buffer& into, memory::Buffer&& share, const Node& node);
void accumulate(Handle& into, Handle&& share, const Node& node);

/// Carries gradients of type G (Buffer: plain, of the node's shape; Handle: recorded) from an output to its
/// leaves. Nodes are visited in decreasing order of creation, so each is handed its complete gradient exactly
/// once.
template <class G>
class Sweep {
 public:
  /// Aligned, since finding one multiplies by its size.
  struct alignas(16) Slot {
    Node* node = nullptr;
    G gradient{};
    bool target = false;
  };
  struct Entry {
    std::uint64_t order;
    std::uint32_t slot;
    bool operator<(const Entry& other) const noexcept { return order < other.order; }
  };
  /// Where gradients under way are kept. Whoever sweeps a graph of his own again and again keeps one for it.
  struct Space {
    std::vector<Slot> slots;  ///< before and after a sweep, those of leaves that no other sweep meets
    std::vector<std::uint32_t> free;
    std::vector<Entry> queue;  ///< a heap, the latest node first
    void add_leaf(Node& leaf) {
      leaf.slot_.store(static_cast<std::uint32_t>(slots.size()), std::memory_order_relaxed);
      slots.push_back({&leaf, {}, false});
    }
  };

  /// Keeps the output until it ends, and with it every node that it can meet: hooks, users' derivatives and
  /// checkpointed blocks may drop any handle. Without one it is a look at what a single node gives to its
  /// inputs, and whoever looks keeps that node.
  explicit Sweep(Handle output = {});
  /// Over a graph that its owner keeps, from what is given before run(). The space is the sweep's meanwhile.
  explicit Sweep(Space& space) noexcept;
  /// A sweep inside another one (a block run again, a vjp that calls grad()) leaves every node as it was for
  /// the sweep around it.
  ~Sweep();
  Sweep(const Sweep&) = delete;
  Sweep& operator=(const Sweep&) = delete;

  /// Only paths from the output that reach one of `targets` are visited; their gradients are kept for take().
  /// The caller keeps the targets: a handle to each, since no path may lead there.
  void restrict_to(std::span<Node* const> targets);

  /// Gradients are kept for `targets` and go nowhere else: for a look at what one node gives to its inputs.
  void accept_only(std::span<Node* const> targets);

  /// Whether a gradient of `node` is of use to this sweep.
  bool wants(const Node& node) const noexcept {
    return node.requires_grad() && (!restricted_ || is_needed(node));
  }
  /// Adds to what has come for a further output of an operation, for take_further(). The first output's
  /// gradient is zeros unless it is given one, too.
  void give_further(FurtherOutput& output, G&& share);
  /// The gradients of the outputs after the first, in their order; empty ones, or none at the end, where
  /// nothing came.
  std::vector<G> take_further(const Node& maker);
  /// Hands `node` a gradient for a look at what it alone gives to the inputs of its maker.
  void look(Node& node, G&& gradient);
  /// Gives the output its gradient.
  void start(G&& seed) { give(*output_.node(), std::move(seed)); }
  /// Adds to the gradient of `node`; does nothing for a node that is not wanted.
  void give(Node& node, G&& share);
  /// Takes what has come for `node` so far, for a share that is added in a way of its own; empty where that
  /// is nothing. put() brings it back before anything else is given to the same node.
  G take_waiting(const Node& node) noexcept {
    const std::uint32_t slot = find(node);
    return slot == none ? G() : std::move(space_.slots[slot].gradient);
  }
  /// What has come for `node`, with the share.
  void put(Node& node, G&& sum);
  /// Whether a node is spent by its visit, so that it may write to what it has saved; it marks itself as
  /// spent first.
  bool spends() const noexcept { return spends_; }
  /// Visits everything that has been given a gradient. Saved values go as they are passed unless
  /// `retain_graph`. Hooks see each complete gradient once.
  void run(bool retain_graph);
  /// Hands a node its complete gradient; what it gives to its inputs arrives here.
  void visit(Node& node, G&& gradient);

  /// The gradient that arrived at a target; empty when no path led there.
  G take(const Node& target);

  /// After run(): the nodes that keep a gradient and were reached, and their gradients; for the commit.
  std::vector<Slot>& slots() noexcept { return space_.slots; }

 private:
  void run_queue(bool retain_graph);
  void visit_seen(Node& node, G&& gradient);
  bool is_needed(const Node& node) const noexcept;
  bool wants_inputs(const Node& node) const noexcept;
  /// The slot of a node, or none. Leaves and targets may be shared by sweeps of other threads, so a hint that
  /// fails is looked up; an inner node belongs to one sweep at a time.
  std::uint32_t find(const Node& node) const noexcept {
    const std::uint32_t hint = node.slot_.load(std::memory_order_relaxed);
    if (hint < space_.slots.size() && space_.slots[hint].node == &node) return hint;
    return node.is_leaf() || restricted_ ? find_kept(node) : none;
  }
  std::uint32_t find_kept(const Node& node) const noexcept;
  void keep_slot(const Node& node, std::uint32_t slot);
  void index_slots();
  std::uint32_t add_slot(Node& node);
  std::uint32_t add_slot_of_leaf(Node& node);

  static constexpr std::uint32_t none = 0xffffffffu;
  const Handle output_;  // first, so that it goes last
  Space space_;
  Space* const lent_ = nullptr;       ///< by whoever keeps it
  const std::size_t own_leaves_ = 0;  ///< that were there before
  /// The slots of leaves and targets, once there are more slots than are looked through one by one.
  std::unordered_map<const Node*, std::uint32_t> kept_;
  bool indexed_ = false;
  /// What a node held for the sweep around this one.
  struct Kept {
    Node* node;
    std::uint64_t mark;
    std::uint32_t slot;
  };
  /// To be called before this sweep writes to a node.
  void keep(Node& node) {
    if (nested_) kept_marks_.push_back({&node, node.mark_, node.slot_.load(std::memory_order_relaxed)});
  }
  void run_hooks_of_leaves();

  G& further_sum(FurtherOutput& output);

  std::unordered_map<const Node*, std::vector<G>> further_;
  std::vector<Kept> kept_marks_;
  const bool nested_, watched_;
  const bool seen_;  ///< by whoever looks for anomalies, or by a profile
  bool restricted_ = false;
  bool spends_ = false;
  bool noted_leaves_ = false;
  std::uint64_t mark_ = 0;
};

/// Gives `node` a plain gradient whose axes of extent 1, or missing leading ones, stand for all along that
/// axis.
void give_repeated(Sweep<memory::Buffer>& sweep, Node& node, const Value& share);

extern template class Sweep<memory::Buffer>;
extern template class Sweep<Handle>;

}  // namespace xgrad::detail
