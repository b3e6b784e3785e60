// An elementwise gradient summed over the axes along which an input was repeated.
#include <algorithm>
#include <array>

#include "../array/instantiate.hpp"
#include "../array/threads.hpp"
#include "broadcast_loop.hpp"
#include "elementwise.hpp"
#include "elementwise_sum.hpp"

namespace xgrad::detail {
namespace {

/// How an operand stands to rows x columns: it has all rows or one, all columns or one.
struct Part {
  bool rows, columns;
};

/// Rows are the first `leading` axes of `shape`, columns the others; false where an operand fits neither way.
bool find_part(const Shape& operand, const Shape& shape, std::size_t leading, Part& part) {
  bool whole[2] = {true, true}, single[2] = {true, true};
  const std::size_t missing = shape.size() - operand.size();
  for (std::size_t axis = 0; axis < shape.size(); ++axis) {
    const std::size_t extent = axis < missing ? 1 : operand[axis - missing];
    const bool side = axis >= leading;
    whole[side] = whole[side] && extent == shape[axis];
    single[side] = single[side] && extent == 1;
  }
  part = {whole[0], whole[1]};
  return (whole[0] || single[0]) && (whole[1] || single[1]);
}

/// A value as rows x columns, of which one side is summed.
struct Plan {
  std::size_t rows = 1, columns = 1;
  bool sums_rows = false;
  std::array<Part, most_inputs + 2> parts{};
};

bool make_plan(std::span<const Source> sources, const Shape& shape, const Shape& to, Plan& plan) {
  const std::size_t size = element_count(shape);
  if (size < 4 * summed_block) return false;
  const std::size_t missing = shape.size() - to.size();
  const auto summed = [&](std::size_t axis) {
    return axis < missing || (to[axis - missing] == 1 && shape[axis] != 1);
  };
  // Leading axes that are all summed, or all kept; the others must be the other way.
  std::size_t leading = 0;
  plan.sums_rows = summed(0);
  while (leading < shape.size() && (summed(leading) == plan.sums_rows || shape[leading] == 1)) ++leading;
  for (std::size_t axis = leading; axis < shape.size(); ++axis)
    if (summed(axis) == plan.sums_rows && shape[axis] != 1) return false;
  for (std::size_t axis = 0; axis < shape.size(); ++axis)
    (axis < leading ? plan.rows : plan.columns) *= shape[axis];
  if (plan.rows < 2 || plan.columns < 2 || plan.columns > 8 * summed_block) return false;
  for (std::size_t i = 0; i < sources.size(); ++i)
    if (sources[i].data != nullptr && !find_part(*sources[i].shape, shape, leading, plan.parts[i]))
      return false;
  return true;
}

}  // namespace

bool sums_in_blocks(std::span<const Source> sources, const Shape& shape, const Shape& to) {
  Plan plan;
  return make_plan(sources, shape, to, plan);
}

template <class T>
memory::Buffer elementwise_gradient_sum(const Elementwise& operation, std::size_t which,
                                        std::span<const Source> sources, const Shape& shape,
                                        const Shape& to) {
  Plan plan;
  if (!make_plan(sources, shape, to, plan)) return {};
  const std::size_t block = rows_of_a_block(plan.columns);
  const std::size_t blocks = (plan.rows + block - 1) / block;
  // Sums over rows come a row a block; sums over columns are whole at once.
  Dense<T> sums(plan.sums_rows ? Shape{blocks, plan.columns} : Shape{plan.rows, 1});
  T* const out = sums.mutable_data();
  parallel_for(plan.rows, block, [&](std::size_t begin, std::size_t end) {
    std::array<Source, most_inputs + 2> here;
    std::array<Shape, most_inputs + 2> shapes;
    for (std::size_t i = 0; i < sources.size(); ++i) {
      if (sources[i].data == nullptr) continue;
      const auto [all_rows, all_columns] = plan.parts[i];
      shapes[i] = Shape{all_rows ? end - begin : 1, all_columns ? plan.columns : 1};
      const std::size_t first = all_rows ? begin * (all_columns ? plan.columns : 1) : 0;
      here[i] = {static_cast<const T*>(sources[i].data) + first, &shapes[i]};
    }
    const Shape part{end - begin, plan.columns};
    Dense<T> gradient(part);
    elementwise_gradient<T>(operation, which, {here.data(), sources.size()}, part, gradient.mutable_data());
    const Dense<T> sum = sum_axes(gradient, AxisList<bool>{plan.sums_rows, !plan.sums_rows});
    std::copy_n(sum.data(), sum.size(), out + (plan.sums_rows ? begin / block * plan.columns : begin));
  });
  return plan.sums_rows ? sum_axes(sums, AxisList<bool>{true, false}).buffer : std::move(sums.buffer);
}

[[gnu::used]] constexpr auto instances =
    instantiate::for_numbers([]<class T>() { return elementwise_gradient_sum<T>; });

}  // namespace xgrad::detail
