// One call of a function, taken down as a program.
#pragma once

#include <memory>
#include <span>
#include <vector>

#include "captured_program.hpp"

namespace xgrad::detail {

/// A program, and the call that captured it: its results' values, while the graph holds what their backward
/// reads.
struct Captured {
  std::shared_ptr<CapturedProgram> program;
  std::shared_ptr<ProgramCall> call;
  std::vector<Value> values;
};

/// Calls the function. CaptureError where it does what no program can do; leaves that it assigned, and the
/// generator, are then as they were.
Captured capture(const std::shared_ptr<void>& function, std::unique_ptr<const Callee> callee,
                 std::span<const Argument> arguments);

}  // namespace xgrad::detail
