// What the kernel file of the reductions and the library share.
#pragma once

#include <limits>

#include "../core/formula/formula.hpp"
#include "../core/kernels/reduction.hpp"

namespace xgrad {

namespace formulas {

/// An element's share of the gradient of y = logsumexp(x): dy exp(x - y). An element of -inf has none, also
/// where all are; one that equals an infinite y has all of it.
struct LogSumExpShare {
  static constexpr std::string_view name = "logsumexp_share";
  template <class V>
  static V weight(const V& x, const V& y) {
    return select(x == y, select(x == -std::numeric_limits<double>::infinity(), V(0), V(1)), exp(x - y));
  }
  template <class V>
  static V value(const V& x, const V& y, const V& dy) {
    return dy * weight(x, y);
  }
  template <class V>
  static std::array<V, 3> gradient(const V& x, const V& y, unused, const V& share, const V& g) {
    return {g * share, -g * share, g * weight(x, y)};
  }
};

struct ReductionFormulas {
  using list = kernels::List<LogSumExpShare>;
  /// Defined in reduction.cpp, for the formulas of the list.
  template <class Formula>
  static const detail::Elementwise& operation();
};

}  // namespace formulas

namespace kernels {

/// Largest and smallest element: NaN if any is; of none, -inf and inf. logsumexp of none is -inf.
struct ReductionKernels {
  Reduction max, min, logsumexp;
};
template <class Isa>
const ReductionKernels* reduction_kernels();

}  // namespace kernels
}  // namespace xgrad
