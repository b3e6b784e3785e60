#include "jvp.hpp"

#include <algorithm>
#include <string>
#include <unordered_map>

#include "../core/array/instantiate.hpp"
#include "../core/graph/anomaly.hpp"
#include "../core/graph/gradients.hpp"
#include "../core/graph/record.hpp"
#include "../core/graph/sweep.hpp"

namespace xgrad {
using namespace detail;

namespace {

/// The nodes that lead from `source` to `output`, source first, in the order of their creation.
std::vector<Node*> between(Node& source, Node& output) {
  std::unordered_map<const Node*, bool> leads{{&source, true}};
  std::vector<Node*> met, pending{&output};
  while (!pending.empty()) {
    Node* node = pending.back();
    pending.pop_back();
    if (node->order() <= source.order() || node->is_leaf() || !leads.try_emplace(node, false).second)
      continue;
    met.push_back(node);
    for (Node* input : node->inputs()) pending.push_back(input);
  }
  std::sort(met.begin(), met.end(), [](const Node* a, const Node* b) { return a->order() < b->order(); });
  std::vector<Node*> path{&source};
  for (Node* node : met) {
    const auto inputs = node->inputs();
    leads[node] = std::any_of(inputs.begin(), inputs.end(), [&](const Node* input) {
      const auto known = leads.find(input);
      return known != leads.end() && known->second;
    });
    if (leads[node]) path.push_back(node);
  }
  return path;
}

/// A leaf of the node's shape and type, of zeros. Its order is past the node's, whichever thread recorded
/// that, so that a sweep to it does not go on into what the node was made from.
Handle zero_leaf(const Node& node) {
  Value zeros = node.is_double() ? Value(Dense<double>::filled(node.value().shape, 0))
                                 : Value(Dense<float>::filled(node.value().shape, 0));
  return Handle::first(new Leaf(std::move(zeros), node.kind(), std::max(next_order(), node.order() + 1)));
}

/// Sweeps tangents of type G (Value: plain; Handle: recorded) forwards. What a node gives to an input is
/// linear in its own gradient u; the derivative of that in u, applied to the input's tangent, is what the
/// tangent adds to the node's. So one rule an operation, its vjp, serves both directions.
template <class G>
class ForwardSweep {
 public:
  G run(const std::vector<Node*>& path, G tangent) {
    std::unordered_map<const Node*, const Node*> last_reader;
    for (Node* node : path)
      for (Node* input : node->maker().inputs()) last_reader[input] = node;
    tangents_[path.front()] = std::move(tangent);
    for (std::size_t i = 1; i < path.size(); ++i) {
      G moved = tangent_of(*path[i]);
      detail::check_tangent(*path[i], moved);
      for (Node* input : path[i]->maker().inputs())
        if (last_reader[input] == path[i]) tangents_.erase(input);
      tangents_[path[i]] = std::move(moved);
    }
    return tangents_[path.back()];
  }

 private:
  G tangent_of(Node& node) {
    std::vector<Node*> moving;
    for (Node* input : node.maker().inputs())
      if (tangents_.contains(input) && std::find(moving.begin(), moving.end(), input) == moving.end())
        moving.push_back(input);
    const detail::Watch unsearched(nullptr, false);  // shares on the way; the tangent is what counts
    const Handle u = zero_leaf(node);
    const EnableGrad on;
    Sweep<Handle> gives;
    gives.accept_only(moving);
    gives.look(node, Handle(u));
    G sum{};
    for (Node* input : moving) {
      const Handle share = gives.take(*input);
      const G& tangent = tangents_[input];
      if (!share || !share.node()->requires_grad() || !is_set(tangent)) continue;
      add_share(sum, share, tangent, *u.node());
    }
    return sum;
  }

  static bool is_set(const Value& g) { return g.defined(); }
  static bool is_set(const Handle& g) { return static_cast<bool>(g); }

  static void add_share(Value& sum, const Handle& share, const Value& tangent, Node& u) {
    Node* const targets[] = {&u};
    Value part = std::move(plain_gradients(share, tangent, targets, true)[0]);
    if (!part.defined()) return;
    if (sum.defined())
      accumulate(sum.buffer, std::move(part.buffer), u);
    else
      sum = std::move(part);
  }
  static void add_share(Handle& sum, const Handle& share, const Handle& tangent, Node& u) {
    Node* const targets[] = {&u};
    Handle part = std::move(recorded_gradients(share, tangent, targets, true)[0]);
    if (!part) return;
    if (sum)
      accumulate(sum, std::move(part), u);
    else
      sum = std::move(part);
  }

  std::unordered_map<const Node*, G> tangents_;
};

template <class T>
Variable<T> zeros_like(const Variable<T>& y) {
  return Variable<T>(Dense<T>::filled(y.shape(), T(0)));
}

}  // namespace

template <class T>
Variable<T> detail::push_forward(const Variable<T>& y, const Variable<T>& x, const Seed<T>& v,
                                 bool create_graph) {
  if (!v.defined())
    throw ValueError("jvp: the direction is empty; pass an Array or Variable of shape " +
                     to_string(x.shape()));
  const Variable<T>& direction = v.variable();
  if (!(direction.shape() == x.shape()))
    throw ShapeError("jvp: the direction has shape " + to_string(direction.shape()) + ", the input " +
                     to_string(x.shape()) + "; they must be equal");
  const std::vector<Node*> path = between(x.node(), y.node());
  if (path.back() != &y.node()) return zeros_like(y);
  if (create_graph) {
    const Handle tangent = ForwardSweep<Handle>().run(path, Handle(direction.handle()));
    return tangent ? Variable<T>(tangent) : zeros_like(y);
  }
  Value tangent = ForwardSweep<Value>().run(path, Value(direction.dense()));
  return tangent.defined() ? Variable<T>(Dense<T>(std::move(tangent))) : zeros_like(y);
}

template <class T>
bool detail::has_forward_mode(const Variable<T>& y, const Variable<T>& x) {
  const std::vector<Node*> path = between(x.node(), y.node());
  return std::all_of(path.begin(), path.end(), [](Node* node) { return node->has_forward_mode(); });
}

[[gnu::used]] constexpr auto instances = instantiate::for_numbers(
    []<class T>() { return std::make_tuple(detail::has_forward_mode<T>, detail::push_forward<T>); });

}  // namespace xgrad
