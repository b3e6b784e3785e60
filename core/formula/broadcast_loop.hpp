// Broadcasting of plain values: a kernel run over operands of different shapes, and the sum that undoes it.
#pragma once

#include <cstddef>
#include <span>

#include "../array/dense.hpp"
#include "../kernels/kernel.hpp"

namespace xgrad::detail {

/// An operand as kernels take it: elements and their shape; without data it is not read.
struct Source {
  const void* data = nullptr;
  const Shape* shape = nullptr;
};
/// Stands for the data of an operand that is not read.
inline constexpr double nothing = 0;
/// Lays out a loop whose operands have one element each, all of them read.
inline void lay_out_one(kernels::Loop& loop, void* out, std::span<const void* const> operands) {
  loop.rows = loop.columns = 1;
  loop.out = out;
  loop.out_row_stride = 1;
  for (std::size_t k = 0; k < operands.size(); ++k) loop.in[k] = {operands[k], 0, 0};
}
inline void run_one(kernels::Kernel kernel, void* out, std::span<const void* const> operands) {
  kernels::Loop loop;
  lay_out_one(loop, out, operands);
  kernel(loop);
}
void run_many(kernels::Kernel kernel, std::size_t item, void* out, const Shape& out_shape, std::size_t count,
              std::span<const Source> operands);

/// Runs `kernel` over `out_shape`, operands repeated as NumPy broadcasts them. Adjacent axes that repeat
/// alike are one, so nearly every call is a single loop. `item` is the element's size in bytes; the operands'
/// shapes broadcast to `out_shape`.
inline void run_broadcast(kernels::Kernel kernel, std::size_t item, void* out, const Shape& out_shape,
                          std::span<const Source> operands) {
  const std::size_t count = element_count(out_shape);
  if (count != 1) return detail::run_many(kernel, item, out, out_shape, count, operands);
  const void* elements[kernels::max_inputs + 2];
  for (std::size_t k = 0; k < operands.size(); ++k)
    elements[k] = operands[k].data ? operands[k].data : &detail::nothing;
  detail::run_one(kernel, out, {elements, operands.size()});
}

/// The sum over the flagged axes, which keep extent 1, divided by `divisor`. Accumulated in double, in blocks
/// that depend on the shape alone.
template <class T>
Dense<T> sum_axes(const Dense<T>& x, const AxisList<bool>& reduced, double divisor = 1);

}  // namespace xgrad::detail
