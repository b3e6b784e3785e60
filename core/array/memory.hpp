// Where values and nodes live: 64-byte aligned blocks from per-size-class free lists.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <utility>

#include "reference_count.hpp"

namespace xgrad {

/// What the library holds at this moment, over all threads.
struct MemoryStats {
  std::int64_t live_buffers = 0;  ///< buffers that some value refers to
  std::int64_t live_nodes = 0;    ///< graph nodes, handles to constants included
  std::size_t live_bytes = 0;     ///< bytes of live buffers and nodes, rounded up to their size classes
  std::size_t peak_bytes =
      0;  ///< largest live_bytes since the start or reset_peak_memory(); exact for one thread
  std::size_t cached_bytes = 0;  ///< bytes kept in free lists for reuse
};

/// The figures of this moment.
MemoryStats memory_stats();

/// Sets peak_bytes to the present live_bytes.
void reset_peak_memory();

/// Gives cached blocks back to the system: the calling thread's cache and the shared lists.
void release_cached_memory();

namespace memory {

/// Sets peak_bytes to what it was before somebody measured, or to the present live_bytes where these are
/// more.
void restore_peak(std::size_t bytes);

/// What is live, and the most since restore_seen_peak(), as memory_stats() counts, but for what other threads
/// have not told yet (1 MB each at most): without a lock, so that a profile can ask after every operation.
struct SeenBytes {
  std::int64_t live = 0, peak = 0;
};
SeenBytes seen_bytes() noexcept;
/// Sets that peak to what it was before somebody looked, or to what is live where this is more.
void restore_seen_peak(std::int64_t bytes) noexcept;

/// Is told of each piece of memory that a thread takes and gives back; it may not use the pool.
class PieceObserver {
 public:
  virtual void took(const void* piece, std::size_t bytes) noexcept = 0;
  virtual void gave_back(const void* piece, std::size_t bytes) noexcept = 0;

 protected:
  ~PieceObserver() = default;
};
/// Tells another one, or nobody, of this thread's pieces, and gives back who was told before. While somebody
/// is told, the thread goes without its cache.
PieceObserver* exchange_piece_observer(PieceObserver* other);

/// A 64-byte aligned piece of at least `bytes` bytes, for a node of the graph; throws std::bad_alloc.
/// XGRAD_POOL=off turns the free lists off, here and for buffers.
void* allocate_node(std::size_t bytes);
/// Gives back what allocate_node(bytes) returned, with the same `bytes`. Never allocates, and works after the
/// thread's and the program's end.
void release_node(void* piece, std::size_t bytes) noexcept;

/// The head of a buffer; its elements follow it, 64-byte aligned.
struct alignas(64) Block {
  detail::ReferenceCount uses{1};
  /// Set once a pointer for writing was handed to a user: such a block is copied when it enters a graph.
  std::atomic<bool> exposed{false};
  /// One element that stands for a whole value: see Sweep.
  bool uniform = false;
  std::size_t bytes = 0;

  void* data() noexcept { return this + 1; }

  static Block* create(std::size_t bytes);
  static void destroy(Block* block) noexcept;
};

/// A counted reference to a block, or none. What a copy and an end do stands in place, by force: they are
/// most of what a small operation does with its values, and compilers stop at a function's size.
class Buffer {
 public:
  Buffer() noexcept = default;
  explicit Buffer(std::size_t bytes) : block_(Block::create(bytes)) {}
  [[gnu::always_inline]] Buffer(const Buffer& other) noexcept : block_(other.block_) {
    if (block_) block_->uses.add();
  }
  [[gnu::always_inline]] Buffer(Buffer&& other) noexcept : block_(std::exchange(other.block_, nullptr)) {}
  Buffer& operator=(const Buffer& other) noexcept {
    Buffer copy(other);
    std::swap(block_, copy.block_);
    return *this;
  }
  [[gnu::always_inline]] Buffer& operator=(Buffer&& other) noexcept {
    std::swap(block_, other.block_);
    other.reset();
    return *this;
  }
  [[gnu::always_inline]] ~Buffer() { reset(); }

  /// In place as far as the test: many a buffer that goes is an empty one.
  [[gnu::always_inline]] void reset() noexcept {
    if (Block* block = std::exchange(block_, nullptr)) let_go(block);
  }

  explicit operator bool() const noexcept { return block_ != nullptr; }
  bool unique() const noexcept { return block_ && block_->uses.get() == 1; }
  std::size_t bytes() const noexcept { return block_ ? block_->bytes : 0; }
  const void* data() const noexcept { return block_ ? block_->data() : nullptr; }
  /// Copies the block first when it is shared.
  [[gnu::always_inline]] void* mutable_data() {
    if (!unique()) [[unlikely]]
      detach();
    return block_ ? block_->data() : nullptr;
  }
  bool exposed() const noexcept { return block_ && block_->exposed.load(std::memory_order_relaxed); }
  void set_exposed(bool exposed) noexcept { block_->exposed.store(exposed, std::memory_order_relaxed); }
  bool uniform() const noexcept { return block_ && block_->uniform; }
  void set_uniform() noexcept { block_->uniform = true; }
  bool same_block(const Buffer& other) const noexcept { return block_ == other.block_; }

 private:
  static void let_go(Block* block) noexcept;
  void detach();

  Block* block_ = nullptr;
};

}  // namespace memory
}  // namespace xgrad
