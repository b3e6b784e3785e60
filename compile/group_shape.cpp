#include "group_shape.hpp"

#include <algorithm>
#include <array>
#include <utility>

#include "../core/formula/elementwise_sum.hpp"
#include "../core/graph/capture.hpp"
#include "../core/graph/elementwise_node.hpp"
#include "../core/graph/summed_axes.hpp"
#include "../ops/row_reduction.hpp"

namespace xgrad::detail {
namespace {

bool is_one(std::size_t extent, std::size_t) { return extent == 1; }
bool is_all(std::size_t extent, std::size_t of) { return extent == of; }

/// Whether the operand's first axes stand to the shape's as `first` says, and the others as `then`; the rows
/// are those of the first ones.
template <class First, class Then>
bool stands(const Shape& operand, const Shape& shape, First first, Then then, std::size_t& rows) {
  const std::size_t missing = shape.size() - operand.size();
  const auto extent = [&](std::size_t axis) { return axis < missing ? 1 : operand[axis - missing]; };
  std::size_t axis = 0;
  rows = 1;
  for (; axis < shape.size() && first(extent(axis), shape[axis]); ++axis) rows *= shape[axis];
  for (; axis < shape.size(); ++axis)
    if (!then(extent(axis), shape[axis])) return false;
  return true;
}

/// What shares may hold that wait for their sums, beside the first, which eager holds as well.
constexpr std::size_t most_waiting_bytes = std::size_t{1} << 18;

/// Whether some rows of so many elements fit the cache.
bool is_short_row(std::size_t columns) { return columns <= summed_block; }

/// Of a row that is reduced: to repeat a column goes row by row, and shorter ones take as long as elements in
/// memory.
constexpr std::size_t least_reduced = 16;

/// How many shares of the node's inputs are summed when all of their elements are there.
std::size_t waiting_shares(const Node& node) {
  const Shape& shape = node.value().shape;
  std::size_t count = 0;
  for (std::size_t k = 0; node.requires_grad() && k < node.inputs().size(); ++k) {
    const Node& input = *node.inputs()[k];
    if (!input.requires_grad() || input.value().shape == shape) continue;
    std::size_t rows;
    const Spread spread = spread_of(input.value().shape, shape, rows);
    const bool is_summed = sums_in_blocks(node, k) || (spread == Spread::column && sums_rows(node, k));
    count += !elementwise_of(node)->gradient(k).zero && !is_summed;
  }
  return count;
}

/// The shape of a column of a value whose rows have so many elements.
Shape column_of(Shape shape, std::size_t columns) {
  for (std::size_t axis = shape.size(); columns > 1; columns /= std::exchange(shape[axis], 1)) --axis;
  return shape;
}

bool gives_to(const Node& node, std::size_t k) {
  return node.requires_grad() && node.inputs()[k]->requires_grad();
}

}  // namespace

Spread spread_of(const Shape& operand, const Shape& shape, std::size_t& rows) {
  rows = 0;
  const std::size_t count = element_count(operand);
  if (count == element_count(shape)) return Spread::whole;
  if (count == 1) return Spread::one;
  if (stands(operand, shape, is_one, is_all, rows)) return Spread::row;
  if (stands(operand, shape, is_all, is_one, rows)) return Spread::column;
  return Spread::other;
}

bool sums_in_blocks(const Node& node, std::size_t k) {
  const Elementwise& operation = *elementwise_of(node);
  const Elementwise::Gradient& gradient = operation.gradient(k);
  const Shape &shape = node.value().shape, &to = node.inputs()[k]->value().shape;
  if (gradient.passes || to == shape) return false;
  std::array<Source, kernels::max_inputs + 2> sources;
  for (std::size_t i = 0; i < operation.inputs(); ++i)
    if (gradient.reads >> i & 1) sources[i] = {&nothing, &node.inputs()[i]->value().shape};
  return sums_in_blocks({sources.data(), operation.inputs()}, shape, to);
}

bool is_summed_at_once(const Shape& shape, const Shape& to) {
  return reduction_steps(shape, summed_axes(shape, to)).count == 1;
}

bool sums_rows(const Node& node, std::size_t k) {
  const Shape &shape = node.value().shape, &to = node.inputs()[k]->value().shape;
  if (!is_short_row(element_count(shape) / element_count(to))) return false;
  return sums_in_blocks(node, k) || is_summed_at_once(shape, to);
}

bool GroupShape::is_inside(const Node& node) const noexcept {
  return std::find(taken_.begin(), taken_.end(), &node) != taken_.end();
}

bool GroupShape::takes(const Node& node) {
  if (!is_real(node.kind()) || (!taken_.empty() && node.kind() != taken_.front()->kind())) return false;
  const bool is_taken = is_detached(node)                 ? is_inside(*node.inputs()[0])
                        : elementwise_of(node) != nullptr ? takes_elementwise(node)
                                                          : takes_reduction(node);
  if (is_taken) taken_.push_back(&node);
  return is_taken;
}

/// The input is of the group's shape, and what the group has told of rows agrees.
bool GroupShape::takes_reduction(const Node& node) {
  const auto reduction = row_reduction_of(node);
  if (!reduction || reduction->columns < least_reduced || !is_short_row(reduction->columns)) return false;
  const Shape& shape = node.inputs()[0]->value().shape;
  if (!is_summed_at_once(shape, column_of(shape, reduction->columns))) return false;
  if (!taken_.empty() && !(shape == shape_)) return false;
  if (rows_ != 0 && rows_ != reduction->rows) return false;
  shape_ = shape;
  rows_ = reduction->rows;
  return true;
}

/// Each input is a column as the result is, or one element.
bool GroupShape::takes_column(const Node& node) const {
  const Shape& shape = node.value().shape;
  std::size_t rows;
  if (rows_ == 0 || shape.size() > shape_.size()) return false;
  if (spread_of(shape, shape_, rows) != Spread::column || rows != rows_) return false;
  if (!is_short_row(element_count(shape_) / rows_) || !is_summed_at_once(shape_, shape)) return false;
  return std::all_of(node.inputs().begin(), node.inputs().end(), [&](const Node* input) {
    return input->value().shape == shape || input->value().size() == 1;
  });
}

/// Each input has the result's shape, one element, or all rows or all columns of a matrix that all agree on;
/// one that the group makes is repeated as a column.
bool GroupShape::fits_operands(const Node& node, std::size_t& rows) const {
  for (const Node* input : node.inputs()) {
    std::size_t told;
    const Spread spread = spread_of(input->value().shape, node.value().shape, told);
    if (spread == Spread::other || (spread == Spread::row && is_inside(*input))) return false;
    if (spread == Spread::whole || spread == Spread::one) continue;
    if (rows != 0 && rows != told) return false;
    rows = told;
  }
  return true;
}

/// A library operation's on many elements. Shares of repeated operands that are summed only when they are
/// whole are no more than eager would hold, but for a little.
bool GroupShape::takes_elementwise(const Node& node) {
  const Shape& shape = node.value().shape;
  if (element_count(shape) < 2 || elementwise_of(node)->kernels() == nullptr) return false;
  if (!taken_.empty() && !(shape == shape_)) return takes_column(node);
  std::size_t rows = rows_;
  if (!fits_operands(node, rows)) return false;
  // Blocks of long rows would leave the cache.
  if (rows != 0 && !is_short_row(element_count(shape) / rows)) {
    for (std::size_t k = 0; k < node.inputs().size(); ++k)
      if (gives_to(node, k) && sums_in_blocks(node, k)) return false;
  }
  const std::size_t waiting = waiting_ + waiting_shares(node);
  const std::size_t bytes = element_count(shape) * (node.is_double() ? sizeof(double) : sizeof(float));
  if (!taken_.empty() && waiting > 1 && (waiting - 1) * bytes > most_waiting_bytes) return false;
  waiting_ = waiting;
  rows_ = rows;
  shape_ = shape;
  return true;
}

}  // namespace xgrad::detail
