// Exponentials, logarithms, trigonometric and hyperbolic functions and the error function, elementwise.
// Outside a function's domain its value is NaN, as in C.
#pragma once

#include "arithmetic.hpp"

namespace xgrad {

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

/// The larger one plus log1p(exp(-|a - b|)). The gradients are sigmoid(a - b) and sigmoid(b - a), as tanh, so
/// that no order overflows; two equal infinities share evenly, and a NaN goes to both.
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
    const V half = 0.5 * tanh(0.5 * apart);
    return {dy * (0.5 + half), dy * (0.5 - half)};
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

/// The gradient is infinite at -1 and 1.
struct Asin {
  static constexpr std::string_view name = "asin";
  template <class V>
  static V value(const V& x) {
    return asin(x);
  }
  template <class V>
  static V gradient(const V& x, unused, const V& dy) {
    return dy / sqrt((1 - x) * (1 + x));
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
    return -dy / sqrt((1 - x) * (1 + x));
  }
};

struct Atan {
  static constexpr std::string_view name = "atan";
  template <class V>
  static V value(const V& x) {
    return atan(x);
  }
  template <class V>
  static V gradient(const V& x, unused, const V& dy) {
    return dy / (1 + x * x);
  }
};

/// The gradients at the origin are 0.
struct Atan2 {
  static constexpr std::string_view name = "atan2";
  template <class V>
  static V value(const V& y, const V& x) {
    return atan2(y, x);
  }
  template <class V>
  static std::array<V, 2> gradient(const V& y, const V& x, unused, const V& dy) {
    const V square = x * x + y * y;
    const V scaled = dy / select(square == 0, 1, square);
    return {scaled * x, -scaled * y};
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

namespace formulas {

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

}  // namespace formulas

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
};

template <OperandRef X>
auto exp(X&& x) {
  bool leaf = false;
  if constexpr (requires { x.is_leaf(); }) leaf = std::is_lvalue_reference_v<X> && x.defined() && x.is_leaf();
  return apply(leaf ? operation<ExpOfLeaf, Exponential>() : operation<Exp, Exponential>(),
               std::forward<X>(x));
}
/// exp(x) - 1, with all its digits near 0.
template <OperandRef X>
auto expm1(X&& x) {
  return apply(operation<Expm1, Exponential>(), std::forward<X>(x));
}
template <OperandRef X>
auto log(X&& x) {
  return apply(operation<Log, Exponential>(), std::forward<X>(x));
}
/// log(1 + x), with all its digits near 0.
template <OperandRef X>
auto log1p(X&& x) {
  return apply(operation<Log1p, Exponential>(), std::forward<X>(x));
}
template <OperandRef X>
auto log2(X&& x) {
  return apply(operation<Log2, Exponential>(), std::forward<X>(x));
}
/// log(exp(a) + exp(b)), without overflow.
template <Operand V>
V logaddexp(const V& a, const V& b) {
  return apply(operation<LogAddExp, Exponential>(), a, b);
}
template <OperandRef X>
auto sin(X&& x) {
  return apply(operation<Sin, Exponential>(), std::forward<X>(x));
}
template <OperandRef X>
auto cos(X&& x) {
  return apply(operation<Cos, Exponential>(), std::forward<X>(x));
}
template <OperandRef X>
auto tan(X&& x) {
  return apply(operation<Tan, Exponential>(), std::forward<X>(x));
}
template <OperandRef X>
auto asin(X&& x) {
  return apply(operation<Asin, Exponential>(), std::forward<X>(x));
}
template <OperandRef X>
auto acos(X&& x) {
  return apply(operation<Acos, Exponential>(), std::forward<X>(x));
}
template <OperandRef X>
auto atan(X&& x) {
  return apply(operation<Atan, Exponential>(), std::forward<X>(x));
}
/// The angle of the point (x, y), in [-pi, pi]: the second argument is the horizontal one, as in C.
template <Operand V>
V atan2(const V& y, const V& x) {
  return apply(operation<Atan2, Exponential>(), y, x);
}
template <OperandRef X>
auto sinh(X&& x) {
  return apply(operation<Sinh, Exponential>(), std::forward<X>(x));
}
template <OperandRef X>
auto cosh(X&& x) {
  return apply(operation<Cosh, Exponential>(), std::forward<X>(x));
}
template <OperandRef X>
auto tanh(X&& x) {
  return apply(operation<formulas::Tanh, Exponential>(), std::forward<X>(x));
}
/// The error function, 2 / sqrt(pi) times the integral of exp(-t^2) from 0 to x.
template <OperandRef X>
auto erf(X&& x) {
  return apply(operation<Erf, Exponential>(), std::forward<X>(x));
}
template <OperandRef X>
auto erfc(X&& x) {
  return apply(operation<Erfc, Exponential>(), std::forward<X>(x));
}

// A scalar for one of the operands.

template <Operand V>
V logaddexp(const V& a, double b) {
  return logaddexp(a, scalar_operand<V>(b));
}
template <Operand V>
V logaddexp(double a, const V& b) {
  return logaddexp(scalar_operand<V>(a), b);
}
template <Operand V>
V atan2(const V& y, double x) {
  return atan2(y, scalar_operand<V>(x));
}
template <Operand V>
V atan2(double y, const V& x) {
  return atan2(scalar_operand<V>(y), x);
}

}  // namespace xgrad
