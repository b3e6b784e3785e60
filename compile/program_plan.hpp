// How a captured graph is performed again: runs of operations on one element become blocks.
#pragma once

#include <vector>

#include "captured_program.hpp"
#include "scalar_block.hpp"

namespace xgrad::detail {

/// Numbers the blocks: operations of the library on one element each, of one kind, one after another.
void find_blocks(std::vector<ProgramStep>& steps);

/// Makes the blocks, whose outputs take the place of results and of what other operations read. The captured
/// nodes of a block are not differentiated any more.
ProgramPlan plan_of(ProgramParts& parts);

}  // namespace xgrad::detail
