// What the memory pool shares between threads and keeps for the calling one, and how both are counted.
#pragma once

#include <cstdint>
#include <mutex>

#include "piece_lists.hpp"
#include "thread_cache.hpp"

namespace xgrad::memory {

/// Everything that is shared, under its mutex.
struct SharedState {
  std::mutex mutex;
  PieceLists lists;
  Counter live;  ///< live bytes, but for the threads' own `bytes`
  std::int64_t peak = 0;
  Counter seen_peak;         ///< of `live` and one thread's own bytes, since restore_seen_peak()
  std::int64_t buffers = 0;  ///< of threads that have ended or never allocated
  std::int64_t nodes = 0;
  ThreadState* threads = nullptr;
  bool started = false;
  bool pooled = true;
};

// No constructor runs before them and no destructor after them, so they serve static objects at both ends.
[[gnu::visibility("hidden")]] extern constinit SharedState shared;
[[gnu::visibility("hidden")]] extern constinit thread_local ThreadState self;

using Lock = std::lock_guard<std::mutex>;

/// Under the lock: takes the thread's bytes over into the shared count. The peak is exact as long as one
/// thread at a time allocates.
void sync(ThreadState& thread) noexcept;

/// Adds what the calling thread allocated (or freed, if negative) to the counts.
void count_bytes(std::int64_t change) noexcept;

/// Under the lock: moves what the thread caches to the shared lists.
void flush(ThreadState& thread) noexcept;

/// The first allocation of a thread: it counts and caches from now on, until it ends.
void enter();

}  // namespace xgrad::memory
