// One program a side: it runs one of its rows in a process of its own, checked or timed.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "results.hpp"

namespace harness {

struct Row {
  std::function<void()> step;
  /// Value, gradients and updated weights, after a step. Empty for a floor.
  std::function<void(Results&)> results;
};

/// A row before it has any data.
struct RowSource {
  std::string name;
  std::function<Row()> make;
};

/// What a side brings: the number of threads, and its rows.
struct Side {
  std::function<void(int)> set_threads;
  std::vector<RowSource> rows;
};

/// The main function of each side.
///   --list                   the names of the rows
///   --row NAME               which to run
///   --threads N              1 unless given
///   --write FILE             runs two steps and writes its results
///   --compare FILE           runs two steps and compares; the exit code is 1 if they differ
///   --clock C                times by the "wall" (unless given) or by the "processor" of this process
///   --steps N                runs N steps, untimed, for a profiler
/// Everything else goes to Google Benchmark, which times the row if none of the last three is there.
int run(int argc, char** argv, const Side& side);

}  // namespace harness
