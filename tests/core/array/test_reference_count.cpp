#include <atomic>
#include <thread>
#include <vector>

#include <doctest/doctest.h>
#include <xgrad/core/array/memory.hpp>
#include <xgrad/core/array/reference_count.hpp>
#include <xgrad/core/graph/variable.hpp>

#include "../../child.hpp"

using xgrad::Variable;
using xgrad::detail::ReferenceCount;
using xgrad::memory::Buffer;

namespace {

/// Four threads that each do `body` many times.
template <class F>
void together(F body) {
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t)
    threads.emplace_back([&] {
      for (int i = 0; i < 20'000; ++i) body();
    });
  for (std::thread& thread : threads) thread.join();
}

}  // namespace

TEST_CASE("a count says how many there were, and which was the last to go") {
  ReferenceCount count(1);
  CHECK(count.add() == 1);
  CHECK(count.add() == 2);
  CHECK_FALSE(count.drop());
  CHECK_FALSE(count.drop());
  CHECK(count.get() == 1);
  CHECK(count.drop());
  CHECK(count.get() == 0);
}

TEST_CASE("threads that take and let go at once are all counted") {
  ReferenceCount count(1);
  together([&] {
    count.add();
    count.drop();
  });
  CHECK(count.get() == 1);
  together([&] { count.add(); });
  CHECK(count.get() == 80'001);
}

#if defined(__unix__)

TEST_CASE("child: counts that begin in one thread" * doctest::skip()) {
#if defined(XGRAD_KNOWS_SINGLE_THREADED) && !defined(__SANITIZE_THREAD__)
  CHECK(xgrad::detail::single_threaded());
#endif
  const auto before = xgrad::memory_stats();
  {
    const Buffer buffer(100);
    const Variable<double> x = xgrad::parameter(2.0);
    // Changed without atomic operations so far; from here on, by several threads.
    std::vector<Buffer> buffers(3, buffer);
    std::vector<Variable<double>> variables(3, x);
    std::atomic<bool> thought_alone{false};
    together([&] {
      const Buffer another = buffer;
      const Variable<double> same = x;
      if (xgrad::detail::single_threaded()) thought_alone = true;
    });
    CHECK_FALSE(thought_alone);
    CHECK_FALSE(buffer.unique());
    buffers.clear();
    CHECK(buffer.unique());
  }
  CHECK(xgrad::memory_stats().live_buffers == before.live_buffers);
  CHECK(xgrad::memory_stats().live_nodes == before.live_nodes);
}

TEST_CASE("a process may count in one thread first, and in several later") {
  CHECK(xgrad::testing::run_afresh("child: counts that begin in one thread", "OPENBLAS_NUM_THREADS", "1") ==
        0);
}

#endif
