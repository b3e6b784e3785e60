#include "group_code.hpp"

#include <span>
#include <utility>

#include "../core/formula/piecewise_sum.hpp"
#include "kept_values.hpp"

namespace xgrad::detail {
namespace {

/// Values of so many bytes wait for memory.
constexpr std::size_t worth_making_again = std::size_t{1} << 21;

}  // namespace

std::vector<bool> GroupCode::reached_from(std::vector<bool> reached) const {
  for (Number number = size(); number-- > 0;)
    if (reached[number])
      for_bits(entries_[number].wanted, [&](std::uint32_t k) { reached[entries_[number].inputs[k]] = true; });
  return reached;
}

auto GroupCode::choose_kept() const -> std::vector<Number> {
  std::vector<KeptValue> values(entries_.size());
  std::vector<bool> reached(entries_.size());
  for (Number number = 0; number < size(); ++number) reached[number] = entries_[number].is_given;
  reached = reached_from(std::move(reached));
  for (Number number = 0; number < size(); ++number) {
    const Entry& entry = entries_[number];
    KeptValue& value = values[number];
    if (entry.is_column()) value.one_of = columns_;
    if (entry.is_operand()) {
      value.is_there = entry.is_there || entry.spread != Spread::whole;
      continue;
    }
    value.operation = entry.operation;
    value.inputs = std::span(entry.inputs).first(entry.count());
    value.is_output = entry.is_output;
    if (reached[number]) for_reads(number, [&](Number read) { values[read].is_read = true; });
  }
  return kept_values(values, bytes() >= worth_making_again);
}

void GroupCode::want_inputs(Number number, std::vector<bool>& wanted) const {
  const Entry& entry = entries_[number];
  if (entry.is_operand()) return;
  for (std::size_t k = 0; k < entry.count(); ++k) wanted[entry.inputs[k]] = true;
}

void GroupCode::add_values(PieceCode& code, const std::vector<bool>& wanted,
                           std::vector<PieceCode::Value>& values) const {
  for (Number number = 0; number < size(); ++number) {
    const Entry& entry = entries_[number];
    if (!wanted[number] || entry.is_operand() || values[number] != PieceCode::unread) continue;
    PieceCode::Value operands[kernels::max_inputs];
    for (std::size_t k = 0; k < entry.count(); ++k) operands[k] = values[entry.inputs[k]];
    if (const auto& reduction = entry.reduction)
      values[number] = code.add_reduction(reduction->kernel, operands[0], reduction->divisor());
    else
      values[number] = code.add_step(entry.operation->kernels()->value[is_double_], {operands, entry.count()},
                                     entry.is_column());
  }
}

auto GroupCode::make_forward(const std::vector<Number>& kept) const -> Forward {
  Forward forward;
  std::vector<bool> is_stored(entries_.size(), false);
  for (const Number number : kept) is_stored[number] = !entries_[number].is_operand();
  for (Number number = 0; number < size(); ++number)
    is_stored[number] = is_stored[number] || (entries_[number].is_output && !entries_[number].is_summed);
  std::vector<bool> wanted = is_stored;
  for (Number number = 0; number < size(); ++number)
    wanted[number] = wanted[number] || entries_[number].is_summed;
  for (Number number = size(); number-- > 0;)
    if (wanted[number]) want_inputs(number, wanted);
  std::vector<PieceCode::Value> values(entries_.size(), PieceCode::unread);
  for (Number number = 0; number < size(); ++number)
    if (entries_[number].is_operand() && wanted[number]) {
      values[number] = forward.code.add_outside(entries_[number].is_column());
      forward.operands.push_back(number);
    }
  add_values(forward.code, wanted, values);
  forward.store_of.assign(entries_.size(), 0);
  for (Number number = 0; number < size(); ++number)
    if (is_stored[number])
      forward.store_of[number] = forward.code.store(values[number]);
    else if (entries_[number].is_summed)
      forward.code.show(values[number], summed_piece / unit());
  forward.code.seal();
  for (std::uint32_t operand = 0; operand < forward.operands.size(); ++operand) {
    const Number number = forward.operands[operand];
    if (!entries_[number].is_read_last || entries_[number].spread != Spread::whole) continue;
    for (std::uint32_t store = 0; store < forward.code.stores(); ++store)
      if (forward.code.may_overwrite(store, values[number])) forward.taken_over.push_back({store, operand});
  }
  return forward;
}

}  // namespace xgrad::detail
