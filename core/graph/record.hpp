// Structural operations: one struct each, with `forward` on plain values and `vjp` in our own operations.
//
//   struct Negate {                                    // an example
//     static constexpr std::string_view name = "negate";
//     template <class T> Dense<T> forward(const Dense<T>& x);
//     template <class V> void vjp(Backward<V>& b) const { b.give(0, -b.gradient()); }
//     // if the backward pass reads an input or the output:
//     bool saves(std::size_t input, const Wanted& wanted) const;   // `wanted` says which inputs need a
//     gradient static constexpr bool saves_output = true;
//   };
#pragma once

#include <array>
#include <bitset>
#include <span>
#include <string_view>
#include <utility>
#include <vector>

#include "sweep.hpp"
#include "variable.hpp"

namespace xgrad {

/// Which of the first 64 inputs need a gradient; later ones count as needing one.
using Wanted = std::bitset<64>;

namespace detail {

template <class V>
struct CarrierOf;
template <class T>
struct CarrierOf<Dense<T>> {
  using type = memory::Buffer;
};
template <class T>
struct CarrierOf<Variable<T>> {
  using type = Handle;
};

/// A handle to `input` whose value is what was saved: the input itself, or, where a leaf's value has been
/// replaced since, a stand-in that passes its gradient on.
template <class T>
Variable<T> restore(Node& input, const memory::Buffer& saved);

}  // namespace detail

/// What a vjp sees of the node that it differentiates; V is Dense<T> on a plain sweep and Variable<T> on a
/// recorded one.
template <class V>
class Backward {
 public:
  using T = typename V::value_type;
  using Carrier = typename detail::CarrierOf<V>::type;
  static constexpr bool is_plain = std::is_same_v<Carrier, memory::Buffer>;

  Backward(Node& node, const memory::Buffer* saved, Sweep<Carrier>& sweep, Carrier&& gradient)
      : node_(node), saved_(saved), sweep_(sweep), gradient_(wrap(std::move(gradient), node)) {}

  /// The gradient of the output.
  const V& gradient() const noexcept { return gradient_; }
  /// The same, to be written in place or passed on; gradient() is empty afterwards.
  V take_gradient() noexcept { return std::move(gradient_); }
  /// A saved input, or the saved output.
  V input(std::size_t i) const {
    if constexpr (is_plain) {
      return V(saved_[i], shape(i));
    } else {
      return detail::restore<T>(*node_.inputs()[i], saved_[i]);
    }
  }
  V output() const {
    if constexpr (is_plain) {
      return V(node_.value.buffer, node_.value.shape);
    } else {
      return V(Handle(&node_));
    }
  }
  const Shape& shape(std::size_t i) const noexcept { return node_.inputs()[i]->value.shape; }
  const Shape& output_shape() const noexcept { return node_.value.shape; }
  std::size_t input_count() const noexcept { return node_.inputs().size(); }
  bool wants(std::size_t i) const noexcept { return sweep_.wants(*node_.inputs()[i]); }
  /// The elements of what input `i` has been given so far, to be added to in place; none where that is
  /// nothing, or held by others too. For a share that is zero nearly everywhere: a plain sweep alone has it.
  T* pending(std::size_t i) requires(is_plain) {
    memory::Buffer* sum = sweep_.pending(*node_.inputs()[i]);
    return sum != nullptr ? static_cast<T*>(sum->mutable_data()) : nullptr;
  }
  /// Adds to the gradient of input `i`; its shape must be the input's.
  void give(std::size_t i, V gradient) {
    if constexpr (is_plain) {
      sweep_.give(*node_.inputs()[i], std::move(gradient.buffer));
    } else {
      sweep_.give(*node_.inputs()[i], Handle(gradient.handle()));
    }
  }
  /// The same for a gradient whose axes of extent 1, or missing leading ones, stand for all along that axis.
  void give_repeated(std::size_t i, const V& gradient) {
    if constexpr (is_plain) {
      xgrad::give_repeated(sweep_, *node_.inputs()[i], gradient);
    } else {
      give(i, broadcast_to(gradient, shape(i)));
    }
  }

 private:
  static V wrap(Carrier&& gradient, const Node& node) {
    if constexpr (is_plain) {
      return V(std::move(gradient), node.value.shape);
    } else {
      return V(std::move(gradient));
    }
  }

  Node& node_;
  const memory::Buffer* saved_;
  Sweep<Carrier>& sweep_;
  V gradient_;
};

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
      if (i < wanted.size()) wanted[i] = edges_[i]->requires_grad;
    }
    requires_grad = true;
    set_inputs(edges_.data(), inputs.size());
    if constexpr (requires { op_.saves(std::size_t{}, wanted); })
      for (std::size_t i = 0; i < inputs.size(); ++i)
        if (op_.saves(i, wanted)) saved_[i] = edges_[i]->value.buffer;
    if constexpr (requires { Op::saves_output; }) saves_output = Op::saves_output;
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
    if (input->node().requires_grad) return true;
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

/// One spelling for both readings: computes on Dense, records on Variables.
template <class Op, class T, class... Rest>
Dense<T> perform(Op op, const Dense<T>& first, const Rest&... rest) {
  return op.forward(first, rest...);
}
template <class Op, class T, class... Rest>
Variable<T> perform(Op op, const Variable<T>& first, const Rest&... rest) {
  return record(std::move(op), first, rest...);
}

/// What structural operations are written for: Dense<T> and Variable<T>.
template <class V>
concept Tensor = requires {
  typename detail::CarrierOf<V>::type;
};

}  // namespace xgrad
