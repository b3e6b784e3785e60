#include <xgrad/core.hpp>

#include "harness.hpp"
#include "xgrad_rows.hpp"

int main(int argc, char** argv) {
  const auto set_threads = [](int threads) { xgrad::set_num_threads(static_cast<std::size_t>(threads)); };
  return harness::run(argc, argv, {set_threads, xgrad_rows()});
}
