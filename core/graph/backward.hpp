// What the vjp of a structural operation is given: the gradient of its output, and what was saved.
#pragma once

#include <type_traits>
#include <utility>

#include "sweep.hpp"
#include "variable.hpp"

namespace xgrad::detail {

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

/// What structural operations are written for: Dense<T> and Variable<T>.
template <class V>
concept Tensor = requires {
  typename detail::CarrierOf<V>::type;
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
      return V(node_.value().buffer, node_.value().shape);
    } else {
      return V(Handle(&node_));
    }
  }
  const Shape& shape(std::size_t i) const noexcept { return node_.inputs()[i]->value().shape; }
  const Shape& output_shape() const noexcept { return node_.value().shape; }
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
      detail::give_repeated(sweep_, *node_.inputs()[i], gradient);
    } else {
      give(i, broadcast_to(gradient, shape(i)));
    }
  }

 private:
  static V wrap(Carrier&& gradient, const Node& node) {
    if constexpr (is_plain) {
      return V(std::move(gradient), node.value().shape);
    } else {
      return V(std::move(gradient));
    }
  }

  Node& node_;
  const memory::Buffer* saved_;
  Sweep<Carrier>& sweep_;
  V gradient_;
};

}  // namespace xgrad::detail
