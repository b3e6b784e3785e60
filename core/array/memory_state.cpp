#include "memory_state.hpp"

#include <algorithm>
#include <cstdlib>
#include <string_view>
#include <type_traits>
#include <utility>

#include "fork.hpp"

namespace xgrad {
namespace memory {

constinit SharedState shared;
constinit thread_local ThreadState self;
static_assert(std::is_trivially_destructible_v<SharedState> && std::is_trivially_destructible_v<ThreadState>);

namespace {

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
constexpr bool sanitized = true;
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer) || __has_feature(memory_sanitizer)
constexpr bool sanitized = true;
#else
constexpr bool sanitized = false;
#endif
#else
constexpr bool sanitized = false;
#endif

/// A thread with no other reason to lock adds its bytes to the shared count after this many.
constexpr std::int64_t unsynced_bytes = 1 << 20;

/// Under the lock: what threads other than this one have not added to the shared count. A piece that one
/// thread takes and another gives back stands in both, with either sign.
std::int64_t unsynced(const ThreadState* but) noexcept {
  std::int64_t bytes = 0;
  for (const ThreadState* thread = shared.threads; thread; thread = thread->next)
    if (thread != but) bytes += thread->bytes();
  return bytes;
}

/// Under the lock: `bytes` are the shared count, and those of one thread.
void note_peak(std::int64_t bytes, const ThreadState* of) noexcept {
  shared.peak = std::max(shared.peak, bytes + unsynced(of));
  if (bytes > shared.seen_peak.get()) shared.seen_peak.set(bytes);
}

// ---- Threads come and go

/// Adds the counts of a thread that has ended to the shared ones.
void absorb(ThreadState& thread) noexcept {
  sync(thread);
  shared.buffers += thread.buffers.get();
  shared.nodes += thread.nodes.get();
}

/// The thread's last act here; what it frees later goes straight to the shared lists.
struct ThreadEnd {
  ThreadEnd() noexcept {}
  ThreadEnd(const ThreadEnd&) = delete;
  ThreadEnd& operator=(const ThreadEnd&) = delete;
  ~ThreadEnd() {
    Lock lock(shared.mutex);
    self.mode = Mode::direct;
    flush(self);
    absorb(self);
    ThreadState** link = &shared.threads;
    while (*link != &self) link = &(*link)->next;
    *link = self.next;
  }
};

/// In a forked child only the forking thread lives on. The others may have been stopped at any point, so
/// their counts are kept and their caches given up.
void after_fork_in_child() {
  const bool member = self.mode != Mode::direct;
  for (ThreadState* thread = shared.threads; thread; thread = thread->next)
    if (thread != &self) absorb(*thread);
  shared.threads = member ? &self : nullptr;
  self.next = nullptr;
  shared.mutex.unlock();
}

[[maybe_unused]] const bool watching_forks = detail::watch_forks();

/// The first allocation of the process: reads the environment. Called under the lock.
void start() noexcept {
  const char* setting = std::getenv("XGRAD_POOL");
  shared.pooled = !sanitized && !(setting && std::string_view(setting) == "off");
  shared.started = true;
}

}  // namespace

void sync(ThreadState& thread) noexcept {
  note_peak(shared.live.get() + thread.rise.get(), &thread);
  shared.live.add(thread.bytes());
  thread.forget_bytes();
}

void count_bytes(std::int64_t change) noexcept {
  if (self.mode == Mode::direct) {
    Lock lock(shared.mutex);
    shared.live.add(change);
    note_peak(shared.live.get(), nullptr);
    return;
  }
  self.add_bytes(change);
  if (std::abs(self.bytes()) < unsynced_bytes) return;
  Lock lock(shared.mutex);
  sync(self);
}

void flush(ThreadState& thread) noexcept {
  for (std::size_t c = 0; c < cached_classes; ++c) {
    CachedList& list = thread.lists[c];
    if (list.head) shared.lists.push(list.head, batch_sizes[c] - list.room, c);
    if (list.spare) shared.lists.push(list.spare, batch_sizes[c], c);
    list = CachedList{nullptr, nullptr, thread.mode == Mode::pooled ? batch_sizes[c] : 0};
  }
}

void enter() {
  static thread_local bool entered = false;
  if (std::exchange(entered, true)) return;  // the thread has ended already
  static thread_local ThreadEnd at_end;
  Lock lock(shared.mutex);
  if (!shared.started) start();
  self.mode = shared.pooled ? Mode::pooled : Mode::plain;
  flush(self);
  self.next = std::exchange(shared.threads, &self);
}

void restore_peak(std::size_t bytes) {
  reset_peak_memory();
  Lock lock(shared.mutex);
  shared.peak = std::max(shared.peak, static_cast<std::int64_t>(bytes));
}

SeenBytes seen_bytes() noexcept {
  const std::int64_t live = shared.live.get();
  return {live + self.bytes(), std::max(shared.seen_peak.get(), live + self.rise.get())};
}

void restore_seen_peak(std::int64_t bytes) noexcept {
  Lock lock(shared.mutex);
  sync(self);
  shared.seen_peak.set(std::max(bytes, shared.live.get()));
}

}  // namespace memory

using namespace memory;

constinit const detail::OverFork detail::memory_over_fork{[] { shared.mutex.lock(); },
                                                          [] { shared.mutex.unlock(); }, after_fork_in_child};

MemoryStats memory_stats() {
  Lock lock(shared.mutex);
  sync(self);
  const std::int64_t bytes = shared.live.get() + unsynced(nullptr);
  MemoryStats stats;
  stats.live_buffers = shared.buffers;
  stats.live_nodes = shared.nodes;
  for (const ThreadState* thread = shared.threads; thread; thread = thread->next) {
    stats.live_buffers += thread->buffers.get();
    stats.live_nodes += thread->nodes.get();
  }
  note_peak(shared.live.get(), nullptr);
  // Other threads go on counting meanwhile, so that a sum may come out a little below 0.
  const auto at_least_zero = [](std::int64_t sum) { return sum < 0 ? 0 : static_cast<std::size_t>(sum); };
  stats.live_bytes = at_least_zero(bytes);
  stats.peak_bytes = at_least_zero(shared.peak);
  stats.cached_bytes = shared.pooled ? at_least_zero(shared.lists.held() - bytes) : 0;
  return stats;
}

void reset_peak_memory() {
  Lock lock(shared.mutex);
  sync(self);
  shared.peak = shared.live.get() + unsynced(nullptr);
}

}  // namespace xgrad
