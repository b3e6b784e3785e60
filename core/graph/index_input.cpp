#include "index_input.hpp"

#include <algorithm>
#include <string>

#include "../array/instantiate.hpp"
#include "capture.hpp"
#include "record.hpp"

namespace xgrad::detail {

namespace {

/// Where a comparison holds, in a program.
struct Holds {
  static constexpr std::string_view name = "mask";
  static constexpr bool is_constant = true;
  [[maybe_unused]] static constexpr bool only_in_programs = true;
  template <class T>
  Dense<bool> forward(const Dense<T>& x) const {
    const T* in = x.data();
    Dense<bool> mask(x.shape);
    std::transform(in, in + mask.size(), mask.mutable_data(), [](T holds) { return holds != 0; });
    return mask;
  }
};

}  // namespace

template <class T>
Dense<bool> mask_of_comparison(std::string_view operation, const Variable<T>& comparison) {
  if (!comparison.node().is_comparison())
    throw ValueError(std::string(operation) + ": a '" + std::string(comparison.operation()) + "' of shape " +
                     to_string(comparison.shape()) +
                     " is a Variable that no comparison made, and chooses nothing; write x[y > 0], "
                     "x[greater(y, 0) && less(y, 1)], or give positions as Indices");
  Dense<bool> mask = Holds{}.forward(comparison.dense());
  if (is_capturing()) [[unlikely]] {
    // Whoever captures knows the mask by its elements.
    leaves_captured(false);
    Node* const inputs[] = {&comparison.node()};
    return Discrete<bool>(Handle::recorded(new Record<Holds, T>({}, std::move(mask), inputs))).dense();
  }
  return mask;
}

[[gnu::used]] constexpr auto instances =
    instantiate::for_numbers([]<class T>() { return mask_of_comparison<T>; });

}  // namespace xgrad::detail
