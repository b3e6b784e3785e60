// What the kernel file of logsumexp and the library share.
#pragma once

#include "../core/kernels/kernel.hpp"

namespace xgrad::kernels {

/// Lines of x, of which element (o, c, i) stands at (o * count + c) * stride + i, as in an AxisLoop; what a
/// line leaves stands at o * inner + i.
struct ExponentialLines {
  const void* x;
  void* exponentials;  ///< exp(x - anchor), element by element, where they are wanted
  void* anchors;       ///< the line's largest element, or 0 where that is not finite
  bool is_anchored;    ///< whether the anchors are there; else they are found and written
  double* totals;      ///< the sums of the exponentials
  std::size_t outer, count, inner, stride;
};

/// What becomes of `count` anchors and totals.
struct ExponentialTotals {
  const void* anchors;
  const double* totals;
  std::size_t count;
  void* logsumexp;
  /// 1 / total, where it is wanted: 0 where that is 0, and 1 where it is infinite.
  void* inverse;
};

/// [0] is float, [1] is double.
struct LogSumExpKernels {
  void (*lines[2])(const ExponentialLines&);
  void (*finish[2])(const ExponentialTotals&);
};
template <class Isa>
const LogSumExpKernels* logsumexp_kernels();

}  // namespace xgrad::kernels
