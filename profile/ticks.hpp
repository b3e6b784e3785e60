// A clock that costs little to read, for a profile reads it twice an activity.
#pragma once

#include <cstdint>

namespace xgrad::detail {

/// The processor's own count where it goes on evenly, whatever the processor does; nanoseconds of
/// std::chrono::steady_clock otherwise.
struct Ticks {
  static std::int64_t now() noexcept;
  /// From here on they are held against std::chrono::steady_clock; called again, it does nothing.
  static void start();
  /// The seconds of one, by what has gone by between start() and the first call; at least 10 ms, for which it
  /// waits, so that they are right to some 0.01 %.
  static double seconds();
};

}  // namespace xgrad::detail
