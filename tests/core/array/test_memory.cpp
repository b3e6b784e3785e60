#include <atomic>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <limits>
#include <new>
#include <random>
#include <string>
#include <thread>
#include <vector>

#include <doctest/doctest.h>
#include <xgrad/core/array/memory.hpp>

#if defined(__unix__)
#include <sys/resource.h>
#include <unistd.h>

#include "../../child.hpp"

using xgrad::testing::in_child;
using xgrad::testing::run_afresh;
#endif

using xgrad::memory_stats;
using xgrad::MemoryStats;
using xgrad::memory::Buffer;

namespace {

constexpr std::size_t megabyte = std::size_t{1} << 20;

/// The pool is off under sanitizers and by XGRAD_POOL=off.
bool pooled() {
  { Buffer buffer(100); }
  return memory_stats().cached_bytes > 0;
}

struct Change {
  MemoryStats before = memory_stats();
  std::int64_t buffers() const { return memory_stats().live_buffers - before.live_buffers; }
  std::int64_t nodes() const { return memory_stats().live_nodes - before.live_nodes; }
  std::int64_t bytes() const {
    return static_cast<std::int64_t>(memory_stats().live_bytes - before.live_bytes);
  }
};

/// A buffer filled with a pattern of its own, so that overlapping ones are noticed.
struct Marked {
  Buffer buffer;
  unsigned char mark;

  Marked(std::size_t bytes, unsigned char mark_) : buffer(bytes), mark(mark_) {
    std::memset(buffer.mutable_data(), mark, bytes);
  }
  /// Gives the buffer back; whether it was as it had been left.
  bool release() {
    const auto* bytes = static_cast<const unsigned char*>(buffer.data());
    bool intact = reinterpret_cast<std::uintptr_t>(bytes) % 64 == 0;
    for (std::size_t i = 0; i < buffer.bytes(); ++i) intact = intact && bytes[i] == mark;
    buffer.reset();
    return intact;
  }
};

}  // namespace

TEST_CASE("buffers are counted, aligned and shared") {
  const Change change;
  {
    Buffer a(100);
    CHECK(change.buffers() == 1);
    CHECK(change.bytes() == 192);  // a head of 64 bytes and 100, rounded up
    CHECK(reinterpret_cast<std::uintptr_t>(a.data()) % 64 == 0);
    CHECK(a.bytes() == 100);
    CHECK(a.unique());
    Buffer b = a;
    CHECK(b.same_block(a));
    CHECK_FALSE(a.unique());
    CHECK(change.buffers() == 1);
    Buffer c = std::move(b);
    CHECK_FALSE(b);
    CHECK(b.bytes() == 0);
    CHECK(b.mutable_data() == nullptr);
    const Buffer& same = a;
    a = same;
    CHECK(a.same_block(c));
    CHECK(Buffer(0));
  }
  CHECK(change.buffers() == 0);
  CHECK(change.bytes() == 0);
}

TEST_CASE("writing to a shared buffer copies it") {
  Buffer a(4);
  std::memcpy(a.mutable_data(), "abc", 4);
  a.set_exposed(true);
  Buffer b = a;
  static_cast<char*>(b.mutable_data())[0] = 'x';
  CHECK(std::string(static_cast<const char*>(a.data())) == "abc");
  CHECK(std::string(static_cast<const char*>(b.data())) == "xbc");
  CHECK(a.exposed());
  CHECK_FALSE(b.exposed());
  const void* before = b.data();
  CHECK(b.mutable_data() == before);
}

TEST_CASE("nodes are counted") {
  const Change change;
  void* const first = xgrad::memory::allocate_node(200);
  void* const second = xgrad::memory::allocate_node(200);
  CHECK(change.nodes() == 2);
  std::thread([=] { xgrad::memory::release_node(first, 200); }).join();
  xgrad::memory::release_node(second, 200);
  CHECK(change.nodes() == 0);
}

TEST_CASE("the peak is exact for one thread") {
  xgrad::reset_peak_memory();
  const std::size_t start = memory_stats().live_bytes;
  CHECK(memory_stats().peak_bytes == start);
  { Buffer small(100); }
  CHECK(memory_stats().peak_bytes - start == 192);
  {
    Buffer large(megabyte);
    Buffer other(100);
  }
  CHECK(memory_stats().peak_bytes - start == megabyte * 5 / 4 + 192);
  { Buffer less(megabyte / 2); }
  CHECK(memory_stats().peak_bytes - start == megabyte * 5 / 4 + 192);
  xgrad::reset_peak_memory();
  CHECK(memory_stats().peak_bytes == start);
}

TEST_CASE("the peak knows what another thread has freed, while that thread lives on") {
  std::vector<Buffer> buffers;
  for (int i = 0; i < 20; ++i) buffers.emplace_back(1000);
  std::atomic<bool> freed = false, seen = false;
  std::thread other([&] {
    { Buffer first(100); }
    buffers.clear();
    freed = true;
    freed.notify_one();
    seen.wait(false);
  });
  freed.wait(false);
  xgrad::reset_peak_memory();
  const std::size_t start = memory_stats().live_bytes;
  CHECK(memory_stats().peak_bytes == start);
  { Buffer large(megabyte); }
  CHECK(memory_stats().peak_bytes - start == megabyte * 5 / 4);
  seen = true;
  seen.notify_one();
  other.join();
}

TEST_CASE("too much memory is std::bad_alloc, and nothing is counted") {
  const Change change;
  const std::size_t most = std::numeric_limits<std::size_t>::max();
  for (std::size_t size : {most, most - 100, most / 2}) CHECK_THROWS_AS((void)Buffer(size), std::bad_alloc);
  if (pooled()) CHECK_THROWS_AS((void)Buffer(most >> 18), std::bad_alloc);  // only the system says no
  CHECK(change.buffers() == 0);
  CHECK(change.bytes() == 0);
}

TEST_CASE("buffers of any size do not overlap") {
  const Change change;
  std::mt19937 random(1);
  std::vector<Marked> live;
  bool intact = true;
  for (int i = 0; i < 30'000; ++i) {
    if (random() % 2 == 0 || live.empty()) {
      const int bits = static_cast<int>(random() % (i % 100 == 0 ? 23 : 13));
      live.emplace_back((std::size_t{1} << bits) + random() % 100, static_cast<unsigned char>(i));
    } else {
      std::swap(live[random() % live.size()], live.back());
      intact = live.back().release() && intact;
      live.pop_back();
    }
  }
  for (Marked& piece : live) intact = piece.release() && intact;
  CHECK(intact);
  CHECK(change.bytes() == 0);
}

TEST_CASE("a dead piece is used again") {
  if (!pooled()) return;
  for (std::size_t size : {100u, 5000u, 100'000u, 5'000'000u}) {
    const void* first = Buffer(size).data();
    CHECK(Buffer(size).data() == first);
  }
}

TEST_CASE("threads pass buffers to each other") {
  const Change change;
  for (int round = 0; round < 3; ++round) {
    std::vector<std::vector<Marked>> made(4);
    std::vector<std::thread> makers;
    for (std::size_t k = 0; k < made.size(); ++k)
      makers.emplace_back([&, k] {
        for (std::size_t i = 0; i < 3000; ++i)
          made[k].emplace_back(64 + i * 37 % 3000, static_cast<unsigned char>(i + k));
      });
    for (std::thread& maker : makers) maker.join();
    CHECK(change.bytes() > 0);
    // Half of them die in the main thread, half in one that never allocated.
    bool intact = true;
    for (std::size_t k = 0; k < 2; ++k)
      for (Marked& piece : made[k]) intact = piece.release() && intact;
    std::thread([&] {
      for (std::size_t k = 2; k < 4; ++k)
        for (Marked& piece : made[k]) intact = piece.release() && intact;
    }).join();
    CHECK(intact);
    CHECK(change.bytes() == 0);
  }
}

TEST_CASE("buffers that outlive the thread's cache") {
  struct Late {
    Buffer buffer;
    ~Late() {
      buffer.reset();
      Buffer another(300);  // an allocation at that time is good too
    }
  };
  const Change change;
  std::thread([] {
    // Constructed before the thread's first allocation, and so destroyed after its cache.
    static thread_local Late late;
    (void)late.buffer.bytes();
    late.buffer = Buffer(200);
  }).join();
  CHECK(change.buffers() == 0);
  CHECK(change.bytes() == 0);
}

TEST_CASE("a thread leaves nothing behind that is out of reach") {
  if (!pooled()) return;
  // Each thread takes what the one before it gave back.
  const auto work = [] {
    std::vector<Buffer> buffers;
    for (std::size_t i = 0; i < 1000; ++i) buffers.emplace_back(i);
  };
  std::thread(work).join();
  const std::size_t cached = memory_stats().cached_bytes;
  for (int i = 0; i < 50; ++i) std::thread(work).join();
  CHECK(memory_stats().cached_bytes <= cached + megabyte);
}

TEST_CASE("the caches are bounded, and can be given back") {
  if (!pooled()) return;
  xgrad::release_cached_memory();
  xgrad::reset_peak_memory();
  const std::size_t live = memory_stats().live_bytes;
  // One at a time: no more than 320 MB are live, and without a bound 1.2 GB would stay. The pages are not
  // touched.
  for (std::size_t size : {90u, 110u, 120u, 150u, 180u, 220u, 260u, 300u}) Buffer buffer(size * megabyte);
  CHECK(memory_stats().cached_bytes > 100 * megabyte);
  CHECK(memory_stats().cached_bytes <= 320 * megabyte);
  // What was live at one time may stay, as the next step of a program will ask for it.
  {
    std::vector<Buffer> buffers;
    for (int i = 0; i < 20; ++i) buffers.emplace_back(31 * megabyte);
  }
  CHECK(memory_stats().cached_bytes > 600 * megabyte);
  CHECK(memory_stats().cached_bytes + memory_stats().live_bytes <= memory_stats().peak_bytes + 2 * megabyte);
  // Small pieces are given back by the chunk.
  {
    std::vector<Buffer> nodes;
    for (int i = 0; i < 100'000; ++i) nodes.emplace_back(128);
    CHECK(memory_stats().live_bytes >= live + 100'000 * 192);
  }
  xgrad::release_cached_memory();
  CHECK(memory_stats().cached_bytes < 40 * megabyte);
  xgrad::reset_peak_memory();
}

#if defined(__unix__)

namespace {

/// Checks at the end of the process, when the main thread's cache is gone.
struct AtExit {
  Buffer buffer;
  std::int64_t others = 0;
  ~AtExit() {
    buffer.reset();
    { Buffer another(1000); }
    if (memory_stats().live_buffers != others) _exit(7);
  }
};

}  // namespace

TEST_CASE("child: a static object holds a buffer" * doctest::skip()) {
  static AtExit at_exit;
  at_exit.others = memory_stats().live_buffers;
  at_exit.buffer = Buffer(1000);
  CHECK(at_exit.buffer.unique());
}

TEST_CASE("child: the pool is off" * doctest::skip()) {
  CHECK_FALSE(pooled());
  const Change change;
  {
    std::vector<Buffer> buffers;
    for (std::size_t i = 0; i < 1000; ++i) buffers.emplace_back(i * 100);
    CHECK(change.buffers() == 1000);
    std::thread([&] { buffers.resize(500); }).join();
    CHECK(change.buffers() == 500);
    CHECK(change.bytes() > 500 * 64);
  }
  CHECK(change.buffers() == 0);
  CHECK(change.bytes() == 0);
  CHECK(memory_stats().peak_bytes > 1000 * 100);
}

TEST_CASE("static objects may hold buffers to the very end") {
  CHECK(run_afresh("child: a static object holds a buffer", "XGRAD_POOL", "on") == 0);
  CHECK(run_afresh("child: a static object holds a buffer", "XGRAD_POOL", "off") == 0);
}

TEST_CASE("XGRAD_POOL=off") { CHECK(run_afresh("child: the pool is off", "XGRAD_POOL", "off") == 0); }

TEST_CASE("a forked child goes on with the memory it has") {
  Buffer inherited(100);
  std::memcpy(inherited.mutable_data(), "abc", 4);
  // Another thread is in the middle of things. (A sanitizer's own allocator could not be forked then.)
  std::atomic<bool> stop{false};
  std::vector<std::thread> busy;
  if (pooled())
    busy.emplace_back([&] {
      while (!stop) {
        std::vector<Buffer> buffers;
        for (std::size_t i = 0; i < 300; ++i) buffers.emplace_back(i * 10);
      }
    });
  for (int i = 0; i < 20; ++i) {
    CHECK(in_child([&] {
            const Change change;
            if (std::strcmp(static_cast<const char*>(inherited.data()), "abc") != 0) return false;
            {
              std::vector<Buffer> buffers;
              for (std::size_t k = 0; k < 3000; ++k) buffers.emplace_back(k);
              if (change.buffers() != 3000) return false;
            }
            return change.buffers() == 0 && change.bytes() == 0;
          }) == 0);
  }
  stop = true;
  for (std::thread& thread : busy) thread.join();
}

TEST_CASE("a copy that does not fit leaves the buffer as it was") {
  if (!pooled()) return;  // sanitizers need the address space
  CHECK(in_child([] {
          Buffer a(300 * megabyte);
          static_cast<char*>(a.mutable_data())[0] = 'a';
          Buffer b = a;
          xgrad::release_cached_memory();
          const rlimit limit{megabyte, megabyte};  // less than there is already: no more can be had
          setrlimit(RLIMIT_AS, &limit);
          const Change change;
          try {
            b.mutable_data();
          } catch (const std::bad_alloc&) {
            return b.same_block(a) && static_cast<const char*>(a.data())[0] == 'a' && change.buffers() == 0 &&
                   change.bytes() == 0;
          }
          return false;
        }) == 0);
}

#endif
