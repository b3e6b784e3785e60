// Exponentials, logarithms, trigonometric and hyperbolic functions, elementwise.
#pragma once

#include "../core/formula.hpp"

namespace xgrad {

struct Log {
  static constexpr std::string_view name = "log";
  template <class V>
  static V value(const V& x) {
    return log(x);
  }
  template <class V>
  static V gradient(const V& x, unused, const V& dy) {
    return dy / x;
  }
};

struct Tanh {
  static constexpr std::string_view name = "tanh";
  template <class V>
  static V value(const V& x) {
    return tanh(x);
  }
  template <class V>
  static V gradient(unused, const V& y, const V& dy) {
    return dy * (1 - y * y);
  }
};

struct Exponential {
  using list = kernels::List<Log, Tanh>;
};

template <Operand V>
V log(const V& x) {
  return apply(operation<Log, Exponential>(), x);
}
template <Operand V>
V tanh(const V& x) {
  return apply(operation<Tanh, Exponential>(), x);
}

}  // namespace xgrad
