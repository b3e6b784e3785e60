// Which values of a group are kept for its way back, so that all others that are read there can be made
// again.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

namespace xgrad::detail {

class Elementwise;

/// One value, after those that it is made of.
struct KeptValue {
  const Elementwise* operation = nullptr;  ///< none for an operand or a reduction
  std::span<const std::uint32_t> inputs;
  bool is_read = false;    ///< by gradients
  bool is_there = false;   ///< an operand that costs nothing to keep
  bool is_output = false;  ///< in memory anyway, where others may keep it
  std::size_t one_of = 1;  ///< it has one element for so many of most others
};

/// The numbers of those to keep: never more memory than to keep all that is read, as eager operations do.
/// What is dear to make again is kept, and without `may_make` all that is read.
std::vector<std::uint32_t> kept_values(std::span<const KeptValue> values, bool may_make);

}  // namespace xgrad::detail
