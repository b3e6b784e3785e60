// How many refer to an object. An atomic change costs about 3 ns even where nobody else is there to see it,
// and an operation makes five of them.
#pragma once

#include "language.hpp"

#include <atomic>
#include <cstdint>

#if __has_include(<sys/single_threaded.h>)
#include <sys/single_threaded.h>
#define XGRAD_KNOWS_SINGLE_THREADED
#endif

namespace xgrad::detail {

/// Whether the process has no second thread, so that a plain change of a count will do, as for
/// std::shared_ptr. glibc says so until a thread is started; elsewhere it is not known.
inline bool single_threaded() noexcept {
#ifdef XGRAD_KNOWS_SINGLE_THREADED
  return __libc_single_threaded;
#else
  return false;
#endif
}

class ReferenceCount {
 public:
  explicit ReferenceCount(std::uint32_t count) noexcept : count_(count) {}

  /// Who sees 1 also sees what those did who have let go.
  std::uint32_t get() const noexcept { return count_.load(std::memory_order_acquire); }
  /// While nobody else knows the object.
  void set(std::uint32_t count) noexcept { count_.store(count, std::memory_order_relaxed); }
  /// One more; returns how many there were.
  [[gnu::always_inline]] std::uint32_t add() noexcept {
    if (!single_threaded()) return count_.fetch_add(1, std::memory_order_relaxed);
    const std::uint32_t before = count_.load(std::memory_order_relaxed);
    count_.store(before + 1, std::memory_order_relaxed);
    return before;
  }
  /// One less; whether it was the last.
  bool drop() noexcept {
    const std::uint32_t before = get();
    // The last one needs no atomic change either: nobody else is left.
    if (before != 1 && !single_threaded()) return count_.fetch_sub(1, std::memory_order_acq_rel) == 1;
    count_.store(before - 1, std::memory_order_relaxed);
    return before == 1;
  }

 private:
  std::atomic<std::uint32_t> count_;
};

}  // namespace xgrad::detail
