// Runs steps of a small workload for callgrind, which collects inside counted_steps alone:
// scripts/check_instructions.sh.
#include <functional>
#include <iostream>
#include <string>

#include <xgrad/core.hpp>

#include "xgrad_rows.hpp"

/// By this name callgrind knows when to count.
extern "C" [[gnu::noinline]] void counted_steps(const std::function<void()>& step, int count) {
  for (int i = 0; i < count; ++i) step();
}

int main(int argc, char** argv) {
  if (argc != 2) {
    std::cerr << "usage: " << argv[0] << " <workload>\n";
    return 2;
  }
  xgrad::set_num_threads(1);
  const std::string name = argv[1];
  std::vector<harness::RowSource> rows = xgrad_rows();
  rows.push_back({"small_mlp", small_mlp});
  rows.push_back({"tangent_chain", tangent_chain});
  for (const harness::RowSource& source : rows)
    if (source.name == name) {
      const harness::Row row = source.make();
      // The first steps fill the memory pool and the tables that are made once.
      for (int i = 0; i < 2; ++i) row.step();
      counted_steps(row.step, 4);
      return 0;
    }
  std::cerr << "no workload is called " << name << '\n';
  return 2;
}
