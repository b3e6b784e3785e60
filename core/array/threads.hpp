// Splitting loops over threads: one small pool whose workers sleep when there is nothing to do.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <type_traits>

#include "number.hpp"

namespace xgrad {

/// Sets how many threads a parallel_for may use, the calling one included. ValueError if `count` is 0 or
/// above 1024, or inside a parallel_for. It waits for a loop that runs in another thread.
void set_num_threads(Count count);

/// As last set; at first the environment's XGRAD_NUM_THREADS, or else the number of processors.
std::size_t num_threads();

namespace detail {

using ChunkFunction = void (*)(void* body, std::size_t begin, std::size_t end);
/// How many loops of this process several threads have shared so far; for tests, whose sizes have to stay
/// above the thresholds.
std::uint64_t shared_loops() noexcept;

void run_chunks(std::size_t count, std::size_t grain, ChunkFunction function, void* body);

}  // namespace detail

/// Calls body(begin, end) on pieces of [0, count): `grain` elements each, the last one shorter, so that
/// results do not depend on the number of threads. It runs in the calling thread alone when there is one
/// piece, when another thread is using the pool, and inside a body of another parallel_for. Every piece is
/// run, also when some throw; then the exception of the first of those pieces is thrown. A body must not wait
/// for another piece. In a forked child the pool starts afresh, unless the fork was made in a body: such a
/// child may only exec or exit.
template <class F>
void parallel_for(std::size_t count, std::size_t grain, F&& body) {
  if (count == 0) return;
  if (count <= grain) {
    body(std::size_t{0}, count);
    return;
  }
  using Body = std::remove_reference_t<F>;
  detail::run_chunks(
      count, grain,
      [](void* each, std::size_t begin, std::size_t end) { (*static_cast<Body*>(each))(begin, end); },
      const_cast<void*>(static_cast<const void*>(std::addressof(body))));
}

}  // namespace xgrad
