#include "threads.hpp"

#include <algorithm>
#include <atomic>
#include <charconv>
#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <cstdlib>
#include <exception>
#include <mutex>
#include <new>
#include <string_view>
#include <system_error>
#include <thread>
#include <utility>

#include "error.hpp"
#include "fork.hpp"

namespace xgrad {
using namespace detail;

namespace {

constexpr std::size_t most_threads = 1024;
/// How long a thread looks for news before it sleeps: about what waking it takes, so that loops that follow
/// each other closely find it awake, and nobody burns more than twice what the wait was worth.
constexpr std::chrono::microseconds patience{50};

/// One parallel_for, on its caller's stack. The caller takes chunks from the front and workers from the back,
/// so that in loop after loop over the same values a thread finds in its cache what it left there.
struct Job {
  detail::ChunkFunction function;
  void* body;
  std::size_t count;
  std::size_t grain;
  std::size_t chunks;
  std::atomic<std::uint64_t> taken{0};  ///< from the front; in the upper half, from the back

  std::mutex error_mutex{};
  std::exception_ptr error{};
  std::size_t error_chunk = 0;

  void run_chunk(std::size_t chunk) noexcept {
    const std::size_t begin = chunk * grain;
    try {
      function(body, begin, std::min(count, begin + grain));
    } catch (...) {
      std::lock_guard lock(error_mutex);
      if (!error || chunk < error_chunk) {
        error = std::current_exception();
        error_chunk = chunk;
      }
    }
  }

  /// Takes chunks until there are none left.
  void run(bool from_back) noexcept {
    constexpr std::uint64_t from_front_one = 1, from_back_one = std::uint64_t{1} << 32;
    while (true) {
      const std::uint64_t before =
          taken.fetch_add(from_back ? from_back_one : from_front_one, std::memory_order_relaxed);
      const std::uint64_t front = before % from_back_one, back = before / from_back_one;
      if (front + back >= chunks) return;
      run_chunk(static_cast<std::size_t>(from_back ? chunks - 1 - back : front));
    }
  }
  /// All chunks, by one thread.
  void run_alone() noexcept {
    for (std::size_t chunk = 0; chunk < chunks; ++chunk) run_chunk(chunk);
  }
};

/// More chunks are not shared: their numbers would not fit.
constexpr std::size_t most_chunks = std::size_t{1} << 31;

/// What the workers and the owner of the pool share. It is never destroyed: idle workers sleep on it to the
/// very end.
struct Pool {
  std::mutex mutex;
  std::condition_variable wake;
  std::condition_variable done;
  Job* job = nullptr;                        ///< null once its caller has found no chunk left
  std::atomic<std::uint64_t> generation{0};  ///< grows with every job, and to end the workers
  std::atomic<std::size_t> helpers{0};       ///< workers inside the job
  std::size_t workers = 0;
  std::size_t sleeping = 0;
  bool stopping = false;
};

/// Held by the thread whose loop uses the pool, and guards the pointer.
constinit std::mutex owner;
constinit Pool* pool = nullptr;
constinit std::atomic<std::size_t> wanted_threads{0};
constinit std::atomic<std::uint64_t> loops_shared{0};
/// This thread is a worker, or the caller of a loop that uses the pool.
constinit thread_local bool inside = false;

void pause() noexcept {
#if defined(__x86_64__) || defined(__i386__)
  __builtin_ia32_pause();
#else
  std::this_thread::yield();
#endif
}

/// Looks again and again whether `ready()`, for as long as it is worth.
template <class Ready>
bool spin_until(const Ready& ready) noexcept {
  if (ready()) return true;
  const auto end = std::chrono::steady_clock::now() + patience;
  do {
    for (int i = 0; i < 32; ++i) {
      if (ready()) return true;
      pause();
    }
  } while (std::chrono::steady_clock::now() < end);
  return false;
}

void work(Pool* shared, std::uint64_t seen) {
  inside = true;
  std::unique_lock lock(shared->mutex);
  while (!shared->stopping) {
    const std::uint64_t now = shared->generation.load(std::memory_order_relaxed);
    if (now != std::exchange(seen, now) && shared->job) {
      Job* job = shared->job;
      shared->helpers.fetch_add(1, std::memory_order_relaxed);
      lock.unlock();
      job->run(true);
      lock.lock();
      // From here on the job may be gone.
      if (shared->helpers.fetch_sub(1, std::memory_order_release) == 1) shared->done.notify_one();
    } else {
      lock.unlock();
      const auto news = [&] { return shared->generation.load(std::memory_order_relaxed) != seen; };
      spin_until(news);
      lock.lock();
      ++shared->sleeping;
      shared->wake.wait(lock, news);
      --shared->sleeping;
    }
  }
  if (--shared->workers == 0) shared->done.notify_one();
}

// A child has the forking thread alone. Nobody is in a loop while `owner` is held, so that the child can
// leave the old pool behind as it is. A fork inside a loop finds it held by itself or its caller.
void before_fork() {
  if (!inside) owner.lock();
}
void after_fork_in_parent() {
  if (!inside) owner.unlock();
}
void after_fork_in_child() {
  if (inside) return;
  pool = nullptr;
  owner.unlock();
}

/// With `owner` held: the pool with as many workers as can be had; null if there is not even memory for that.
/// A loop must not fail for want of a second thread: what it updates may be half done.
Pool* ready_pool(std::size_t threads) noexcept {
  try {
    if (!pool) pool = new Pool;
    std::lock_guard lock(pool->mutex);
    while (pool->workers + 1 < threads) {
      std::thread(work, pool, pool->generation.load(std::memory_order_relaxed)).detach();
      ++pool->workers;
    }
  } catch (const std::system_error&) {
    // The system has no more threads: do with what there is.
  } catch (const std::bad_alloc&) {
  }
  return pool;
}

/// With `owner` held.
void stop_workers() {
  if (!pool) return;
  std::unique_lock lock(pool->mutex);
  pool->stopping = true;
  pool->generation.fetch_add(1, std::memory_order_relaxed);
  pool->wake.notify_all();
  pool->done.wait(lock, [] { return pool->workers == 0; });
  pool->stopping = false;
}

void post(Pool& shared, Job* job) {
  std::size_t sleepers = 0;
  {
    std::lock_guard lock(shared.mutex);
    shared.job = job;
    shared.generation.fetch_add(1, std::memory_order_relaxed);
    sleepers = std::min(shared.sleeping, job->chunks - 1);
  }
  for (; sleepers > 0; --sleepers) shared.wake.notify_one();
}

/// Lets no more workers in, and waits for those inside.
void finish(Pool& shared) {
  {
    std::lock_guard lock(shared.mutex);
    shared.job = nullptr;
  }
  const auto idle = [&] { return shared.helpers.load(std::memory_order_acquire) == 0; };
  if (spin_until(idle)) return;
  std::unique_lock lock(shared.mutex);
  shared.done.wait(lock, idle);
}

std::size_t default_threads() {
  const char* setting = std::getenv("XGRAD_NUM_THREADS");
  const std::string_view text = setting ? setting : "";
  std::size_t count = 0;
  std::from_chars(text.data(), text.data() + text.size(), count);
  if (count == 0) count = std::thread::hardware_concurrency();
  return std::clamp<std::size_t>(count, 1, most_threads);
}

}  // namespace

constinit const detail::OverFork detail::loops_over_fork{before_fork, after_fork_in_parent,
                                                         after_fork_in_child};

std::size_t num_threads() {
  std::size_t count = wanted_threads.load(std::memory_order_relaxed);
  if (count == 0) {
    count = default_threads();
    std::size_t unset = 0;
    if (!wanted_threads.compare_exchange_strong(unset, count, std::memory_order_relaxed)) count = unset;
  }
  return count;
}

void set_num_threads(Count number) {
  if (number.number() < 1 || number.number() > static_cast<std::int64_t>(most_threads))
    throw ValueError("set_num_threads: " + std::to_string(number.number()) +
                     " threads; give a number from 1 to " + std::to_string(most_threads));
  if (inside) throw ValueError("set_num_threads: called inside a parallel_for; call it before the loop");
  std::lock_guard lock(owner);
  const std::size_t count = number;
  if (wanted_threads.exchange(count, std::memory_order_relaxed) != count) stop_workers();
}

std::uint64_t detail::shared_loops() noexcept { return loops_shared.load(std::memory_order_relaxed); }

void detail::run_chunks(std::size_t count, std::size_t grain, ChunkFunction function, void* body) {
  grain = std::max<std::size_t>(grain, 1);
  Job job{function, body, count, grain, (count - 1) / grain + 1};
  const std::size_t threads = job.chunks > most_chunks ? 1 : std::min(num_threads(), job.chunks);
  bool shared = false;
  if (threads > 1 && !inside && owner.try_lock()) {
    std::lock_guard lock(owner, std::adopt_lock);
    if (Pool* const helpers = ready_pool(num_threads())) {
      shared = inside = true;
      loops_shared.fetch_add(1, std::memory_order_relaxed);
      post(*helpers, &job);
      job.run(false);
      finish(*helpers);
      inside = false;
    }
  }
  if (!shared) job.run_alone();
  if (job.error) std::rethrow_exception(job.error);
}

}  // namespace xgrad
