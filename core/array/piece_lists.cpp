#include "piece_lists.hpp"

#include <new>
#include <utility>

#if defined(__linux__)
#include <sys/mman.h>
#endif

namespace xgrad::memory {
namespace {

constexpr std::size_t huge_page = std::size_t{2} << 20;

void* map_huge(std::size_t size) noexcept {
#if defined(__linux__)
  const std::size_t mapped = size + huge_page;
  void* start = mmap(nullptr, mapped, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (start == MAP_FAILED) return nullptr;
  const std::size_t before = (huge_page - reinterpret_cast<std::uintptr_t>(start) % huge_page) % huge_page;
  char* piece = static_cast<char*>(start) + before;
  if (before != 0) munmap(start, before);
  munmap(piece + size, huge_page - before);
  madvise(piece, size, MADV_HUGEPAGE);  // a wish: small pages serve as well
  return piece;
#else
  return ::operator new (size, std::align_val_t{huge_page}, std::nothrow);
#endif
}

void unmap_huge(void* piece, [[maybe_unused]] std::size_t size) noexcept {
#if defined(__linux__)
  munmap(piece, size);
#else
  ::operator delete (piece, std::align_val_t{huge_page});
#endif
}

}  // namespace

void* system_allocate(std::size_t size) noexcept {
  return size < huge_page ? ::operator new (size, std::align_val_t{alignment}, std::nothrow) : map_huge(size);
}

void system_free(void* piece, std::size_t size) noexcept {
  if (size < huge_page)
    ::operator delete (piece, std::align_val_t{alignment});
  else
    unmap_huge(piece, size);
}

void free_batches(Piece* batches) noexcept {
  while (batches) {
    Piece* piece = std::exchange(batches, batches->next_batch);
    const std::size_t size = class_sizes[piece->size_class];
    while (piece) system_free(std::exchange(piece, piece->next), size);
  }
}

/// The head of a chunk, which is one huge page at a multiple of its size.
struct alignas(alignment) PieceLists::Chunk {
  Chunk* next = nullptr;
  std::size_t carved = 0;  ///< bytes made into pieces, from the first one on
  std::size_t dead = 0;    ///< bytes of pieces found in the lists by free_chunks

  static Chunk& of(Piece* piece) noexcept {
    char* address = reinterpret_cast<char*>(piece);
    return *reinterpret_cast<Chunk*>(address - reinterpret_cast<std::uintptr_t>(piece) % huge_page);
  }
};

Piece* PieceLists::pop(std::size_t size_class) noexcept {
  Piece* batch = batches_[size_class];
  if (batch) batches_[size_class] = batch->next_batch;
  return batch;
}

Piece* PieceLists::carve(std::size_t size_class) noexcept {
  const std::size_t size = class_sizes[size_class];
  const std::uint32_t count = batch_sizes[size_class];
  // What is left of a chunk and too small for a batch, 16 KB at most, is never used.
  if (!chunks_ || huge_page - sizeof(Chunk) - chunks_->carved < count * size) {
    void* memory = map_huge(huge_page);
    if (!memory) return nullptr;
    chunks_ = new (memory) Chunk{chunks_};
  }
  char* first = reinterpret_cast<char*>(chunks_ + 1) + chunks_->carved;
  Piece* batch = nullptr;
  for (std::uint32_t i = count; i-- > 0;) batch = new (first + i * size) Piece{batch};
  batch->count = count;
  chunks_->carved += count * size;
  held_ += static_cast<std::int64_t>(count * size);
  return batch;
}

void PieceLists::push(Piece* batch, std::uint32_t count, std::size_t size_class) noexcept {
  batch->next_batch = batches_[size_class];
  batch->count = count;
  batch->size_class = static_cast<std::uint32_t>(size_class);
  batches_[size_class] = batch;
}

void PieceLists::push_one(Piece* piece, std::size_t size_class) noexcept {
  Piece* first = batches_[size_class];
  if (first && first->count < batch_sizes[size_class]) {
    batches_[size_class] = first->next_batch;
    piece->next = first;
    push(piece, first->count + 1, size_class);
  } else {
    piece->next = nullptr;
    push(piece, 1, size_class);
  }
}

Piece* PieceLists::trim(std::int64_t limit) noexcept {
  Piece* surplus = nullptr;
  for (std::size_t c = class_count; c-- > carved_classes && held_ > limit;) {
    while (held_ > limit && batches_[c]) {
      Piece* batch = pop(c);
      held_ -= static_cast<std::int64_t>(batch->count * class_sizes[c]);
      batch->next_batch = std::exchange(surplus, batch);
    }
  }
  return surplus;
}

void PieceLists::free_chunks() noexcept {
  for (Chunk* chunk = chunks_; chunk; chunk = chunk->next) chunk->dead = 0;
  for (std::size_t c = 0; c < carved_classes; ++c)
    for (Piece* batch = batches_[c]; batch; batch = batch->next_batch)
      for (Piece* piece = batch; piece; piece = piece->next) Chunk::of(piece).dead += class_sizes[c];
  for (std::size_t c = 0; c < carved_classes; ++c) {
    Piece* batches = std::exchange(batches_[c], nullptr);
    while (batches) {
      Piece* piece = std::exchange(batches, batches->next_batch);
      while (piece) {
        Piece* dead = std::exchange(piece, piece->next);
        if (Chunk::of(dead).dead < Chunk::of(dead).carved) push_one(dead, c);
      }
    }
  }
  for (Chunk** link = &chunks_; *link;) {
    Chunk* chunk = *link;
    if (chunk->dead < chunk->carved) {
      link = &chunk->next;
    } else {
      *link = chunk->next;
      held_ -= static_cast<std::int64_t>(chunk->carved);
      unmap_huge(chunk, huge_page);
    }
  }
}

}  // namespace xgrad::memory
