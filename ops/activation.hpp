// Activation functions, elementwise, with PyTorch's meaning and defaults. None overflows, nor does a gradient
// of any order, while x is a finite number. (tanh is in exponential.hpp.)
#pragma once

#include "exponential.hpp"

namespace xgrad {

namespace formulas {

/// 1 where x > 0 and 0 elsewhere, also for NaN.
struct Step {
  static constexpr std::string_view name = "step";
  template <class V>
  static V value(const V& x) {
    return select(x > 0, V(1), V(0));
  }
  template <class V>
  static V gradient(unused, unused, unused) {
    return V(0);
  }
};

/// From the output, which is kept in any case: where it has rounded to 1 the slope is 0.
struct Sigmoid {
  static constexpr std::string_view name = "sigmoid";
  template <class V>
  static V value(const V& x) {
    return 1 / (1 + exp(-x));
  }
  template <class V>
  static V gradient(unused, const V& y, const V& dy) {
    return dy * (y * (1 - y));
  }
};

/// Written so that a NaN passes. The gradient at 0 is 0, and is read from the output: x need not be kept.
struct Relu {
  static constexpr std::string_view name = "relu";
  template <class V>
  static V value(const V& x) {
    return select(x <= 0, 0, x);
  }
  template <class V>
  static V gradient(unused, const V& y, const V& dy) {
    return select(y <= 0, 0, dy);
  }
};

/// The gradient at 0 is the slope.
struct LeakyRelu {
  static constexpr std::string_view name = "leaky_relu";
  template <class V>
  static V value(const V& x, const V& slope) {
    return select(x > 0, x, slope * x);
  }
  template <class V>
  static std::array<V, 2> gradient(const V& x, const V& slope, unused, const V& dy) {
    return {select(x > 0, dy, dy * slope), select(x > 0, 0, dy * x)};
  }
};

/// The gradient at 0 is alpha. Where x > 0 the exponential is of 0: it must not overflow even unused, since
/// 0 times infinity would come back at the second order.
struct Elu {
  static constexpr std::string_view name = "elu";
  template <class V>
  static V value(const V& x, const V& alpha) {
    return select(x > 0, x, alpha * expm1(x));
  }
  template <class V>
  static std::array<V, 2> gradient(const V& x, const V& alpha, unused, const V& dy) {
    const V low = select(x > 0, 0, x);
    return {select(x > 0, dy, dy * alpha * exp(low)), dy * expm1(low)};
  }
};

/// G. Klambauer et al., "Self-normalizing neural networks", 2017. The gradient at 0 is scale * alpha.
struct Selu {
  static constexpr std::string_view name = "selu";
  static constexpr double scale = 1.0507009873554804934193349852946;
  static constexpr double alpha = 1.6732632423543772848170429916717;
  template <class V>
  static V value(const V& x) {
    return select(x > 0, scale * x, scale * alpha * expm1(x));
  }
  template <class V>
  static V gradient(const V& x, unused, const V& dy) {
    return dy * select(x > 0, scale, scale * alpha * exp(select(x > 0, 0, x)));
  }
};

/// erfc rather than 1 + erf, which has no digits left where x is far below 0.
struct Gelu {
  static constexpr std::string_view name = "gelu";
  static constexpr double root_half = 0.70710678118654752440;        // 1 / sqrt(2)
  static constexpr double density_at_zero = 0.39894228040143267794;  // 1 / sqrt(2 pi)
  template <class V>
  static V value(const V& x) {
    return 0.5 * x * erfc(-root_half * x);
  }
  template <class V>
  static V gradient(const V& x, unused, const V& dy) {
    return dy * (0.5 * erfc(-root_half * x) + density_at_zero * x * exp(-0.5 * x * x));
  }
};

/// Of exp(-|x|), which does not overflow, so that nothing is lost on either side.
struct Silu {
  static constexpr std::string_view name = "silu";
  template <class V>
  static V value(const V& x) {
    const V e = exp(-abs(x));
    return x * (select(x < 0, e, 1) / (1 + e));
  }
  template <class V>
  static V gradient(const V& x, unused, const V& dy) {
    const V e = detail::decay(x), r = 1 / (1 + e);
    return dy * (select(x < 0, e, 1) * r * (1 + x * (select(x < 0, 1, e) * r)));
  }
};

/// With e = exp(x) and n = e (e + 2), tanh(softplus(x)) is n / (n + 2): no tanh, no logarithm. Beyond 20 it
/// is 1 to all digits. Its slope is multiplied by x, and must not stop there: with e = exp(-|x|) it is a
/// ratio of polynomials on each side, which goes to 0 faster than x grows.
struct Mish {
  static constexpr std::string_view name = "mish";
  template <class V>
  static V value(const V& x) {
    const V e = exp(minimum(x, 40)), n = e * (e + 2);
    return x * (n / (n + 2));
  }
  template <class V>
  static V gradient(const V& x, unused, const V& dy) {
    const V e = detail::decay(x), square = e * e;
    const V n = 2 * e + select(x < 0, square, 1), r = 1 / (n + 2 * select(x < 0, 1, square));
    // On the right n r is 1 less what exp(-x)^2 takes from it, which keeps the digits of what is left.
    const V gate = select(x < 0, n * r, 1 - 2 * square * r);
    return dy * (gate + x * (4 * e * (1 + e) * select(x < 0, 1, e) * r * r));
  }
};

struct Softplus {
  static constexpr std::string_view name = "softplus";
  template <class V>
  static V value(const V& x) {
    return maximum(x, 0) + log1p(exp(-abs(x)));
  }
  template <class V>
  static V gradient(const V& x, unused, const V& dy) {
    const V e = detail::decay(x);
    return dy * (select(x < 0, e, 1) / (1 + e));
  }
};

struct Softsign {
  static constexpr std::string_view name = "softsign";
  template <class V>
  static V value(const V& x) {
    return x / (1 + abs(x));
  }
  template <class V>
  static V gradient(const V& x, unused, const V& dy) {
    const V r = 1 / (1 + abs(x));
    return dy * r * r;
  }
};

/// Like clamp, but on the boundary x has gradient 0, and the bound takes it.
struct Hardtanh {
  static constexpr std::string_view name = "hardtanh";
  template <class V>
  static V value(const V& x, const V& min, const V& max) {
    return minimum(maximum(x, min), max);
  }
  template <class V>
  static std::array<V, 3> gradient(const V& x, const V& min, const V& max, unused, const V& dy) {
    return {select(x <= min, 0, select(x >= max, 0, dy)), select(x <= min, dy, 0),
            select(x <= min, 0, select(x >= max, dy, 0))};
  }
};

struct Activation {
  using list = kernels::List<Step, formulas::Sigmoid, Relu, LeakyRelu, Elu, Selu, Gelu, Silu, formulas::Mish,
                             formulas::Softplus, formulas::Softsign, formulas::Hardtanh>;
  /// Defined in activation.cpp, for the formulas of the list.
  template <class Formula>
  static const detail::Elementwise& operation();
};

}  // namespace formulas

namespace detail {

/// ValueError unless min is at most max.
void check_bounds(std::string_view operation, double min, double max);

}  // namespace detail

/// 1 where x > 0, 0 elsewhere; without a gradient.
template <detail::ReadingRef X>
auto step(X&& x) {
  return detail::apply<formulas::Step, formulas::Activation>(std::forward<X>(x));
}
/// 1 / (1 + exp(-x)).
template <detail::ReadingRef X>
auto sigmoid(X&& x) {
  return detail::apply<formulas::Sigmoid, formulas::Activation>(std::forward<X>(x));
}
/// x where x > 0, 0 elsewhere.
template <detail::ReadingRef X>
auto relu(X&& x) {
  return detail::apply<formulas::Relu, formulas::Activation>(std::forward<X>(x));
}
/// x where x > 0, slope x elsewhere. A slope given as an operand has a gradient too.
template <detail::Reading V, class S = double>
requires detail::go_beside<V, S>
auto leaky_relu(const V& x, const S& slope = 0.01) {
  return detail::apply_beside<formulas::LeakyRelu, formulas::Activation>(x, slope);
}
/// x where x > 0, alpha (exp(x) - 1) elsewhere.
template <detail::Reading V, class S = double>
requires detail::go_beside<V, S>
auto elu(const V& x, const S& alpha = 1) {
  return detail::apply_beside<formulas::Elu, formulas::Activation>(x, alpha);
}
/// 1.0507 times elu with alpha = 1.6733.
template <detail::ReadingRef X>
auto selu(X&& x) {
  return detail::apply<formulas::Selu, formulas::Activation>(std::forward<X>(x));
}
/// x times the normal distribution's probability of less than x: the exact form, with erf.
template <detail::ReadingRef X>
auto gelu(X&& x) {
  return detail::apply<formulas::Gelu, formulas::Activation>(std::forward<X>(x));
}
/// x sigmoid(x), also called swish.
template <detail::ReadingRef X>
auto silu(X&& x) {
  return detail::apply<formulas::Silu, formulas::Activation>(std::forward<X>(x));
}
/// x tanh(softplus(x)).
template <detail::ReadingRef X>
auto mish(X&& x) {
  return detail::apply<formulas::Mish, formulas::Activation>(std::forward<X>(x));
}
/// log(1 + exp(x)).
template <detail::ReadingRef X>
auto softplus(X&& x) {
  return detail::apply<formulas::Softplus, formulas::Activation>(std::forward<X>(x));
}
/// x / (1 + |x|).
template <detail::ReadingRef X>
auto softsign(X&& x) {
  return detail::apply<formulas::Softsign, formulas::Activation>(std::forward<X>(x));
}
/// x between min and max, and the nearer of the two elsewhere. ValueError for numbers of which min is above
/// max, or one is NaN; of other operands the elements are not compared, and max goes before min.
template <detail::Reading V, class A = double, class B = double>
requires detail::go_beside<V, A, B>
auto hardtanh(const V& x, const A& min = -1, const B& max = 1) {
  if constexpr (std::is_arithmetic_v<A> && std::is_arithmetic_v<B>)
    detail::check_bounds("hardtanh", static_cast<double>(min), static_cast<double>(max));
  return detail::apply_beside<formulas::Hardtanh, formulas::Activation>(x, min, max);
}

}  // namespace xgrad
