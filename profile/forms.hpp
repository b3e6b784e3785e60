// What activities have in common: few are new, so each is kept once.
#pragma once

#include <array>
#include <cstdint>
#include <deque>
#include <optional>
#include <unordered_map>
#include <vector>

#include "../core/graph/activity.hpp"

namespace xgrad::detail {

/// An operation of a name, on inputs of these shapes.
struct Form {
  std::uint32_t number = 0;
  std::uint32_t name = 0;  ///< a number of the recorder's
  std::uint8_t item = 8;   ///< bytes of an element
  std::vector<Shape> inputs;
  std::optional<Shape> output;  ///< none where it threw, and of what is no operation
  double flops = 0;             ///< of the forward pass
  double taken = 0, given = 0;  ///< elements of its inputs and its output, where it moves them
};

class Forms {
 public:
  /// The number of the form of an activity that has ended, with what it gave.
  std::uint32_t number_of(std::uint32_t name, const Activity& activity, const Node* output);
  const Form& operator[](std::uint32_t number) const noexcept { return forms_[number]; }

 private:
  const Form& find(std::uint32_t name, const Activity& activity, const Node* output, double flops);

  std::deque<Form> forms_{Form()};
  std::unordered_multimap<std::uint64_t, std::uint32_t> numbers_;
  /// Those met lately, by name and the last axes; they do not move.
  std::array<const Form*, 256> met_{};
};

}  // namespace xgrad::detail
