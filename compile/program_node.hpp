// How a call of a program stands in the dynamic graph: as one node, with a part for each of several results.
#pragma once

#include <memory>
#include <span>
#include <vector>

#include "captured_program.hpp"

namespace xgrad::detail {

/// The results of a call, as `values`: parts of one node where gradients pass, constants elsewhere.
std::vector<Handle> results_in_graph(const std::shared_ptr<CapturedProgram>& program,
                                     const std::shared_ptr<ProgramCall>& call,
                                     std::span<const Argument> arguments, std::vector<Value>&& values);

}  // namespace xgrad::detail
