#include "ticks.hpp"

#include <chrono>

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
  // Within the function: static objects may ask before main.
  static const bool even = [] {
    unsigned a = 0, b = 0, c = 0, d = 0;
    return __get_cpuid(0x80000007, &a, &b, &c, &d) != 0 && (d >> 8 & 1) != 0;
  }();
  return even;
}
#endif

struct Pair {
  std::int64_t ticks = Ticks::now(), nanoseconds = steady_now();
};
const Pair& first_pair() noexcept {
  static const Pair first;
  return first;
}

}  // namespace

std::int64_t Ticks::now() noexcept {
#if defined(__x86_64__)
  if (has_even_count()) [[likely]]
    return static_cast<std::int64_t>(__rdtsc());
#endif
  return steady_now();
}

void Ticks::start() noexcept { static_cast<void>(first_pair()); }

double Ticks::seconds() noexcept {
  static const double seconds = [] {
    const Pair first = first_pair();
    Pair last;
    while (last.nanoseconds - first.nanoseconds < 10'000'000) last = Pair();
    return 1e-9 * static_cast<double>(last.nanoseconds - first.nanoseconds) /
           static_cast<double>(last.ticks - first.ticks);
  }();
  return seconds;
}

}  // namespace xgrad::detail
