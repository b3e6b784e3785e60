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
#include <cstring>
#include <limits>
#include <new>
#include <utility>

#include "memory_state.hpp"

namespace xgrad {
namespace {

using namespace memory;

/// What may be held beyond the live bytes in any case.
constexpr std::size_t slack_bytes = std::size_t{256} << 20;

/// Under the lock: takes off the lists what is held too much once `coming` more bytes are live.
Piece* trim_for(std::size_t coming) noexcept {
  const std::int64_t with_slack = shared.live.get() + static_cast<std::int64_t>(coming + slack_bytes);
  return shared.lists.trim(std::max(shared.peak, with_slack));
}

// ---- The ways that miss the thread's cache

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
