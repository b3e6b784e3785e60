// Sums of squares over lines that neither overflow nor vanish on the way to a root. For the file of
// deviations and norms.
#pragma once

#include <algorithm>
#include <cmath>
#include <limits>

#include "operators.hpp"
#include "reduction.hpp"

namespace xgrad::detail {

/// Whether squares of such a sum, or mean, may have been lost to overflow or underflow.
template <class T>
bool is_doubtful(T square_sum) {
  constexpr T lowest = std::numeric_limits<T>::min() / std::numeric_limits<T>::epsilon();
  return !(square_sum > lowest && square_sum <= std::numeric_limits<T>::max());
}

/// What to divide the lines of x by before they are squared: 1, but the line's largest element where its sum
/// is doubtful. Empty if all are 1. `over` keeps dimensions, and so do the sums.
template <class T>
Dense<T> units_of(const Dense<T>& x, const Dense<T>& square_sums, const ReduceOptions& over) {
  const T* const sums = square_sums.data();
  const std::size_t lines = square_sums.size();
  if (x.size() == 0 || std::none_of(sums, sums + lines, is_doubtful<T>)) return {};
  Dense<T> units = max(abs(x), over);
  T* const of = units.mutable_data();
  bool all_one = true;
  for (std::size_t i = 0; i < lines; ++i) {
    if (!is_doubtful(sums[i]) || !(of[i] > 0 && std::isfinite(of[i]))) of[i] = 1;
    all_one = all_one && of[i] == 1;
  }
  return all_one ? Dense<T>() : units;
}

}  // namespace xgrad::detail
