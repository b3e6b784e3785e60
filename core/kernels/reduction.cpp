#include "reduction.hpp"

#include <algorithm>

#include "../array/instantiate.hpp"
#include "../array/threads.hpp"
#include "../array/worth_a_thread.hpp"

namespace xgrad {
using namespace detail;

namespace {

using kernels::AxisKernel;
using kernels::AxisLoop;
using kernels::Reduction;

constexpr std::size_t piece = worth_a_thread::computed_elements;
// From here on the outer rows alone keep every thread busy.
constexpr std::size_t many_rows = 16;

std::size_t item_size(bool is_double) { return is_double ? sizeof(double) : sizeof(float); }

const void* at(const void* data, std::size_t element, std::size_t item) {
  return data == nullptr ? nullptr : static_cast<const char*>(data) + element * item;
}
void* at(void* data, std::size_t element, std::size_t item) {
  return static_cast<char*>(data) + element * item;
}

std::size_t rows_of_a_piece(std::size_t row_size) {
  return std::max<std::size_t>(1, piece / std::max<std::size_t>(1, row_size));
}

/// Whole cache lines of either type, and enough of them for a row to be streamed.
std::size_t columns_of_a_piece(std::size_t count) {
  return std::max<std::size_t>(256, piece / std::max<std::size_t>(1, count) / 64 * 64);
}

bool goes_by_outer_rows(const ReductionStep& step) {
  return step.count * step.inner <= 2 * piece || step.outer >= many_rows;
}

struct Reduce {
  const Reduction& kernels;
  const void* in;
  bool in_double;
  void* out;
  bool out_double;
  ReductionStep step;
  double divisor;

  AxisLoop loop() const { return {{in}, out, step.outer, step.count, step.inner, step.inner, divisor}; }
  AxisKernel kernel() const { return kernels.run[in_double][out_double]; }
  void run() const;
  void by_outer_rows() const;
  void by_pieces(std::size_t rows) const;
  void by_columns() const;
};

void Reduce::run() const {
  if (step.outer * step.inner == 0) return;
  if (goes_by_outer_rows(step)) return by_outer_rows();
  const std::size_t rows = rows_of_pieces(step);
  rows > 0 ? by_pieces(rows) : by_columns();
}

void Reduce::by_outer_rows() const {
  const std::size_t outer = step.outer, count = step.count, inner = step.inner;
  parallel_for(outer, rows_of_a_piece(count * inner), [&](std::size_t begin, std::size_t end) {
    AxisLoop part = loop();
    part.in[0] = at(in, begin * count * inner, item_size(in_double));
    part.out = at(out, begin * inner, item_size(out_double));
    part.outer = end - begin;
    kernel()(part);
  });
}

/// Reduces `rows` rows at a time, and then what came of them.
void Reduce::by_pieces(std::size_t rows) const {
  const std::size_t outer = step.outer, count = step.count, inner = step.inner;
  const std::size_t pieces = (count + rows - 1) / rows;
  const bool wide = kernels.widens || out_double;
  memory::Buffer parts(outer * pieces * inner * item_size(wide));
  void* to = parts.mutable_data();
  parallel_for(outer * pieces, 1, [&](std::size_t begin, std::size_t end) {
    for (std::size_t p = begin; p < end; ++p) {
      const std::size_t first = p % pieces * rows;
      AxisLoop part = loop();
      part.in[0] = at(in, (p / pieces * count + first) * inner, item_size(in_double));
      part.out = at(to, p * inner, item_size(wide));
      part.outer = 1;
      part.count = std::min(rows, count - first);
      part.divisor = 1;
      kernels.run[in_double][wide](part);
    }
  });
  Reduce{kernels.of_results(), to, wide, out, out_double, {outer, pieces, inner}, divisor}.run();
}

void Reduce::by_columns() const {
  const std::size_t outer = step.outer, count = step.count, inner = step.inner;
  const std::size_t columns = columns_of_a_piece(count);
  const std::size_t pieces = (inner + columns - 1) / columns;
  parallel_for(outer * pieces, 1, [&](std::size_t begin, std::size_t end) {
    for (std::size_t p = begin; p < end; ++p) {
      const std::size_t row = p / pieces, first = p % pieces * columns;
      AxisLoop part = loop();
      part.in[0] = at(in, row * count * inner + first, item_size(in_double));
      part.out = at(out, row * inner + first, item_size(out_double));
      part.outer = 1;
      part.inner = std::min(columns, inner - first);
      kernel()(part);
    }
  });
}

}  // namespace

std::size_t rows_of_pieces(const ReductionStep& step) noexcept {
  if (goes_by_outer_rows(step)) return 0;
  const std::size_t rows = std::max<std::size_t>(64, piece / step.inner);
  return step.count > rows ? rows : 0;
}

ReductionSteps reduction_steps(const Shape& shape, const AxisList<bool>& reduced) noexcept {
  ReductionSteps all;
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
    if (now.count != 1) all.steps[all.count++] = now;
    end = begin;
  }
  return all;
}

template <class T>
Dense<T> reduce_axes(const Reduction& kernels, const Dense<T>& x, const AxisList<bool>& reduced,
                     double divisor) {
  constexpr bool is_double = std::is_same_v<T, double>;
  const Shape kept = reduced_shape(x.shape, reduced, true);
  ReductionSteps all = reduction_steps(x.shape, reduced);
  if (all.count == 0) return x.with_shape(kept);
  // Of no elements one step gives what several do, and needs no room for what would pass between them.
  if (x.size() == 0) all = {{{1, 0, element_count(kept)}}, 1};
  memory::Buffer now = x.buffer;
  bool now_double = is_double;
  for (std::size_t k = 0; k < all.count; ++k) {
    const ReductionStep& step = all.steps[k];
    const bool last = k + 1 == all.count;
    const bool wide = is_double || (kernels.widens && !last);
    memory::Buffer out(step.outer * step.inner * item_size(wide));
    const Reduction& own = k == 0 ? kernels : kernels.of_results();
    Reduce{own, now.data(), now_double, out.mutable_data(), wide, step, last ? divisor : 1}.run();
    now = std::move(out);
    now_double = wide;
  }
  return Dense<T>(std::move(now), kept);
}

void run_along_axis(AxisKernel kernel, std::size_t item, const AxisLoop& whole) {
  const std::size_t outer = whole.outer, count = whole.count, inner = whole.inner;
  if (outer * count * inner == 0) return;
  const bool by_columns = inner > 1 && outer < many_rows && count * inner > 2 * piece;
  const std::size_t columns = by_columns ? columns_of_a_piece(count) : inner;
  const std::size_t pieces = (inner + columns - 1) / columns;
  const std::size_t grain = by_columns ? 1 : rows_of_a_piece(count * inner);
  parallel_for(outer * pieces, grain, [&](std::size_t begin, std::size_t end) {
    AxisLoop part = whole;
    const std::size_t first = begin % pieces * columns;
    const std::size_t start = begin / pieces * count * whole.stride + first;
    for (const void*& in : part.in) in = at(in, start, item);
    part.out = at(whole.out, start, item);
    part.outer = end - begin;
    part.inner = std::min(columns, inner - first);
    kernel(part);
  });
}

[[gnu::used]] constexpr auto instances = instantiate::for_numbers([]<class T>() { return reduce_axes<T>; });

}  // namespace xgrad
