#include "forward_path.hpp"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <optional>
#include <string>

#include "../core/array/error.hpp"
#include "../core/graph/activity.hpp"
#include "../core/graph/anomaly.hpp"
#include "../core/graph/capture.hpp"
#include "../core/graph/gradients.hpp"
#include "../core/graph/hook.hpp"
#include "../core/graph/record.hpp"
#include "../core/graph/sweep.hpp"
#include "../core/graph/variable.hpp"

namespace xgrad::detail {
namespace {

/// Where nodes are on a path: a hash table in one piece, for a path has many nodes and goes soon.
class Places {
 public:
  /// Whether the node was not there.
  bool add(const Node* node, std::size_t place) {
    if (2 * (count_ + 1) > entries_.size()) grow();
    Entry& entry = entry_of(node);
    if (entry.node != nullptr) return false;
    entry = {node, place};
    ++count_;
    return true;
  }
  std::size_t& operator[](const Node* node) { return entry_of(node).place; }
  /// `otherwise` for one that is not there.
  std::size_t find(const Node* node, std::size_t otherwise) {
    const Entry& entry = entry_of(node);
    return entry.node == nullptr ? otherwise : entry.place;
  }

 private:
  struct Entry {
    const Node* node = nullptr;
    std::size_t place = 0;
  };
  Entry& entry_of(const Node* node) {
    // Nodes lie at multiples of 64 bytes; the factor spreads what is left over the upper bits.
    const std::uint64_t hash = (reinterpret_cast<std::uintptr_t>(node) >> 6) * 0x9e3779b97f4a7c15u;
    std::size_t i = hash >> shift_;
    while (entries_[i].node != nullptr && entries_[i].node != node) i = (i + 1) & (entries_.size() - 1);
    return entries_[i];
  }
  void grow() {
    std::vector<Entry> before(2 * entries_.size());
    before.swap(entries_);
    --shift_;
    for (const Entry& entry : before)
      if (entry.node != nullptr) entry_of(entry.node) = entry;
  }

  std::size_t count_ = 0;
  unsigned shift_ = 64 - 6;
  std::vector<Entry> entries_ = std::vector<Entry>(std::size_t{1} << 6);
};

/// Zeros of the node's shape, for a program, which has no leaves of its own.
template <class T>
Handle inner_zeros(const Node& node) {
  return cut(Variable<T>(Dense<T>::filled(node.value().shape, T(0))), true).handle();
}

/// A leaf of the node's shape and type, of zeros. Its order is past the node's, whichever thread recorded
/// that, so that a sweep to it does not go on into what the node was made from.
Handle zero_leaf(const Node& node) {
  if (is_capturing()) [[unlikely]]
    return node.is_double() ? inner_zeros<double>(node) : inner_zeros<float>(node);
  Value zeros = node.is_double() ? Value(Dense<double>::filled(node.value().shape, 0))
                                 : Value(Dense<float>::filled(node.value().shape, 0));
  return Handle::first(new Leaf(std::move(zeros), node.kind(), std::max(next_order(), node.order() + 1)));
}

bool is_set(const Value& g) { return g.defined(); }
bool is_set(const Handle& g) { return static_cast<bool>(g); }

void add_share(Value& sum, const Handle& share, const Value& tangent, Node& u) {
  Node* const targets[] = {&u};
  Value part = std::move(plain_gradients(share, tangent, targets, true)[0]);
  if (!part.defined()) return;
  if (sum.defined())
    accumulate(sum.buffer, std::move(part.buffer), u);
  else
    sum = std::move(part);
}
void add_share(Handle& sum, const Handle& share, const Handle& tangent, Node& u) {
  Node* const targets[] = {&u};
  Handle part = std::move(recorded_gradients(share, tangent, targets, true)[0]);
  if (!part) return;
  if (sum)
    accumulate(sum, std::move(part), u);
  else
    sum = std::move(part);
}

/// What a node gives to an input is linear in its own gradient u; the derivative of that in u, applied to
/// the input's tangent, is what the tangent adds to the node's. So one rule an operation, its vjp, serves
/// both directions.
template <class G>
G transposed(Node& node, const std::vector<G>& moved) {
  const auto inputs = node.maker().inputs();
  std::vector<Node*> moving;
  std::vector<const G*> tangents;
  for (std::size_t k = 0; k < inputs.size(); ++k)
    if (is_set(moved[k]) && std::find(moving.begin(), moving.end(), inputs[k]) == moving.end()) {
      moving.push_back(inputs[k]);
      tangents.push_back(&moved[k]);
    }
  const Watch unsearched(nullptr, false);  // shares on the way; the tangent is what counts
  const Handle u = zero_leaf(node);
  const EnableGrad on;
  Sweep<Handle> gives;
  gives.accept_only(moving);
  gives.look(node, Handle(u));
  G sum{};
  for (std::size_t k = 0; k < moving.size(); ++k) {
    const Handle share = gives.take(*moving[k]);
    if (share && share.node()->requires_grad()) add_share(sum, share, *tangents[k], *u.node());
  }
  return sum;
}

/// Of an operation that has a way of its own; a further output of one is transposed.
const OperationType* type_with_tangent(Node& node) {
  const OperationType* const type = node.description().type;
  return type != nullptr && type->tangent != nullptr && &node.maker() == &node ? type : nullptr;
}

Value tangent_of(Node& node, const std::vector<Value>& moved) {
  if (const OperationType* const type = type_with_tangent(node))
    if (std::optional<Value> tangent = type->tangent(node, moved)) return std::move(*tangent);
  return transposed(node, moved);
}

std::size_t bytes_of(const Node& node) {
  return node.value().size() * (node.is_double() ? sizeof(double) : sizeof(float));
}

/// One row of what has the node's elements in each.
Value row_of(const Value& rows, std::size_t row, const Node& node) {
  const std::size_t bytes = bytes_of(node);
  Value result{memory::Buffer(bytes), node.value().shape};
  if (bytes != 0)
    std::memcpy(result.buffer.mutable_data(), static_cast<const std::byte*>(rows.buffer.data()) + row * bytes,
                bytes);
  return result;
}

/// Direction by direction, where an operation has no way for several.
Value tangents_one_by_one(Node& node, const std::vector<Value>& moved, std::size_t directions) {
  const auto inputs = node.maker().inputs();
  const std::size_t bytes = bytes_of(node);
  Value all;
  std::vector<Value> one(moved.size());
  for (std::size_t row = 0; row < directions; ++row) {
    for (std::size_t k = 0; k < moved.size(); ++k)
      if (moved[k].defined()) one[k] = row_of(moved[k], row, *inputs[k]);
    const Value tangent = tangent_of(node, one);
    if (!tangent.defined()) return {};  // not for one direction, and so for none
    if (!all.defined()) all = {memory::Buffer(directions * bytes), Shape{directions, node.value().size()}};
    if (bytes != 0)
      std::memcpy(static_cast<std::byte*>(all.buffer.mutable_data()) + row * bytes, tangent.buffer.data(),
                  bytes);
  }
  return all;
}

Value tangents_of(Node& node, const std::vector<Value>& moved, std::size_t directions) {
  const OperationType* const type = type_with_tangent(node);
  if (type != nullptr && type->tangents != nullptr)
    if (std::optional<Value> tangents = type->tangents(node, moved, directions)) return std::move(*tangents);
  return tangents_one_by_one(node, moved, directions);
}

/// What `move` computes is the node's own, while somebody looks on.
template <class F>
Value watched(Node& node, const F& move) {
  std::optional<Watched> activity;
  if (is_watched() && type_with_tangent(node) != nullptr) {
    activity.emplace(Activity{Activity::Kind::backward, node.description(), Shapes(node.inputs())});
    activity->gave(node);
  }
  return move();
}

}  // namespace

ForwardPath::ForwardPath(Node& source, Node& output) : steps_{{&source, 0, 0, 0}} {
  // Where a node is on the path; all that may be are met first.
  Places places;
  places.add(&source, 0);
  std::vector<Node*> met, pending{&output};
  while (!pending.empty()) {
    Node* node = pending.back();
    pending.pop_back();
    // What passes no gradient was recorded for a program alone.
    if (node->order() <= source.order() || node->is_leaf() || !node->requires_grad()) continue;
    if (!places.add(node, elsewhere)) continue;
    met.push_back(node);
    for (Node* input : node->inputs()) pending.push_back(input);
  }
  std::sort(met.begin(), met.end(), [](const Node* a, const Node* b) { return a->order() < b->order(); });
  const auto place_of = [&](const Node* node) { return places.find(node, elsewhere); };
  for (Node* node : met) {
    const auto inputs = node->inputs();
    if (std::all_of(inputs.begin(), inputs.end(), [&](const Node* n) { return place_of(n) == elsewhere; }))
      continue;
    if (node->maker().is_spent())
      throw GraphError("jvp: the graph through '" + std::string(node->operation()) +
                       "' was spent by a backward pass; pass {.retain_graph = true} to that one");
    places[node] = steps_.size();
    const std::size_t first = inputs_.size();
    for (const Node* input : node->maker().inputs()) inputs_.push_back(place_of(input));
    steps_.push_back({node, first, inputs_.size() - first, 0});
  }
  for (std::size_t i = 1; i < steps_.size(); ++i)
    for (const std::size_t place : inputs_of(steps_[i]))
      if (place != elsewhere) steps_[place].last_reader = i;
}

bool ForwardPath::has_forward_mode() const {
  // A hook may change the gradient that it is shown, of which a tangent knows nothing.
  return std::all_of(steps_.begin(), steps_.end(), [](const Step& step) {
    return !has_hooks(*step.node) && step.node->has_forward_mode();
  });
}

// In instructions, counted on chains of one element and of 10^4: a step back is some 1000 and 2 an element;
// one whose directions go together saves the first, one that goes by itself does not, a transposed one
// records its vjp besides.
double ForwardPath::cost() const {
  constexpr double own = 1000, element = 2;
  double forward = 0, back = 0;
  const auto at_once = static_cast<double>(directions_at_once());
  for (const Step& step : std::span(steps_).subspan(1)) {
    const double elements = element * static_cast<double>(step.node->value().size());
    const OperationType* const type = type_with_tangent(*step.node);
    back += own + elements;
    if (type == nullptr)
      forward += 15 * own + 3 * elements;
    else if (type->tangents == nullptr)
      forward += 1.5 * own + 1.5 * elements;
    else
      forward += 2 * own / at_once + 1.2 * elements;
  }
  return back == 0 ? 1 : forward / back;
}

std::size_t ForwardPath::directions_at_once() const {
  constexpr std::size_t most = 16, most_elements = std::size_t{1} << 18;
  std::size_t largest = 1;
  for (const Step& step : steps_) largest = std::max(largest, step.node->value().size());
  return std::clamp(most_elements / largest, std::size_t{1}, most);
}

template <class G, class F>
G ForwardPath::run(G tangent, const F& tangent_of) const {
  std::vector<G> tangents(steps_.size()), moved;
  tangents[0] = std::move(tangent);
  for (std::size_t i = 1; i < steps_.size(); ++i) {
    const auto places = inputs_of(steps_[i]);
    moved.clear();
    for (const std::size_t place : places) moved.push_back(place == elsewhere ? G{} : tangents[place]);
    for (const std::size_t place : places)
      if (place != elsewhere && steps_[place].last_reader == i) tangents[place] = G{};
    tangents[i] = tangent_of(*steps_[i].node, moved);
    check_tangent(*steps_[i].node, tangents[i]);
  }
  return std::move(tangents.back());
}

Value ForwardPath::moved(Value tangent) const {
  return run(std::move(tangent), [](Node& node, const std::vector<Value>& inputs) {
    return watched(node, [&] { return tangent_of(node, inputs); });
  });
}

Handle ForwardPath::moved(Handle tangent) const { return run(std::move(tangent), transposed<Handle>); }

Value ForwardPath::moved_rows(Value tangents, std::size_t directions) const {
  return run(std::move(tangents), [&](Node& node, const std::vector<Value>& inputs) {
    return watched(node, [&] { return tangents_of(node, inputs, directions); });
  });
}

}  // namespace xgrad::detail
