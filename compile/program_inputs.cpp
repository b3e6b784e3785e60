#include "program_inputs.hpp"

#include <algorithm>
#include <string>

#include "../core/array/error.hpp"
#include "../core/graph/hook.hpp"

namespace xgrad::detail {

void throw_assigned(std::size_t argument) {
  throw CaptureError("compile: argument " + std::to_string(argument) +
                     " is written to by the function; return the new value, or capture the leaf and do not "
                     "pass it");
}

void check_assigned(std::span<const ProgramInput> inputs, std::span<const Argument> arguments) {
  for (const ProgramInput& input : inputs)
    if (input.is_assigned && input.source)
      for (std::size_t i = 0; i < arguments.size(); ++i)
        if (arguments[i].variable.node() == input.source.node()) throw_assigned(i);
}

namespace {

/// What an input stands for outside of the program; none for a constant or a container.
const Node* outside_of(const ProgramInput& input, std::span<const Argument> arguments) {
  if (input.source) return input.source.node();
  return input.argument == ProgramInput::none ? nullptr : arguments[input.argument].variable.node();
}

bool is_made_of(const Node& node, const Node& x) {
  if (node.is_leaf() || !x.is_read()) return &node == &x;
  bool found = false;
  walk_back(node, [&](const Node& before) {
    found = found || &before == &x;
    return !found;
  });
  return found;
}

void check_target(const ProgramInput& target, std::span<const ProgramInput> inputs,
                  std::span<const Argument> arguments) {
  const Node* const x = outside_of(target, arguments);
  if (x == nullptr) return;
  const auto refuse = [&](const std::string& why) {
    throw CaptureError("grad: a '" + std::string(x->operation()) + "' of shape " +
                       to_string(x->value().shape) + ", by which a captured function differentiates, " + why);
  };
  for (const ProgramInput& input : inputs)
    if (const Node* const other = outside_of(input, arguments);
        &input != &target && other != nullptr && is_made_of(*other, *x))
      refuse(other == x ? "enters it more than once; pass it once, and do not capture it as well"
                        : "is also what a '" + std::string(other->operation()) +
                              "' was computed from outside of it; compute that inside");
  if (has_hooks(*x))
    refuse(
        "has a hook, which sees no gradient that a program takes; change the gradient inside of the "
        "function");
}

}  // namespace

void check_targets(std::span<const ProgramInput> inputs, std::span<const Argument> arguments) {
  for (const ProgramInput& input : inputs)
    if (input.is_target) check_target(input, inputs, arguments);
}

}  // namespace xgrad::detail
