// What the memory pool keeps for each thread: a few dead pieces of every small size class, and counters.
#pragma once

#include <atomic>
#include <cstdint>

#include "memory.hpp"
#include "piece_lists.hpp"

namespace xgrad::memory {

/// Written by its thread alone, without a lock prefix, and read by all.
class Counter {
 public:
  std::int64_t get() const noexcept { return value_.load(std::memory_order_relaxed); }
  void set(std::int64_t value) noexcept { value_.store(value, std::memory_order_relaxed); }
  void add(std::int64_t change) noexcept { set(get() + change); }

 private:
  std::atomic<std::int64_t> value_{0};
};

/// How a thread gets its memory.
enum class Mode : std::uint8_t {
  direct,  ///< no cache, counted in the shared state: before a first allocation, and after the thread's end
  pooled,
  observed,  ///< pooled, without a cache, so that each piece is seen
  plain,     ///< the pool is off
};

/// Dead pieces of one class: those at hand, and a full batch or none.
struct CachedList {
  Piece* head = nullptr;
  Piece* spare = nullptr;
  std::uint32_t room = 0;  ///< how many more `head` may take; 0 while the thread does not cache
};

/// What the pool keeps for a thread.
struct ThreadState {
  CachedList lists[cached_classes];
  Counter rise;   ///< the largest value of bytes() since they were last added to the shared count
  Counter below;  ///< how far bytes() is below it: one number to change, but at a new peak
  Counter buffers;
  Counter nodes;
  PieceObserver* observer = nullptr;
  ThreadState* next = nullptr;
  Mode mode = Mode::direct;

  /// Change of live bytes since they were last added to the shared count.
  std::int64_t bytes() const noexcept { return rise.get() - below.get(); }
  void add_bytes(std::int64_t change) noexcept {
    const std::int64_t now = below.get() - change;
    below.set(now);
    if (now < 0) [[unlikely]] {
      rise.add(-now);
      below.set(0);
    }
  }
  void forget_bytes() noexcept {
    rise.set(0);
    below.set(0);
  }
};

}  // namespace xgrad::memory
