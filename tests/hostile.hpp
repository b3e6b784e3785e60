// Calls that ask for a value which cannot be: each is refused with its sentence before anything is allocated.
#pragma once

#include <doctest/doctest.h>

#include <cstdint>
#include <functional>
#include <initializer_list>
#include <limits>
#include <xgrad/core/array/memory.hpp>
#include <xgrad/core/graph/variable.hpp>

#include "message_of.hpp"

namespace xgrad::testing {

inline constexpr std::size_t K30 = std::size_t{1} << 30, K31 = K30 * 2, K32 = K30 * 4, K40 = K30 << 10;
inline constexpr std::size_t K58 = std::size_t{1} << 58, K59 = K58 * 2, K60 = K58 * 4, K61 = K58 * 8;
inline constexpr std::size_t all_ones = std::numeric_limits<std::size_t>::max();

/// Parameters of ones; nearly every shape that they are asked for has no elements.
inline Variable<double> ones(const Shape& shape) { return parameter_from(Dense<double>::filled(shape, 1)); }
inline Indices zeros(const Shape& shape) { return to_array(Dense<std::int64_t>::filled(shape, 0)); }

struct Hostile {
  const char* message;
  std::function<void()> call;
};

/// Every call throws an Expected with its message, and has allocated no more than the nodes and handles of a
/// few views of what it was given.
template <class Expected = ShapeError>
void check_refused(std::initializer_list<Hostile> calls) {
  for (const Hostile& hostile : calls) {
    reset_peak_memory();
    const MemoryStats before = memory_stats();
    CHECK(message_of<Expected>(hostile.call) == hostile.message);
    CHECK_MESSAGE(memory_stats().peak_bytes - before.live_bytes < 4096, hostile.message);
  }
}

}  // namespace xgrad::testing
