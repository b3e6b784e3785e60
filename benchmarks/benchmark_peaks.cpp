// What the machine can do at most, for the table's limits: threads, FLOP/s of float, bytes/s, in one line.
//   benchmark_peaks THREADS
#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <vector>

#include <xgrad/core.hpp>
#include <xgrad/core/kernels/dispatch.hpp>

#include "floor_kernels.hpp"

namespace {

const floors::Loops& loops() {
  return *xgrad::choose_kernels([]<class Isa>() { return floors::loops<Isa>(); });
}

/// What f says that it did, over the time of the fastest of its turns.
template <class F>
double highest_rate(int turns, F f) {
  double highest = 0;
  for (int turn = 0; turn < turns; ++turn) {
    const auto begin = std::chrono::steady_clock::now();
    const double work = f();
    const std::chrono::duration<double> seconds = std::chrono::steady_clock::now() - begin;
    highest = std::max(highest, work / seconds.count());
  }
  return highest;
}

/// Multiply-adds in registers.
double flops_per_second() {
  return highest_rate(400, [] {
    std::atomic<double> flops = 0;
    xgrad::parallel_for(32, 1, [&](std::size_t, std::size_t) {
      float result = 0;
      const double done = loops().multiply_add(25'000, &result);
      if (result > 0) flops += done;
    });
    return flops.load();
  });
}

/// Memory read and written in place, which is more than a copy moves: that also fetches what it overwrites.
double bytes_per_second() {
  std::vector<float> x(std::size_t{1} << 24, 1.f);
  return highest_rate(25, [&] {
    xgrad::parallel_for(x.size(), std::size_t{1} << 20, [&](std::size_t begin, std::size_t end) {
      loops().scale(x.data() + begin, x.data() + begin, end - begin, 0.999f);
    });
    return 2.0 * sizeof(float) * static_cast<double>(x.size());
  });
}

}  // namespace

int main(int argc, char** argv) {
  const std::size_t threads = argc == 2 ? std::strtoul(argv[1], nullptr, 10) : 0;
  if (threads == 0) {
    std::fputs("usage: benchmark_peaks THREADS\n", stderr);
    return 2;
  }
  xgrad::set_num_threads(threads);
  std::printf("%zu\t%.6g\t%.6g\n", threads, flops_per_second(), bytes_per_second());
}
