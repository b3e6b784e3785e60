// Drawing a recorded graph, in the language of Graphviz.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "../core/graph/variable.hpp"

namespace xgrad::io {

/// What to_dot takes.
template <class T>
struct DotOptions {
  /// Names to show for some Variables: {{x, "x"}, {net.weight(), "weight"}}.
  std::vector<std::pair<Variable<T>, std::string>> names = {};
  /// Writes each value into its node, while there is one: the value of an intermediate result that no
  /// Variable holds is gone unless some backward pass needs it.
  Flag show_values = false;
  /// Writes the gradient of y's sum at each node, and on each edge the share that goes along it (of several
  /// edges between two nodes, on the first and for all of them). The graph must not be spent, and is not by
  /// this.
  Flag show_gradients = false;
  /// Of what has more elements than this, nothing but the shape is shown.
  Count max_elements = 12;
};

/// The graph that y was computed by, from its leaves to y, for `dot -Tsvg`. Each node is there once, with its
/// operation and shape, in the order in which they were made: the same program writes the same text.
/// Parameters, constants and results look different. GraphError if y is empty, or gradients are wanted of a
/// graph that a backward pass has spent. T is float or double.
template <class T>
std::string to_dot(const Variable<T>& y, const DotOptions<T>& options = {});

}  // namespace xgrad::io
