// What the vjp of a structural operation is given: the gradient of its output, and what was saved.
#pragma once

#include <span>
#include <type_traits>
#include <utility>
#include <vector>

#include "discrete.hpp"
#include "sweep.hpp"
#include "tensor.hpp"
#include "variable.hpp"

namespace xgrad::detail {

/// A handle to `input` whose value is what was saved: the input itself, or, where a leaf's value has been
/// replaced since, a stand-in that passes its gradient on.
template <class T>
Variable<T> restore(Node& input, const memory::Buffer& saved);

/// A further output of an operation, as a node of its own: it brings its gradient to the operation's node.
class FurtherOutput final : public Node {
 public:
  /// Output `number`, counted from 1: the first output is the operation's node itself.
  FurtherOutput(Node& maker, std::size_t number, Value value, ElementKind kind);
  Description description() const noexcept override;
  void differentiate(Sweep<memory::Buffer>& sweep, memory::Buffer&& gradient) override;
  void differentiate(Sweep<Handle>& sweep, Handle&& gradient) override;
  bool has_forward_mode() override { return maker_->has_forward_mode(); }
  Node& maker() noexcept override { return *maker_; }
  std::size_t number() const noexcept { return number_; }
  std::vector<Value> perform_again(std::span<const Value>) const override {
    return {maker_->output(number_)};
  }
  /// What it is told.
  void fields(auto& visit) const { visit("output", number_); }
  static double flops(Shapes, const Shape&) noexcept { return 0; }
  /// It only hands a gradient on.
  static constexpr std::uint64_t shares = 1;

 private:
  Node* maker_;
  std::size_t number_;
};

/// What a vjp sees of the node that it differentiates; V is Dense<T> on a plain sweep and Variable<T> on a
/// recorded one.
template <class V>
class Backward {
 public:
  using T = typename V::value_type;
  using Carrier = typename detail::CarrierOf<V>::type;
  static constexpr bool is_plain = std::is_same_v<Carrier, memory::Buffer>;

  Backward(Node& node, const memory::Buffer* saved, Sweep<Carrier>& sweep, Carrier&& gradient)
      : node_(node),
        saved_(saved),
        sweep_(sweep),
        gradient_(wrap<V>(std::move(gradient), node.value().shape)) {}
  /// Of an operation of several outputs; `further` are those after the first, `gradients` what they were
  /// given.
  Backward(Node& node, const memory::Buffer* saved, std::span<Value> further,
           std::span<const Carrier> gradients, Sweep<Carrier>& sweep, Carrier&& gradient)
      : node_(node),
        saved_(saved),
        sweep_(sweep),
        gradient_(wrap<V>(std::move(gradient), node.value().shape)),
        further_(further),
        further_gradients_(gradients) {}

  /// The gradient of the output; of the first of several, which is zeros where none has come.
  const V& gradient() const noexcept { return gradient_; }
  /// The same, to be written in place or passed on; gradient() is empty afterwards.
  V take_gradient() noexcept { return std::move(gradient_); }
  /// Whether output `number`, counted from 0, has been given a gradient; the first one always has.
  bool has_gradient(std::size_t number) const noexcept {
    return number == 0 || (number <= further_gradients_.size() && further_gradients_[number - 1]);
  }
  /// That of an output after the first, which has_gradient(); E is its element type.
  template <class E = T>
  reading_of<E, V> gradient(std::size_t number) const {
    return wrap<reading_of<E, V>>(Carrier(further_gradients_[number - 1]), further_[number - 1].shape);
  }
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
      return V(node_.value().buffer, node_.value().shape);
    } else {
      return V(Handle(&node_));
    }
  }
  /// A saved input of indices or of a mask.
  template <class E>
  reading_of<E, V> discrete_input(std::size_t i) const {
    if constexpr (is_plain) {
      return Dense<E>(saved_[i], shape(i));
    } else {
      Node& input = *node_.inputs()[i];
      if (!input.value().buffer) input.exchange_buffer(saved_[i]);
      return Discrete<E>(Handle(&input));
    }
  }
  /// An output after the first, counted from 0 with it; E is its element type.
  template <class E = T>
  reading_of<E, V> output(std::size_t number) const {
    const Value& value = further_[number - 1];
    if constexpr (is_plain) {
      return Dense<E>(value);
    } else {
      return reading_of<E, V>(Handle::recorded(new FurtherOutput(node_, number, value, kind_of<E>)));
    }
  }
  /// The same, once, for an operation that `writes_outputs`: in place, where a sweep that spends the graph
  /// finds nobody else to hold it.
  template <class E = T>
  reading_of<E, V> take_output(std::size_t number) {
    if constexpr (is_plain)
      if (sweep_.spends()) {
        Value& value = further_[number - 1];
        return Dense<E>(std::move(value.buffer), value.shape);
      }
    return output<E>(number);
  }
  const Shape& shape(std::size_t i) const noexcept { return node_.inputs()[i]->value().shape; }
  const Shape& output_shape() const noexcept { return node_.value().shape; }
  std::size_t input_count() const noexcept { return node_.inputs().size(); }
  bool wants(std::size_t i) const noexcept { return sweep_.wants(*node_.inputs()[i]); }
  /// Takes what input `i` has been given so far, for an operation that adds to it in place, or in fewer steps
  /// than give() would; undefined where that is nothing. put() brings it back before anything else is given.
  V take_waiting(std::size_t i) {
    Node& input = *node_.inputs()[i];
    Carrier waiting = sweep_.take_waiting(input);
    if (!waiting) return V();
    expand(waiting, input);
    return wrap<V>(std::move(waiting), shape(i));
  }
  void put(std::size_t i, V sum) {
    if constexpr (is_plain) {
      sweep_.put(*node_.inputs()[i], std::move(sum.buffer));
    } else {
      sweep_.put(*node_.inputs()[i], Handle(sum.handle()));
    }
  }
  /// Adds to the gradient of input `i`; its shape must be the input's, and its elements of the input's kind.
  template <class U>
  void give(std::size_t i, U gradient) {
    if constexpr (is_plain) {
      sweep_.give(*node_.inputs()[i], std::move(gradient.buffer));
    } else {
      sweep_.give(*node_.inputs()[i], Handle(gradient.handle()));
    }
  }
  /// The same for a gradient whose axes of extent 1, or missing leading ones, stand for all along that axis.
  void give_repeated(std::size_t i, const V& gradient) {
    if constexpr (is_plain) {
      detail::give_repeated(sweep_, *node_.inputs()[i], gradient);
    } else {
      give(i, broadcast_to(gradient, shape(i)));
    }
  }

 private:
  template <class U>
  static U wrap(Carrier&& gradient, const Shape& shape) {
    if constexpr (is_plain) {
      return U(std::move(gradient), shape);
    } else {
      return U(std::move(gradient));
    }
  }

  Node& node_;
  const memory::Buffer* saved_;
  Sweep<Carrier>& sweep_;
  V gradient_;
  std::span<Value> further_;
  std::span<const Carrier> further_gradients_;
};

}  // namespace xgrad::detail
