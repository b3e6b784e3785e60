#include "group_code.hpp"

#include <algorithm>
#include <span>
#include <utility>

#include "../core/formula/add_multiply.hpp"
#include "kept_values.hpp"

namespace xgrad::detail {
namespace {

/// Values of so many bytes wait for memory.
constexpr std::size_t worth_making_again = std::size_t{1} << 21;

}  // namespace

auto GroupCode::choose_kept() const -> std::vector<Number> {
  std::vector<KeptValue> values(entries_.size());
  for (Number number = 0; number < size(); ++number) {
    const Entry& entry = entries_[number];
    KeptValue& value = values[number];
    if (entry.is_operand()) {
      value.is_there = entry.is_there || entry.spread != Spread::whole;
      continue;
    }
    value.operation = entry.operation;
    value.inputs = std::span(entry.inputs).first(entry.operation->inputs());
    value.is_output = entry.is_output;
    for_reads(number, [&](Number read) { values[read].is_read = true; });
  }
  return kept_values(values, bytes() >= worth_making_again);
}

void GroupCode::want_inputs(Number number, std::vector<bool>& wanted) const {
  const Entry& entry = entries_[number];
  if (entry.is_operand()) return;
  for (std::size_t k = 0; k < entry.operation->inputs(); ++k) wanted[entry.inputs[k]] = true;
}

void GroupCode::add_values(PieceCode& code, const std::vector<bool>& wanted,
                           std::vector<PieceCode::Value>& values) const {
  for (Number number = 0; number < size(); ++number) {
    const Entry& entry = entries_[number];
    if (!wanted[number] || entry.is_operand() || values[number] != PieceCode::unread) continue;
    PieceCode::Value operands[kernels::max_inputs];
    for (std::size_t k = 0; k < entry.operation->inputs(); ++k) operands[k] = values[entry.inputs[k]];
    values[number] =
        code.add_step(entry.operation->kernels()->value[is_double_], {operands, entry.operation->inputs()});
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
      values[number] = forward.code.add_outside();
      forward.operands.push_back(number);
    }
  add_values(forward.code, wanted, values);
  forward.store_of.assign(entries_.size(), 0);
  for (Number number = 0; number < size(); ++number)
    if (is_stored[number])
      forward.store_of[number] = forward.code.store(values[number]);
    else if (entries_[number].is_summed)
      forward.code.show(values[number]);
  forward.code.seal();
  for (std::uint32_t operand = 0; operand < forward.operands.size(); ++operand) {
    const Number number = forward.operands[operand];
    if (!entries_[number].is_read_last || entries_[number].spread != Spread::whole) continue;
    for (std::uint32_t store = 0; store < forward.code.stores(); ++store)
      if (forward.code.may_overwrite(store, values[number])) forward.taken_over.push_back({store, operand});
  }
  return forward;
}

auto GroupCode::make_way(const std::vector<Number>& kept, std::vector<Number> arrived,
                         std::vector<Number> waiting, bool is_watched) const -> Way {
  Way way;
  way.arrived = std::move(arrived);
  way.waiting = std::move(waiting);
  way.is_watched = is_watched;
  std::vector<bool> reached(entries_.size(), false), wanted(entries_.size(), false);
  for (const Number number : way.arrived) reached[number] = true;
  for (Number number = size(); number-- > 0;) {
    if (!reached[number] || entries_[number].is_operand()) continue;
    for_bits(entries_[number].wanted, [&](std::uint32_t k) { reached[entries_[number].inputs[k]] = true; });
    for_reads(number, [&](Number read) { wanted[read] = true; });
  }
  // What is kept need not be made again.
  for (Number number = size(); number-- > 0;)
    if (wanted[number] && !std::binary_search(kept.begin(), kept.end(), number)) want_inputs(number, wanted);
  std::vector<PieceCode::Value> values(entries_.size(), PieceCode::unread), gradients = values;
  add_outside(way, kept, wanted, values, gradients);
  add_values(way.code, wanted, values);
  add_shares(way, values, gradients);
  for (Number number = 0; number < size(); ++number)
    if (entries_[number].is_operand() && gradients[number] != PieceCode::unread)
      way.given.push_back({number, number, gradients[number], Sum::none});
  for (const Given& given : way.given) {
    if (given.sum == Sum::blocks)
      way.code.show(given.value);
    else if (way.code.is_outside(given.value))
      way.code.keep(given.value);
    else
      way.code.store(given.value);
  }
  for (const Check& check : way.checks)
    if (!way.code.is_outside(check.value)) way.code.store(check.value);
  way.code.seal();
  return way;
}

void GroupCode::add_outside(Way& way, const std::vector<Number>& kept, const std::vector<bool>& wanted,
                            std::vector<PieceCode::Value>& values,
                            std::vector<PieceCode::Value>& gradients) const {
  const auto add = [&](Source::Kind kind, std::uint32_t index, PieceCode::Value& value) {
    value = way.code.add_outside();
    way.sources.push_back({kind, index, value});
  };
  for (std::uint32_t i = 0; i < kept.size(); ++i)
    if (wanted[kept[i]]) add(Source::Kind::kept, i, values[kept[i]]);
  for (std::uint32_t i = 0; i < way.arrived.size(); ++i)
    add(Source::Kind::arrived, i, gradients[way.arrived[i]]);
  for (std::uint32_t i = 0; i < way.waiting.size(); ++i)
    add(Source::Kind::waiting, i, gradients[way.waiting[i]]);
}

PieceCode::Value GroupCode::add_share(Way& way, Number number, std::uint32_t k,
                                      const std::vector<PieceCode::Value>& values,
                                      PieceCode::Value dy) const {
  const Entry& entry = entries_[number];
  const Elementwise::Gradient& gradient = entry.operation->gradient(k);
  if (gradient.passes) return dy;
  const std::size_t count = entry.operation->inputs();
  PieceCode::Value operands[kernels::max_inputs + 2];
  std::fill_n(operands, count + 1, PieceCode::unread);
  for_bits(gradient.reads, [&](std::uint32_t i) { operands[i] = values[entry.inputs[i]]; });
  if (gradient.reads_output) operands[count] = values[number];
  operands[count + 1] = dy;
  return way.code.add_step(entry.operation->kernels()->gradient[k][is_double_], {operands, count + 2});
}

void GroupCode::add_shares(Way& way, const std::vector<PieceCode::Value>& values,
                           std::vector<PieceCode::Value>& gradients) const {
  using formulas::Add, formulas::Core;
  for (Number number = size(); number-- > 0;) {
    const PieceCode::Value dy = gradients[number];
    if (entries_[number].is_operand() || dy == PieceCode::unread) continue;
    for_bits(entries_[number].wanted, [&](std::uint32_t k) {
      const PieceCode::Value share = add_share(way, number, k, values, dy);
      const Number target = entries_[number].inputs[k];
      if (entries_[target].is_operand() && !entries_[target].takes_shares) {
        const bool in_blocks = sums_in_blocks(*entries_[number].node, k);
        way.given.push_back({target, number, share, in_blocks ? Sum::blocks : Sum::whole});
        return;
      }
      PieceCode::Value& sum = gradients[target];
      const PieceCode::Value both[] = {sum, share};
      sum = sum == PieceCode::unread
                ? share
                : way.code.add_step(operation<Add, Core>().kernels()->value[is_double_], both);
      if (way.is_watched) way.checks.push_back({number, target, sum});
    });
  }
}

}  // namespace xgrad::detail
