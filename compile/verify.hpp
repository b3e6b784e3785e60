// A replay beside the function itself.
#pragma once

#include <span>
#include <vector>

#include "program_capture.hpp"

namespace xgrad::detail {

/// Replays `program`, and captures the function anew, on the same leaves and with the same random numbers;
/// gives the replay, before its commit(). CaptureError unless results, what is assigned, gradients and the
/// generator are equal bit for bit, and then nothing has changed.
std::vector<Value> verified_forward(CapturedProgram& program, const std::shared_ptr<ProgramCall>& call,
                                    const std::shared_ptr<void>& function,
                                    std::unique_ptr<const Callee> callee,
                                    std::span<const Argument> arguments);

}  // namespace xgrad::detail
