// What a few nodes have beside their value: a label, hooks, a gradient that is kept. Nodes without pay a
// flag.
#pragma once

#include <memory>
#include <optional>
#include <vector>

#include "hook.hpp"
#include "node.hpp"
#include "watch.hpp"

namespace xgrad::detail {

/// The finite elements' range, and what else there is.
struct Range {
  double least = 0, greatest = 0;  ///< 0 if no element is finite
  std::size_t finite = 0;
  std::size_t bad = 0;        ///< NaN and Inf
  std::size_t first_bad = 0;  ///< its place in the buffer
  double first_bad_value = 0;
};
Range range_of(const Value& value, ElementKind kind);

struct HookList {
  std::vector<std::shared_ptr<const HookFunction>> functions;
};

struct Notes {
  std::shared_ptr<const Place> place;
  std::optional<Range> range;  ///< of the result, if anomalies were looked for
  std::shared_ptr<HookList> hooks;
  bool keeps_gradient = false;
  bool holds_average = false;  ///< a moving average is in the place of the parameter's value
  memory::Buffer gradient;
  Handle stand_in;  ///< of a frozen parameter, in what is recorded
  Node* stand_in_edge = nullptr;
};

/// A node's notes, made if there are none. They stay in their place until the node goes.
Notes& notes_of(Node& node);
/// The same, or none.
Notes* find_notes(const Node& node) noexcept;
/// When the node goes.
void forget_notes(const Node& node) noexcept;

}  // namespace xgrad::detail
