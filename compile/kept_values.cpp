#include "kept_values.hpp"

#include <algorithm>
#include <iterator>

#include "../core/formula/add_multiply.hpp"
#include "../ops/activation.hpp"

namespace xgrad::detail {
namespace {

using namespace formulas;

/// To be made again in less time than it takes to write a value to memory and read it.
bool is_cheap(const Elementwise& of) {
  const Elementwise* const cheap[] = {&operation<Add, Core>(),
                                      &operation<Multiply, Core>(),
                                      &operation<Subtract, Arithmetic>(),
                                      &operation<Divide, Arithmetic>(),
                                      &operation<Negative, Arithmetic>(),
                                      &operation<Square, Arithmetic>(),
                                      &operation<Abs, Arithmetic>(),
                                      &operation<Maximum, Arithmetic>(),
                                      &operation<Minimum, Arithmetic>(),
                                      &operation<Relu, Activation>()};
  return std::find(std::begin(cheap), std::end(cheap), &of) != std::end(cheap);
}

}  // namespace

std::vector<std::uint32_t> kept_values(std::span<const KeptValue> values, bool may_make) {
  // In so many parts of a buffer. An output that is read is kept by others, too, as often as not.
  constexpr std::size_t buffer = 1 << 16, output = 1;
  std::vector<bool> is_kept(values.size()), is_made(values.size(), false);
  for (std::uint32_t i = 0; i < values.size(); ++i) is_kept[i] = values[i].is_read;
  const auto cost = [&](std::uint32_t i) {
    return values[i].is_there    ? 0
           : values[i].is_output ? output
                                 : std::max<std::size_t>(1, buffer / values[i].one_of);
  };
  // From the last to the first: a value gives way to what it is made of, where that costs no more.
  for (auto i = static_cast<std::uint32_t>(may_make ? values.size() : 0); i-- > 0;) {
    const KeptValue& value = values[i];
    if (!is_kept[i] || value.operation == nullptr || !is_cheap(*value.operation)) continue;
    std::size_t more = 0;
    for (std::size_t k = 0; k < value.inputs.size(); ++k) {
      const std::uint32_t input = value.inputs[k];
      bool is_first = true;
      for (std::size_t j = 0; j < k; ++j) is_first = is_first && value.inputs[j] != input;
      if (is_first && !is_kept[input] && !is_made[input]) more += cost(input);
    }
    if (more > cost(i)) continue;
    is_kept[i] = false;
    is_made[i] = true;
    for (const std::uint32_t input : value.inputs)
      if (!is_made[input]) is_kept[input] = true;
  }
  std::vector<std::uint32_t> kept;
  for (std::uint32_t i = 0; i < values.size(); ++i)
    if (is_kept[i]) kept.push_back(i);
  return kept;
}

}  // namespace xgrad::detail
