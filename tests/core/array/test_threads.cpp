#include <array>
#include <atomic>
#include <chrono>
#include <numeric>
#include <stdexcept>
#include <thread>
#include <vector>

#include <doctest/doctest.h>
#include <xgrad/core/array/error.hpp>
#include <xgrad/core/array/memory.hpp>
#include <xgrad/core/array/threads.hpp>

#include "../../child.hpp"
#include "../../threads.hpp"

using xgrad::testing::Threads;

namespace {

/// How often each of `count` elements was visited.
std::vector<int> visits(std::size_t count, std::size_t grain) {
  std::vector<int> seen(count, 0);
  xgrad::parallel_for(count, grain, [&](std::size_t begin, std::size_t end) {
    for (std::size_t i = begin; i < end; ++i) ++seen[i];
  });
  return seen;
}

/// A sum whose rounding depends on where the pieces begin.
float sum_of_pieces(std::size_t count, std::size_t grain) {
  std::vector<float> partial((count - 1) / grain + 1);
  xgrad::parallel_for(count, grain, [&](std::size_t begin, std::size_t end) {
    float sum = 0;
    for (std::size_t i = begin; i < end; ++i) sum += 1.0f / static_cast<float>(i + 1);
    partial[begin / grain] = sum;
  });
  return std::accumulate(partial.begin(), partial.end(), 0.0f);
}

}  // namespace

TEST_CASE("parallel_for visits every element once") {
  for (std::size_t threads : {1u, 2u, 5u}) {
    const Threads use(threads);
    for (std::size_t count : {0u, 1u, 2u, 7u, 100u, 1000u})
      for (std::size_t grain : {0u, 1u, 3u, 7u, 100u, 5000u})
        CHECK(visits(count, grain) == std::vector<int>(count, 1));
  }
}

TEST_CASE("with two threads two pieces run at once") {
  const Threads use(2);
  std::atomic<int> arrived{0};
  std::array<bool, 2> met{};
  std::array<std::thread::id, 2> by;
  xgrad::parallel_for(2, 1, [&](std::size_t piece, std::size_t) {
    by[piece] = std::this_thread::get_id();
    ++arrived;
    const auto end = std::chrono::steady_clock::now() + std::chrono::seconds(20);
    while (arrived < 2 && std::chrono::steady_clock::now() < end) std::this_thread::yield();
    met[piece] = arrived == 2;
  });
  CHECK(met[0]);
  CHECK(met[1]);
  CHECK(by[0] != by[1]);
}

TEST_CASE("pieces depend on the count and the grain alone") {
  float one = 0;
  {
    const Threads use(1);
    one = sum_of_pieces(100'000, 1000);
  }
  const Threads use(4);
  for (int i = 0; i < 50; ++i) CHECK(sum_of_pieces(100'000, 1000) == one);
}

TEST_CASE("an exception reaches the caller when all pieces have ended") {
  for (std::size_t threads : {1u, 4u}) {
    const Threads use(threads);
    std::atomic<int> ended{0};
    const auto loop = [&] {
      xgrad::parallel_for(64, 1, [&](std::size_t begin, std::size_t) {
        ++ended;
        if (begin % 16 == 5) throw std::runtime_error("piece " + std::to_string(begin));
      });
    };
    CHECK_THROWS_WITH_AS(loop(), "piece 5", std::runtime_error);
    CHECK(ended == 64);
    CHECK(visits(100, 1) == std::vector<int>(100, 1));  // the pool is as good as before
  }
}

TEST_CASE("a loop inside a loop runs in its own thread") {
  const Threads use(4);
  std::atomic<int> inner{0};
  std::atomic<int> strays{0};
  xgrad::parallel_for(16, 1, [&](std::size_t, std::size_t) {
    const auto here = std::this_thread::get_id();
    xgrad::parallel_for(8, 1, [&](std::size_t, std::size_t) {
      ++inner;
      if (std::this_thread::get_id() != here) ++strays;
    });
  });
  CHECK(inner == 128);
  CHECK(strays == 0);
}

TEST_CASE("several threads may start loops at once") {
  const Threads use(3);
  std::atomic<int> wrong{0};
  std::vector<std::thread> callers;
  for (int k = 0; k < 4; ++k)
    callers.emplace_back([&] {
      for (int i = 0; i < 200; ++i)
        if (visits(100, 7) != std::vector<int>(100, 1)) ++wrong;
    });
  for (std::thread& caller : callers) caller.join();
  CHECK(wrong == 0);
}

TEST_CASE("the number of threads can change at any time, and is checked") {
  const std::size_t before = xgrad::num_threads();
  CHECK(before >= 1);
  for (std::size_t threads : {3u, 1u, 6u, 2u}) {
    xgrad::set_num_threads(threads);
    CHECK(xgrad::num_threads() == threads);
    CHECK(visits(1000, 10) == std::vector<int>(1000, 1));
  }
  xgrad::set_num_threads(before);
  CHECK_THROWS_WITH_AS(xgrad::set_num_threads(0), "set_num_threads: 0 threads; give a number from 1 to 1024",
                       xgrad::ValueError);
  const Threads use(2);
  const auto nested = [](std::size_t, std::size_t) { xgrad::set_num_threads(3); };
  CHECK_THROWS_WITH_AS(xgrad::parallel_for(2, 1, nested),
                       "set_num_threads: called inside a parallel_for; call it before the loop",
                       xgrad::ValueError);
}

#if defined(XGRAD_TEST_FORKED_THREADS)

TEST_CASE("a forked child has a pool of its own") {
  const Threads use(3);
  CHECK(visits(1000, 10) == std::vector<int>(1000, 1));
  // Another thread is in the middle of loops that allocate, so that locks are held at the time of the fork.
  // (Not with a sanitizer's own allocator, which cannot be forked then.)
  { xgrad::memory::Buffer buffer(100); }
  std::atomic<bool> stop{xgrad::memory_stats().cached_bytes == 0};
  std::thread busy([&] {
    while (!stop)
      xgrad::parallel_for(50, 1, [](std::size_t, std::size_t) { xgrad::memory::Buffer buffer(100'000); });
  });
  for (int i = 0; i < 20; ++i) {
    CHECK(xgrad::testing::in_child([] {
            return visits(1000, 10) == std::vector<int>(1000, 1) && xgrad::num_threads() == 3;
          }) == 0);
  }
  stop = true;
  busy.join();
}

#endif

#if defined(__unix__)

TEST_CASE("child: the number of threads" * doctest::skip()) { CHECK(xgrad::num_threads() == 3); }

TEST_CASE("XGRAD_NUM_THREADS sets the number at the start") {
  CHECK(xgrad::testing::run_afresh("child: the number of threads", "XGRAD_NUM_THREADS", "3") == 0);
}

#endif
