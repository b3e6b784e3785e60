#include "group_sums.hpp"

#include <algorithm>

#include "../core/formula/broadcast_loop.hpp"
#include "../core/formula/elementwise_sum.hpp"
#include "../core/formula/piecewise_sum.hpp"

namespace xgrad::detail {
namespace {

using Shown = std::span<const memory::Buffer>;

template <class T>
memory::Buffer sum_of(const PieceCode& code, const GroupCode& group,
                      std::span<const PieceCode::Elements> outside, std::span<void* const> stores,
                      double divisor) {
  std::vector<double> sums((group.rows() * group.columns() + summed_piece - 1) / summed_piece);
  const auto add_up = [&](std::size_t first, std::size_t count, Shown shown) {
    sums[first / summed_piece] = sum_of_piece(static_cast<const T*>(shown[0].data()), count);
  };
  code.run(group.rows(), group.columns(), sizeof(T), outside, stores, summed_piece, add_up);
  memory::Buffer sum(sizeof(T));
  *static_cast<T*>(sum.mutable_data()) = sum_of_pieces<T>(sums, divisor);
  return sum;
}

template <class T>
std::vector<memory::Buffer> sums_of(const PieceCode& code, const GroupCode& group,
                                    std::span<const PieceCode::Elements> outside,
                                    std::span<void* const> stores) {
  const std::size_t columns = group.columns(), block = rows_of_a_block(columns);
  const AxisList<bool> over_rows{true, false};
  std::vector<Dense<T>> sums;  // a row for each block
  std::vector<T*> to;
  for (std::size_t i = 0; i < code.shown(); ++i) {
    sums.emplace_back(Shape{(group.rows() + block - 1) / block, columns});
    to.push_back(sums.back().mutable_data());
  }
  const auto add_up = [&](std::size_t first, std::size_t count, Shown shown) {
    for (std::size_t i = 0; i < shown.size(); ++i) {
      const Dense<T> sum = sum_axes(Dense<T>(shown[i], Shape{count / columns, columns}), over_rows);
      std::copy_n(sum.data(), columns, to[i] + first / columns / block * columns);
    }
  };
  code.run(group.rows(), columns, sizeof(T), outside, stores, block * columns, add_up);
  std::vector<memory::Buffer> summed;
  for (const Dense<T>& sum : sums) summed.push_back(sum_axes(sum, over_rows).buffer);
  return summed;
}

}  // namespace

memory::Buffer sum_of_shown(const PieceCode& code, const GroupCode& group,
                            std::span<const PieceCode::Elements> outside, std::span<void* const> stores,
                            double divisor) {
  return group.is_double() ? sum_of<double>(code, group, outside, stores, divisor)
                           : sum_of<float>(code, group, outside, stores, divisor);
}

std::vector<memory::Buffer> sums_over_rows(const PieceCode& code, const GroupCode& group,
                                           std::span<const PieceCode::Elements> outside,
                                           std::span<void* const> stores) {
  return group.is_double() ? sums_of<double>(code, group, outside, stores)
                           : sums_of<float>(code, group, outside, stores);
}

}  // namespace xgrad::detail
