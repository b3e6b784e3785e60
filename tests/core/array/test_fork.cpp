// A forked child goes on whatever other threads were doing: no lock of the library stays held by a thread
// that the child does not have. Every child does everything that takes one, within a time limit.
#include <doctest/doctest.h>

#include <atomic>
#include <thread>
#include <vector>
#include <xgrad/xgrad.hpp>

#include "../../child.hpp"
#include "../../threads.hpp"

#if defined(XGRAD_TEST_FORKED_THREADS)

namespace xg = xgrad;
using Var = xg::Variable<double>;
using Values = xt::xarray<double>;

namespace {

/// A formula that is new at every call, of some length, so that deriving it takes its time: 2^4 x.
bool derive_a_formula() {
  const auto x = xg::parameter(Values{1, 2});
  const auto f = xg::elementwise("f", [](auto v) {
    for (int i = 0; i < 4; ++i) v = v + v;
    for (int i = 0; i < 20; ++i) v = log(exp(v * 0.5)) * 2.0;
    return v;
  });
  xg::sum(f(x)).backward();
  return xt::allclose(x.grad(), Values{16, 16}, 1e-9, 1e-9);
}

bool open_scopes() {
  const auto x = xg::parameter(3.0);
  const xg::Scope scope("outer");
  Var y = x;
  for (int i = 0; i < 10; ++i) y = y + 1;
  y.retain_grad();
  y.backward();
  return y.scope() == "outer" && y.grad()() == 1;
}

bool register_hooks() {
  auto x = xg::parameter(3.0);
  int calls = 0;
  for (int i = 0; i < 10; ++i) x.register_hook([&](const Var&) { ++calls; });
  (x * x).backward();
  return calls == 10 && x.grad()() == 6;
}

bool allocate() {
  std::vector<xg::memory::Buffer> buffers;
  for (std::size_t i = 0; i < 300; ++i) buffers.emplace_back(i * 100);
  return true;
}

bool draw_numbers() {
  const xg::Array<double> drawn = xg::random_uniform<double>({100'000}, 0, 1);
  return drawn(99'999) < 1;
}

/// Products that BLAS computes: OpenBLAS has a lock around its buffers.
bool multiply() {
  const auto a = xg::constant(Values(xt::ones<double>({40, 300}))),
             v = xg::constant(Values(xt::ones<double>({300})));
  bool right = true;
  for (int i = 0; i < 5; ++i)
    right =
        right && xg::matmul(a, v).value()(7) == 300 && xg::matmul(a, xg::transpose(a)).value()(3, 4) == 300;
  return right;
}

using Task = bool (*)();
constexpr Task tasks[] = {derive_a_formula, open_scopes, register_hooks, allocate, draw_numbers, multiply};

/// How many of so many children did not end well within a time limit, while other threads run `busy`.
int bad_children(int forks, const std::vector<Task>& busy) {
  std::atomic<bool> stop{false};
  std::vector<std::thread> threads;
  for (const Task task : busy)
    threads.emplace_back([&stop, task] {
      while (!stop) task();
    });
  int bad = 0;
  for (int i = 0; i < forks && bad < 2; ++i)  // each of those takes its time
    bad += xgrad::testing::in_child([] {
             alarm(20);  // ends a child that hangs
             bool right = true;
             for (const Task task : tasks) right = right && task();
             return right;
           }) != 0;
  stop = true;
  for (std::thread& thread : threads) thread.join();
  return bad;
}

/// A sanitizer's own allocator cannot be forked while other threads use it.
bool can_fork_among_threads() {
  allocate();
  return xg::memory_stats().cached_bytes > 0;
}

}  // namespace

TEST_CASE("a child forked while another thread derives formulas, opens scopes or uses BLAS goes on") {
  if (!can_fork_among_threads()) return;
  const xgrad::testing::Threads one(1);
  CHECK(bad_children(40, {derive_a_formula}) == 0);
  CHECK(bad_children(60, {open_scopes, register_hooks}) == 0);
  CHECK(bad_children(60, {multiply, multiply}) == 0);
}

TEST_CASE("a child forked while other threads do everything at once goes on") {
  if (!can_fork_among_threads()) return;
  const xgrad::testing::Threads two(2);
  CHECK(bad_children(60, {std::begin(tasks), std::end(tasks)}) == 0);
}

TEST_CASE("a child of a child, and one of a thread, goes on") {
  if (!can_fork_among_threads()) return;
  std::thread([] {
    CHECK(xgrad::testing::in_child([] {
            return xgrad::testing::in_child([] {
                     bool right = true;
                     for (const Task task : tasks) right = right && task();
                     return right;
                   }) == 0;
          }) == 0);
  }).join();
}

namespace {

/// The first things that a process does with the library are made at once by several threads, of which none
/// is in the child.
bool first_uses_survive_forks() {
  std::atomic<bool> start{false};
  std::vector<std::thread> threads;
  for (const Task task : tasks)
    threads.emplace_back([&start, task] {
      while (!start) std::this_thread::yield();
      task();
    });
  start = true;
  bool right = true;
  for (int i = 0; i < 5; ++i)
    right = right && xgrad::testing::in_child([] {
                       alarm(20);
                       bool all = true;
                       for (const Task task : tasks) all = all && task();
                       return all;
                     }) == 0;
  for (std::thread& thread : threads) thread.join();
  return right;
}

}  // namespace

TEST_CASE("child: forks among first uses" * doctest::skip()) { CHECK(first_uses_survive_forks()); }

TEST_CASE("a child forked while several threads use the library for the first time goes on") {
  if (!can_fork_among_threads()) return;
  for (int i = 0; i < 10; ++i)
    CHECK(xgrad::testing::run_afresh("child: forks among first uses", "XGRAD_NUM_THREADS", "2") == 0);
}

#else

TEST_CASE("a forked child may start no threads under ThreadSanitizer") {
  MESSAGE("what a fork does beside other threads is not tested here");
}

#endif
