// The way back of a group.
#include <algorithm>
#include <numeric>
#include <stdexcept>
#include <utility>

#include "../core/formula/add_multiply.hpp"
#include "../core/formula/elementwise_sum.hpp"
#include "../core/formula/piecewise_sum.hpp"
#include "../ops/arithmetic.hpp"
#include "group_code.hpp"

namespace xgrad::detail {

using formulas::Add, formulas::Multiply, formulas::Core, formulas::Arithmetic;

class GroupCode::WayMaker {
  using Value = PieceCode::Value;

 public:
  WayMaker(const GroupCode& group, const std::vector<Number>& kept, Way& way)
      : group_(group),
        kept_(kept),
        way_(way),
        code_(way.code),
        values_(group.size(), PieceCode::unread),
        gradients_(values_) {}

  void make() {
    const std::vector<bool> wanted = wanted_values();
    add_outside(wanted);
    group_.add_values(code_, wanted, values_);
    add_shares();
    for (Number number = 0; number < group_.size(); ++number)
      if (group_[number].is_operand() && gradients_[number] != PieceCode::unread)
        way_.given.push_back({number, number, gradients_[number], Sum::none});
    place_given();
    code_.seal();
  }

 private:
  const Entry& entry(Number number) const { return group_[number]; }

  /// In memory, or shown where it is summed as it comes.
  void place_given() {
    for (Given& given : way_.given)
      if (is_repeated(given)) given.value = whole(given.value);
    for (const Given& given : way_.given)
      if (given.sum == Sum::none) make_lasting(given.value);
    for (const Check& check : way_.checks) make_lasting(check.value);
    for (const Given& given : way_.given)
      if (given.sum == Sum::blocks) show(given, rows_of_a_block(group_.columns()));
    for (const Given& given : way_.given)
      if (given.sum == Sum::whole && !comes_in_pieces(given)) make_lasting(given.value);
    for (Given& given : way_.given)
      if (given.sum == Sum::whole && !code_.is_outside(given.value) && !code_.is_stored(given.value)) {
        given.sum = Sum::pieces;
        show(given, summed_rows(group_.rows(), group_.columns()));
      }
  }

  /// What gradients read, and what that is made of as far as it is not kept.
  std::vector<bool> wanted_values() const {
    std::vector<bool> reached(group_.size(), false), wanted = reached;
    for (const Number number : way_.arrived) reached[number] = true;
    reached = group_.reached_from(std::move(reached));
    for (Number number = 0; number < group_.size(); ++number)
      if (reached[number]) group_.for_reads(number, [&](Number read) { wanted[read] = true; });
    for (Number number = group_.size(); number-- > 0;)
      if (wanted[number] && !std::binary_search(kept_.begin(), kept_.end(), number))
        group_.want_inputs(number, wanted);
    return wanted;
  }

  void add_outside(const std::vector<bool>& wanted) {
    using Kind = Source::Kind;
    for (std::uint32_t i = 0; i < kept_.size(); ++i)
      if (wanted[kept_[i]]) values_[kept_[i]] = add_source(Kind::kept, i, entry(kept_[i]).is_column());
    for (std::uint32_t i = 0; i < way_.arrived.size(); ++i)
      gradients_[way_.arrived[i]] = add_source(Kind::arrived, i, entry(way_.arrived[i]).is_column());
    for (std::uint32_t i = 0; i < way_.waiting.size(); ++i)
      gradients_[way_.waiting[i]] = add_source(Kind::waiting, i, false);
  }
  Value add_source(Source::Kind kind, std::uint32_t index, bool is_column) {
    const Value value = code_.add_outside(is_column);
    way_.sources.push_back({kind, index, value});
    return value;
  }
  Value number(std::uint32_t which) {
    for (const Source& source : way_.sources)
      if (source.kind == Source::Kind::number && source.index == which) return source.value;
    return add_source(Source::Kind::number, which, false);
  }

  template <class Formula, class Family>
  Value apply(std::initializer_list<Value> operands, bool is_column) {
    const Value* const first = operands.begin();
    return code_.add_step(operation<Formula, Family>().kernels()->value[group_.is_double_],
                          {first, operands.size()}, is_column);
  }
  /// All elements of a value that may be repeated.
  Value whole(Value value) {
    if (!code_.is_outside(value) && !code_.is_column(value)) return value;
    return apply<formulas::Identity, Core>({value}, false);
  }
  Value sum_of_rows(Value value) {
    return code_.add_reduction(detail::sum_of_rows(group_.is_double_), whole(value));
  }
  void make_lasting(Value value) { code_.is_outside(value) ? code_.keep(value) : void(code_.store(value)); }
  /// Whether what is given stands for all of a row, and has to be repeated.
  bool is_repeated(const Given& given) const {
    const Number shaped = given.sum == Sum::none ? given.operand : given.giver;
    return code_.is_column(given.value) && !entry(shaped).is_column();
  }

  void show(const Given& given, std::size_t rows) {
    if (code_.show(given.value, rows) == way_.shown.size()) way_.shown.push_back(given.sum);
  }
  /// Whether what is summed over rows comes so, and still leaves parts for threads.
  bool comes_in_pieces(const Given& given) const {
    const Entry &to = entry(given.operand), &giver = entry(given.giver);
    const std::size_t rows = summed_rows(group_.rows(), group_.columns());
    if (rows == 0 || to.spread != Spread::row || giver.is_column() || code_.is_outside(given.value))
      return false;
    constexpr std::size_t least_parts = 4;
    if (std::lcm(code_.common_part(), rows) > group_.rows() / least_parts) return false;
    return is_summed_at_once(giver.node->value().shape, to.node->value().shape);
  }

  void add_shares() {
    for (Number number = group_.size(); number-- > 0;) {
      const Value dy = gradients_[number];
      if (entry(number).is_operand() || dy == PieceCode::unread) continue;
      for_bits(entry(number).wanted, [&](std::uint32_t k) {
        give(number, k, entry(number).reduction ? share_of_row(number, dy) : share(number, k, dy));
      });
    }
  }

  Value share(Number number, std::uint32_t k, Value dy) {
    const Entry& giver = entry(number);
    const Elementwise::Gradient& gradient = giver.operation->gradient(k);
    if (gradient.passes) return dy;
    const std::size_t count = giver.count();
    Value operands[kernels::max_inputs + 2];
    std::fill_n(operands, count + 1, PieceCode::unread);
    for_bits(gradient.reads, [&](std::uint32_t i) { operands[i] = values_[giver.inputs[i]]; });
    if (gradient.reads_output) operands[count] = values_[number];
    operands[count + 1] = dy;
    return code_.add_step(giver.operation->kernels()->gradient[k][group_.is_double_], {operands, count + 2},
                          giver.is_column());
  }

  /// Step by step what the operations' vjps in ops/reduction.cpp say.
  Value share_of_row(Number number, Value dy) {
    using Kind = RowReduction::Kind;
    const Entry& giver = entry(number);
    if (giver.reduction->kind == Kind::sum) return dy;
    if (giver.reduction->kind == Kind::mean)
      return apply<formulas::Divide, Arithmetic>({dy, this->number(columns_of_a_row)}, true);
    const Value x = values_[giver.inputs[0]];
    const Value equal = apply<formulas::Equal, Arithmetic>({x, values_[number]}, false);
    const Value ties = apply<formulas::Maximum, Arithmetic>({sum_of_rows(equal), this->number(one)}, true);
    const Value each = apply<formulas::Divide, Arithmetic>({dy, ties}, true);
    return apply<Multiply, Core>({equal, each}, false);
  }

  void give(Number number, std::uint32_t k, Value share) {
    const Entry& giver = entry(number);
    const Number to = giver.inputs[k];
    const Entry& target = entry(to);
    const bool is_summed_here = target.is_column() && !giver.is_column() && sums_rows(*giver.node, k);
    if (is_summed_here) share = sum_of_rows(share);
    if (target.is_operand() && !target.takes_shares) {
      const bool is_complete = is_summed_here || (target.is_column() && giver.is_column());
      const Sum sum = is_complete ? Sum::none : sums_in_blocks(*giver.node, k) ? Sum::blocks : Sum::whole;
      way_.given.push_back({to, number, share, sum});
      return;
    }
    if (!target.is_operand() && target.is_column() && !code_.is_column(share))
      throw std::logic_error("compile: a column inside of a group was given a share of all elements");
    Value& sum = gradients_[to];
    sum = sum == PieceCode::unread
              ? share
              : apply<Add, Core>({sum, share}, code_.is_column(sum) && code_.is_column(share));
    if (way_.is_watched)
      way_.checks.push_back({number, to, target.is_column() || !code_.is_column(sum) ? sum : whole(sum)});
  }

  const GroupCode& group_;
  const std::vector<Number>& kept_;
  Way& way_;
  PieceCode& code_;
  std::vector<Value> values_, gradients_;
};

auto GroupCode::make_way(const std::vector<Number>& kept, std::vector<Number> arrived,
                         std::vector<Number> waiting, bool is_watched) const -> Way {
  Way way;
  way.arrived = std::move(arrived);
  way.waiting = std::move(waiting);
  way.is_watched = is_watched;
  WayMaker(*this, kept, way).make();
  return way;
}

}  // namespace xgrad::detail
