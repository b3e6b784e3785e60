// Reductions over axes: how the axes of any shape become (outer, count, inner), and how such a step is split.
#pragma once

#include <cstddef>

#include "kernel.hpp"
// Kernel files need the declarations of kernels alone.
#ifndef XGRAD_ISA
#include "../array/dense.hpp"
#endif

namespace xgrad {

namespace kernels {

/// What a kernel along one axis works on: element (o, c, i) of an input stands at (o * count + c) * stride +
/// i, where `stride` is `inner`, or more where `inner` is a part of the columns. A reduction writes out[o *
/// inner + i]; what writes an element for each it reads, writes it at the same place.
struct AxisLoop {
  const void* in[3];
  void* out;
  std::size_t outer, count, inner, stride;
  double divisor;  ///< of a sum, to make it a mean
};

using AxisKernel = void (*)(const AxisLoop&);

/// run[is the input double][is the output double]. One that widens keeps what passes between its steps in
/// double.
struct Reduction {
  AxisKernel run[2][2];
  bool widens;
  /// What puts together what pieces and steps come to, where that is another: a sum of sums of squares is
  /// one.
  const Reduction* (*further)() = nullptr;

  const Reduction& of_results() const { return further == nullptr ? *this : *further(); }
};

/// The sum of `count` elements over `divisor`; of none, 0 / divisor.
template <class Isa>
const Reduction* sum_kernels();

}  // namespace kernels

#ifndef XGRAD_ISA

/// One run of neighbouring reduced axes: in is [outer, count, inner], out is [outer, inner].
struct ReductionStep {
  std::size_t outer, count, inner;
};

/// The steps that reduce the flagged axes, the last run first; a run of one element is none.
struct ReductionSteps {
  ReductionStep steps[max_axes];
  std::size_t count = 0;
};
ReductionSteps reduction_steps(const Shape& shape, const AxisList<bool>& reduced) noexcept;

/// How many of `count` a step reduces at a time, whose results are then reduced in their turn; 0 where it
/// takes all of them at once.
std::size_t rows_of_pieces(const ReductionStep& step) noexcept;

/// Reduces the flagged axes, which keep extent 1. How the work is split depends on the shape alone, so the
/// result does not depend on the number of threads.
template <class T>
Dense<T> reduce_axes(const kernels::Reduction& kernels, const Dense<T>& x, const AxisList<bool>& reduced,
                     double divisor = 1);

/// Runs a kernel that writes an element for each that it reads, split by outer rows or by columns; `item` is
/// the element's size, and an input that is null is not read.
void run_along_axis(kernels::AxisKernel kernel, std::size_t item, const kernels::AxisLoop& whole);

#endif

}  // namespace xgrad
