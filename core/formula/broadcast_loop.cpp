#include "broadcast_loop.hpp"

#include <algorithm>
#include <array>

#include "../array/instantiate.hpp"
#include "../array/threads.hpp"
#include "../array/worth_a_thread.hpp"
#include "../kernels/dispatch.hpp"
#include "../kernels/reduction.hpp"

namespace xgrad::detail {
namespace {

using worth_a_thread::streamed_elements;

/// Axes of a loop after collapsing; strides in elements, 0 where an operand repeats.
struct Axis {
  std::size_t extent;
  std::array<std::ptrdiff_t, kernels::max_inputs + 2> strides;
};

struct Nest {
  std::array<Axis, max_axes> axes;
  std::size_t count = 0;
};

/// The axes of `out`, outermost first, neighbours merged where every operand steps through both as through
/// one.
Nest collapse(const Shape& out, std::span<const Source> operands) {
  Nest nest;
  std::array<std::ptrdiff_t, kernels::max_inputs + 2> run;
  run.fill(1);
  for (std::size_t axis = out.size(); axis-- > 0;) {
    Axis now{out[axis], {}};
    for (std::size_t k = 0; k < operands.size(); ++k) {
      const Shape& shape = operands[k].data ? *operands[k].shape : no_axes;
      const std::size_t missing = out.size() - shape.size();
      const std::size_t extent = axis < missing ? 1 : shape[axis - missing];
      now.strides[k] = extent == 1 ? 0 : run[k];
      run[k] *= static_cast<std::ptrdiff_t>(extent);
    }
    if (now.extent == 1) continue;
    if (nest.count > 0) {
      Axis& inner = nest.axes[nest.count - 1];
      bool merge = true;
      for (std::size_t k = 0; k < operands.size(); ++k)
        merge = merge && now.strides[k] == inner.strides[k] * static_cast<std::ptrdiff_t>(inner.extent);
      if (merge) {
        inner.extent *= now.extent;
        continue;
      }
    }
    nest.axes[nest.count++] = now;
  }
  std::reverse(nest.axes.begin(), nest.axes.begin() + static_cast<std::ptrdiff_t>(nest.count));
  return nest;
}

void* advance(void* pointer, std::ptrdiff_t elements, std::size_t item) {
  return static_cast<char*>(pointer) + elements * static_cast<std::ptrdiff_t>(item);
}
const void* advance(const void* pointer, std::ptrdiff_t elements, std::size_t item) {
  return static_cast<const char*>(pointer) + elements * static_cast<std::ptrdiff_t>(item);
}

/// One row of `columns`, or many; split among threads by rows or by columns where it is long.
void run_plane(kernels::Kernel kernel, std::size_t item, const kernels::Loop& loop, std::size_t operands) {
  if (loop.rows * loop.columns < 2 * streamed_elements) return kernel(loop);
  const bool by_rows = loop.rows > 1;
  const std::size_t count = by_rows ? loop.rows : loop.columns;
  const std::size_t grain =
      by_rows ? std::max<std::size_t>(1, streamed_elements / loop.columns) : streamed_elements;
  parallel_for(count, grain, [&](std::size_t begin, std::size_t end) {
    kernels::Loop part = loop;
    (by_rows ? part.rows : part.columns) = end - begin;
    const auto first = static_cast<std::ptrdiff_t>(begin);
    part.out = advance(loop.out, by_rows ? first * loop.out_row_stride : first, item);
    for (std::size_t k = 0; k < operands; ++k) {
      const kernels::Operand& in = loop.in[k];
      part.in[k].data = advance(in.data, first * (by_rows ? in.row_stride : in.step), item);
    }
    kernel(part);
  });
}

void run_nest(kernels::Kernel kernel, std::size_t item, kernels::Loop loop, const Nest& nest,
              std::size_t operands) {
  const std::size_t outer = nest.count > 2 ? nest.count - 2 : 0;
  const auto stride_of = [&](std::size_t from_end, std::size_t k) {
    return nest.count < from_end ? 0 : nest.axes[nest.count - from_end].strides[k];
  };
  loop.columns = nest.count < 1 ? 1 : nest.axes[nest.count - 1].extent;
  loop.rows = nest.count < 2 ? 1 : nest.axes[nest.count - 2].extent;
  loop.out_row_stride = static_cast<std::ptrdiff_t>(loop.columns);
  for (std::size_t k = 0; k < operands; ++k) {
    loop.in[k].step = stride_of(1, k);
    loop.in[k].row_stride = stride_of(2, k);
  }
  std::array<std::size_t, max_axes> index{};
  for (;;) {
    run_plane(kernel, item, loop, operands);
    loop.out = advance(loop.out, static_cast<std::ptrdiff_t>(loop.rows * loop.columns), item);
    std::size_t axis = outer;
    for (; axis > 0; --axis) {
      const Axis& now = nest.axes[axis - 1];
      const bool wraps = ++index[axis - 1] == now.extent;
      const auto steps = wraps ? -static_cast<std::ptrdiff_t>(now.extent - 1) : 1;
      for (std::size_t k = 0; k < operands; ++k)
        loop.in[k].data = advance(loop.in[k].data, steps * now.strides[k], item);
      if (!wraps) break;
      index[axis - 1] = 0;
    }
    if (axis == 0) return;
  }
}

}  // namespace

void run_many(kernels::Kernel kernel, std::size_t item, void* out, const Shape& out_shape, std::size_t count,
              std::span<const Source> operands) {
  kernels::Loop loop;
  loop.rows = 1;
  loop.columns = count;
  loop.out = out;
  if (count == 0) return;
  loop.out_row_stride = static_cast<std::ptrdiff_t>(count);
  bool flat = true;
  for (std::size_t k = 0; k < operands.size(); ++k) {
    const auto [data, shape] = operands[k];
    if (data == nullptr) {
      loop.in[k] = {&nothing, 0, 0};
    } else if (*shape == out_shape) {
      loop.in[k] = {data, 0, 1};
    } else {
      loop.in[k] = {data, 0, 0};
      flat = flat && element_count(*shape) == 1;
    }
  }
  if (flat) return run_plane(kernel, item, loop, operands.size());
  run_nest(kernel, item, loop, collapse(out_shape, operands), operands.size());
}

template <class T>
Dense<T> sum_axes(const Dense<T>& x, const AxisList<bool>& reduced, double divisor) {
  const kernels::Reduction& sums = chosen_kernels([]<class I>() { return kernels::sum_kernels<I>(); });
  return reduce_axes(sums, x, reduced, divisor);
}

[[gnu::used]] constexpr auto instances = instantiate::for_numbers([]<class T>() { return sum_axes<T>; });

}  // namespace xgrad::detail
