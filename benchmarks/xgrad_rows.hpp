// The workloads in xgrad, for the benchmark and for the count of instructions.
#pragma once

#include <vector>

#include "harness.hpp"

/// Every row of the table.
std::vector<harness::RowSource> xgrad_rows();

/// The same as mlp100, so small that nothing but the engine costs anything.
harness::Row small_mlp();
harness::Row tangent_chain();
