#include "group_sums.hpp"

#include "../core/formula/broadcast_loop.hpp"
#include "../core/formula/piecewise_sum.hpp"

namespace xgrad::detail {
namespace {

template <class T>
memory::Buffer sum_of(const PieceCode& code, const GroupCode& group,
                      std::span<const PieceCode::Elements> outside, std::span<void* const> stores,
                      double divisor) {
  std::vector<double> sums((group.rows() * group.columns() + summed_piece - 1) / summed_piece);
  const auto add_up = [&](std::uint32_t, std::size_t first, std::size_t count, const memory::Buffer& shown) {
    sums[first / code.part(0)] = sum_of_piece(static_cast<const T*>(shown.data()), count * group.unit());
  };
  code.run(group.rows(), group.columns(), sizeof(T), outside, stores, add_up);
  memory::Buffer sum(sizeof(T));
  *static_cast<T*>(sum.mutable_data()) = sum_of_pieces<T>(sums, divisor);
  return sum;
}

template <class T>
std::vector<memory::Buffer> sums_of(const GroupCode::Way& way, const GroupCode& group,
                                    std::span<const PieceCode::Elements> outside,
                                    std::span<void* const> stores) {
  const std::size_t columns = group.columns();
  const AxisList<bool> over_rows{true, false};
  // A row for each part.
  std::vector<Dense<double>> pieces(way.shown.size());
  std::vector<Dense<T>> blocks(way.shown.size());
  std::vector<void*> to;
  for (std::uint32_t i = 0; i < way.shown.size(); ++i) {
    const Shape shape{(group.rows() + way.code.part(i) - 1) / way.code.part(i), columns};
    if (way.shown[i] == GroupCode::Sum::pieces)
      to.push_back((pieces[i] = Dense<double>(shape)).mutable_data());
    else
      to.push_back((blocks[i] = Dense<T>(shape)).mutable_data());
  }
  const auto add_up = [&](std::uint32_t i, std::size_t first, std::size_t count,
                          const memory::Buffer& shown) {
    const std::size_t place = first / way.code.part(i) * columns;
    const auto* const elements = static_cast<const T*>(shown.data());
    if (way.shown[i] == GroupCode::Sum::pieces)
      sum_rows_of_piece(elements, count, columns, static_cast<double*>(to[i]) + place);
    else
      sum_rows_of_piece(elements, count, columns, static_cast<T*>(to[i]) + place);
  };
  way.code.run(group.rows(), columns, sizeof(T), outside, stores, add_up);
  std::vector<memory::Buffer> summed;
  for (std::uint32_t i = 0; i < way.shown.size(); ++i)
    summed.push_back(way.shown[i] == GroupCode::Sum::pieces ? sum_rows_of_pieces<T>(std::move(pieces[i]))
                                                            : sum_axes(blocks[i], over_rows).buffer);
  return summed;
}

}  // namespace

memory::Buffer sum_of_shown(const PieceCode& code, const GroupCode& group,
                            std::span<const PieceCode::Elements> outside, std::span<void* const> stores,
                            double divisor) {
  return group.is_double() ? sum_of<double>(code, group, outside, stores, divisor)
                           : sum_of<float>(code, group, outside, stores, divisor);
}

std::vector<memory::Buffer> sums_over_rows(const GroupCode::Way& way, const GroupCode& group,
                                           std::span<const PieceCode::Elements> outside,
                                           std::span<void* const> stores) {
  return group.is_double() ? sums_of<double>(way, group, outside, stores)
                           : sums_of<float>(way, group, outside, stores);
}

}  // namespace xgrad::detail
