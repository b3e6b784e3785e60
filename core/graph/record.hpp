// Structural operations: one struct each, with `forward` on plain values and `vjp` in our own operations.
//
// ```cpp
// struct SquareSum {
//   static constexpr std::string_view name = "square_sum";
//   template <class T>
//   Dense<T> forward(const Dense<T>& x) const {
//     return sum(x * x);
//   }
//   template <class V>
//   void vjp(Backward<V>& b) const {
//     b.give(0, 2 * b.gradient() * b.input(0));
//   }
//   bool saves(std::size_t input, const Wanted& wanted) const { return wanted[input]; }
//   static double flops(Shapes inputs, const Shape&) { return 2 * count_of(inputs[0]); }
// };
// ```
//
// `forward` is a function of its inputs and of the struct's fields, which `fields(auto& visit) const` names.
// It gives a Dense, or a tuple of them where there are several outputs: the first is the result, the others
// are there for the vjp, for apply_all(), and cost nothing otherwise. An input or output of indices is a
// Dense<std::int64_t>, one of a mask a Dense<bool>.
//
// Without `flops`, which profiles count by, it computes one number for each element of its first output.
// Without `saves` nothing is saved; `wanted` says which inputs need a gradient. An operation whose vjp reads
// the output has `static constexpr bool saves_output = true`, one whose vjp takes a further output away to
// write to it `writes_outputs`. One that has no derivative, as a mask has none, has
// `static constexpr bool is_constant = true` and no vjp, and `only_in_programs` if it is recorded only where
// compile() captures, and is no operation of the library's beside. One whose result may be an input's buffer
// has `static constexpr std::uint64_t shares = 1`, a bit for each such input. One that is linear in its only
// input, or in all of a list's together, says so by `static constexpr bool is_linear = true`, one that is so
// in each of two inputs, as a product, by `is_bilinear`, which may add a third: forward mode performs these
// on tangents, and on those of several directions at once what says how: over_directions(), forward_rows().
#pragma once

#include <algorithm>
#include <array>
#include <bitset>
#include <optional>
#include <span>
#include <string_view>
#include <tuple>
#include <utility>
#include <vector>

#include "../formula/registry.hpp"
#include "activity.hpp"
#include "backward.hpp"
#include "operation_type.hpp"

namespace xgrad::detail {

/// Which of the first 64 inputs need a gradient; later ones count as needing one.
using Wanted = std::bitset<64>;

/// What `forward` gives.
template <class Result>
struct OutputsOf;
template <class T>
struct OutputsOf<Dense<T>> {
  using First = T;
  static constexpr std::size_t further = 0;
  static Dense<T> first(Dense<T>&& result) noexcept { return std::move(result); }
  static std::array<Value, 0> take_further(Dense<T>&) noexcept { return {}; }
};
template <class T, class... Further>
struct OutputsOf<std::tuple<Dense<T>, Dense<Further>...>> {
  using First = T;
  static constexpr std::size_t further = sizeof...(Further);
  using Result = std::tuple<Dense<T>, Dense<Further>...>;
  /// The outputs beside a V.
  template <class V>
  using readings = std::tuple<V, reading_of<Further, V>...>;
  static Dense<T> first(Result&& result) noexcept { return std::move(std::get<0>(result)); }
  static std::array<Value, further> take_further(Result& result) noexcept {
    return std::apply(
        [](auto&, auto&... values) { return std::array<Value, further>{Value(std::move(values))...}; },
        result);
  }
};

/// In place of the inputs' types: any number of T, which `forward` takes as a std::vector<Dense<T>>.
template <class T>
struct Listed;

/// An operation's `forward` on the values of its inputs, whatever they are counted in.
template <class... In>
struct Forward {
  static constexpr bool listed = false;
  template <class Op>
  static auto run(const Op& op, const Value* const* inputs, std::size_t) {
    return [&]<std::size_t... I>(std::index_sequence<I...>) {
      return op.forward(static_cast<const Dense<In>&>(*inputs[I])...);
    }
    (std::index_sequence_for<In...>());
  }
};
template <class T>
struct Forward<Listed<T>> {
  static constexpr bool listed = true;
  template <class Op>
  static auto run(const Op& op, const Value* const* inputs, std::size_t count) {
    std::vector<Dense<T>> values;
    for (std::size_t i = 0; i < count; ++i) values.emplace_back(*inputs[i]);
    return op.forward(values);
  }
};

/// The node that a structural operation leaves behind; `In` are the element types of its inputs.
template <class Op, class... In>
class Record final : public Node {
  static constexpr bool listed = Forward<In...>::listed;

 public:
  using Result = decltype(Forward<In...>::run(std::declval<const Op&>(), nullptr, 0));
  using Outputs = OutputsOf<Result>;
  using T = typename Outputs::First;

  Record(Op op, Result&& result, std::span<Node* const> inputs)
      : Node(Outputs::first(std::move(result)), kind_of<T>),
        op_(std::move(op)),
        further_(Outputs::take_further(result)) {
    if constexpr (listed) {
      edges_.resize(inputs.size());
      saved_.resize(inputs.size());
    }
    std::copy(inputs.begin(), inputs.end(), edges_.begin());
    require_gradient();
    save_inputs();  // first: an edge may then lead to what stands in for a frozen parameter
    set_inputs(edges_.data(), inputs.size());
    if constexpr (requires { Op::saves_output; }) save_output();
  }

  Description description() const noexcept override { return description_of(op_); }
  void differentiate(Sweep<memory::Buffer>& sweep, memory::Buffer&& gradient) override {
    differentiate_as<Dense<T>>(sweep, std::move(gradient));
  }
  void differentiate(Sweep<Handle>& sweep, Handle&& gradient) override {
    differentiate_as<Variable<T>>(sweep, std::move(gradient));
  }
  void drop_saved() noexcept override {
    for (memory::Buffer& saved : saved_) saved.reset();
    for (Value& output : further_) output.buffer.reset();
  }
  // Seldom called, and so made small: `forward` stands in place where it is performed first.
  [[gnu::cold]] std::vector<Value> perform_again(std::span<const Value> inputs) const override {
    std::vector<const Value*> values;
    for (const Value& input : inputs) values.push_back(&input);
    Result result = performed(values.data(), values.size());
    std::vector<Value> outputs{Outputs::first(std::move(result))};
    for (Value& further : Outputs::take_further(result)) outputs.push_back(std::move(further));
    return outputs;
  }
  /// An input as it was saved; undefined where it was not.
  Value saved(std::size_t i) const { return {saved_[i], edges_[i]->value().shape}; }
  /// All outputs, of which `first` is this node.
  template <class V>
  auto outputs(V first) {
    using Readings = typename Outputs::template readings<V>;
    return [&]<std::size_t... I>(std::index_sequence<I...>) {
      return Readings{std::move(first), further_output<std::tuple_element_t<I + 1, Readings>>(I)...};
    }
    (std::make_index_sequence<Outputs::further>());
  }
  void renew() override {
    List<const Value*> values{};
    if constexpr (listed) values.resize(edges_.size());
    for (std::size_t i = 0; i < edges_.size(); ++i) values[i] = &edges_[i]->value();
    Result result = performed(values.data(), values.size());
    value_to_come() = Outputs::first(std::move(result));
    further_ = Outputs::take_further(result);
    save_inputs();
    if constexpr (requires { Op::saves_output; }) save_output();
  }
  bool draw_again() override {
    if constexpr (requires { op_.draw(value()); })
      return op_.draw(value());
    else
      return true;
  }
  bool draws() const noexcept override {
    return requires(Op & op) { op.draw(std::declval<const Value&>()); };
  }
  const Value& output(std::size_t number) const noexcept override {
    if constexpr (Outputs::further > 0)
      if (number > 0) return further_[number - 1];
    return value();
  }

 private:
  template <class X>
  using List = std::conditional_t<listed, std::vector<X>, std::array<X, sizeof...(In)>>;

  /// Apart from where it is performed first, and small.
  [[gnu::noinline]] Result performed(const Value* const* inputs, std::size_t count) const {
    return Forward<In...>::run(op_, inputs, count);
  }
  template <class V, class G>
  void differentiate_as(Sweep<G>& sweep, G&& gradient) {
    if constexpr (requires { Op::is_constant; }) {
      throw InternalError("an operation without a derivative was asked for it");
    } else if constexpr (Outputs::further == 0) {
      Backward<V> backward(*this, saved_.data(), sweep, std::move(gradient));
      op_.vjp(backward);
    } else {
      // What is taken away is gone, also if the vjp then fails.
      if constexpr (requires { Op::writes_outputs; })
        if (sweep.spends()) spend();
      const std::vector<G> gradients = sweep.take_further(*this);
      Backward<V> backward(*this, saved_.data(), further_, gradients, sweep, std::move(gradient));
      op_.vjp(backward);
    }
  }
  void save_inputs() {
    Wanted wanted;
    wanted.set();
    for (std::size_t i = 0; i < std::min(edges_.size(), wanted.size()); ++i)
      wanted[i] = edges_[i]->requires_grad();
    if constexpr (requires { op_.saves(std::size_t{}, wanted); })
      for (std::size_t i = 0; i < edges_.size(); ++i)
        if (op_.saves(i, wanted)) saved_[i] = edges_[i]->value().buffer;
  }
  template <class Y>
  Y further_output(std::size_t i) {
    return Y(Handle::recorded(new FurtherOutput(*this, i + 1, further_[i], kind_of<typename Y::value_type>)));
  }

  Op op_;
  [[no_unique_address]] std::array<Value, Outputs::further> further_;
  List<Node*> edges_{};
  List<memory::Buffer> saved_{};
};

template <class Op>
std::optional<Value> tangent_of_bilinear(Node& node, std::span<const Value> of_inputs) {
  if (of_inputs.size() > 2 && of_inputs[2].defined()) return std::nullopt;
  const auto of_type = [&]<class T>(const auto& record) -> std::optional<Value> {
    const Op& op = *static_cast<const Op*>(node.description().operation);
    Value tangent;
    for (std::size_t i = 0; i < 2; ++i) {
      if (!of_inputs[i].defined()) continue;
      const Value other = record.saved(1 - i);
      if (!other.defined()) return std::nullopt;
      const Dense<T> moved(of_inputs[i]), still(other);
      Dense<T> share = i == 0 ? op.forward(moved, still) : op.forward(still, moved);
      if (tangent.defined())
        accumulate(tangent.buffer, std::move(share.buffer), node);
      else
        tangent = std::move(share);
    }
    return tangent;
  };
  const auto of_record = [&]<class T>(T) {
    if constexpr (requires(const Op& op, const Dense<T>& x) { op.forward(x, x, x); })
      if (of_inputs.size() == 3)
        return of_type.template operator()<T>(static_cast<const Record<Op, T, T, T>&>(node));
    return of_type.template operator()<T>(static_cast<const Record<Op, T, T>&>(node));
  };
  return node.is_double() ? of_record(double()) : of_record(float());
}

/// The shape of several directions of a value. What repeats or sums up leading axes finds all of them in its
/// input: `axes` at least.
inline Shape with_directions(std::size_t directions, const Shape& shape, std::size_t axes) {
  Shape result{directions};
  for (std::size_t axis = shape.size(); axis < axes; ++axis) result.push_back(1);
  for (const std::size_t extent : shape) result.push_back(extent);
  return result;
}

template <class Op>
std::optional<Value> tangents_of_linear(Node& node, std::span<const Value> of_inputs,
                                        std::size_t directions) {
  const Op& op = *static_cast<const Op*>(node.description().operation);
  const Shape& result = node.value().shape;
  const auto of_type = [&]<class T>(T) -> std::optional<Value> {
    std::vector<Dense<T>> moved;
    for (std::size_t i = 0; i < of_inputs.size(); ++i) {
      const Shape& shape = node.inputs()[i]->value().shape;
      if (std::max(shape.size(), result.size()) == max_axes) return std::nullopt;
      constexpr bool aligned = requires { Op::aligns_axes; };
      const Shape wide = with_directions(directions, shape, aligned ? result.size() : 0);
      moved.push_back(of_inputs[i].defined() ? Dense<T>(of_inputs[i].buffer, wide)
                                             : Dense<T>::filled(wide, T(0)));
    }
    const Op wide = op.over_directions(moved[0].shape);
    Dense<T> tangents = [&] {
      if constexpr (requires { wide.forward(moved); })
        return wide.forward(moved);
      else
        return wide.forward(moved[0]);
    }();
    return std::move(tangents).with_shape(Shape{directions, node.value().size()});
  };
  return node.is_double() ? of_type(double()) : of_type(float());
}

template <class Op>
std::optional<Value> tangents_of_bilinear(Node& node, std::span<const Value> of_inputs,
                                          std::size_t directions) {
  if (of_inputs.size() > 2 && of_inputs[2].defined()) return std::nullopt;
  const Op& op = *static_cast<const Op*>(node.description().operation);
  const auto of_record = [&]<class T>(const auto& record, T) -> std::optional<Value> {
    std::optional<Dense<T>> tangents;
    for (std::size_t i = 0; i < 2; ++i) {
      if (!of_inputs[i].defined()) continue;
      const Value other = record.saved(1 - i);
      if (!other.defined() || tangents) return std::nullopt;
      const Shape& own = node.inputs()[i]->value().shape;
      tangents = op.forward_rows(i, Dense<T>(of_inputs[i].buffer, Shape{directions, element_count(own)}), own,
                                 Dense<T>(other));
      if (!tangents) return std::nullopt;
    }
    if (!tangents) return Value();
    return std::move(*tangents).with_shape(Shape{directions, node.value().size()});
  };
  const auto of_type = [&]<class T>(T zero) -> std::optional<Value> {
    if constexpr (requires(const Op& any, const Dense<T>& x) { any.forward(x, x, x); })
      if (of_inputs.size() == 3) return of_record(static_cast<const Record<Op, T, T, T>&>(node), zero);
    return of_record(static_cast<const Record<Op, T, T>&>(node), zero);
  };
  return node.is_double() ? of_type(double()) : of_type(float());
}

/// An operand as `forward` and as a node see it.
template <class T>
const Dense<T>& plain_operand(const Variable<T>& x) {
  return x.dense();
}
template <class E>
const Dense<E>& plain_operand(const Discrete<E>& x) {
  return x.dense();
}
template <class E>
const Dense<E>& plain_operand(const Dense<E>& x) {
  return x;
}
template <class T>
const Handle& recorded_operand(const Variable<T>& x) {
  return x.handle();
}
template <class E>
const Handle& recorded_operand(const Discrete<E>& x) {
  return x.handle();
}
/// Indices or a mask enter the graph as a constant.
template <class E>
Handle recorded_operand(const Dense<E>& x) {
  return Discrete<E>(x).handle();
}

/// Whether an operation on these inputs is to be recorded.
template <class... X>
bool records(unsigned mode, const X&... operands) {
  const auto requires_grad = []<class Y>(const Y& operand) {
    if constexpr (requires { operand.requires_grad(); })
      return operand.requires_grad();
    else
      return false;
  };
  return leaves_node(mode, [&] { return (requires_grad(operands) || ...); });
}

/// The node of an operation that gave `result`; none where there is nothing to record, and then `result` is
/// as it was.
template <class Op, class Result, class... X>
auto leave_node(unsigned mode, const Op& op, Result& result, const X&... operands) {
  if constexpr (!requires { Op::only_in_programs; }) static_cast<void>(&registration<Op>);
  using Made = Record<Op, typename X::value_type...>;
  struct Left {
    Handle handle;
    Made* node = nullptr;
  } left;
  const auto leaves = [&] {
    if constexpr (requires { Op::is_constant; })
      return (mode & Mode::capturing) != 0 && leaves_captured(false);
    else
      return records(mode, operands...);
  };
  if (leaves()) {
    // Kept meanwhile: those that enter the graph here have nobody else, and observers want their values.
    const std::tuple<decltype(recorded_operand(operands))...> handles{recorded_operand(operands)...};
    const auto inputs = std::apply([](const auto&... h) { return std::array{h.node()...}; }, handles);
    left.node = new Made(op, std::move(result), inputs);
    left.handle = Handle::recorded(left.node);
  }
  return left;
}

/// f(), which performs the operation, while a profile looks on.
template <class Op, class F, class... X>
[[gnu::cold, gnu::noinline]] auto watched_record(const Op& op, const F& f, const X&... operands) {
  const std::array<const Shape*, sizeof...(X)> shapes{&plain_operand(operands).shape...};
  return watched_forward(description_of(op), Shapes(std::span(shapes)), f);
}

/// What `forward` gives for these operands.
template <class Op, class... X>
using forward_result =
    decltype(std::declval<const Op&>().forward(plain_operand(std::declval<const X&>())...));
/// The first of it, recorded.
template <class Op, class... X>
using recorded_first = Variable<typename OutputsOf<forward_result<Op, X...>>::First>;

/// Computes a structural operation on Variables and records it where an input requires a gradient; gives its
/// first output. A profile that looks on is told.
template <class Op, class... X>
recorded_first<Op, X...> record(const Op& op, const X&... operands) {
  const unsigned mode = thread_mode();
  if (mode & Mode::watched) [[unlikely]]
    return watched_record(
        op, [&] { return record(op, operands...); }, operands...);
  auto result = op.forward(plain_operand(operands)...);
  using V = recorded_first<Op, X...>;
  if (auto left = leave_node(mode, op, result, operands...); left.node != nullptr)
    return V(std::move(left.handle));
  return V(OutputsOf<decltype(result)>::first(std::move(result)));
}

/// The same for all its outputs.
template <class Op, class... X>
auto record_all(const Op& op, const X&... operands) ->
    typename OutputsOf<forward_result<Op, X...>>::template readings<recorded_first<Op, X...>> {
  const unsigned mode = thread_mode();
  if (mode & Mode::watched) [[unlikely]]
    return watched_record(
        op, [&] { return record_all(op, operands...); }, operands...);
  auto result = op.forward(plain_operand(operands)...);
  using Outputs = OutputsOf<decltype(result)>;
  using V = recorded_first<Op, X...>;
  if (auto left = leave_node(mode, op, result, operands...); left.node != nullptr)
    return left.node->outputs(V(std::move(left.handle)));
  return std::apply(
      [](auto&... values) {
        return typename Outputs::template readings<V>{
            reading_of<typename std::remove_cvref_t<decltype(values)>::value_type, V>(std::move(values))...};
      },
      result);
}

/// The same for a list of inputs; `forward` takes a std::vector<Dense<T>>.
template <class Op, class T>
Variable<T> record_list(const Op& op, const std::vector<Variable<T>>& inputs) {
  static_cast<void>(&registration<Op>);
  const unsigned mode = thread_mode();
  if (mode & Mode::watched) [[unlikely]]
    return watched_forward(description_of(op), Shapes(std::span(inputs)),
                           [&] { return record_list(op, inputs); });
  std::vector<Dense<T>> values;
  std::vector<Node*> nodes;
  bool requires_grad = false;
  for (const Variable<T>& input : inputs) {
    values.push_back(input.dense());
    nodes.push_back(&input.node());
    requires_grad = requires_grad || input.requires_grad();
  }
  Dense<T> output = op.forward(values);
  if (!leaves_node(mode, [&] { return requires_grad; })) return Variable<T>(std::move(output));
  return Variable<T>(Handle::recorded(new Record<Op, Listed<T>>(op, std::move(output), nodes)));
}

class Elementwise;

/// A structural operation's struct, as beside an Elementwise.
template <class Op>
concept Structural = !std::is_same_v<Op, Elementwise>;

template <class X>
inline constexpr bool is_dense = false;
template <class T>
inline constexpr bool is_dense<Dense<T>> = true;

/// One spelling for both readings: computes on Dense, records on Variables; gives the first output. `forward`
/// may take an operand by value and write to it, where it is given away and nobody else holds it.
template <Structural Op, class X, class... Rest>
auto apply(const Op& op, X&& first, Rest&&... rest) {
  if constexpr (is_dense<std::remove_cvref_t<X>>) {
    auto result = op.forward(std::forward<X>(first), std::forward<Rest>(rest)...);
    return OutputsOf<decltype(result)>::first(std::move(result));
  } else {
    return record(op, first, rest...);
  }
}

/// The same for an operation of several outputs; gives them all, as a std::tuple. On Variables each further
/// one has a node of its own, which the operation's node does not keep.
template <Structural Op, class X, class... Rest>
auto apply_all(const Op& op, X&& first, Rest&&... rest) {
  if constexpr (is_dense<std::remove_cvref_t<X>>)
    return op.forward(std::forward<X>(first), std::forward<Rest>(rest)...);
  else
    return record_all(op, first, rest...);
}

}  // namespace xgrad::detail
