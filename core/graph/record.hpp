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

#include <array>
#include <span>
#include <tuple>
#include <utility>
#include <vector>

#include "../formula/registry.hpp"
#include "activity.hpp"
#include "record_node.hpp"
#include "record_tangents.hpp"

namespace xgrad::detail {

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

template <class... X>
bool any_requires_grad(const X&... operands) {
  const auto requires_grad = []<class Y>(const Y& operand) {
    if constexpr (requires { operand.requires_grad(); })
      return operand.requires_grad();
    else
      return false;
  };
  return (requires_grad(operands) || ...);
}
/// Whether an operation on these inputs is to be recorded.
template <class... X>
bool records(unsigned mode, const X&... operands) {
  return leaves_node(mode, [&] { return any_requires_grad(operands...); });
}
/// Whether its gradient may be asked for, which is not so of all that compile() captures.
template <class... X>
bool has_gradient(unsigned mode, const X&... operands) {
  return (mode & Mode::unrecorded) == 0 && any_requires_grad(operands...);
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
