#include <algorithm>
#include <cmath>
#include <limits>
#include <random>
#include <thread>
#include <vector>

#include <doctest/doctest.h>
#include <xgrad/core/array/error.hpp>
#include <xgrad/core/kernels/random.hpp>

#include "../../threads.hpp"

using xgrad::Array;
using xgrad::Generator;
using xgrad::Shape;

using xgrad::testing::Threads;

namespace {

template <class T>
std::vector<T> elements(const Array<T>& array) {
  return std::vector<T>(array.begin(), array.end());
}

struct Moments {
  double mean = 0;
  double variance = 0;
  double fourth = 0;
};

Moments moments(const std::vector<double>& numbers) {
  Moments result;
  const auto count = static_cast<double>(numbers.size());
  for (double x : numbers) result.mean += x / count;
  for (double x : numbers) {
    const double square = (x - result.mean) * (x - result.mean);
    result.variance += square / count;
    result.fourth += square * square / count;
  }
  return result;
}

}  // namespace

TEST_CASE("Philox gives the published answers") {
  using Words = std::array<std::uint32_t, 4>;
  using xgrad::detail::philox;
  CHECK(philox({0, 0, 0, 0}, {0, 0}) == Words{0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8});
  constexpr std::uint32_t ones = 0xffffffff;
  CHECK(philox({ones, ones, ones, ones}, {ones, ones}) ==
        Words{0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd});
  CHECK(philox({0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344}, {0xa4093822, 0x299f31d0}) ==
        Words{0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1});
  Generator zero(0);
  CHECK(zero.next() == 0xe169c58d6627e8d5u);
  CHECK(zero.next() == 0x9b00dbd8bc57ac4cu);
}

TEST_CASE("a generator can be put back to any state") {
  Generator source(42);
  std::vector<xgrad::GeneratorState> states;
  std::vector<std::uint64_t> numbers;
  for (int i = 0; i < 10; ++i) {
    states.push_back(source.state());
    numbers.push_back(source.next());
  }
  CHECK(states[3] == xgrad::GeneratorState{42, 3});
  for (std::size_t i : {7u, 2u, 9u, 0u, 5u}) {
    source.set_state(states[i]);
    for (std::size_t j = i; j < 10; ++j) CHECK(source.next() == numbers[j]);
  }
  CHECK(Generator(43).next() != numbers[0]);
}

TEST_CASE("uniform and normal numbers have their moments") {
  Generator source(1);
  std::vector<double> uniform, normal;
  for (int i = 0; i < 100'000; ++i) {
    uniform.push_back(source.uniform());
    normal.push_back(source.normal());
  }
  CHECK(*std::min_element(uniform.begin(), uniform.end()) >= 0);
  CHECK(*std::max_element(uniform.begin(), uniform.end()) < 1);
  // Four standard errors.
  const Moments of_uniform = moments(uniform);
  CHECK(std::abs(of_uniform.mean - 0.5) < 0.0037);
  CHECK(std::abs(of_uniform.variance - 1.0 / 12) < 0.001);
  const Moments of_normal = moments(normal);
  CHECK(std::abs(of_normal.mean) < 0.0127);
  CHECK(std::abs(of_normal.variance - 1) < 0.018);
  CHECK(std::abs(of_normal.fourth - 3) < 0.13);
  std::uniform_int_distribution<int> die(1, 6);
  CHECK(die(source) <= 6);
}

TEST_CASE("below is uniform, and refuses 0") {
  Generator source(2);
  for (std::uint64_t n : {1u, 2u, 3u, 6u, 10u, 64u}) {
    std::vector<int> counts(n, 0);
    const int draws = 6000 * static_cast<int>(n);
    for (int i = 0; i < draws; ++i) ++counts[source.below(n)];
    for (int count : counts) CHECK(std::abs(count - 6000) < 400);  // five deviations
  }
  const std::uint64_t large = (1ull << 63) + 1;
  for (int i = 0; i < 100; ++i) CHECK(source.below(large) < large);
  CHECK_THROWS_WITH_AS(source.below(0), "below: there is no number below 0; give a positive bound",
                       xgrad::ValueError);
}

TEST_CASE_TEMPLATE("random values", T, float, double) {
  Generator source(3);
  const auto uniform = elements(xgrad::random_uniform<T>({100, 1000}, -2, 3, source));
  CHECK(source.state().counter == 100'000);
  CHECK(*std::min_element(uniform.begin(), uniform.end()) >= T(-2));
  CHECK(*std::max_element(uniform.begin(), uniform.end()) < T(3));
  CHECK(std::abs(moments({uniform.begin(), uniform.end()}).mean - 0.5) < 0.02);

  const auto normal = elements(xgrad::random_normal<T>({99'999}, 10, 2, source));
  CHECK(source.state().counter == 200'000);
  const Moments of_normal = moments({normal.begin(), normal.end()});
  CHECK(std::abs(of_normal.mean - 10) < 0.03);
  CHECK(std::abs(of_normal.variance - 4) < 0.08);

  // An interval so narrow that rounding would reach its end.
  const T next = std::nextafter(T(1), T(2));
  const auto narrow = elements(xgrad::random_uniform<T>({100}, 1, static_cast<double>(next), source));
  CHECK(narrow == std::vector<T>(100, T(1)));
  CHECK(elements(xgrad::random_uniform<T>({2}, 5, 5, source)) == std::vector<T>{5, 5});
  CHECK(elements(xgrad::random_normal<T>({2}, 5, 0, source)) == std::vector<T>{5, 5});
  CHECK(xgrad::random_uniform<T>({}, 0, 1, source).size() == 1);
  CHECK(xgrad::random_normal<T>({0, 3}, 0, 1, source).size() == 0);
  CHECK_THROWS_AS(xgrad::random_uniform<T>({2}, 1, 0, source), xgrad::ValueError);
  CHECK_THROWS_AS(xgrad::random_normal<T>({2}, 0, -1, source), xgrad::ValueError);
  const double infinity = std::numeric_limits<double>::infinity();
  CHECK_THROWS_AS(xgrad::random_uniform<T>({2}, 0, infinity, source), xgrad::ValueError);
  CHECK_THROWS_AS(xgrad::random_normal<T>({2}, infinity, 1, source), xgrad::ValueError);
}

TEST_CASE("values are the numbers of the sequence, whatever the number of threads") {
  for (std::size_t threads : {1u, 4u}) {
    Threads use(threads);
    Generator source(4), same(4);
    source.next();
    same.next();
    const auto uniform = elements(xgrad::random_uniform<double>({50'000}, 0, 1, source));
    CHECK(use.shared_a_loop() == (threads > 1));
    CHECK(std::all_of(uniform.begin(), uniform.end(), [&](double x) { return x == same.uniform(); }));
    const auto normal = elements(xgrad::random_normal<double>({50'000}, 0, 1, source));
    CHECK(use.shared_a_loop() == (threads > 1));
    bool equal = true;
    for (std::size_t i = 0; i < normal.size(); i += 2) {
      const auto [first, second] = same.normal_pair();
      equal = equal && normal[i] == first && normal[i + 1] == second;
    }
    CHECK(equal);
    CHECK(source.state() == same.state());
  }
}

TEST_CASE("every thread has a generator of its own") {
  xgrad::manual_seed(7);
  const std::uint64_t first = xgrad::generator().next();
  std::uint64_t other = 0;
  std::uint64_t seeded = 0;
  std::thread([&] {
    other = xgrad::generator().next();
    xgrad::manual_seed(7);
    seeded = xgrad::generator().next();
  }).join();
  CHECK(other != first);
  CHECK(seeded == first);
  CHECK(xgrad::generator().state() == xgrad::GeneratorState{7, 1});
  xgrad::manual_seed(7);
  CHECK(elements(xgrad::random_uniform<double>({1}, 0, 1))[0] == Generator(7).uniform());
}

TEST_CASE("permutations") {
  Generator source(5);
  auto order = xgrad::permutation(1000, source);
  CHECK_FALSE(std::is_sorted(order.begin(), order.end()));
  std::sort(order.begin(), order.end());
  for (std::size_t i = 0; i < order.size(); ++i) CHECK(order[i] == i);
  CHECK(xgrad::permutation(0, source).empty());
  CHECK(xgrad::permutation(1, source) == std::vector<std::size_t>{0});
  std::vector<int> counts(6, 0);  // the six orders of three
  for (int i = 0; i < 6000; ++i) {
    const auto three = xgrad::permutation(3, source);
    ++counts[three[0] * 2 + (three[1] > three[2] ? 1 : 0)];
  }
  for (int count : counts) CHECK(std::abs(count - 1000) < 150);
}
