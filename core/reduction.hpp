// Reductions over axes: how the axes of any shape become (outer, count, inner), and the kernel of the sum.
#pragma once

#include <cstddef>

#include "kernel.hpp"
// Kernel files need the declarations of kernels alone.
#ifndef XGRAD_ISA
#include <algorithm>

#include "dense.hpp"
#include "threads.hpp"
#endif

namespace xgrad {

namespace kernels {
/// out[o, i] = sum over c of in[o, c, i]; [0] is float, [1] is double.
struct SumKernels {
  void (*sum[2])(const void* in, void* out, std::size_t outer, std::size_t count, std::size_t inner);
};
template <class Isa>
const SumKernels* sum_kernels();
}  // namespace kernels

#ifndef XGRAD_ISA
/// One run of neighbouring reduced axes: in is [outer, count, inner], out is [outer, inner].
struct ReductionStep {
  std::size_t outer, count, inner;
};

template <class F>
void for_each_reduction(const Shape& shape, const AxisList<bool>& reduced, F&& step) {
  Shape rest = shape;
  for (std::size_t end = shape.size(); end > 0;) {
    if (!reduced[end - 1]) {
      --end;
      continue;
    }
    std::size_t begin = end;
    while (begin > 0 && reduced[begin - 1]) --begin;
    ReductionStep now{1, 1, 1};
    for (std::size_t axis = 0; axis < rest.size(); ++axis) {
      std::size_t& part = axis < begin ? now.outer : axis < end ? now.count : now.inner;
      part *= rest[axis];
      if (axis >= begin && axis < end) rest[axis] = 1;
    }
    step(now);
    end = begin;
  }
}

/// Runs one step with a kernel that reduces [outer, count, inner] to [outer, inner]. Split by outer rows
/// alone, or by fixed lengths of one long row, so that the result does not depend on the number of threads.
template <class T, class Kernel>
Dense<T> reduce_step(const Dense<T>& in, const ReductionStep& step, Kernel kernel) {
  constexpr std::size_t piece = 1 << 16;
  const auto [outer, count, inner] = step;
  const T* from = in.data();
  if (outer == 1 && count * inner > 2 * piece && count > 1) {
    const std::size_t rows = std::max<std::size_t>(1, piece / inner);
    const std::size_t pieces = (count + rows - 1) / rows;
    Dense<T> parts(Shape{pieces, inner});
    T* to = parts.mutable_data();
    parallel_for(pieces, 1, [&](std::size_t begin, std::size_t end) {
      for (std::size_t p = begin; p < end; ++p)
        kernel(from + p * rows * inner, to + p * inner, 1, std::min(rows, count - p * rows), inner);
    });
    return reduce_step(parts, ReductionStep{1, pieces, inner}, kernel);
  }
  Dense<T> result(Shape{outer, inner});
  T* to = result.mutable_data();
  parallel_for(outer, std::max<std::size_t>(1, piece / std::max<std::size_t>(1, count * inner)),
               [&](std::size_t begin, std::size_t end) {
                 kernel(from + begin * count * inner, to + begin * inner, end - begin, count, inner);
               });
  return result;
}

#endif

}  // namespace xgrad
