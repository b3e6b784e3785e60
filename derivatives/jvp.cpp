#include "jvp.hpp"

#include <algorithm>
#include <optional>
#include <string>
#include <unordered_map>

#include "../core/array/error.hpp"
#include "../core/array/instantiate.hpp"
#include "../core/graph/activity.hpp"
#include "../core/graph/anomaly.hpp"
#include "../core/graph/capture.hpp"
#include "../core/graph/gradients.hpp"
#include "../core/graph/record.hpp"
#include "../core/graph/sweep.hpp"

namespace xgrad {
using namespace detail;

namespace {

/// A leaf of the node's shape and type, of zeros. Its order is past the node's, whichever thread recorded
/// that, so that a sweep to it does not go on into what the node was made from.
Handle zero_leaf(const Node& node) {
  Value zeros = node.is_double() ? Value(Dense<double>::filled(node.value().shape, 0))
                                 : Value(Dense<float>::filled(node.value().shape, 0));
  return Handle::first(new Leaf(std::move(zeros), node.kind(), std::max(next_order(), node.order() + 1)));
}

/// The nodes that lead from one to another, in the order of their creation, on which tangents are moved.
class ForwardPath {
 public:
  ForwardPath(Node& source, Node& output) : steps_{{&source, 0, 0, 0}} {
    // Where a node is on the path; all that may be are met first.
    std::unordered_map<const Node*, std::size_t> places{{&source, 0}};
    std::vector<Node*> met, pending{&output};
    while (!pending.empty()) {
      Node* node = pending.back();
      pending.pop_back();
      if (node->order() <= source.order() || node->is_leaf() || !places.try_emplace(node, elsewhere).second)
        continue;
      met.push_back(node);
      for (Node* input : node->inputs()) pending.push_back(input);
    }
    std::sort(met.begin(), met.end(), [](const Node* a, const Node* b) { return a->order() < b->order(); });
    const auto place_of = [&](const Node* node) {
      const auto place = places.find(node);
      return place == places.end() ? elsewhere : place->second;
    };
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

  Node& end() const { return *steps_.back().node; }
  bool has_forward_mode() const {
    return std::all_of(steps_.begin(), steps_.end(),
                       [](const Step& s) { return s.node->has_forward_mode(); });
  }

  /// The tangent of the end by that of the source, of type G: Value for a plain one, Handle for a recorded
  /// one.
  template <class G>
  G run(G tangent) const {
    std::vector<G> tangents(steps_.size()), moved;
    tangents[0] = std::move(tangent);
    for (std::size_t i = 1; i < steps_.size(); ++i) {
      const auto places = inputs_of(steps_[i]);
      moved.clear();
      for (const std::size_t place : places) moved.push_back(place == elsewhere ? G{} : tangents[place]);
      for (const std::size_t place : places)
        if (place != elsewhere && steps_[place].last_reader == i) tangents[place] = G{};
      tangents[i] = tangent_of(*steps_[i].node, moved);
      detail::check_tangent(*steps_[i].node, tangents[i]);
    }
    return std::move(tangents.back());
  }

 private:
  static constexpr std::size_t elsewhere = ~std::size_t{0};
  struct Step {
    Node* node;
    std::size_t first_input, inputs;  ///< where these are on the path stands in inputs_
    std::size_t last_reader;          ///< after which nobody reads its tangent
  };
  std::span<const std::size_t> inputs_of(const Step& step) const {
    return {inputs_.data() + step.first_input, step.inputs};
  }

  static Value tangent_of(Node& node, const std::vector<Value>& moved) {
    const OperationType* const type = node.description().type;
    if (type != nullptr && type->tangent != nullptr && &node.maker() == &node) {
      std::optional<Watched> activity;
      if (is_watched())
        activity.emplace(Activity{Activity::Kind::backward, node.description(), Shapes(node.inputs())});
      if (activity) activity->gave(node);
      if (std::optional<Value> tangent = type->tangent(node, moved)) return std::move(*tangent);
    }
    return transposed(node, moved);
  }
  static Handle tangent_of(Node& node, const std::vector<Handle>& moved) { return transposed(node, moved); }

  /// What a node gives to an input is linear in its own gradient u; the derivative of that in u, applied to
  /// the input's tangent, is what the tangent adds to the node's. So one rule an operation, its vjp, serves
  /// both directions.
  template <class G>
  static G transposed(Node& node, const std::vector<G>& moved) {
    const auto inputs = node.maker().inputs();
    std::vector<Node*> moving;
    std::vector<const G*> tangents;
    for (std::size_t k = 0; k < inputs.size(); ++k)
      if (is_set(moved[k]) && std::find(moving.begin(), moving.end(), inputs[k]) == moving.end()) {
        moving.push_back(inputs[k]);
        tangents.push_back(&moved[k]);
      }
    const detail::Watch unsearched(nullptr, false);  // shares on the way; the tangent is what counts
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

  std::vector<Step> steps_;
  std::vector<std::size_t> inputs_;
};

template <class T>
Variable<T> zeros_like(const Variable<T>& y) {
  return Variable<T>(Dense<T>::filled(y.shape(), T(0)));
}

}  // namespace

template <class T>
Variable<T> detail::push_forward(const Variable<T>& y, const Variable<T>& x, const Seed<T>& v,
                                 bool create_graph) {
  refuse_in_capture("jvp", "capture what gives the value, and differentiate what it returns");
  if (!v.defined())
    throw ValueError("jvp: the direction is empty; pass an Array or Variable of shape " +
                     to_string(x.shape()));
  const Variable<T>& direction = v.variable();
  if (!(direction.shape() == x.shape()))
    throw ShapeError("jvp: the direction has shape " + to_string(direction.shape()) + ", the input " +
                     to_string(x.shape()) + "; they must be equal");
  const ForwardPath path(x.node(), y.node());
  if (&path.end() != &y.node()) return zeros_like(y);
  if (create_graph) {
    const Handle tangent = path.run(Handle(direction.handle()));
    return tangent ? Variable<T>(tangent) : zeros_like(y);
  }
  Value tangent = path.run(Value(direction.dense()));
  return tangent.defined() ? Variable<T>(Dense<T>(std::move(tangent))) : zeros_like(y);
}

template <class T>
void detail::fill_columns(const Variable<T>& y, const Variable<T>& x, T* jacobian) {
  const ForwardPath path(x.node(), y.node());
  std::fill_n(jacobian, y.size() * x.size(), T(0));
  if (&path.end() != &y.node()) return;
  for (std::size_t j = 0; j < x.size(); ++j) {
    Dense<T> direction = Dense<T>::filled(x.shape(), T(0));
    direction.mutable_data()[j] = T(1);
    const Dense<T> column(path.run(Value(std::move(direction))));
    if (column.defined())
      for (std::size_t i = 0; i < y.size(); ++i) jacobian[i * x.size() + j] = column.data()[i];
  }
}

template <class T>
bool detail::has_forward_mode(const Variable<T>& y, const Variable<T>& x) {
  return ForwardPath(x.node(), y.node()).has_forward_mode();
}

[[gnu::used]] constexpr auto instances = instantiate::for_numbers([]<class T>() {
  return std::make_tuple(detail::has_forward_mode<T>, detail::push_forward<T>, detail::fill_columns<T>);
});

}  // namespace xgrad
