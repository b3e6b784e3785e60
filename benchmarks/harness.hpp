// One program a side: it runs one of its rows in a process of its own, checked or timed.
#pragma once

#include <cstddef>
#include <functional>
#include <string>
#include <vector>

namespace harness {

/// What a step has computed, to be compared with another side's.
class Results {
 public:
  /// A long array is kept as its sum, its norm and an evenly spread part.
  void add(const std::string& name, const float* values, std::size_t count);
  void write(const std::string& path) const;
  /// Whether the other side has written the same; says on stderr what differs.
  bool agree_with(const std::string& path) const;

 private:
  struct Entry {
    std::string name;
    std::vector<float> values;
  };
  static std::vector<Entry> read(const std::string& path);
  std::vector<Entry> entries_;
};

struct Row {
  std::function<void()> step;
  /// Value, gradients and updated weights, after one step. Empty for a floor.
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
///   --write FILE             runs one step and writes its results
///   --compare FILE           runs one step and compares; the exit code is 1 if they differ
///   --steps N                runs N steps, untimed, for a profiler
/// Everything else goes to Google Benchmark, which times the row if none of the last three is there.
int run(int argc, char** argv, const Side& side);

}  // namespace harness
