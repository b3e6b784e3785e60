#include "blas_call.hpp"

#include <atomic>
#include <chrono>
#include <cstdint>
#include <mutex>
#include <thread>

#include "../array/fork.hpp"

namespace xgrad::detail {
namespace {

/// How many threads are inside, and in the highest bit whether nobody else is let in.
constinit std::atomic<std::uint32_t> inside{0};
constexpr std::uint32_t closed = std::uint32_t{1} << 31;
/// Held by the thread that has closed the gate; it alone may still enter.
constinit std::mutex closing;
constinit thread_local bool has_closed = false;

/// Waits are rare and short: for the end of a call, or of a fork.
void wait_a_little() noexcept { std::this_thread::sleep_for(std::chrono::microseconds(50)); }

void close() {
  closing.lock();
  has_closed = true;
  inside.fetch_or(closed);
  while (inside.load() != closed) wait_a_little();
}
void open() {
  inside.fetch_and(~closed);
  has_closed = false;
  closing.unlock();
}
void open_in_child() {
  inside.store(0);  // others may have been on their way in
  has_closed = false;
  closing.unlock();
}

#if defined(__GNUC__)
/// Runs after every destructor of the program's and before OpenBLAS's own.
[[gnu::destructor]] void close_at_end() { close(); }
#endif

}  // namespace

constinit const OverFork blas_over_fork{close, open, open_in_child};

void BlasCall::enter() noexcept {
  while ((inside.fetch_add(1) & closed) != 0 && !has_closed) {
    inside.fetch_sub(1);
    while ((inside.load() & closed) != 0) wait_a_little();
  }
}

void BlasCall::leave() noexcept { inside.fetch_sub(1); }

}  // namespace xgrad::detail
