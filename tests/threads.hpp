// How many threads a test uses, and whether they had something to share.
#pragma once

#include <cstddef>
#include <cstdint>
#include <utility>
#include <xgrad/core/array/threads.hpp>

namespace xgrad::testing {

/// As many threads while it lives, and then as many as before.
class Threads {
 public:
  explicit Threads(std::size_t count) : before_(num_threads()) { set_num_threads(count); }
  Threads(const Threads&) = delete;
  Threads& operator=(const Threads&) = delete;
  ~Threads() { set_num_threads(before_); }

  /// Whether several threads have shared a loop since it was made or last asked. A test of threads asks after
  /// everything that it runs: what is below the threshold runs on one, and says nothing.
  bool shared_a_loop() {
    const std::uint64_t loops = detail::shared_loops();
    return std::exchange(loops_, loops) != loops;
  }

 private:
  std::size_t before_;
  std::uint64_t loops_ = detail::shared_loops();
};

}  // namespace xgrad::testing
