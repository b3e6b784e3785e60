#include "sweep.hpp"

#include <algorithm>
#include <cstring>
#include <optional>
#include <string>

#include "../array/error.hpp"
#include "activity.hpp"
#include "anomaly.hpp"
#include "backward.hpp"
#include "capture.hpp"
#include "hook.hpp"

namespace xgrad::detail {

namespace {

std::atomic<std::uint64_t> last_mark{0};
thread_local constinit std::uint32_t live_sweeps = 0;

/// So many slots are looked through where a hint fails: that is less than to keep an index of them.
constexpr std::uint32_t looked_through = 16;

}  // namespace

ApartFromSweeps::ApartFromSweeps() noexcept : around_(std::exchange(live_sweeps, 0)) {}
ApartFromSweeps::~ApartFromSweeps() { live_sweeps = around_; }

template <class G>
Sweep<G>::Sweep(Handle output)
    : output_(std::move(output)),
      nested_(live_sweeps > 0),
      watched_(detail::Watch::detecting()),
      seen_(watched_ || is_watched()) {
  constexpr std::size_t expected = 16;
  space_.slots.reserve(expected);
  space_.queue.reserve(expected);
  ++live_sweeps;
}

template <class G>
Sweep<G>::Sweep(Space& space) noexcept
    : space_(std::move(space)),
      lent_(&space),
      own_leaves_(space_.slots.size()),
      indexed_(own_leaves_ > looked_through),
      nested_(live_sweeps++ > 0),
      watched_(detail::Watch::detecting()),
      seen_(watched_ || is_watched()) {}

template <class G>
Sweep<G>::~Sweep() {
  --live_sweeps;
  if (lent_ != nullptr) {
    space_.slots.resize(own_leaves_);
    for (Slot& slot : space_.slots) slot.gradient = G();
    space_.free.clear();
    space_.queue.clear();
    *lent_ = std::move(space_);
  }
  // From the last to the first, so that what was there before this sweep stays.
  for (auto kept = kept_marks_.rbegin(); kept != kept_marks_.rend(); ++kept) {
    kept->node->mark_ = kept->mark;
    kept->node->slot_.store(kept->slot, std::memory_order_relaxed);
  }
}

template <class G>
void Sweep<G>::accept_only(std::span<Node* const> targets) {
  restricted_ = true;
  mark_ = ++last_mark;
  for (Node* target : targets) {
    if (find_kept(*target) != none) continue;
    const std::uint32_t slot = target->is_leaf() ? add_slot_of_leaf(*target) : add_slot(*target);
    space_.slots[slot].target = true;
    keep_slot(*target, slot);
    if (!target->is_leaf()) target->mark_ = mark_ << 1 | 1;
  }
}

template <class G>
void Sweep<G>::restrict_to(std::span<Node* const> targets) {
  accept_only(targets);
  std::uint64_t earliest = output_.node()->order();
  for (Node* target : targets) {
    earliest = std::min(earliest, target->order());
    if (!target->is_leaf()) target->mark_ = 0;  // to be met and marked like the others
  }
  // An inner node's mark: the sweep's number, and in the lowest bit whether the node is needed.
  std::vector<Node*> met, pending{output_.node()};
  while (!pending.empty()) {
    Node* node = pending.back();
    pending.pop_back();
    if (node->is_leaf() || !node->requires_grad() || node->order() < earliest || node->mark_ >> 1 == mark_)
      continue;
    keep(*node);
    node->mark_ = mark_ << 1;
    met.push_back(node);
    for (Node* input : node->inputs()) pending.push_back(input);
  }
  std::sort(met.begin(), met.end(), [](const Node* a, const Node* b) { return a->order() < b->order(); });
  for (Node* node : met) {
    if (wants_inputs(*node) || find_kept(*node) != none) node->mark_ |= 1;
  }
}

template <class G>
bool Sweep<G>::is_needed(const Node& node) const noexcept {
  return node.is_leaf() ? find(node) != none : node.mark_ == (mark_ << 1 | 1);
}

template <class G>
std::uint32_t Sweep<G>::find_kept(const Node& node) const noexcept {
  if (!indexed_) {
    for (std::size_t slot = 0; slot < space_.slots.size(); ++slot)
      if (space_.slots[slot].node == &node) return static_cast<std::uint32_t>(slot);
    return none;
  }
  const auto kept = kept_.find(&node);
  return kept == kept_.end() ? none : kept->second;
}

template <class G>
void Sweep<G>::keep_slot(const Node& node, std::uint32_t slot) {
  if (indexed_) kept_.emplace(&node, slot);
}

template <class G>
[[gnu::noinline]] void Sweep<G>::index_slots() {
  indexed_ = true;
  for (std::uint32_t slot = 0; slot < space_.slots.size(); ++slot)
    if (const Slot& known = space_.slots[slot];
        known.node != nullptr && (known.target || known.node->is_leaf()))
      kept_.emplace(known.node, slot);
}

template <class G>
[[gnu::always_inline]] inline std::uint32_t Sweep<G>::add_slot(Node& node) {
  std::uint32_t slot;
  if (!space_.free.empty()) {
    slot = space_.free.back();
    space_.free.pop_back();
  } else {
    slot = static_cast<std::uint32_t>(space_.slots.size());
    if (slot == looked_through && !indexed_) [[unlikely]]
      index_slots();
    space_.slots.emplace_back();
  }
  space_.slots[slot].node = &node;
  keep(node);
  node.slot_.store(slot, std::memory_order_relaxed);
  return slot;
}

template <class G>
std::uint32_t Sweep<G>::add_slot_of_leaf(Node& node) {
  const std::uint32_t slot = add_slot(node);
  keep_slot(node, slot);
  noted_leaves_ = noted_leaves_ || node.is_noted();
  return slot;
}

template <class G>
void Sweep<G>::give(Node& node, G&& share) {
  if (!wants(node)) return;
  if (watched_) [[unlikely]]
    expand(share, node);
  std::uint32_t slot = find(node);
  if (slot != none && space_.slots[slot].gradient) {
    accumulate(space_.slots[slot].gradient, std::move(share), node);
  } else {
    if (slot == none) slot = node.is_leaf() ? add_slot_of_leaf(node) : add_slot(node);
    space_.slots[slot].gradient = std::move(share);
    if (!node.is_leaf()) {
      space_.queue.push_back({node.order(), slot});
      if (space_.queue.size() > 1) [[unlikely]]
        std::push_heap(space_.queue.begin(), space_.queue.end());
    }
  }
  if (watched_) [[unlikely]]
    detail::check_gradient(node, space_.slots[slot].gradient);
}

template <class G>
void Sweep<G>::put(Node& node, G&& sum) {
  G& gradient = space_.slots[find(node)].gradient;
  gradient = std::move(sum);
  if (watched_) [[unlikely]]
    detail::check_gradient(node, gradient);
}

namespace {

std::size_t item_of(const Node& node) { return node.is_double() ? sizeof(double) : sizeof(float); }

memory::Buffer zeros_of(const Node& node, const memory::Buffer*) {
  memory::Buffer zero(item_of(node));
  std::memset(zero.mutable_data(), 0, item_of(node));
  zero.set_uniform();
  return zero;
}
Handle zeros_of(const Node& node, const Handle*) {
  memory::Buffer zeros(node.value().size() * item_of(node));
  std::memset(zeros.mutable_data(), 0, node.value().size() * item_of(node));
  return Handle::first(new Node(Value{std::move(zeros), node.value().shape}, node.kind()));
}

}  // namespace

template <class G>
G& Sweep<G>::further_sum(FurtherOutput& output) {
  std::vector<G>& sums = further_[&output.maker()];
  if (sums.size() < output.number()) sums.resize(output.number());
  return sums[output.number() - 1];
}

template <class G>
void Sweep<G>::give_further(FurtherOutput& output, G&& share) {
  Node& maker = output.maker();
  if (!wants(maker)) return;
  if (G& sum = further_sum(output))
    accumulate(sum, std::move(share), output);
  else
    sum = std::move(share);
  const std::uint32_t slot = find(maker);
  if (slot == none || !space_.slots[slot].gradient)
    give(maker, zeros_of(maker, static_cast<const G*>(nullptr)));
}

template <class G>
std::vector<G> Sweep<G>::take_further(const Node& maker) {
  const auto found = further_.find(&maker);
  if (found == further_.end()) return {};
  std::vector<G> gradients = std::move(found->second);
  further_.erase(found);
  return gradients;
}

template <class G>
void Sweep<G>::look(Node& node, G&& gradient) {
  Node& maker = node.maker();
  if (&maker == &node) return visit(node, std::move(gradient));
  further_sum(static_cast<FurtherOutput&>(node)) = std::move(gradient);
  G zeros = zeros_of(maker, static_cast<const G*>(nullptr));
  expand(zeros, maker);
  visit(maker, std::move(zeros));
}

template <class G>
bool Sweep<G>::wants_inputs(const Node& node) const noexcept {
  const auto inputs = node.inputs();
  return std::any_of(inputs.begin(), inputs.end(), [&](const Node* input) { return wants(*input); });
}

namespace {

void check_unspent(const Node& node) {
  if (!node.is_spent()) [[likely]]
    return;
  throw GraphError("backward: the graph through '" + std::string(node.operation()) +
                   "' was spent by an earlier backward; pass {.retain_graph = true} to the earlier one");
}

}  // namespace

template <class G>
void Sweep<G>::run(bool retain_graph) {
  as_activity("sweep", [&] { run_queue(retain_graph); });
}

template <class G>
void Sweep<G>::run_queue(bool retain_graph) {
  spends_ = !retain_graph;
  while (!space_.queue.empty()) {
    if (space_.queue.size() > 1) [[unlikely]]
      std::pop_heap(space_.queue.begin(), space_.queue.end());
    const std::uint32_t slot = space_.queue.back().slot;
    space_.queue.pop_back();
    Node& node = *space_.slots[slot].node;
    const bool ends = space_.slots[slot].target && !wants_inputs(node);  // then the node is not spent
    if (!ends) check_unspent(node);
    if (!node.takes_uniform() || node.is_noted()) expand(space_.slots[slot].gradient, node);
    if (node.is_noted()) [[unlikely]] {
      run_hooks(node, space_.slots[slot].gradient);
      if (!ends) check_unspent(node);  // hooks may sweep, too
    }
    if (ends) continue;
    G gradient;
    if (space_.slots[slot].target || (node.is_noted() && keeps_gradient(node))) {
      gradient = space_.slots[slot].gradient;
    } else {
      gradient = std::move(space_.slots[slot].gradient);
      space_.slots[slot].node = nullptr;
      space_.free.push_back(slot);
    }
    visit(node, std::move(gradient));
    if (!retain_graph) node.finish();
  }
  if (noted_leaves_) run_hooks_of_leaves();
}

template <class G>
void Sweep<G>::run_hooks_of_leaves() {
  for (Slot& slot : space_.slots)
    if (slot.node != nullptr && slot.node->is_leaf() && slot.node->is_noted() && slot.gradient) {
      expand(slot.gradient, *slot.node);
      run_hooks(*slot.node, slot.gradient);
    }
}

template <class G>
void Sweep<G>::visit(Node& node, G&& gradient) {
  if (!seen_) [[likely]]
    return node.differentiate(*this, std::move(gradient));
  visit_seen(node, std::move(gradient));
}

template <class G>
[[gnu::cold, gnu::noinline]] void Sweep<G>::visit_seen(Node& node, G&& gradient) {
  std::optional<detail::Watch> visiting;
  if (watched_) visiting.emplace(node);
  std::optional<Watched> activity;
  if (is_watched()) {
    activity.emplace(Activity{Activity::Kind::backward, node.description(), Shapes(node.inputs())});
    activity->gave(node);
  }
  node.differentiate(*this, std::move(gradient));
}

template <class G>
G Sweep<G>::take(const Node& target) {
  G gradient = space_.slots[find_kept(target)].gradient;
  expand(gradient, target);
  return gradient;
}

template class Sweep<memory::Buffer>;
template class Sweep<Handle>;

}  // namespace xgrad::detail
