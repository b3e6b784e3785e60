#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdint>
#include <memory>
#include <numeric>
#include <string>
#include <thread>
#include <type_traits>
#include <vector>

#include <doctest/doctest.h>
#include <xgrad/core/kernels/random.hpp>
#include <xgrad/data/loader.hpp>

using namespace xgrad::data;
using xgrad::Array;
using xgrad::Indices;

namespace {

/// Row i is (i), its label i.
TensorDataset<float> counted(std::size_t rows) {
  Array<float> inputs(xgrad::Shape{rows, 1});
  Indices labels(xgrad::Shape{rows});
  for (std::size_t i = 0; i < rows; ++i) {
    inputs(i, 0) = static_cast<float>(i);
    labels(i) = static_cast<std::int64_t>(i);
  }
  return {inputs, labels};
}

/// The labels of one pass, in the order in which they come.
template <class Loader>
std::vector<std::int64_t> pass(Loader& loader) {
  std::vector<std::int64_t> seen;
  for (const auto& [inputs, labels] : loader) {
    REQUIRE(inputs.shape()[0] == labels.size());
    for (std::size_t i = 0; i < labels.size(); ++i) {
      REQUIRE(inputs.value()(i, 0) == static_cast<float>(labels(i)));
      seen.push_back(labels(i));
    }
  }
  return seen;
}

std::vector<std::int64_t> numbers_below(std::int64_t n) {
  std::vector<std::int64_t> result(static_cast<std::size_t>(n));
  std::iota(result.begin(), result.end(), 0);
  return result;
}

std::vector<std::size_t> batch_sizes(DataLoader<TensorDataset<float>> loader) {
  std::vector<std::size_t> sizes;
  for (const auto& batch : loader) sizes.push_back(batch.targets.size());
  CHECK(sizes.size() == loader.size());
  return sizes;
}

}  // namespace

TEST_CASE("a loader gives every sample once a pass, in order unless it shuffles") {
  DataLoader loader(counted(10), {.batch_size = 4});
  static_assert(std::is_same_v<decltype(loader), DataLoader<TensorDataset<float>>>);
  CHECK(pass(loader) == numbers_below(10));
  CHECK(pass(loader) == numbers_below(10));
}

TEST_CASE("the last batch holds what is left, or is dropped") {
  CHECK(batch_sizes(DataLoader(counted(10), {.batch_size = 4})) == std::vector<std::size_t>{4, 4, 2});
  CHECK(batch_sizes(DataLoader(counted(10), {.batch_size = 4, .drop_last = true})) ==
        std::vector<std::size_t>{4, 4});
  CHECK(batch_sizes(DataLoader(counted(8), {.batch_size = 4, .drop_last = true})) ==
        std::vector<std::size_t>{4, 4});
  CHECK(batch_sizes(DataLoader(counted(3), {.batch_size = 4})) == std::vector<std::size_t>{3});
  CHECK(batch_sizes(DataLoader(counted(3), {.batch_size = 4, .drop_last = true})).empty());
  CHECK(batch_sizes(DataLoader(counted(0), {.batch_size = 4})).empty());
  CHECK(batch_sizes(DataLoader(counted(3))) == std::vector<std::size_t>{1, 1, 1});
}

TEST_CASE("each pass of a shuffling loader has an order of its own, which its seed repeats") {
  DataLoader loader(counted(50), {.batch_size = 8, .shuffle = true, .seed = 3});
  const auto first = pass(loader), second = pass(loader);
  CHECK(first != second);
  CHECK(first != numbers_below(50));
  auto sorted = first;
  std::sort(sorted.begin(), sorted.end());
  CHECK(sorted == numbers_below(50));

  DataLoader again(counted(50), {.batch_size = 5, .shuffle = true, .seed = 3});
  CHECK(pass(again) == first);
  CHECK(pass(again) == second);
  DataLoader other(counted(50), {.batch_size = 8, .shuffle = true, .seed = 4});
  CHECK(pass(other) != first);
}

TEST_CASE("a shuffling loader without a seed takes the next number of this thread's generator") {
  const auto made = [] { return DataLoader(counted(50), {.batch_size = 8, .shuffle = true}); };
  xgrad::manual_seed(5);
  xgrad::Generator same(5);
  auto loader = made(), other = made();
  CHECK(xgrad::generator().state().counter == 2);
  CHECK(loader.options().seed.number() == same.next());
  CHECK(other.options().seed.number() == same.next());
  const auto first = pass(loader), second = pass(loader);
  CHECK(first != second);
  CHECK(pass(other) != first);
  CHECK(xgrad::generator().state().counter == 2);  // passes draw nothing

  xgrad::manual_seed(5);
  auto again = made();
  CHECK(pass(again) == first);
  DataLoader given(counted(50), {.batch_size = 8, .shuffle = true, .seed = *again.options().seed.number()});
  CHECK(pass(given) == first);
  auto copy = given;
  CHECK(pass(copy) == second);
}

TEST_CASE("a loader that has a seed, or does not shuffle, draws nothing when it is made") {
  xgrad::manual_seed(5);
  DataLoader(counted(5), {.shuffle = true, .seed = 0});
  CHECK_FALSE(DataLoader(counted(5), {.batch_size = 2}).options().seed.number().has_value());
  CHECK(xgrad::generator().state() == xgrad::GeneratorState{5, 0});
  CHECK(*DataLoader(counted(5), {.seed = -1}).options().seed.number() == ~std::uint64_t{0});
}

TEST_CASE("a loader continues from any pass") {
  DataLoader loader(counted(50), {.batch_size = 8, .shuffle = true, .seed = 1});
  pass(loader);
  pass(loader);
  CHECK(loader.epoch() == 2);
  const auto third = pass(loader);
  DataLoader resumed(counted(50), {.batch_size = 8, .shuffle = true, .seed = 1});
  resumed.set_epoch(2);
  CHECK(pass(resumed) == third);
}

TEST_CASE("a pass that is left early, or another inside it, disturbs nothing") {
  DataLoader plain(counted(20), {.batch_size = 6, .shuffle = true, .seed = 1});
  const auto first = pass(plain), second = pass(plain), third = pass(plain);

  DataLoader loader(counted(20), {.batch_size = 6, .shuffle = true, .seed = 1});
  for (const auto& batch : loader) {
    CHECK(batch.targets(0) == first[0]);
    break;
  }
  std::vector<std::int64_t> outer;
  for (const auto& batch : loader) {
    if (outer.empty()) CHECK(pass(loader) == third);
    outer.insert(outer.end(), batch.targets.begin(), batch.targets.end());
  }
  CHECK(outer == second);
}

TEST_CASE("a loader takes subsets and data sets of a user's own") {
  struct Squares {
    using Batch = std::vector<std::size_t>;
    std::size_t size() const { return 4; }
    Batch batch(std::span<const std::size_t> rows) const {
      Batch result;
      for (std::size_t row : rows) result.push_back(row * row);
      return result;
    }
  };
  DataLoader loader(Squares{}, {.batch_size = 3});
  std::vector<std::vector<std::size_t>> batches;
  for (const auto& batch : loader) batches.push_back(batch);
  CHECK(batches == std::vector<std::vector<std::size_t>>{{0, 1, 4}, {9}});

  DataLoader some(Subset(counted(9), {8, 2}), {.batch_size = 2});
  CHECK(pass(some) == std::vector<std::int64_t>{8, 2});
}

TEST_CASE("a batch size of 0 is refused") {
  CHECK_THROWS_WITH_AS(DataLoader(counted(3), {.batch_size = 0}),
                       "DataLoader: the batch size is 0; give a positive .batch_size", xgrad::ValueError);
}

namespace {

/// Sixteen batches of row numbers as unique pointers, which cannot be copied; it counts its calls, and throws
/// at row `bad`.
struct Counting {
  using Batch = std::unique_ptr<std::vector<std::size_t>>;
  std::size_t size() const { return 16; }
  Batch batch(std::span<const std::size_t> rows) const {
    ++*calls;
    threads->push_back(std::this_thread::get_id());
    for (std::size_t row : rows)
      if (row == bad) throw xgrad::ValueError("row " + std::to_string(row) + " is bad");
    return std::make_unique<std::vector<std::size_t>>(rows.begin(), rows.end());
  }
  std::size_t bad = 99;
  std::shared_ptr<std::atomic<std::size_t>> calls = std::make_shared<std::atomic<std::size_t>>(0);
  std::shared_ptr<std::vector<std::thread::id>> threads = std::make_shared<std::vector<std::thread::id>>();
};

}  // namespace

TEST_CASE("a prefetching loader gives the same batches in the same order, pass after pass") {
  for (const std::size_t prefetch : {std::size_t{1}, std::size_t{2}, std::size_t{3}, std::size_t{100}}) {
    INFO("prefetch " << prefetch);
    DataLoader plain(counted(50), {.batch_size = 8, .shuffle = true, .seed = 3});
    DataLoader ahead(counted(50), {.batch_size = 8, .shuffle = true, .seed = 3, .prefetch = prefetch});
    for (int i = 0; i < 3; ++i) CHECK(pass(ahead) == pass(plain));
    CHECK(ahead.epoch() == 3);
  }
  DataLoader none(counted(0), {.batch_size = 8, .prefetch = 2});
  CHECK(pass(none).empty());
}

TEST_CASE("batches are gathered by one other thread a pass, no further ahead than asked") {
  const Counting dataset;
  DataLoader loader(dataset, {.batch_size = 1, .prefetch = 3});
  auto at = loader.begin();
  CHECK((**at)[0] == 0);
  // What is to come is waited for; what must not come is given the time to.
  while (*dataset.calls < 4) std::this_thread::yield();
  std::this_thread::sleep_for(std::chrono::milliseconds(20));
  CHECK(*dataset.calls == 4);
  ++at;
  while (*dataset.calls < 5) std::this_thread::yield();
  std::this_thread::sleep_for(std::chrono::milliseconds(20));
  CHECK(*dataset.calls == 5);
  for (std::size_t row = 1; at != loader.end(); ++at, ++row) CHECK((**at)[0] == row);
  CHECK(*dataset.calls == 16);
  for (const std::thread::id id : *dataset.threads) CHECK(id == dataset.threads->front());
  CHECK(dataset.threads->front() != std::this_thread::get_id());
}

TEST_CASE("batches that nobody looks at are passed over") {
  DataLoader loader(Counting{}, {.batch_size = 1, .prefetch = 2});
  std::size_t batches = 0;
  for (auto at = loader.begin(); at != loader.end(); ++at) ++batches;
  CHECK(batches == 16);
  auto at = loader.begin();
  for (int i = 0; i < 9; ++i) at++;
  CHECK((**at)[0] == 9);
}

TEST_CASE("what the data set throws in its thread arrives where the batch is asked for") {
  for (const std::size_t prefetch : {std::size_t{0}, std::size_t{1}, std::size_t{30}}) {
    DataLoader loader(Counting{.bad = 5}, {.batch_size = 2, .prefetch = prefetch});
    std::vector<std::size_t> seen;
    std::string text;
    try {
      for (const auto& batch : loader) seen.insert(seen.end(), batch->begin(), batch->end());
    } catch (const xgrad::ValueError& error) {
      text = error.what();
    }
    CHECK(text == "row 5 is bad");
    CHECK(seen == std::vector<std::size_t>{0, 1, 2, 3});
  }
}

TEST_CASE("after a batch that throws a pass goes on with those that are left, in order") {
  for (const std::size_t prefetch : {0u, 1u, 2u, 3u, 5u, 9u, 30u}) {
    CAPTURE(prefetch);
    // Batch 6 of 16 throws: 6 come before it, and 9 after.
    DataLoader loader(Counting{.bad = 6}, {.batch_size = 1, .prefetch = prefetch});
    std::vector<std::size_t> seen;
    int errors = 0;
    for (auto at = loader.begin(); at != loader.end(); ++at) {
      try {
        seen.push_back((**at)[0]);
      } catch (const xgrad::ValueError& error) {
        CHECK(std::string(error.what()) == "row 6 is bad");
        CHECK(seen.size() == 6);
        ++errors;
      }
    }
    CHECK(errors == 1);
    CHECK(seen == std::vector<std::size_t>{0, 1, 2, 3, 4, 5, 7, 8, 9, 10, 11, 12, 13, 14, 15});
  }
}

namespace {

/// Row numbers of 8 rows; it throws for those that are in `bad`, so many times each.
struct Faulty {
  using Batch = std::vector<std::size_t>;
  std::size_t size() const { return 8; }
  Batch batch(std::span<const std::size_t> rows) const {
    for (std::size_t row : rows)
      if ((*bad)[row] > 0) {
        --(*bad)[row];
        throw static_cast<int>(row);
      }
    return {rows.begin(), rows.end()};
  }
  std::shared_ptr<std::vector<int>> bad;
};

/// What a pass gives when every batch is asked for `times` times: rows, and -1 - row for what was thrown.
std::vector<int> asked(DataLoader<Faulty>& loader, int times) {
  std::vector<int> seen;
  for (auto at = loader.begin(); at != loader.end(); ++at)
    for (int i = 0; i < times; ++i) {
      try {
        seen.push_back(static_cast<int>((*at)[0]));
      } catch (int row) {
        seen.push_back(-1 - row);
      }
    }
  return seen;
}

}  // namespace

TEST_CASE("a batch that threw is gathered anew when it is asked for again, with prefetch and without") {
  const std::vector<int> bad{2, 0, 1, 1, 0, 3, 0, 1};
  // By hand: asked three times, row 0 throws twice and then comes, row 5 throws every time.
  const std::vector<int> expected{-1, -1, 0, 1,  1,  1,  -3, 2, 2, -4, 3, 3,
                                  4,  4,  4, -6, -6, -6, 6,  6, 6, -8, 7, 7};
  for (const std::size_t prefetch : {0u, 1u, 2u, 7u, 30u}) {
    CAPTURE(prefetch);
    const auto left = std::make_shared<std::vector<int>>(bad);
    DataLoader loader(Faulty{left}, {.batch_size = 1, .prefetch = prefetch});
    CHECK(asked(loader, 3) == expected);
    // The next pass is a pass like any other.
    CHECK(loader.epoch() == 1);
    CHECK(asked(loader, 1) == std::vector<int>{0, 1, 2, 3, 4, 5, 6, 7});
  }
}

TEST_CASE("a pass that is left by an exception, or before one is told, disturbs no later pass") {
  for (const std::size_t prefetch : {0u, 1u, 4u, 30u}) {
    CAPTURE(prefetch);
    const auto left = std::make_shared<std::vector<int>>(std::vector<int>{0, 0, 1000, 1000, 0, 0, 0, 1000});
    DataLoader loader(Faulty{left}, {.batch_size = 1, .prefetch = prefetch});
    CHECK_THROWS_AS(
        [&] {
          for (const auto& batch : loader) CHECK(batch[0] < 2);
        }(),
        int);
    for (const auto& batch : loader)
      if (batch[0] == 1) break;
    {
      // What throws and is passed over is nobody's concern.
      auto at = loader.begin();
      for (int i = 0; i < 4; ++i) ++at;
      CHECK((*at)[0] == 4);
    }
    left->assign(8, 0);
    CHECK(asked(loader, 1) == std::vector<int>{0, 1, 2, 3, 4, 5, 6, 7});
    CHECK(loader.epoch() == 4);
  }
}

TEST_CASE("leaving a prefetching pass early ends its thread and frees its batches") {
  DataLoader plain(counted(20), {.batch_size = 6, .shuffle = true, .seed = 1});
  const auto first = pass(plain), second = pass(plain), third = pass(plain);
  DataLoader loader(counted(20), {.batch_size = 6, .shuffle = true, .seed = 1, .prefetch = 2});
  for (const auto& batch : loader) {
    CHECK(batch.targets(0) == first[0]);
    break;
  }
  std::vector<std::int64_t> outer;
  for (const auto& batch : loader) {
    if (outer.empty()) CHECK(pass(loader) == third);
    outer.insert(outer.end(), batch.targets.begin(), batch.targets.end());
  }
  CHECK(outer == second);

  const Counting dataset;
  { (void)DataLoader(dataset, {.batch_size = 1, .prefetch = 1}).begin(); }
  const std::size_t calls = *dataset.calls;
  CHECK(calls <= 2);
  std::this_thread::sleep_for(std::chrono::milliseconds(20));
  CHECK(*dataset.calls == calls);
}
