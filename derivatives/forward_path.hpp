// What leads from one node of a recorded graph to another, and how tangents are moved along it.
#pragma once

#include <span>
#include <vector>

#include "../core/graph/node.hpp"

namespace xgrad::detail {

/// The nodes that lead from one to another, in the order of their creation, on which tangents are moved.
class ForwardPath {
 public:
  /// GraphError if a node on the path was spent by a backward pass.
  ForwardPath(Node& source, Node& output);

  Node& end() const { return *steps_.back().node; }
  /// Whether all that was recorded between them has forward mode: custom operations may have none, and hooks
  /// see gradients alone. Runs custom derivatives and checkpointed blocks once to see.
  bool has_forward_mode() const;
  /// What one direction of moved_rows() costs, as a multiple of a sweep back from the end.
  double cost() const;
  /// How many directions moved_rows() had best be given at once.
  std::size_t directions_at_once() const;

  /// The tangent of the end by that of the source; one that is undefined, or empty, stands for zeros.
  Value moved(Value tangent) const;
  /// The same, recorded.
  Handle moved(Handle tangent) const;
  /// The same for several directions, one after another in a value of shape {directions, elements}.
  Value moved_rows(Value tangents, std::size_t directions) const;

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
  template <class G, class F>
  G run(G tangent, const F& tangent_of) const;

  std::vector<Step> steps_;
  std::vector<std::size_t> inputs_;
};

}  // namespace xgrad::detail
