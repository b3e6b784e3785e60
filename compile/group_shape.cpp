#include "group_shape.hpp"

#include <array>

#include "../core/formula/elementwise_sum.hpp"
#include "../core/graph/elementwise_node.hpp"

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

/// How many shares of the node's inputs are summed when all of their elements are there.
std::size_t waiting_shares(const Node& node) {
  std::size_t count = 0;
  for (std::size_t k = 0; node.requires_grad() && k < node.inputs().size(); ++k) {
    const Node& input = *node.inputs()[k];
    if (!input.requires_grad() || input.value().shape == node.value().shape) continue;
    count += !elementwise_of(node)->gradient(k).zero && !sums_in_blocks(node, k);
  }
  return count;
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

bool GroupShape::takes(const Node& node) {
  const Shape& shape = node.value().shape;
  if (element_count(shape) < 2 || !is_real(node.kind())) return false;
  const Elementwise* const operation = elementwise_of(node);
  if (operation == nullptr || operation->kernels() == nullptr) return false;
  if (first_ != nullptr && (node.kind() != first_->kind() || !(shape == first_->value().shape))) return false;
  std::size_t rows = rows_;
  for (const Node* input : node.inputs()) {
    std::size_t told;
    const Spread spread = spread_of(input->value().shape, shape, told);
    if (spread == Spread::other) return false;
    if (spread == Spread::whole || spread == Spread::one) continue;
    if (rows != 0 && rows != told) return false;
    rows = told;
  }
  // Blocks of long rows would leave the cache.
  if (rows != 0 && element_count(shape) / rows > summed_block) {
    for (std::size_t k = 0; k < node.inputs().size(); ++k)
      if (node.requires_grad() && node.inputs()[k]->requires_grad() && sums_in_blocks(node, k)) return false;
  }
  const std::size_t waiting = waiting_ + waiting_shares(node);
  const std::size_t bytes = element_count(shape) * (node.is_double() ? sizeof(double) : sizeof(float));
  if (first_ != nullptr && waiting > 1 && (waiting - 1) * bytes > most_waiting_bytes) return false;
  waiting_ = waiting;
  rows_ = rows;
  if (first_ == nullptr) first_ = &node;
  return true;
}

}  // namespace xgrad::detail
