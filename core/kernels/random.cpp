#include "random.hpp"

#include <algorithm>
#include <atomic>
#include <bit>
#include <cmath>
#include <limits>
#include <numbers>
#include <numeric>
#include <utility>

#include "../array/error.hpp"
#include "../array/instantiate.hpp"
#include "../array/threads.hpp"
#include "../array/worth_a_thread.hpp"

namespace xgrad {
using namespace detail;

namespace {

/// The product of two words, as low and high word.
std::pair<std::uint32_t, std::uint32_t> multiply(std::uint32_t a, std::uint32_t b) noexcept {
  const std::uint64_t product = std::uint64_t{a} * b;
  return {static_cast<std::uint32_t>(product), static_cast<std::uint32_t>(product >> 32)};
}

constexpr std::uint32_t low_word(std::uint64_t bits) { return static_cast<std::uint32_t>(bits); }
constexpr std::uint32_t high_word(std::uint64_t bits) { return static_cast<std::uint32_t>(bits >> 32); }

/// Uniform in [0, 1) with as many bits as T has; a double rounded to float could come out as 1.
template <class T>
T unit(Generator& from) noexcept {
  constexpr int digits = std::numeric_limits<T>::digits;
  constexpr T step = T(1) / static_cast<T>(std::uint64_t{1} << digits);
  return static_cast<T>(from.next() >> (64 - digits)) * step;
}

/// Calls body(generator, begin, end) on pieces, with a generator that stands where `from` would be at
/// `begin`; then moves `from` on. So the numbers do not depend on how many threads there are.
template <class F>
void fill_pieces(std::size_t count, std::size_t numbers, Generator& from, F body) {
  const GeneratorState start = from.state();
  parallel_for(count, worth_a_thread::drawn_elements, [&](std::size_t begin, std::size_t end) {
    Generator piece(GeneratorState{start.seed, start.counter + begin});
    body(piece, begin, end);
  });
  from.set_state({start.seed, start.counter + numbers});
}

}  // namespace

std::array<std::uint32_t, 4> detail::philox(std::array<std::uint32_t, 4> counter,
                                            std::array<std::uint32_t, 2> key) noexcept {
  for (int round = 0; round < 10; ++round) {
    const auto [low0, high0] = multiply(0xD2511F53u, counter[0]);
    const auto [low1, high1] = multiply(0xCD9E8D57u, counter[2]);
    counter = {high1 ^ counter[1] ^ key[0], low1, high0 ^ counter[3] ^ key[1], low0};
    key[0] += 0x9E3779B9u;
    key[1] += 0xBB67AE85u;
  }
  return counter;
}

void Generator::fill() noexcept {
  const std::uint64_t block = (state_.counter - 1) / 2;
  const auto words = detail::philox({low_word(block), high_word(block), 0, 0},
                                    {low_word(state_.seed), high_word(state_.seed)});
  block_[0] = words[0] | std::uint64_t{words[1]} << 32;
  block_[1] = words[2] | std::uint64_t{words[3]} << 32;
  filled_ = true;
}

std::array<double, 2> Generator::normal_pair() noexcept {
  const double radius = std::sqrt(-2 * std::log(1 - uniform()));  // 1 - u is never 0
  const double angle = 2 * std::numbers::pi * uniform();
  return {radius * std::cos(angle), radius * std::sin(angle)};
}

std::uint64_t Generator::below(std::uint64_t n) {
  if (n == 0) throw ValueError("below: there is no number below 0; give a positive bound");
  if (n == 1) return next() & 0;
  // As few bits as hold n - 1; what is too large is drawn again, less than every second time.
  const int surplus = std::countl_zero(n - 1);
  while (true) {
    const std::uint64_t number = next() >> surplus;
    if (number < n) return number;
  }
}

Generator& generator() {
  static std::atomic<std::uint64_t> threads{0};
  static thread_local Generator own(threads.fetch_add(1, std::memory_order_relaxed));
  return own;
}

void manual_seed(std::uint64_t seed) { generator() = Generator(seed); }

template <class T>
Array<T> random_uniform(const Extents& shape, double low, double high, Generator& from) {
  const T start = static_cast<T>(low);
  const T width = static_cast<T>(high - low);
  if (!std::isfinite(start) || !std::isfinite(width) || low > high)
    throw ValueError("random_uniform: low is " + std::to_string(low) + " and high " + std::to_string(high) +
                     "; give bounds in order, a finite distance apart");
  Dense<T> result(shape.checked("random_uniform"));
  T* out = result.mutable_data();
  // Rounding can reach the upper bound, which does not belong to the interval.
  const T last = low < high ? std::nextafter(static_cast<T>(high), start) : start;
  fill_pieces(result.size(), result.size(), from, [=](Generator& piece, std::size_t begin, std::size_t end) {
    for (std::size_t i = begin; i < end; ++i) out[i] = std::min(start + width * unit<T>(piece), last);
  });
  return to_array(std::move(result));
}

template <class T>
Array<T> random_normal(const Extents& shape, double mean, double deviation, Generator& from) {
  if (!std::isfinite(mean) || !std::isfinite(deviation) || deviation < 0)
    throw ValueError("random_normal: mean is " + std::to_string(mean) + " and deviation " +
                     std::to_string(deviation) + "; give finite numbers, the deviation 0 or more");
  Dense<T> result(shape.checked("random_normal"));
  T* out = result.mutable_data();
  const std::size_t count = result.size();
  fill_pieces(count, count + count % 2, from, [=](Generator& piece, std::size_t begin, std::size_t end) {
    for (std::size_t i = begin; i < end; i += 2) {
      const auto [first, second] = piece.normal_pair();
      out[i] = static_cast<T>(mean + deviation * first);
      if (i + 1 < end) out[i + 1] = static_cast<T>(mean + deviation * second);
    }
  });
  return to_array(std::move(result));
}

[[gnu::used]] constexpr auto instances =
    instantiate::for_numbers([]<class T>() { return std::make_tuple(random_uniform<T>, random_normal<T>); });

std::vector<std::size_t> permutation(std::size_t n, Generator& from) {
  std::vector<std::size_t> order(n);
  std::iota(order.begin(), order.end(), std::size_t{0});
  for (std::size_t left = n; left > 1; --left)
    std::swap(order[left - 1], order[static_cast<std::size_t>(from.below(left))]);
  return order;
}

}  // namespace xgrad
