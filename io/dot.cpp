#include "dot.hpp"

#include <algorithm>
#include <cstdio>
#include <optional>
#include <unordered_map>
#include <unordered_set>

#include "../core/array/instantiate.hpp"
#include "../core/graph/attribute.hpp"
#include "../core/graph/sweep.hpp"

namespace xgrad::io {
using namespace xgrad::detail;

namespace {

/// Every node that y depends on, y included, in the order of creation. Without recursion: graphs are deep.
std::vector<Node*> nodes_below(Node& y) {
  std::vector<Node*> found, pending{&y};
  std::unordered_set<const Node*> met{&y};
  while (!pending.empty()) {
    Node* node = pending.back();
    pending.pop_back();
    found.push_back(node);
    const auto inputs = node->inputs();
    for (auto input = inputs.rbegin(); input != inputs.rend(); ++input)
      if (met.insert(*input).second) pending.push_back(*input);
  }
  // Leaves are as old as each other: they keep the order in which they were found.
  std::stable_sort(found.begin(), found.end(),
                   [](const Node* a, const Node* b) { return a->order() < b->order(); });
  return found;
}

/// The gradient at each node, and the share of it that each edge brought; they have the shape of the node
/// that they belong to.
class Gradients {
 public:
  Gradients(Node& y, const std::vector<Node*>& nodes) {
    if (!y.requires_grad()) return;
    at_[&y] = ones(y);
    for (auto node = nodes.rbegin(); node != nodes.rend(); ++node) pass_on(**node);
  }

  Value at(const Node& node) const {
    const auto found = at_.find(&node);
    return found == at_.end() ? Value{} : Value{found->second, node.value().shape};
  }
  Value along(const Node& from, const Node& to) const {
    const auto shares = along_.find(&to);
    if (shares == along_.end()) return {};
    for (const auto& [node, share] : shares->second)
      if (node == &from) return {share, from.value().shape};
    return {};
  }

 private:
  static memory::Buffer ones(const Node& node) {
    if (node.is_double()) return Dense<double>::filled(node.value().shape, 1).buffer;
    return Dense<float>::filled(node.value().shape, 1).buffer;
  }

  void pass_on(Node& node) {
    const auto gradient = at_.find(&node);
    if (node.is_leaf() || gradient == at_.end()) return;
    if (node.is_spent())
      throw GraphError("to_dot: the graph through '" + std::string(node.operation()) +
                       "' was spent by an earlier backward, so its gradients cannot be shown; pass "
                       "{.retain_graph = true} to that backward");
    // A sweep that is never run: its slots are what this one node gives to its inputs.
    Sweep<memory::Buffer> sweep;
    sweep.look(node, memory::Buffer(gradient->second));
    for (auto& slot : sweep.slots()) {
      if (slot.node == nullptr || !slot.gradient) continue;
      expand(slot.gradient, *slot.node);
      along_[&node].emplace_back(slot.node, slot.gradient);
      const auto [into, is_new] = at_.try_emplace(slot.node, slot.gradient);
      if (!is_new) accumulate(into->second, memory::Buffer(slot.gradient), *slot.node);
    }
  }

  std::unordered_map<const Node*, memory::Buffer> at_;
  std::unordered_map<const Node*, std::vector<std::pair<const Node*, memory::Buffer>>> along_;
};

/// Backslashes and quotes have a meaning in a quoted string; a line break there is a backslash and an n.
std::string quoted(const std::string& text) {
  std::string result = "\"";
  for (char c : text) {
    if (c == '\n') {
      result += "\\n";
      continue;
    }
    if (c == '"' || c == '\\') result += '\\';
    result += c;
  }
  return result + '"';
}

std::string number(double x) {
  char text[32];
  std::snprintf(text, sizeof text, "%.4g", x);
  return text;
}

class Numbers {
 public:
  Numbers(const Value& value, ElementKind kind) : value_(value), kind_(kind) {}

  /// "[[1, 2], [3, 4]]".
  std::string text() const {
    std::string result;
    const std::size_t count = value_.size(), axes = value_.shape.size();
    for (std::size_t i = 0; i < count; ++i) {
      if (i > 0) result += std::string(borders(i), ']') + ", ";
      result += std::string(i == 0 ? axes : borders(i), '[') + number(element(i));
    }
    return result + std::string(axes, ']');
  }

 private:
  double element(std::size_t i) const {
    return visit_elements(value_, kind_,
                          [i](const auto* elements) { return static_cast<double>(elements[i]); });
  }
  /// The axes whose last element is the one before element i.
  std::size_t borders(std::size_t i) const {
    std::size_t ended = 0, stride = 1;
    for (std::size_t axis = value_.shape.size(); axis-- > 1;) {
      stride *= value_.shape[axis];
      if (i % stride == 0) ++ended;
    }
    return ended;
  }

  const Value& value_;
  ElementKind kind_;
};

template <class T>
class Writer {
 public:
  Writer(Node& y, const DotOptions<T>& options) : options_(options), nodes_(nodes_below(y)) {
    if (options.show_gradients) gradients_.emplace(y, nodes_);
    for (const auto& [variable, name] : options.names) names_.emplace(&variable.node(), name);
    for (std::size_t i = 0; i < nodes_.size(); ++i) numbers_.emplace(nodes_[i], i);
  }

  std::string write() {
    text_ =
        "digraph xgrad {\n"
        "  graph [rankdir=LR, nodesep=0.25, ranksep=0.4, fontname=\"DejaVu Sans\"];\n"
        "  node [shape=box, style=\"rounded,filled\", fillcolor=\"#eef3fa\", color=\"#4878a8\", "
        "fontname=\"DejaVu Sans\", fontsize=11, margin=\"0.12,0.06\"];\n"
        "  edge [color=\"#708090\", arrowsize=0.7, fontname=\"DejaVu Sans\", fontsize=9, "
        "fontcolor=\"#b03a2e\"];\n";
    for (const Node* node : nodes_) write_node(*node);
    for (const Node* node : nodes_)
      for (std::size_t i = 0; i < node->inputs().size(); ++i) write_edge(*node, i);
    text_ += "}\n";
    return std::move(text_);
  }

 private:
  std::string id(const Node& node) const {
    return std::string(1, 'n').append(std::to_string(numbers_.at(&node)));
  }

  bool is_shown(const Value& value) const { return value.defined() && value.size() <= options_.max_elements; }

  void write_node(const Node& node) {
    std::string label;
    if (const auto name = names_.find(&node); name != names_.end()) label = name->second + '\n';
    label += std::string(node.operation()) + ' ' + to_string(node.value().shape);
    if (const std::string told = to_string(node.attributes()); !told.empty()) label += '\n' + told;
    if (options_.show_values && is_shown(node.value()))
      label += "\nvalue " + Numbers(node.value(), node.kind()).text();
    if (gradients_)
      if (const Value gradient = gradients_->at(node); is_shown(gradient))
        label += "\ngradient " + Numbers(gradient, node.kind()).text();
    text_ += "  " + id(node) + " [label=" + quoted(label) + look(node) + "];\n";
  }

  std::string look(const Node& node) const {
    if (&node == nodes_.back()) return ", penwidth=2";
    if (!node.is_leaf()) return "";
    return node.requires_grad() ? ", shape=box, style=filled, fillcolor=\"#fdebd0\", color=\"#ca8a2b\""
                                : ", shape=box, style=filled, fillcolor=\"#f2f2f2\", color=\"#909090\"";
  }

  void write_edge(const Node& to, std::size_t i) {
    const auto inputs = to.inputs();
    const Node& from = *inputs[i];
    text_ += "  " + id(from) + " -> " + id(to);
    // x * x has two edges from x, and one share for both: it stands on the first.
    const bool is_first =
        std::find(inputs.begin(), inputs.end(), &from) == inputs.begin() + static_cast<std::ptrdiff_t>(i);
    if (gradients_ && is_first)
      if (const Value share = gradients_->along(from, to); is_shown(share))
        text_ += " [label=" + quoted(Numbers(share, from.kind()).text()) + "]";
    text_ += ";\n";
  }

  const DotOptions<T>& options_;
  std::vector<Node*> nodes_;
  std::optional<Gradients> gradients_;
  std::unordered_map<const Node*, std::string> names_;
  std::unordered_map<const Node*, std::size_t> numbers_;
  std::string text_;
};

}  // namespace

template <class T>
std::string to_dot(const Variable<T>& y, const DotOptions<T>& options) {
  options.max_elements.checked("to_dot", "max_elements");
  // NOLINTNEXTLINE(performance-unnecessary-copy-initialization)
  const Variable<T> kept = y;  // a derivative of a user's may drop it
  return Writer<T>(kept.node(), options).write();
}

[[gnu::used]] constexpr auto instances = instantiate::for_numbers([]<class T>() { return to_dot<T>; });

}  // namespace xgrad::io
