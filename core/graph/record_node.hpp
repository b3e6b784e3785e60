// The node that a structural operation leaves behind: its struct, further outputs, edges and saved inputs.
// What such a struct says of itself stands in record.hpp.
#pragma once

#include <algorithm>
#include <array>
#include <bitset>
#include <span>
#include <tuple>
#include <utility>
#include <vector>

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
    constexpr bool can_draw = requires(Op & op) { op.draw(std::declval<const Value&>()); };
    static_assert(can_draw == requires(const Op& op) { op.draws(); }, "draw() and draws() go together");
    if constexpr (can_draw)
      return op_.draws();
    else
      return false;
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

}  // namespace xgrad::detail
