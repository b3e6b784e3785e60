#include "index_input.hpp"

#include <algorithm>
#include <string>

#include "../array/instantiate.hpp"
#include "node.hpp"

namespace xgrad::detail {

template <class T>
Dense<bool> mask_of_comparison(std::string_view operation, const Variable<T>& comparison) {
  if (!comparison.node().is_comparison())
    throw ValueError(std::string(operation) + ": a '" + std::string(comparison.operation()) + "' of shape " +
                     to_string(comparison.shape()) +
                     " is a Variable that no comparison made, and chooses nothing; write x[y > 0], "
                     "x[greater(y, 0) && less(y, 1)], or give positions as Indices");
  const T* in = comparison.dense().data();
  Dense<bool> mask(comparison.shape());
  std::transform(in, in + mask.size(), mask.mutable_data(), [](T holds) { return holds != 0; });
  return mask;
}

[[gnu::used]] constexpr auto instances =
    instantiate::for_numbers([]<class T>() { return mask_of_comparison<T>; });

}  // namespace xgrad::detail
