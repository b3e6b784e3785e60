#include "scalar_code.hpp"

#include <algorithm>
#include <bit>
#include <utility>

#include "../core/formula/broadcast_loop.hpp"
#include "../ops/activation.hpp"

namespace xgrad::detail {

using namespace formulas;

namespace {

/// What a sum is begun with: x + -0 is x, bit for bit, also where x is -0.
template <class T>
constexpr T nothing_yet = T(-0.0);

/// One number, as formulas read it: what a Pack does in each lane.
template <class T>
struct One {
  T number;

  template <class S>
  requires std::is_arithmetic_v<S> One(S from) : number(static_cast<T>(from)) {}
  friend One operator+(One a, One b) { return a.number + b.number; }
  friend One operator-(One a, One b) { return a.number - b.number; }
  friend One operator*(One a, One b) { return a.number * b.number; }
  friend One operator/(One a, One b) { return a.number / b.number; }
  friend One operator-(One a) { return -a.number; }
  friend bool operator<(One a, One b) { return a.number < b.number; }
  friend bool operator>(One a, One b) { return a.number > b.number; }
  friend bool operator<=(One a, One b) { return a.number <= b.number; }
  friend bool operator==(One a, One b) { return a.number == b.number; }
  friend One select(bool condition, One yes, One no) { return condition ? yes : no; }
  friend One maximum(One a, One b) { return select(a > b || a.number != a.number, a, b); }
  friend One minimum(One a, One b) { return select(a < b || a.number != a.number, a, b); }
};

template <class T>
constexpr bool is_double = std::is_same_v<T, double>;

/// Both passes of a run, over values and adjoints.
template <class T>
struct Loops {
  T* value;
  T* adjoint;

  template <class F>
  void unary(const ScalarStep* at, const ScalarStep* end) const {
    for (; at != end; ++at) value[at->out] = F::value(One<T>(value[at->a])).number;
  }
  template <class F>
  void binary(const ScalarStep* at, const ScalarStep* end) const {
    for (; at != end; ++at) value[at->out] = F::value(One<T>(value[at->a]), One<T>(value[at->b])).number;
  }
  template <class F>
  void share(const ScalarShare* at, const ScalarShare* end) const {
    for (; at != end; ++at)
      adjoint[at->to_a] +=
          F::gradient(One<T>(value[at->a]), One<T>(value[at->y]), One<T>(taken(at->dy))).number;
  }
  template <class F>
  void shares(const ScalarShare* at, const ScalarShare* end) const {
    for (; at != end; ++at) {
      const One<T> dy = taken(at->dy);
      const std::array<One<T>, 2> both =
          F::gradient(One<T>(value[at->a]), One<T>(value[at->b]), One<T>(value[at->y]), dy);
      adjoint[at->to_a] += both[0].number;
      adjoint[at->to_b] += both[1].number;
    }
  }
  T taken(std::uint32_t dy) const { return std::exchange(adjoint[dy], nothing_yet<T>); }
};

}  // namespace

template <class T>
auto ScalarCode<T>::add(const Entry& entry) -> Number {
  entries_.push_back(entry);
  return static_cast<Number>(entries_.size() - 1);
}

template <class T>
std::uint32_t ScalarCode<T>::place_for(T value) {
  values_.push_back(value);
  return static_cast<std::uint32_t>(values_.size() - 1);
}

template <class T>
auto ScalarCode<T>::add_input() -> Number {
  Entry entry;
  entry.place = place_for(0);
  return add(entry);
}

template <class T>
auto ScalarCode<T>::add_constant(T value) -> Number {
  using Bits = std::conditional_t<is_double<T>, std::uint64_t, std::uint32_t>;
  Entry entry;
  const auto [found, is_new] = constants_.try_emplace(std::bit_cast<Bits>(value), 0);
  if (is_new) found->second = place_for(value);
  entry.place = found->second;
  return add(entry);
}

template <class T>
auto ScalarCode<T>::places_of(const Entry& entry) const -> std::array<std::uint32_t, most> {
  std::array<std::uint32_t, most> places{};
  for (std::size_t k = 0; k < entry.count; ++k) places[k] = entries_[entry.inputs[k]].place;
  return places;
}

template <class T>
auto ScalarCode<T>::add_operation(const Elementwise& operation, std::span<const Number> inputs,
                                  std::uint32_t wanted) -> Number {
  Entry entry;
  entry.operation = &operation;
  entry.count = static_cast<std::uint32_t>(inputs.size());
  std::copy(inputs.begin(), inputs.end(), entry.inputs.begin());
  entry.wanted = wanted;
  const auto [found, is_new] = known_.try_emplace(Key{&operation, places_of(entry)}, 0);
  if (is_new) found->second = place_for(0);
  entry.place = found->second;
  if (is_new) performed_.push_back(entry);
  return add(entry);
}

template <class T>
void ScalarCode<T>::seal() {
  known_.clear();
  constants_.clear();
  // Beside the adjoints of all: what nobody wants, and a call's dy and share.
  adjoints_.assign(entries_.size() + 3, nothing_yet<T>);
  order_forward();
  performed_ = {};
}

template <class T>
void ScalarCode<T>::order_forward() {
  std::vector<ScalarFormula> codes;
  std::vector<std::pair<std::uint32_t, std::uint32_t>> before;
  constexpr std::uint32_t none = ~std::uint32_t{0};
  std::vector<std::uint32_t> made_by(values_.size(), none);
  for (std::uint32_t i = 0; i < performed_.size(); ++i) {
    const Entry& entry = performed_[i];
    codes.push_back(value_formula(*entry.operation));
    const auto places = places_of(entry);
    for (std::size_t k = 0; k < entry.count; ++k)
      if (made_by[places[k]] != none) before.emplace_back(made_by[places[k]], i);
    made_by[entry.place] = i;
  }
  ScalarOrder found = order_in_runs(codes, before);
  runs_ = std::move(found.runs);
  for (const std::uint32_t i : found.order) {
    const Entry& entry = performed_[i];
    const auto places = places_of(entry);
    if (codes[i] != ScalarFormula::call) {
      steps_.push_back({entry.place, places[0], places[entry.count - 1]});
      continue;
    }
    const void* operands[most];
    for (std::size_t k = 0; k < entry.count; ++k) operands[k] = &values_[places[k]];
    steps_.push_back({static_cast<std::uint32_t>(calls_.size()), 0, 0});
    calls_.push_back({entry.operation->kernels()->value[is_double<T>], 0, kernels::Loop{}});
    lay_out_one(calls_.back().loop, &values_[entry.place], {operands, entry.count});
  }
}

template <class T>
void ScalarCode<T>::forward() {
  const Loops<T> loops{values_.data(), nullptr};
  const ScalarStep* at = steps_.data();
  for (const ScalarRun& run : runs_) {
    const ScalarStep* const end = at + run.count;
    switch (run.code) {
      case ScalarFormula::add:
        loops.template binary<Add>(at, end);
        break;
      case ScalarFormula::subtract:
        loops.template binary<Subtract>(at, end);
        break;
      case ScalarFormula::multiply:
        loops.template binary<Multiply>(at, end);
        break;
      case ScalarFormula::divide:
        loops.template binary<Divide>(at, end);
        break;
      case ScalarFormula::negative:
        loops.template unary<Negative>(at, end);
        break;
      case ScalarFormula::square:
        loops.template unary<Square>(at, end);
        break;
      case ScalarFormula::reciprocal:
        loops.template unary<Reciprocal>(at, end);
        break;
      case ScalarFormula::relu:
        loops.template unary<Relu>(at, end);
        break;
      case ScalarFormula::maximum:
        loops.template binary<Maximum>(at, end);
        break;
      case ScalarFormula::minimum:
        loops.template binary<Minimum>(at, end);
        break;
      default:
        for (const ScalarStep* step = at; step != end; ++step) {
          const ScalarCall& call = calls_[step->out];
          call.kernel(call.loop);
        }
    }
    at = end;
  }
}

template <class T>
auto ScalarCode<T>::way_from(std::span<const Number> given) -> const Way& {
  for (const Way& way : ways_)
    if (std::equal(given.begin(), given.end(), way.from_.begin(), way.from_.end())) return way;
  constexpr std::size_t most_ways = 4;
  if (ways_.size() == most_ways) ways_.erase(ways_.begin());
  ways_.push_back(make_way(given));
  return ways_.back();
}

template <class T>
auto ScalarCode<T>::make_way(std::span<const Number> given) -> Way {
  Way way;
  way.from_.assign(given.begin(), given.end());
  std::vector<bool> reached(entries_.size(), false);
  for (const Number number : given) reached[number] = true;
  std::vector<Number> visited;
  for (auto number = static_cast<Number>(entries_.size()); number-- > 0;) {
    if (!reached[number]) continue;
    if (entries_[number].operation == nullptr) {
      way.inputs_.push_back(number);
      continue;
    }
    visited.push_back(number);
    for_wanted(number, [&](Number input) { reached[input] = true; });
  }
  // What reads or adds to one adjoint stays in its order.
  std::vector<ScalarFormula> codes;
  std::vector<std::pair<std::uint32_t, std::uint32_t>> before;
  constexpr std::uint32_t none = ~std::uint32_t{0};
  std::vector<std::uint32_t> touched_by(entries_.size(), none);
  for (std::uint32_t i = 0; i < visited.size(); ++i) {
    codes.push_back(gradient_formula(*entries_[visited[i]].operation));
    const auto touch = [&](Number number) {
      if (const std::uint32_t last = std::exchange(touched_by[number], i); last != none && last != i)
        before.emplace_back(last, i);
    };
    touch(visited[i]);
    for_wanted(visited[i], touch);
  }
  ScalarOrder found = order_in_runs(codes, before);
  way.runs_ = std::move(found.runs);
  for (const std::uint32_t i : found.order) add_share(way, visited[i]);
  return way;
}

template <class T>
void ScalarCode<T>::add_share(Way& way, Number number) {
  const Entry& entry = entries_[number];
  const auto unwanted = static_cast<std::uint32_t>(entries_.size());
  const auto to = [&](std::uint32_t k) { return entry.wanted >> k & 1 ? entry.inputs[k] : unwanted; };
  const auto places = places_of(entry);
  if (gradient_formula(*entry.operation) != ScalarFormula::call) {
    const std::uint32_t last = entry.count - 1;
    way.shares_.push_back({number, to(0), to(last), places[0], places[last], entry.place});
    return;
  }
  T* const dy = &adjoints_[unwanted + 1];
  const void* operands[most + 2];
  for (std::size_t k = 0; k < entry.count; ++k) operands[k] = &values_[places[k]];
  operands[entry.count] = &values_[entry.place];
  operands[entry.count + 1] = dy;
  const auto begin = static_cast<std::uint32_t>(way.calls_.size());
  for (std::uint32_t k = 0; k < entry.count; ++k) {
    if (!(entry.wanted >> k & 1)) continue;
    const bool passes = entry.operation->gradient(k).passes;
    way.calls_.push_back({passes ? nullptr : entry.operation->kernels()->gradient[k][is_double<T>],
                          entry.inputs[k], kernels::Loop{}});
    lay_out_one(way.calls_.back().loop, dy + 1, {operands, entry.count + 2u});
  }
  way.shares_.push_back({number, 0, 0, begin, static_cast<std::uint32_t>(way.calls_.size()), 0});
}

template <class T>
void ScalarCode<T>::give_shares(const Way& way, ScalarRun run, const ScalarShare* at) {
  const Loops<T> loops{values_.data(), adjoints_.data()};
  const ScalarShare* const end = at + run.count;
  switch (run.code) {
    case ScalarFormula::add:
      return loops.template shares<Add>(at, end);
    case ScalarFormula::subtract:
      return loops.template shares<Subtract>(at, end);
    case ScalarFormula::multiply:
      return loops.template shares<Multiply>(at, end);
    case ScalarFormula::divide:
      return loops.template shares<Divide>(at, end);
    case ScalarFormula::negative:
      return loops.template share<Negative>(at, end);
    case ScalarFormula::square:
      return loops.template share<Square>(at, end);
    case ScalarFormula::reciprocal:
      return loops.template share<Reciprocal>(at, end);
    case ScalarFormula::relu:
      return loops.template share<Relu>(at, end);
    case ScalarFormula::maximum:
      return loops.template shares<Maximum>(at, end);
    case ScalarFormula::minimum:
      return loops.template shares<Minimum>(at, end);
    case ScalarFormula::exponential:
      return loops.template share<Exp>(at, end);
    case ScalarFormula::logarithm:
      return loops.template share<Log>(at, end);
    case ScalarFormula::hyperbolic_tangent:
      return loops.template share<Tanh>(at, end);
    case ScalarFormula::sigmoid:
      return loops.template share<Sigmoid>(at, end);
    case ScalarFormula::call:
      break;
  }
  T& dy = adjoints_[entries_.size() + 1];
  const T& share = adjoints_[entries_.size() + 2];
  for (; at != end; ++at) {
    dy = loops.taken(at->dy);
    for (std::uint32_t k = at->a; k < at->b; ++k) {
      const ScalarCall& call = way.calls_[k];
      if (call.kernel != nullptr) call.kernel(call.loop);
      adjoints_[call.to] += call.kernel != nullptr ? share : dy;
    }
  }
}

template <class T>
void ScalarCode<T>::backward(const Way& way) {
  const ScalarShare* at = way.shares_.data();
  for (const ScalarRun& run : way.runs_) {
    give_shares(way, run, at);
    at += run.count;
  }
}

template <class T>
T ScalarCode<T>::take_adjoint(Number number) noexcept {
  return std::exchange(adjoints_[number], nothing_yet<T>);
}

template <class T>
void ScalarCode<T>::clear_adjoints() noexcept {
  std::fill(adjoints_.begin(), adjoints_.end(), nothing_yet<T>);
}

template class ScalarCode<float>;
template class ScalarCode<double>;

}  // namespace xgrad::detail
