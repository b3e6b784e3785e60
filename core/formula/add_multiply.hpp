// The operations that the engine itself needs: gradients that meet are added, and slopes multiply them.
#pragma once

#include "formula.hpp"

namespace xgrad {

namespace formulas {

struct Add {
  static constexpr std::string_view name = "add";
  template <class V>
  static V value(const V& a, const V& b) {
    return a + b;
  }
  template <class V>
  static std::array<V, 2> gradient(unused, unused, unused, const V& dy) {
    return {dy, dy};
  }
};

struct Multiply {
  static constexpr std::string_view name = "multiply";
  template <class V>
  static V value(const V& a, const V& b) {
    return a * b;
  }
  template <class V>
  static std::array<V, 2> gradient(const V& a, const V& b, unused, const V& dy) {
    if constexpr (detail::Reading<V>) {  // the operators stand beyond the core
      return {multiply(dy, b), multiply(dy, a)};
    } else {
      return {dy * b, dy * a};
    }
  }
};

/// The value itself: as a kernel, what broadcast_to repeats with.
struct Identity {
  static constexpr std::string_view name = "identity";
  template <class V>
  static V value(const V& x) {
    return x;
  }
  template <class V>
  static V gradient(unused, unused, const V& dy) {
    return dy;
  }
};

struct Core {
  using list = kernels::List<Add, Multiply, Identity>;
  /// Defined in elementwise.cpp, for the formulas of the list.
  template <class Formula>
  static const detail::Elementwise& operation();
};

}  // namespace formulas

/// a + b, broadcasting.
template <detail::Reading V>
V add(const V& a, const V& b) {
  return detail::apply<formulas::Add, formulas::Core>(a, b);
}
/// a b, broadcasting.
template <detail::Reading V>
V multiply(const V& a, const V& b) {
  return detail::apply<formulas::Multiply, formulas::Core>(a, b);
}

}  // namespace xgrad
