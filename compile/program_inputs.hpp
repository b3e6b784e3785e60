// What may be given to a program, at the call that captures it and at later ones.
#pragma once

#include <span>
#include <unordered_set>
#include <vector>

#include "captured_program.hpp"

namespace xgrad::detail {

/// visit(node), once for a node and each that it was made of; it goes no further where that gives false.
template <class Visit>
void walk_back(const Node& node, const Visit& visit) {
  std::unordered_set<const Node*> met;
  std::vector<const Node*> pending{&node};
  while (!pending.empty()) {
    const Node* const next = pending.back();
    pending.pop_back();
    if (!met.insert(next).second || !visit(*next)) continue;
    for (const Node* const input : next->inputs()) pending.push_back(input);
  }
}

[[noreturn]] void throw_assigned(std::size_t argument);

/// CaptureError where the function writes to a leaf that is an argument, too: what a program is called with
/// is its caller's.
void check_assigned(std::span<const ProgramInput> inputs, std::span<const Argument> arguments);

/// CaptureError where a gradient that the function takes by an input is not all that the function alone would
/// take: another input is the same Variable or was computed from it, or a hook changes its gradient.
void check_targets(std::span<const ProgramInput> inputs, std::span<const Argument> arguments);

}  // namespace xgrad::detail
