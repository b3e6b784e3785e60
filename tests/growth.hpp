// How processor time grows with the size of the work.
#pragma once

#include <algorithm>
#include <cstddef>
#include <functional>
#include <limits>

#include <malloc.h>
#include <time.h>

namespace xgrad::testing {

inline double thread_seconds() {
  timespec now{};
  ::clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
  return static_cast<double>(now.tv_sec) + 1e-9 * static_cast<double>(now.tv_nsec);
}

/// While it lives, memory that is freed stays with the process: pages that are taken from the system again
/// and again cost five times what is done in them, or nothing, by chance.
class KeptMemory {
 public:
  KeptMemory() {
    ::mallopt(M_MMAP_THRESHOLD, 1 << 30);
    ::mallopt(M_TRIM_THRESHOLD, 1 << 30);
  }
  KeptMemory(const KeptMemory&) = delete;
  KeptMemory& operator=(const KeptMemory&) = delete;
  ~KeptMemory() {  // glibc's own
    ::mallopt(M_MMAP_THRESHOLD, 128 << 10);
    ::mallopt(M_TRIM_THRESHOLD, 128 << 10);
  }
};

/// The time of job(4 n) over that of job(n): 4 for what is linear, 16 for what is quadratic. `prepare` makes
/// a job of a size. Of several runs the shortest counts, and of five attempts the best: other processes make
/// a run longer, and never shorter.
inline double growth(std::size_t n, const std::function<std::function<void()>(std::size_t)>& prepare) {
  const KeptMemory kept;
  const auto seconds = [](const std::function<void()>& job) {
    double shortest = std::numeric_limits<double>::infinity();
    for (int run = 0; run < 3; ++run) {
      const double begin = thread_seconds();
      job();
      shortest = std::min(shortest, thread_seconds() - begin);
    }
    return shortest;
  };
  const std::function<void()> small = prepare(n), large = prepare(4 * n);
  double smallest = std::numeric_limits<double>::infinity();
  for (int attempt = 0; attempt < 5 && smallest >= 8; ++attempt)
    smallest = std::min(smallest, seconds(large) / seconds(small));
  return smallest;
}

}  // namespace xgrad::testing
