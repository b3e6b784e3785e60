// Exponentials, logarithms, trigonometric and hyperbolic functions and the error function, elementwise.
// Outside a function's domain its value is NaN, as in C.
#pragma once

#include <limits>

#include "arithmetic.hpp"

namespace xgrad {

namespace detail {

/// exp(-|x|), as formulas of a gradient need it: |x| itself has no derivative at 0.
template <class V>
V decay(const V& x) {
  return exp(select(x < 0, x, -x));
}

}  // namespace detail

namespace formulas {

struct Exp {
  static constexpr std::string_view name = "exp";
  template <class V>
  static V value(const V& x) {
    return exp(x);
  }
  template <class V>
  static V gradient(unused, const V& y, const V& dy) {
    return dy * y;
  }
};

/// Of a leaf, which its owner holds in any case, so that to save it takes no memory; the result need not be
/// kept then, and what follows may write over it. Costs exp once more.
struct ExpOfLeaf : Exp {
  template <class V>
  static V gradient(const V& x, unused, const V& dy) {
    return dy * exp(x);
  }
};

/// The gradient is exp(x), not y + 1, which has no digits left where x is far below 0.
struct Expm1 {
  static constexpr std::string_view name = "expm1";
  template <class V>
  static V value(const V& x) {
    return expm1(x);
  }
  template <class V>
  static V gradient(const V& x, unused, const V& dy) {
    return dy * exp(x);
  }
};

/// -inf at 0, where the gradient is infinite.
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

struct Log1p {
  static constexpr std::string_view name = "log1p";
  template <class V>
  static V value(const V& x) {
    return log1p(x);
  }
  template <class V>
  static V gradient(const V& x, unused, const V& dy) {
    return dy / (1 + x);
  }
};

struct Log2 {
  static constexpr std::string_view name = "log2";
  template <class V>
  static V value(const V& x) {
    return log2(x);
  }
  template <class V>
  static V gradient(const V& x, unused, const V& dy) {
    return dy * 1.44269504088896340736 / x;
  }
};

/// The larger one plus log1p(exp(-|a - b|)). The gradients are sigmoid(a - b) and sigmoid(b - a), of exp(-|a
/// - b|), so that no order overflows and the smaller one keeps its digits; two equal infinities share evenly,
/// and a NaN goes to both.
struct LogAddExp {
  static constexpr std::string_view name = "logaddexp";
  template <class V>
  static V value(const V& a, const V& b) {
    const V distance = select(a == b, 0, abs(a - b));
    return maximum(a, b) + log1p(exp(-distance));
  }
  template <class V>
  static std::array<V, 2> gradient(const V& a, const V& b, unused, const V& dy) {
    const V difference = a - b;
    const V apart = select(a == b, select(difference == difference, difference, 0), difference);
    const V e = detail::decay(apart), r = 1 / (1 + e);
    return {dy * (select(apart < 0, e, 1) * r), dy * (select(apart < 0, 1, e) * r)};
  }
};

struct Sin {
  static constexpr std::string_view name = "sin";
  template <class V>
  static V value(const V& x) {
    return sin(x);
  }
  template <class V>
  static V gradient(const V& x, unused, const V& dy) {
    return dy * cos(x);
  }
};

struct Cos {
  static constexpr std::string_view name = "cos";
  template <class V>
  static V value(const V& x) {
    return cos(x);
  }
  template <class V>
  static V gradient(const V& x, unused, const V& dy) {
    return -dy * sin(x);
  }
};

struct Tan {
  static constexpr std::string_view name = "tan";
  template <class V>
  static V value(const V& x) {
    return tan(x);
  }
  template <class V>
  static V gradient(unused, const V& y, const V& dy) {
    return dy * (1 + y * y);
  }
};

}  // namespace formulas

namespace detail {

/// sqrt(1 - x^2): near -1 and 1 the factors keep the digits, near 0 the square keeps those of the derivative.
template <class V>
V root_of_one_minus_square(const V& x) {
  return sqrt(select(abs(x) < 0.5, 1 - x * x, (1 - x) * (1 + x)));
}

}  // namespace detail

namespace formulas {

/// The gradient is infinite at -1 and 1.
struct Asin {
  static constexpr std::string_view name = "asin";
  template <class V>
  static V value(const V& x) {
    return asin(x);
  }
  template <class V>
  static V gradient(const V& x, unused, const V& dy) {
    return dy / detail::root_of_one_minus_square(x);
  }
};

/// The gradient is infinite at -1 and 1.
struct Acos {
  static constexpr std::string_view name = "acos";
  template <class V>
  static V value(const V& x) {
    return acos(x);
  }
  template <class V>
  static V gradient(const V& x, unused, const V& dy) {
    return -dy / detail::root_of_one_minus_square(x);
  }
};

/// The gradient of |x| above 1 is that of 1 / x, whose square does not overflow.
struct Atan {
  static constexpr std::string_view name = "atan";
  template <class V>
  static V value(const V& x) {
    return atan(x);
  }
  template <class V>
  static V gradient(const V& x, unused, const V& dy) {
    const V size = abs(x), t = select(size > 1, 1 / select(size > 1, x, 1), x);
    return dy * (select(size > 1, t * t, 1) / (1 + t * t));
  }
};

/// The gradients x / (x^2 + y^2) and -y / (x^2 + y^2), of the ratio of the smaller coordinate to the larger
/// one, so that no square overflows or vanishes. At the origin they are 0, and so are those of every order.
struct Atan2 {
  static constexpr std::string_view name = "atan2";
  template <class V>
  static V value(const V& y, const V& x) {
    return atan2(y, x);
  }
  template <class V>
  static std::array<V, 2> gradient(const V& y, const V& x, unused, const V& dy) {
    constexpr double infinity = std::numeric_limits<double>::infinity();
    const V flat = abs(x), tall = abs(y), larger = select(tall > flat, y, x),
            smaller = select(tall > flat, x, y);
    const V safe = select(larger == 0, 1, larger);
    // Of two infinite coordinates either may be called the larger one by far: the gradients are 0.
    const V ratio = select(abs(smaller) == infinity, 0, smaller) / safe;
    const V share = select(larger == 0, 0, dy) / (1 + ratio * ratio), other = ratio * share;
    return {select(tall > flat, other, share) / safe, -select(tall > flat, share, other) / safe};
  }
};

struct Sinh {
  static constexpr std::string_view name = "sinh";
  template <class V>
  static V value(const V& x) {
    return sinh(x);
  }
  template <class V>
  static V gradient(const V& x, unused, const V& dy) {
    return dy * cosh(x);
  }
};

struct Cosh {
  static constexpr std::string_view name = "cosh";
  template <class V>
  static V value(const V& x) {
    return cosh(x);
  }
  template <class V>
  static V gradient(const V& x, unused, const V& dy) {
    return dy * sinh(x);
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

struct Erf {
  static constexpr std::string_view name = "erf";
  template <class V>
  static V value(const V& x) {
    return erf(x);
  }
  template <class V>
  static V gradient(const V& x, unused, const V& dy) {
    return dy * 1.12837916709551257390 * exp(-x * x);
  }
};

/// 1 - erf(x), with all its digits where that is small.
struct Erfc {
  static constexpr std::string_view name = "erfc";
  template <class V>
  static V value(const V& x) {
    return erfc(x);
  }
  template <class V>
  static V gradient(const V& x, unused, const V& dy) {
    return dy * -1.12837916709551257390 * exp(-x * x);
  }
};

struct Exponential {
  using list = kernels::List<Exp, ExpOfLeaf, Expm1, Log, Log1p, Log2, LogAddExp, Sin, Cos, Tan, Asin, Acos,
                             Atan, Atan2, Sinh, Cosh, formulas::Tanh, Erf, Erfc>;
  /// Defined in exponential.cpp, for the formulas of the list.
  template <class Formula>
  static const detail::Elementwise& operation();
};

}  // namespace formulas

/// e to the power x.
template <detail::ReadingRef X>
auto exp(X&& x) {
  bool leaf = false;
  if constexpr (requires { x.is_leaf(); })
    leaf = std::is_lvalue_reference_v<X> && x.defined() && (x.is_leaf() || is_inner_argument(x.node()));
  return detail::apply(leaf ? detail::operation<formulas::ExpOfLeaf, formulas::Exponential>()
                            : detail::operation<formulas::Exp, formulas::Exponential>(),
                       std::forward<X>(x));
}
/// exp(x) - 1, with all its digits near 0.
template <detail::ReadingRef X>
auto expm1(X&& x) {
  return detail::apply<formulas::Expm1, formulas::Exponential>(std::forward<X>(x));
}
/// The natural logarithm: -inf at 0, NaN below it.
template <detail::ReadingRef X>
auto log(X&& x) {
  return detail::apply<formulas::Log, formulas::Exponential>(std::forward<X>(x));
}
/// log(1 + x), with all its digits near 0.
template <detail::ReadingRef X>
auto log1p(X&& x) {
  return detail::apply<formulas::Log1p, formulas::Exponential>(std::forward<X>(x));
}
/// The logarithm to base 2: -inf at 0, NaN below it.
template <detail::ReadingRef X>
auto log2(X&& x) {
  return detail::apply<formulas::Log2, formulas::Exponential>(std::forward<X>(x));
}
/// log(exp(a) + exp(b)), without overflow.
template <class A, class B>
requires detail::have_reading<A, B>
auto logaddexp(A&& a, B&& b) {
  return detail::apply_beside<formulas::LogAddExp, formulas::Exponential>(std::forward<A>(a),
                                                                          std::forward<B>(b));
}
/// The sine of an angle in radians.
template <detail::ReadingRef X>
auto sin(X&& x) {
  return detail::apply<formulas::Sin, formulas::Exponential>(std::forward<X>(x));
}
/// The cosine of an angle in radians.
template <detail::ReadingRef X>
auto cos(X&& x) {
  return detail::apply<formulas::Cos, formulas::Exponential>(std::forward<X>(x));
}
/// The tangent of an angle in radians.
template <detail::ReadingRef X>
auto tan(X&& x) {
  return detail::apply<formulas::Tan, formulas::Exponential>(std::forward<X>(x));
}
/// The angle in [-pi/2, pi/2] whose sine is x; NaN where |x| > 1.
template <detail::ReadingRef X>
auto asin(X&& x) {
  return detail::apply<formulas::Asin, formulas::Exponential>(std::forward<X>(x));
}
/// The angle in [0, pi] whose cosine is x; NaN where |x| > 1.
template <detail::ReadingRef X>
auto acos(X&& x) {
  return detail::apply<formulas::Acos, formulas::Exponential>(std::forward<X>(x));
}
/// The angle in [-pi/2, pi/2] whose tangent is x.
template <detail::ReadingRef X>
auto atan(X&& x) {
  return detail::apply<formulas::Atan, formulas::Exponential>(std::forward<X>(x));
}
/// The angle of the point (x, y), in [-pi, pi]: the second argument is the horizontal one, as in C.
template <class A, class B>
requires detail::have_reading<A, B>
auto atan2(A&& y, B&& x) {
  return detail::apply_beside<formulas::Atan2, formulas::Exponential>(std::forward<A>(y), std::forward<B>(x));
}
/// (exp(x) - exp(-x)) / 2.
template <detail::ReadingRef X>
auto sinh(X&& x) {
  return detail::apply<formulas::Sinh, formulas::Exponential>(std::forward<X>(x));
}
/// (exp(x) + exp(-x)) / 2.
template <detail::ReadingRef X>
auto cosh(X&& x) {
  return detail::apply<formulas::Cosh, formulas::Exponential>(std::forward<X>(x));
}
/// sinh(x) / cosh(x), between -1 and 1.
template <detail::ReadingRef X>
auto tanh(X&& x) {
  return detail::apply<formulas::Tanh, formulas::Exponential>(std::forward<X>(x));
}
/// The error function, 2 / sqrt(pi) times the integral of exp(-t^2) from 0 to x.
template <detail::ReadingRef X>
auto erf(X&& x) {
  return detail::apply<formulas::Erf, formulas::Exponential>(std::forward<X>(x));
}
/// 1 - erf(x), with all its digits where that is small.
template <detail::ReadingRef X>
auto erfc(X&& x) {
  return detail::apply<formulas::Erfc, formulas::Exponential>(std::forward<X>(x));
}

}  // namespace xgrad
