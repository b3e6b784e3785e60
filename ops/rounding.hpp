// Rounding to whole numbers, elementwise. It has no derivative but zero, so none is recorded, as of step and
// sign.
#pragma once

#include "../core/formula/formula.hpp"
// Kernel files include formulas too, and must not see containers.
#ifndef XGRAD_ISA
#include "../core/graph/variable.hpp"
#endif

namespace xgrad {

namespace formulas {

struct Floor {
  static constexpr std::string_view name = "floor";
  template <class V>
  static V value(const V& x) {
    return floor(x);
  }
  template <class V>
  static V gradient(unused, unused, unused) {
    return V(0);
  }
};

struct Ceil {
  static constexpr std::string_view name = "ceil";
  template <class V>
  static V value(const V& x) {
    return ceil(x);
  }
  template <class V>
  static V gradient(unused, unused, unused) {
    return V(0);
  }
};

struct Round {
  static constexpr std::string_view name = "round";
  template <class V>
  static V value(const V& x) {
    return round(x);
  }
  template <class V>
  static V gradient(unused, unused, unused) {
    return V(0);
  }
};

struct Trunc {
  static constexpr std::string_view name = "trunc";
  template <class V>
  static V value(const V& x) {
    return trunc(x);
  }
  template <class V>
  static V gradient(unused, unused, unused) {
    return V(0);
  }
};

struct Rounding {
  using list = kernels::List<Floor, Ceil, Round, Trunc>;
  /// Defined in rounding.cpp, for the formulas of the list.
  template <class Formula>
  static const detail::Elementwise& operation();
};

}  // namespace formulas

/// The largest whole number that is not above x.
template <detail::ReadingRef X>
auto floor(X&& x) {
  return detail::apply<formulas::Floor, formulas::Rounding>(std::forward<X>(x));
}
/// The smallest whole number that is not below x.
template <detail::ReadingRef X>
auto ceil(X&& x) {
  return detail::apply<formulas::Ceil, formulas::Rounding>(std::forward<X>(x));
}
/// The nearest whole number, and of two the even one: 0.5 gives 0, 1.5 and 2.5 give 2, as in NumPy and
/// PyTorch; std::round goes away from zero.
template <detail::ReadingRef X>
auto round(X&& x) {
  return detail::apply<formulas::Round, formulas::Rounding>(std::forward<X>(x));
}
/// x without what stands behind the point: towards zero.
template <detail::ReadingRef X>
auto trunc(X&& x) {
  return detail::apply<formulas::Trunc, formulas::Rounding>(std::forward<X>(x));
}

}  // namespace xgrad
