// Functions whose elementwise operations become groups, beside the functions themselves.
#pragma once

#include <algorithm>
#include <cmath>
#include <functional>
#include <vector>

#include "beside_eager.hpp"

namespace xgrad::testing {

template <class Compiled>
std::size_t groups_in(const Compiled& compiled) {
  std::size_t count = 0;
  for (const auto& instruction : compiled.program())
    if (instruction.group) count = std::max(count, *instruction.group + 1);
  return count;
}

template <class T>
Array<T> drawn(const Shape& shape, Generator& from) {
  return random_normal<T>(shape, 0, 1, from);
}

/// `f` of parameters of these shapes, replayed on changed ones; how many groups it has.
template <class T, class F>
std::size_t check_replays(const F& f, const std::vector<Shape>& shapes, int calls = 3) {
  Generator from(7);
  auto compiled = compile(f, {.verify = false});
  for (int k = 0; k < calls; ++k) {
    std::vector<Variable<T>> leaves;
    for (const Shape& shape : shapes) leaves.push_back(parameter(drawn<T>(shape, from)));
    const auto call = [&](const auto& g) {
      if constexpr (std::is_invocable_v<F, Variable<T>>)
        return g(leaves[0]);
      else if constexpr (std::is_invocable_v<F, Variable<T>, Variable<T>>)
        return g(leaves[0], leaves[1]);
      else
        return g(leaves[0], leaves[1], leaves[2]);
    };
    check_beside<T>(
        leaves, [&] { return call(compiled); }, [&] { return call(f); });
  }
  return groups_in(compiled);
}

/// The most that is live during f().backward(), beyond what was before.
template <class F>
std::size_t peak_of(const F& f) {
  reset_peak_memory();
  const std::size_t before = memory_stats().live_bytes;
  f().backward();
  return memory_stats().peak_bytes - before;
}

/// Several shares for both inputs, dear and cheap steps, sign changes.
inline constexpr auto many_steps = [](const auto& x, const auto& y) {
  const auto a = x * y + x, b = tanh(a) - 0.5 * x, c = square(x - y) * b;
  return sum(exp(-square(a)) + c / (abs(y) + 1.5) + maximum(x, c));
};

struct Threads {
  explicit Threads(std::size_t count) { set_num_threads(count); }
  ~Threads() { set_num_threads(before); }
  std::size_t before = num_threads();
};

}  // namespace xgrad::testing
