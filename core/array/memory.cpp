// Two layers. Each thread keeps a few dead pieces of every small size class, reached without a lock. Behind
// them stand shared lists under one mutex. Batches of pieces move between the two whole, so that neither
// freeing nor refilling walks a list or allocates.
//
// How much is kept: pieces held never exceed what the program once had live at one time, or 256 MB more than
// it has live now. A training step frees at its end about all it had, and the next step asks for the same
// sizes again: a tighter bound would pay page faults at every step, a looser one would hold more than the
// program itself ever did.
#include "memory.hpp"

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <limits>
#include <mutex>
#include <new>
#include <string_view>
#include <type_traits>

#include "fork.hpp"
#include "piece_lists.hpp"
#include "thread_cache.hpp"

namespace xgrad {
namespace {

using namespace memory;

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

/// What may be held beyond the live bytes in any case.
constexpr std::size_t slack_bytes = std::size_t{256} << 20;
/// A thread with no other reason to lock adds its bytes to the shared count after this many.
constexpr std::int64_t unsynced_bytes = 1 << 20;

/// Everything that is shared, under its mutex.
struct SharedState {
  std::mutex mutex;
  PieceLists lists;
  Counter live;  ///< live bytes, but for the threads' own `bytes`
  std::int64_t peak = 0;
  Counter seen_peak;         ///< the same since restore_seen_peak()
  std::int64_t buffers = 0;  ///< of threads that have ended or never allocated
  std::int64_t nodes = 0;
  ThreadState* threads = nullptr;
  bool started = false;
  bool pooled = true;
};

// No constructor runs before them and no destructor after them, so they serve static objects at both ends.
constinit SharedState shared;
constinit thread_local ThreadState self;
static_assert(std::is_trivially_destructible_v<SharedState> && std::is_trivially_destructible_v<ThreadState>);

using Lock = std::lock_guard<std::mutex>;

/// Under the lock.
void note_peak(std::int64_t bytes) noexcept {
  shared.peak = std::max(shared.peak, bytes);
  if (bytes > shared.seen_peak.get()) shared.seen_peak.set(bytes);
}

/// Under the lock: adds the thread's bytes to the shared count; exact for the peak as long as one thread
/// allocates.
void sync(ThreadState& thread) noexcept {
  note_peak(shared.live.get() + thread.rise.get());
  shared.live.add(thread.bytes());
  thread.forget_bytes();
}

/// Under the lock: takes off the lists what is held too much once `coming` more bytes are live.
Piece* trim_for(std::size_t coming) noexcept {
  const std::int64_t with_slack = shared.live.get() + static_cast<std::int64_t>(coming + slack_bytes);
  return shared.lists.trim(std::max(shared.peak, with_slack));
}

// ---- Threads come and go

/// Under the lock: moves what the thread caches to the shared lists.
void flush(ThreadState& thread) noexcept {
  for (std::size_t c = 0; c < cached_classes; ++c) {
    CachedList& list = thread.lists[c];
    if (list.head) shared.lists.push(list.head, batch_sizes[c] - list.room, c);
    if (list.spare) shared.lists.push(list.spare, batch_sizes[c], c);
    list = CachedList{nullptr, nullptr, thread.mode == Mode::pooled ? batch_sizes[c] : 0};
  }
}

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

/// The first allocation of a thread.
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

// ---- The ways that miss the thread's cache

/// Adds what this thread allocated (or freed, if negative) to the counts.
void count_bytes(std::int64_t change) noexcept {
  if (self.mode == Mode::direct) {
    Lock lock(shared.mutex);
    shared.live.add(change);
    note_peak(shared.live.get());
    return;
  }
  self.add_bytes(change);
  if (std::abs(self.bytes()) < unsynced_bytes) return;
  Lock lock(shared.mutex);
  sync(self);
}

Piece* fetch_carved(std::size_t size_class) {
  for (bool retry = false;; retry = true) {
    {
      Lock lock(shared.mutex);
      sync(self);
      Piece* batch = shared.lists.pop(size_class);
      if (!batch) batch = shared.lists.carve(size_class);
      if (batch) return batch;
    }
    if (retry) throw std::bad_alloc();
    release_cached_memory();
  }
}

/// Takes a batch of at least one piece from the shared lists or the system.
Piece* fetch(std::size_t size_class) {
  if (size_class < carved_classes) return fetch_carved(size_class);
  const std::size_t size = class_sizes[size_class];
  Piece* surplus = nullptr;
  {
    Lock lock(shared.mutex);
    sync(self);
    if (Piece* batch = shared.lists.pop(size_class)) return batch;
    shared.lists.add_held(static_cast<std::int64_t>(size));
    surplus = trim_for(size);
  }
  free_batches(surplus);
  void* piece = system_allocate(size);
  if (!piece) {
    release_cached_memory();
    piece = system_allocate(size);
  }
  if (piece) return new (piece) Piece;
  Lock lock(shared.mutex);
  shared.lists.add_held(-static_cast<std::int64_t>(size));
  throw std::bad_alloc();
}

void* allocate_plain(std::size_t bytes) {
  void* piece = ::operator new (std::max<std::size_t>(bytes, 1), std::align_val_t{alignment});
  count_bytes(static_cast<std::int64_t>(class_sizes[class_of(bytes)]));
  return piece;
}

void* find_piece(std::size_t bytes) {
  const std::size_t size_class = class_of(bytes);
  if (size_class >= class_count) throw std::bad_alloc();
  if (self.mode == Mode::direct) enter();
  if (!shared.pooled) return allocate_plain(bytes);
  if (self.mode == Mode::pooled && size_class < cached_classes) {
    CachedList& list = self.lists[size_class];
    Piece* batch = std::exchange(list.spare, nullptr);
    const std::uint32_t count = batch ? batch_sizes[size_class] : (batch = fetch(size_class))->count;
    list.head = batch->next;
    list.room = batch_sizes[size_class] - count + 1;
    self.add_bytes(static_cast<std::int64_t>(class_sizes[size_class]));
    return batch;
  }
  Piece* batch = fetch(size_class);
  if (batch->next) {
    Lock lock(shared.mutex);
    shared.lists.push(batch->next, batch->count - 1, size_class);
  }
  count_bytes(static_cast<std::int64_t>(class_sizes[size_class]));
  return batch;
}

void* allocate_slowly(std::size_t bytes) {
  void* const piece = find_piece(bytes);
  if (self.observer != nullptr) [[unlikely]]
    self.observer->took(piece, class_sizes[class_of(bytes)]);
  return piece;
}

void release_slowly(void* dead, std::size_t size_class) noexcept {
  const auto size = static_cast<std::int64_t>(class_sizes[size_class]);
  if (self.observer != nullptr) [[unlikely]]
    self.observer->gave_back(dead, class_sizes[size_class]);
  if (!shared.pooled) {
    ::operator delete (dead, std::align_val_t{alignment});
    return count_bytes(-size);
  }
  Piece* piece = new (dead) Piece;
  const bool cached = self.mode == Mode::pooled && size_class < cached_classes;
  Piece* surplus = nullptr;
  if (cached) {
    // The list at hand is full: it becomes the spare one, or goes to the shared lists when there is one
    // already.
    CachedList& list = self.lists[size_class];
    Piece* full = std::exchange(list.head, piece);
    list.room = batch_sizes[size_class] - 1;
    self.add_bytes(-size);
    if (!list.spare) {
      list.spare = full;
      return;
    }
    Lock lock(shared.mutex);
    shared.lists.push(full, batch_sizes[size_class], size_class);
    sync(self);
    surplus = trim_for(0);
  } else {
    Lock lock(shared.mutex);
    shared.lists.push_one(piece, size_class);
    sync(self);  // first: the peak was before this release
    shared.live.add(-size);
    surplus = trim_for(0);
  }
  free_batches(surplus);
}

}  // namespace

constinit const detail::OverFork detail::memory_over_fork{[] { shared.mutex.lock(); },
                                                          [] { shared.mutex.unlock(); }, after_fork_in_child};

// ---- The public functions

MemoryStats memory_stats() {
  Lock lock(shared.mutex);
  sync(self);
  std::int64_t bytes = shared.live.get();
  MemoryStats stats;
  stats.live_buffers = shared.buffers;
  stats.live_nodes = shared.nodes;
  for (const ThreadState* thread = shared.threads; thread; thread = thread->next) {
    bytes += thread->bytes();
    stats.live_buffers += thread->buffers.get();
    stats.live_nodes += thread->nodes.get();
  }
  note_peak(bytes);
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
  shared.peak = shared.live.get();
  for (const ThreadState* thread = shared.threads; thread; thread = thread->next)
    shared.peak += thread->bytes();
}

void memory::restore_peak(std::size_t bytes) {
  reset_peak_memory();
  Lock lock(shared.mutex);
  shared.peak = std::max(shared.peak, static_cast<std::int64_t>(bytes));
}

memory::SeenBytes memory::seen_bytes() noexcept {
  const std::int64_t live = shared.live.get();
  return {live + self.bytes(), std::max(shared.seen_peak.get(), live + self.rise.get())};
}

void memory::restore_seen_peak(std::int64_t bytes) noexcept {
  Lock lock(shared.mutex);
  sync(self);
  shared.seen_peak.set(std::max(bytes, shared.live.get()));
}

memory::PieceObserver* memory::exchange_piece_observer(PieceObserver* other) {
  if (self.mode == Mode::direct) enter();
  Lock lock(shared.mutex);
  if (self.mode == Mode::pooled || self.mode == Mode::observed)
    self.mode = other == nullptr ? Mode::pooled : Mode::observed;
  flush(self);
  return std::exchange(self.observer, other);
}

void release_cached_memory() {
  Piece* surplus = nullptr;
  {
    Lock lock(shared.mutex);
    flush(self);
    shared.lists.free_chunks();
    surplus = shared.lists.trim(0);
  }
  free_batches(surplus);
}

namespace memory {
namespace {

// What every operation does several times, in place: a call costs as much as they do.

/// A piece from this thread's cache, or none.
[[gnu::always_inline]] inline void* take_cached(std::size_t size_class) noexcept {
  if (size_class >= cached_classes) [[unlikely]]
    return nullptr;
  CachedList& list = self.lists[size_class];
  Piece* const piece = list.head;
  if (piece == nullptr) [[unlikely]]
    return nullptr;
  list.head = piece->next;
  ++list.room;
  self.add_bytes(static_cast<std::int64_t>(class_sizes[size_class]));
  return piece;
}

/// Whether this thread's cache has taken the piece.
[[gnu::always_inline]] inline bool give_cached(void* dead, std::size_t size_class) noexcept {
  if (size_class >= cached_classes) [[unlikely]]
    return false;
  CachedList& list = self.lists[size_class];
  if (list.room == 0) [[unlikely]]
    return false;
  --list.room;
  list.head = new (dead) Piece{list.head};
  self.add_bytes(-static_cast<std::int64_t>(class_sizes[size_class]));
  return true;
}

/// What is counted one by one: by a thread that caches or has been seen, and by all others together.
struct Kind {
  Counter ThreadState::*own;
  std::int64_t SharedState::*all;
};
constexpr Kind buffer{&ThreadState::buffers, &SharedState::buffers};
constexpr Kind node{&ThreadState::nodes, &SharedState::nodes};

void count_slowly(Kind kind, int change) noexcept {
  if (self.mode != Mode::direct) return (self.*kind.own).add(change);
  Lock lock(shared.mutex);
  shared.*kind.all += change;
}

/// Only a thread that counts for itself has a cache to take from and to give to.
[[gnu::always_inline]] inline void* allocate_one(Kind kind, std::size_t bytes) {
  void* piece = take_cached(class_of(bytes));
  if (piece != nullptr) {
    (self.*kind.own).add(1);
  } else {
    piece = allocate_slowly(bytes);
    count_slowly(kind, 1);
  }
  return piece;
}

[[gnu::always_inline]] inline void release_one(Kind kind, void* piece, std::size_t bytes) noexcept {
  const std::size_t size_class = class_of(bytes);
  if (give_cached(piece, size_class)) return (self.*kind.own).add(-1);
  count_slowly(kind, -1);
  release_slowly(piece, size_class);
}

}  // namespace

void* allocate_node(std::size_t bytes) { return allocate_one(node, bytes); }
void release_node(void* piece, std::size_t bytes) noexcept { release_one(node, piece, bytes); }

Block* Block::create(std::size_t bytes) {
  if (bytes > std::numeric_limits<std::size_t>::max() - sizeof(Block)) throw std::bad_alloc();
  auto* block = new (allocate_one(buffer, sizeof(Block) + bytes)) Block;
  block->bytes = bytes;
  return block;
}

void Block::destroy(Block* block) noexcept {
  const std::size_t bytes = sizeof(Block) + block->bytes;
  block->~Block();
  release_one(buffer, block, bytes);
}

void Buffer::let_go(Block* block) noexcept {
  if (block->uses.drop()) Block::destroy(block);
}

void Buffer::detach() {
  if (!block_) return;
  Buffer copy(block_->bytes);
  std::memcpy(copy.block_->data(), block_->data(), block_->bytes);
  *this = std::move(copy);
}

}  // namespace memory
}  // namespace xgrad
