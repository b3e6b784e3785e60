// Lists of dead pieces of memory, and the system's memory that they come from.
#pragma once

#include <cstdint>

#include "size_class.hpp"

namespace xgrad::memory {

/// A dead piece. Lists are threaded through the pieces, so that freeing never allocates. A chain of pieces of
/// one class is a batch; its first piece counts it.
struct Piece {
  Piece* next = nullptr;
  Piece* next_batch = nullptr;
  std::uint32_t count = 1;
  std::uint32_t size_class = 0;
};

/// A piece of at least `size` bytes from the system, null when it has no more; from 2 MB on aligned for huge
/// pages.
void* system_allocate(std::size_t size) noexcept;
void system_free(void* piece, std::size_t size) noexcept;

/// Gives batches, linked by next_batch, back to the system; not for carved classes.
void free_batches(Piece* batches) noexcept;

/// Batches of every class, and the chunks that small pieces are carved from. The owner locks. A global one is
/// ready before any constructor and stays so after the last destructor.
class PieceLists {
 public:
  /// A batch from the lists, or null.
  Piece* pop(std::size_t size_class) noexcept;

  /// A batch of new pieces of a carved class; null when the system has no more.
  Piece* carve(std::size_t size_class) noexcept;

  /// Adds a chain of `count` pieces.
  void push(Piece* batch, std::uint32_t count, std::size_t size_class) noexcept;

  /// Adds one piece, to the first batch while that is not full.
  void push_one(Piece* piece, std::size_t size_class) noexcept;

  /// Bytes of all pieces that came from the system or a chunk and were not given back, live ones included.
  std::int64_t held() const noexcept { return held_; }
  /// The owner took that many bytes from the system, or failed to and takes them back.
  void add_held(std::int64_t bytes) noexcept { held_ += bytes; }

  /// Takes batches off the lists, the largest pieces first, until at most `limit` bytes are held, and returns
  /// them for free_batches (which takes its time, and needs no lock). Carved pieces stay.
  Piece* trim(std::int64_t limit) noexcept;

  /// Gives back the chunks of which every piece is in the lists. It walks over all carved pieces.
  void free_chunks() noexcept;

 private:
  struct Chunk;

  Piece* batches_[class_count] = {};
  Chunk* chunks_ = nullptr;  ///< the first one is being carved
  std::int64_t held_ = 0;
};

}  // namespace xgrad::memory
