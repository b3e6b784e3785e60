// How a captured graph is performed again: runs of elementwise operations become blocks and groups.
#pragma once

#include <vector>

#include "captured_program.hpp"

namespace xgrad::detail {

/// Numbers the runs: library operations on one element each, of one kind, one after another, which become
/// blocks; and those on values of one shape and their rows, which become groups.
void find_runs(std::vector<ProgramStep>& steps);

/// Makes blocks and groups, whose outputs take the place of results and of what other operations read. Their
/// captured nodes are not differentiated any more.
ProgramPlan plan_of(ProgramParts& parts);

}  // namespace xgrad::detail
