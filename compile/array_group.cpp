#include "array_group.hpp"

#include <algorithm>
#include <unordered_map>

#include "../core/formula/piecewise_sum.hpp"
#include "../core/graph/anomaly.hpp"
#include "../core/graph/capture.hpp"
#include "../core/graph/elementwise_node.hpp"
#include "../core/graph/operation_type.hpp"
#include "../core/graph/watch.hpp"
#include "../ops/whole_sum.hpp"
#include "group_code.hpp"
#include "group_sums.hpp"

namespace xgrad::detail {
namespace {

double operations_of_group(const void* group, Shapes, const Shape&);
constexpr OperationType group_type{
    .attributes = [](const void* group) { return attributes_of(*static_cast<const FusedNode*>(group)); },
    .flops = operations_of_group};

class ArrayGroup final : public FusedNode {
  using Number = GroupCode::Number;
  using Buffer = memory::Buffer;
  using Way = GroupCode::Way;

 public:
  ArrayGroup(const std::vector<Node*>& operations, const GroupShape& shape, const FusedInputs& outside,
             Node* sum)
      : FusedNode(operations.front()->kind()),
        operations_(operations),
        shape_(shape.shape()),
        code_(shape.rows(), element_count(shape_) / shape.rows(), is_double()),
        sum_(sum) {
    if (sum != nullptr) divisor_ = *divisor_of_whole_sum(*sum);
    for (Node* node : operations) add(*node, outside);
    if (sum != nullptr) code_[code_.size() - 1].is_summed = true;
    for (const auto& [buffer, number] :
         {std::pair{&one_, 1.0}, {&columns_, static_cast<double>(code_.columns())}})
      *buffer = is_double() ? Dense<double>::scalar(number).buffer : Dense<float>::scalar(number).buffer;
    take_uniform();
    set_inputs(edges_.data(), edges_.size());
    set_order(operations.front()->order());
  }

  Description description() const noexcept override {
    return {"group", &group_type, static_cast<const FusedNode*>(this)};
  }
  std::size_t operations() const noexcept override { return operations_.size(); }
  double flops() const {
    double sum = sum_ != nullptr ? count_of(shape_) : 0;
    for (const Node* node : operations_)
      sum += node->description().flops(Shapes(node->inputs()), node->value().shape);
    return sum;
  }

  Node& add_output(Node& node) override {
    const Number number = numbers_.at(&node);
    outputs_.reserve(outputs_.size() + 1);
    outputs_.push_back(new FusedOutput(*this, node, number, operations_.back()->order()));
    code_[number].is_output = true;
    code_[number].is_given = code_[number].is_given || node.requires_grad();
    return *outputs_.back();
  }

  void reads_last(std::span<Node* const> nodes) override {
    for (Number number = 0; number < code_.size(); ++number)
      code_[number].is_read_last = std::find(nodes.begin(), nodes.end(), edge_of_[number]) != nodes.end();
  }

  void drop_saved() noexcept override {
    for (Buffer& kept : kept_) kept.reset();
    for (Buffer& store : stores_) store.reset();
  }

  void renew() override;
  void arrive(const FusedOutput& output, Sweep<Buffer>& sweep, Buffer&& gradient) override {
    arrived_.push_back({output.number(), std::move(gradient)});
    if (arrived_.size() == 1) sweep.give(*this, Buffer(arrived_[0].elements));  // to be visited
  }
  void differentiate(Sweep<Buffer>& sweep, Buffer&&) override;

  void forget_gradients() noexcept override {
    arrived_.clear();
    waiting_.clear();
    for (Buffer& store : stores_) store.reset();
  }

 private:
  struct Gradient {
    Number number;
    Buffer elements;
  };

  void add(Node& node, const FusedInputs& outside) {
    if (node.requires_grad()) require_gradient();
    if (is_detached(node)) {
      numbers_.emplace(&node, numbers_.at(node.inputs()[0]));
      return;
    }
    GroupCode::Entry entry;
    entry.node = &node;
    entry.operation = elementwise_of(node);
    if (entry.operation == nullptr) entry.reduction = row_reduction_of(node);
    if (!(node.value().shape == shape_)) entry.spread = Spread::column;
    for (std::size_t k = 0; k < node.inputs().size(); ++k) {
      Node& input = *node.inputs()[k];
      const auto known = numbers_.find(&input);
      entry.inputs[k] = known != numbers_.end() ? known->second : enter(input, outside);
      const bool is_zero = entry.operation != nullptr && entry.operation->gradient(k).zero;
      const bool gives = node.requires_grad() && input.requires_grad() && !is_zero;
      entry.wanted |= std::uint32_t{gives} << k;
    }
    numbers_.emplace(&node, code_.add(entry));
    edge_of_.push_back(nullptr);
  }

  Number enter(Node& input, const FusedInputs& outside) {
    GroupCode::Entry entry;
    entry.node = &input;
    std::size_t rows;
    entry.spread = spread_of(input.value().shape, shape_, rows);
    entry.takes_shares = input.requires_grad() && input.value().shape == shape_;
    entry.is_there = outside.is_constant(input) || outside.is_kept(input);
    edges_.push_back(&outside.read(input));
    edge_of_.push_back(edges_.back());
    const Number number = code_.add(entry);
    numbers_.emplace(&input, number);
    return number;
  }

  PieceCode::Elements elements_of(const Buffer& buffer, Spread spread) const {
    const auto columns = static_cast<std::ptrdiff_t>(code_.columns());
    switch (buffer.uniform() ? Spread::one : spread) {
      case Spread::whole:
        return {buffer.data(), columns, 1};
      case Spread::row:
        return {buffer.data(), 0, 1};
      case Spread::column:
        return {buffer.data(), 1, 0};
      default:
        return {buffer.data(), 0, 0};
    }
  }
  Buffer& elements_of(const GroupCode::Source& source) {
    using Kind = GroupCode::Source::Kind;
    switch (source.kind) {
      case Kind::kept:
        return kept_[source.index];
      case Kind::arrived:
        return arrived_[source.index].elements;
      case Kind::waiting:
        return waiting_[source.index].elements;
      case Kind::number:
        break;
    }
    return source.index == GroupCode::one ? one_ : columns_;
  }
  Spread spread_of_source(const GroupCode::Source& source) const {
    using Kind = GroupCode::Source::Kind;
    return source.kind == Kind::kept      ? code_[keeps_[source.index]].spread
           : source.kind == Kind::arrived ? code_[arrived_[source.index].number].spread
           : source.kind == Kind::waiting ? Spread::whole
                                          : Spread::one;
  }
  void make_store(const PieceCode& code, std::uint32_t s) {
    if (!stores_[s]) stores_[s] = Buffer(code.stores_column(s) ? code_.rows() * code_.item() : code_.bytes());
    places_[s] = stores_[s].mutable_data();
  }
  void make_room(std::size_t stores) {
    stores_.resize(std::max(stores_.size(), stores));
    places_.resize(stores_.size());
    read_.clear();
  }
  void seal();

  static bool fits(const std::vector<Number>& numbers, const std::vector<Gradient>& given) {
    return std::equal(numbers.begin(), numbers.end(), given.begin(), given.end(),
                      [](Number number, const Gradient& each) { return number == each.number; });
  }
  const Way& way_back();
  void take_waiting(Sweep<Buffer>& sweep);
  void take_over(const Way& way, std::uint32_t store, bool spends);
  std::vector<Buffer> run_back(const Way& way);
  void give(Sweep<Buffer>& sweep, const Way& way, const GroupCode::Given& given, Buffer&& gradient) const;
  template <class T>
  static Buffer summed(Buffer gradient, const Node& giver, const Shape& to) {
    expand(gradient, giver);
    return sum_to(Dense<T>(std::move(gradient), giver.value().shape), to).buffer;
  }
  [[gnu::cold]] void check(const GroupCode::Check& share, Buffer gradient) const {
    const Watch visiting(*code_[share.giver].node);
    const Node& target = *code_[share.target].node;
    expand(gradient, target);
    check_gradient(target, gradient);
  }

  std::vector<Node*> operations_;
  Shape shape_;
  GroupCode code_;
  Buffer one_, columns_;  ///< numbers: 1, and how many columns there are
  Node* sum_;             ///< of all elements of the last operation's value, if the group computes one
  double divisor_ = 1;
  std::unordered_map<const Node*, Number> numbers_;
  std::vector<Node*> edges_, edge_of_;  ///< of each number; none for an operation

  bool is_sealed_ = false;
  GroupCode::Forward forward_;
  std::vector<Number> keeps_;
  std::vector<Buffer> kept_;
  std::vector<Way> ways_;
  std::vector<Gradient> arrived_, waiting_;
  // Of a run, empty between two.
  std::vector<PieceCode::Elements> read_;
  std::vector<Buffer> stores_;
  std::vector<void*> places_;
};

double operations_of_group(const void* group, Shapes, const Shape&) {
  return static_cast<const ArrayGroup*>(static_cast<const FusedNode*>(group))->flops();
}

void ArrayGroup::seal() {
  if (requires_grad()) keeps_ = code_.choose_kept();
  forward_ = code_.make_forward(keeps_);
  kept_.resize(keeps_.size());
  is_sealed_ = true;
}

void ArrayGroup::renew() {
  if (!is_sealed_) seal();
  drop_saved();
  make_room(forward_.code.stores());
  // First, so that what is kept is not written to.
  for (std::size_t i = 0; i < keeps_.size(); ++i)
    if (const Node* operand = edge_of_[keeps_[i]]) kept_[i] = operand->value().buffer;
  for (const Number operand : forward_.operands)
    read_.push_back(elements_of(edge_of_[operand]->value().buffer, code_[operand].spread));
  // In the order of the steps that write them, so that of operands that share their elements the last one to
  // give them away is read no more either.
  for (std::uint32_t s = 0; s < forward_.code.stores(); ++s) {
    for (const auto& [store, operand] : forward_.taken_over)
      if (store == s && !stores_[s]) stores_[s] = last_elements(*edge_of_[forward_.operands[operand]]);
    make_store(forward_.code, s);
  }
  if (sum_ != nullptr)
    sum_->exchange_buffer(sum_of_shown(forward_.code, code_, read_, places_, divisor_));
  else
    forward_.code.run(code_.rows(), code_.columns(), code_.item(), read_, places_);
  for (std::size_t i = 0; i < keeps_.size(); ++i)
    if (edge_of_[keeps_[i]] == nullptr) kept_[i] = stores_[forward_.store_of[keeps_[i]]];
  for (Node* output : outputs_) {
    auto& given = static_cast<FusedOutput&>(*output);
    const bool is_summed = code_[given.number()].is_summed;
    given.renew_as(is_summed ? Buffer() : Buffer(stores_[forward_.store_of[given.number()]]));
  }
  for (Buffer& store : stores_) store.reset();
}

auto ArrayGroup::way_back() -> const Way& {
  for (const Way& way : ways_)
    if (way.is_watched == Watch::detecting() && fits(way.arrived, arrived_) && fits(way.waiting, waiting_))
      return way;
  std::vector<Number> arrived, waiting;
  for (const Gradient& each : arrived_) arrived.push_back(each.number);
  for (const Gradient& each : waiting_) waiting.push_back(each.number);
  constexpr std::size_t most_ways = 4;
  Way made = code_.make_way(keeps_, std::move(arrived), std::move(waiting), Watch::detecting());
  if (ways_.size() == most_ways) ways_.erase(ways_.begin());
  ways_.push_back(std::move(made));
  return ways_.back();
}

void ArrayGroup::take_waiting(Sweep<Buffer>& sweep) {
  for (Number number = 0; number < code_.size(); ++number) {
    if (!code_[number].takes_shares) continue;
    if (Buffer waiting = sweep.take_waiting(*edge_of_[number]))
      waiting_.push_back({number, std::move(waiting)});
  }
}

// Where the sweep spends what it passes, gradients take the place of what is read for the last time.
void ArrayGroup::take_over(const Way& way, std::uint32_t store, bool spends) {
  for (const GroupCode::Source& source : way.sources) {
    const bool is_kept = source.kind == GroupCode::Source::Kind::kept;
    if ((is_kept && !spends) || !way.code.may_overwrite(store, source.value)) continue;
    Buffer& elements = elements_of(source);
    if (!elements.unique() || elements.uniform() || elements.bytes() != code_.bytes()) continue;
    if (is_kept) spend();
    stores_[store] = std::move(elements);
    return;
  }
}

/// What is given, in the order of `way.given`; nobody else has it then.
std::vector<memory::Buffer> ArrayGroup::run_back(const Way& way) {
  std::vector<Buffer> summed;
  if (way.code.shown() > 0)
    summed = sums_over_rows(way, code_, read_, places_);
  else
    way.code.run(code_.rows(), code_.columns(), code_.item(), read_, places_);
  const auto made = [&](PieceCode::Value value) -> const Buffer& {
    const std::uint32_t place = way.code.place(value);
    return way.code.is_outside(value) ? elements_of(way.sources[place]) : stores_[place];
  };
  const auto is_shown = [](const GroupCode::Given& each) {
    return each.sum == GroupCode::Sum::blocks || each.sum == GroupCode::Sum::pieces;
  };
  for (const GroupCode::Check& each : way.checks) check(each, made(each.value));
  std::vector<Buffer> gradients;
  for (const GroupCode::Given& each : way.given)
    gradients.push_back(is_shown(each) ? summed[way.code.place(each.value)] : made(each.value));
  forget_gradients();
  return gradients;
}

void ArrayGroup::give(Sweep<Buffer>& sweep, const Way& way, const GroupCode::Given& given,
                      Buffer&& gradient) const {
  Node& to = *edge_of_[given.operand];
  if (given.giver == given.operand) {
    const bool has_waited = std::binary_search(way.waiting.begin(), way.waiting.end(), given.operand);
    return has_waited ? sweep.put(to, std::move(gradient)) : sweep.give(to, std::move(gradient));
  }
  const Node& giver = *code_[given.giver].node;
  const Watch visiting(giver);
  if (given.sum == GroupCode::Sum::whole) {
    const Shape& shape = code_[given.operand].node->value().shape;
    gradient = is_double() ? summed<double>(std::move(gradient), giver, shape)
                           : summed<float>(std::move(gradient), giver, shape);
  }
  sweep.give(to, std::move(gradient));
}

void ArrayGroup::differentiate(Sweep<Buffer>& sweep, Buffer&& arrived) {
  Buffer(std::move(arrived)).reset();  // one of those in arrived_, which may be written to
  std::sort(arrived_.begin(), arrived_.end(),
            [](const Gradient& a, const Gradient& b) { return a.number < b.number; });
  take_waiting(sweep);
  const Way& way = way_back();
  make_room(way.code.stores());
  for (const GroupCode::Source& source : way.sources)
    read_.push_back(elements_of(elements_of(source), spread_of_source(source)));
  for (std::uint32_t s = 0; s < way.code.stores(); ++s) {
    if (!way.is_watched) take_over(way, s, sweep.spends());
    make_store(way.code, s);
  }
  std::vector<Buffer> gradients = run_back(way);
  for (std::size_t i = 0; i < gradients.size(); ++i) give(sweep, way, way.given[i], std::move(gradients[i]));
}

}  // namespace

FusedNode* group_of(const std::vector<Node*>& operations, const GroupShape& shape, const FusedInputs& inputs,
                    Node* sum) {
  return new ArrayGroup(operations, shape, inputs, sum);
}

bool can_sum(const GroupShape& shape, const Node& last, const Node& sum) {
  if (sum.inputs().size() != 1 || sum.inputs()[0] != &last || !divisor_of_whole_sum(sum)) return false;
  if (elementwise_of(last) == nullptr || !(last.value().shape == shape.shape())) return false;
  // Pieces are whole rows where there are any.
  const std::size_t count = last.value().size();
  if (!sums_in_pieces(count) || (shape.rows() > 1 && summed_piece % (count / shape.rows()) != 0))
    return false;
  for (const Elementwise::Gradient& gradient : elementwise_of(last)->gradients())
    if (last.requires_grad() && gradient.reads_output) return false;
  return true;
}

}  // namespace xgrad::detail
