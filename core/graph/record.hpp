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
// };
// ```
//
// Without `saves` nothing is saved; `wanted` says which inputs need a gradient. An operation whose vjp reads
// the output has `static constexpr bool saves_output = true`.
#pragma once

#include <array>
#include <bitset>
#include <span>
#include <string_view>
#include <utility>
#include <vector>

#include "backward.hpp"

namespace xgrad::detail {

/// Which of the first 64 inputs need a gradient; later ones count as needing one.
using Wanted = std::bitset<64>;

/// The node that a structural operation leaves behind. `Count` inputs, or any number for 0.
template <class Op, class T, std::size_t Count>
class Record final : public Node {
 public:
  Record(Op op, Dense<T> output, std::span<const Variable<T>* const> inputs)
      : Node(std::move(output), std::is_same_v<T, double>), op_(std::move(op)) {
    if constexpr (Count == 0) {
      edges_.resize(inputs.size());
      saved_.resize(inputs.size());
    }
    Wanted wanted;
    wanted.set();
    for (std::size_t i = 0; i < inputs.size(); ++i) {
      edges_[i] = &inputs[i]->node();
      if (i < wanted.size()) wanted[i] = edges_[i]->requires_grad();
    }
    require_gradient();
    set_inputs(edges_.data(), inputs.size());
    if constexpr (requires { op_.saves(std::size_t{}, wanted); })
      for (std::size_t i = 0; i < inputs.size(); ++i)
        if (op_.saves(i, wanted)) saved_[i] = edges_[i]->value().buffer;
    if constexpr (requires { Op::saves_output; }) save_output();
  }

  std::string_view operation() const noexcept override { return op_.name; }
  void differentiate(Sweep<memory::Buffer>& sweep, memory::Buffer&& gradient) override {
    Backward<Dense<T>> backward(*this, saved_.data(), sweep, std::move(gradient));
    op_.vjp(backward);
  }
  void differentiate(Sweep<Handle>& sweep, Handle&& gradient) override {
    Backward<Variable<T>> backward(*this, saved_.data(), sweep, std::move(gradient));
    op_.vjp(backward);
  }
  void drop_saved() noexcept override {
    for (memory::Buffer& saved : saved_) saved.reset();
    op_ = Op();
  }

 private:
  template <class X>
  using List = std::conditional_t<Count == 0, std::vector<X>, std::array<X, Count>>;
  Op op_;
  List<Node*> edges_{};
  List<memory::Buffer> saved_{};
};

/// Whether an operation on these inputs is to be recorded.
template <class T>
bool records(std::span<const Variable<T>* const> inputs) {
  if (!is_recording()) return false;
  for (const Variable<T>* input : inputs)
    if (input->node().requires_grad()) return true;
  return false;
}

/// Computes a structural operation on Variables and records it where an input requires a gradient.
template <class Op, class T, class... Rest>
Variable<T> record(Op op, const Variable<T>& first, const Rest&... rest) {
  const Variable<T>* const inputs[] = {&first, &rest...};
  Dense<T> output = op.forward(first.dense(), rest.dense()...);
  if (!records<T>(inputs)) return Variable<T>(std::move(output));
  return Variable<T>(
      Handle::recorded(new Record<Op, T, 1 + sizeof...(Rest)>(std::move(op), std::move(output), inputs)));
}

/// The same for a list of inputs; `forward` takes a std::vector<Dense<T>>.
template <class Op, class T>
Variable<T> record_list(Op op, const std::vector<Variable<T>>& inputs) {
  std::vector<Dense<T>> values;
  std::vector<const Variable<T>*> pointers;
  for (const Variable<T>& input : inputs) {
    values.push_back(input.dense());
    pointers.push_back(&input);
  }
  Dense<T> output = op.forward(values);
  if (!records<T>(pointers)) return Variable<T>(std::move(output));
  return Variable<T>(Handle::recorded(new Record<Op, T, 0>(std::move(op), std::move(output), pointers)));
}

class Elementwise;

/// A structural operation's struct, as beside an Elementwise.
template <class Op>
concept Structural = !std::is_same_v<Op, Elementwise>;

/// One spelling for both readings: computes on Dense, records on Variables.
template <Structural Op, class T, class... Rest>
Dense<T> apply(Op op, const Dense<T>& first, const Rest&... rest) {
  return op.forward(first, rest...);
}
template <Structural Op, class T, class... Rest>
Variable<T> apply(Op op, const Variable<T>& first, const Rest&... rest) {
  return record(std::move(op), first, rest...);
}

}  // namespace xgrad::detail
