// What a program leaves out of what its function did.
#pragma once

#include <functional>
#include <span>
#include <vector>

#include "captured_program.hpp"

namespace xgrad::detail {

/// The inputs of a program that never change, and how one more is made.
struct ProgramConstants {
  std::vector<Node*> known;
  /// A constant of the node's value.
  std::function<Node&(const Node& node)> make;
};

/// Leaves out steps whose values nothing reads, and elementwise operations that an equal one has performed
/// before. Small values that depend on constants alone become constants, and what no gradient of a result
/// reaches saves nothing for one. Bits stay what they are: what passes gradients is performed as often as the
/// function did, for a sum of shares depends on their order. Operations stay that may refuse a value, draw
/// random numbers or are a user's own.
void prune(std::vector<ProgramStep>& steps, std::span<Node* const> results, ProgramConstants& constants);

}  // namespace xgrad::detail
