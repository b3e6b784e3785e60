#include "ticks.hpp"

#include <atomic>
#include <chrono>
#include <limits>

#include "../core/array/immortal.hpp"

#if defined(__x86_64__)
#include <cpuid.h>
#include <x86intrin.h>
#endif

namespace xgrad::detail {
namespace {

std::int64_t steady_now() noexcept {
  return std::chrono::duration_cast<std::chrono::nanoseconds>(
             std::chrono::steady_clock::now().time_since_epoch())
      .count();
}

#if defined(__x86_64__)
/// "Invariant TSC": Intel's manual, volume 3, section 18.17; bit 8 of EDX of leaf 0x80000007.
bool has_even_count() noexcept {
  // Found at the first time, which may be before main.
  static constinit std::atomic<signed char> known{-1};
  signed char even = known.load(std::memory_order_relaxed);
  if (even < 0) [[unlikely]] {
    unsigned a = 0, b = 0, c = 0, d = 0;
    even = __get_cpuid(0x80000007, &a, &b, &c, &d) != 0 && (d >> 8 & 1) != 0 ? 1 : 0;
    known.store(even, std::memory_order_relaxed);
  }
  return even > 0;
}
#endif

struct Pair {
  std::int64_t ticks = 0, nanoseconds = 0;
};

/// Of both clocks at one time: of several readings that between whose neighbours the least went by.
Pair both_clocks() noexcept {
  Pair best;
  std::int64_t least = std::numeric_limits<std::int64_t>::max();
  for (int i = 0; i < 5; ++i) {
    const std::int64_t before = Ticks::now(), nanoseconds = steady_now(), after = Ticks::now();
    if (after - before >= least) continue;
    least = after - before;
    best = {before + least / 2, nanoseconds};
  }
  return best;
}

const Pair& first_pair() {
  return immortal([] { return both_clocks(); });
}

}  // namespace

std::int64_t Ticks::now() noexcept {
#if defined(__x86_64__)
  if (has_even_count()) [[likely]]
    return static_cast<std::int64_t>(__rdtsc());
#endif
  return steady_now();
}

void Ticks::start() { static_cast<void>(first_pair()); }

double Ticks::seconds() {
  return immortal([] {
    const Pair first = first_pair();
    Pair last = both_clocks();
    while (last.nanoseconds - first.nanoseconds < 10'000'000) last = both_clocks();
    return 1e-9 * static_cast<double>(last.nanoseconds - first.nanoseconds) /
           static_cast<double>(last.ticks - first.ticks);
  });
}

}  // namespace xgrad::detail
