// Broadcasting, in one place: running a kernel over operands of different shapes, and the dual pair
// broadcast_to, sum_to.
#pragma once

#include <span>

#include "formula.hpp"
#include "kernel.hpp"
#include "record.hpp"

namespace xgrad {

/// An operand as kernels take it: elements and their shape; without data it is not read.
struct Source {
  const void* data = nullptr;
  const Shape* shape = nullptr;
};

/// Runs `kernel` over `out_shape`, operands repeated as NumPy broadcasts them. Adjacent axes that repeat
/// alike are one, so nearly every call is a single loop. `item` is the element's size in bytes; the operands'
/// shapes broadcast to `out_shape`.
void run_broadcast(kernels::Kernel kernel, std::size_t item, void* out, const Shape& out_shape,
                   std::span<const Source> operands);

/// x repeated along axes of extent 1 and new leading axes; ShapeError if it does not broadcast to `shape`.
template <Tensor V>
V broadcast_to(const V& x, const Shape& shape);

/// The dual of broadcast_to: sums x down to `shape`. x itself where the shapes agree.
template <Tensor V>
V sum_to(const V& x, const Shape& shape);

/// The sum over the flagged axes, which keep extent 1, divided by `divisor`. Accumulated in double, in blocks
/// that depend on the shape alone.
template <class T>
Dense<T> sum_axes(const Dense<T>& x, const AxisList<bool>& reduced, double divisor = 1);

}  // namespace xgrad
