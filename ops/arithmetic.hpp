// Arithmetic, comparison and choice, elementwise; operands broadcast as NumPy's do, and a scalar, an
// Array or an xtensor expression may stand for any beside a Variable. Those of two operands are of xtensor's
// own shape (A&&, B&&) and more constrained, so that xtensor's lose where a call names no namespace.
#pragma once

#include "../core/formula/add_multiply.hpp"
#include "../core/formula/formula.hpp"
#include "operands.hpp"

namespace xgrad {

namespace formulas {

struct Subtract {
  static constexpr std::string_view name = "subtract";
  template <class V>
  static V value(const V& a, const V& b) {
    return a - b;
  }
  template <class V>
  static std::array<V, 2> gradient(unused, unused, unused, const V& dy) {
    return {dy, -dy};
  }
};

struct Divide {
  static constexpr std::string_view name = "divide";
  template <class V>
  static V value(const V& a, const V& b) {
    return a / b;
  }
  template <class V>
  static std::array<V, 2> gradient(unused, const V& b, const V& y, const V& dy) {
    return {dy / b, -dy * y / b};
  }
};

struct Negative {
  static constexpr std::string_view name = "negative";
  template <class V>
  static V value(const V& x) {
    return -x;
  }
  template <class V>
  static V gradient(unused, unused, const V& dy) {
    return -dy;
  }
};

/// C99's pow. At x = 0 the gradient in an exponent of at least 0 is 0, and 0 to the power 0 has gradient 0 in
/// x: there the bases are replaced rather than the results, so that higher derivatives meet no 0 times
/// infinity either. In an exponent below 0 it is x^y log x as everywhere, infinity times -infinity.
struct Pow {
  static constexpr std::string_view name = "pow";
  template <class V>
  static V value(const V& x, const V& exponent) {
    return pow(x, exponent);
  }
  template <class V>
  static std::array<V, 2> gradient(const V& x, const V& exponent, const V& y, const V& dy) {
    const V base = select(abs(x) + abs(exponent) == 0, 1, x);
    // By names, for compilers differ in which argument of a call they look at first.
    const auto not_negative = exponent >= 0;
    const auto zero = x == 0;
    const V power = select(zero, select(not_negative, 0, y), y);
    const V argument = select(zero, select(not_negative, 1, x), x);
    return {dy * exponent * pow(base, exponent - 1), dy * power * log(argument)};
  }
};

struct Square {
  static constexpr std::string_view name = "square";
  template <class V>
  static V value(const V& x) {
    return x * x;
  }
  template <class V>
  static V gradient(const V& x, unused, const V& dy) {
    return dy * (2 * x);
  }
};

/// The gradient at 0 is infinite.
struct Sqrt {
  static constexpr std::string_view name = "sqrt";
  template <class V>
  static V value(const V& x) {
    return sqrt(x);
  }
  template <class V>
  static V gradient(unused, const V& y, const V& dy) {
    return dy * 0.5 / y;
  }
};

struct Rsqrt {
  static constexpr std::string_view name = "rsqrt";
  template <class V>
  static V value(const V& x) {
    return 1 / sqrt(x);
  }
  template <class V>
  static V gradient(const V& x, const V& y, const V& dy) {
    return dy * -0.5 * y / x;
  }
};

struct Reciprocal {
  static constexpr std::string_view name = "reciprocal";
  template <class V>
  static V value(const V& x) {
    return 1 / x;
  }
  template <class V>
  static V gradient(unused, const V& y, const V& dy) {
    return -dy * y * y;
  }
};

/// The gradient at 0 is 0.
struct Abs {
  static constexpr std::string_view name = "abs";
  template <class V>
  static V value(const V& x) {
    return abs(x);
  }
  template <class V>
  static V gradient(const V& x, unused, const V& dy) {
    return dy * sign(x);
  }
};

struct Sign {
  static constexpr std::string_view name = "sign";
  template <class V>
  static V value(const V& x) {
    return sign(x);
  }
  template <class V>
  static V gradient(unused, unused, unused) {
    return V(0);
  }
};

/// NaN if either is, and then both take the gradient; at a tie each takes half of it.
struct Maximum {
  static constexpr std::string_view name = "maximum";
  template <class V>
  static V value(const V& a, const V& b) {
    return maximum(a, b);
  }
  template <class V>
  static std::array<V, 2> gradient(const V& a, const V& b, unused, const V& dy) {
    const V most = select(a == b, 0.5 * dy, dy);
    return {select(a < b, 0, most), select(b < a, 0, most)};
  }
};

/// NaN if either is, and then both take the gradient; at a tie each takes half of it.
struct Minimum {
  static constexpr std::string_view name = "minimum";
  template <class V>
  static V value(const V& a, const V& b) {
    return minimum(a, b);
  }
  template <class V>
  static std::array<V, 2> gradient(const V& a, const V& b, unused, const V& dy) {
    const V most = select(a == b, 0.5 * dy, dy);
    return {select(a > b, 0, most), select(b > a, 0, most)};
  }
};

/// min(max(x, low), high); on the boundary the gradient goes to x.
struct Clamp {
  static constexpr std::string_view name = "clamp";
  template <class V>
  static V value(const V& x, const V& low, const V& high) {
    return minimum(maximum(x, low), high);
  }
  template <class V>
  static std::array<V, 3> gradient(const V& x, const V& low, const V& high, unused, const V& dy) {
    return {select(x < low, 0, select(x > high, 0, dy)), select(x < low, select(low > high, 0, dy), 0),
            select(maximum(x, low) > high, dy, 0)};
  }
};

/// a where the condition is not 0, else b.
struct Where {
  static constexpr std::string_view name = "where";
  static constexpr bool chooses = true;
  template <class V>
  static V value(const V& condition, const V& a, const V& b) {
    return select(condition != 0, a, b);
  }
  template <class V>
  static std::array<V, 3> gradient(const V& condition, unused, unused, unused, const V& dy) {
    return {V(0), select(condition != 0, dy, 0), select(condition != 0, 0, dy)};
  }
};

}  // namespace formulas

// Comparisons as formulas see them: 1 where they hold and 0 elsewhere, with no gradient. A NaN is unequal to
// all.

namespace formulas {

struct Less {
  static constexpr std::string_view name = "less";
  template <class V>
  static V value(const V& a, const V& b) {
    return select(a < b, V(1), V(0));
  }
  template <class V>
  static std::array<V, 2> gradient(unused, unused, unused, unused) {
    return {V(0), V(0)};
  }
};

struct LessEqual {
  static constexpr std::string_view name = "less_equal";
  template <class V>
  static V value(const V& a, const V& b) {
    return select(a <= b, V(1), V(0));
  }
  template <class V>
  static std::array<V, 2> gradient(unused, unused, unused, unused) {
    return {V(0), V(0)};
  }
};

struct Equal {
  static constexpr std::string_view name = "equal";
  template <class V>
  static V value(const V& a, const V& b) {
    return select(a == b, V(1), V(0));
  }
  template <class V>
  static std::array<V, 2> gradient(unused, unused, unused, unused) {
    return {V(0), V(0)};
  }
};

struct NotEqual {
  static constexpr std::string_view name = "not_equal";
  template <class V>
  static V value(const V& a, const V& b) {
    return select(a != b, V(1), V(0));
  }
  template <class V>
  static std::array<V, 2> gradient(unused, unused, unused, unused) {
    return {V(0), V(0)};
  }
};

struct IsFinite {
  static constexpr std::string_view name = "isfinite";
  template <class V>
  static V value(const V& x) {
    return select(x - x == 0, V(1), V(0));
  }
  template <class V>
  static V gradient(unused, unused, unused) {
    return V(0);
  }
};

struct Arithmetic {
  using list = kernels::List<Subtract, Divide, Negative, Pow, Square, Sqrt, Rsqrt, Reciprocal, Abs, Sign,
                             Maximum, Minimum, Clamp, Where, Less, LessEqual, Equal, NotEqual, IsFinite>;
  /// Defined in arithmetic.cpp, for the formulas of the list.
  template <class Formula>
  static const detail::Elementwise& operation();
};

}  // namespace formulas

// What is said of all of them: one operand at least is a Variable, the others are of its element type, or a
// scalar, an Array or an xtensor expression. ShapeError if shapes do not broadcast. (Of two readings,
// core/formula/add_multiply.hpp has the first two.)

/// a + b, broadcasting, of a Variable and a scalar, an Array or an xtensor expression, too.
template <class A, class B>
requires detail::have_reading<A, B>
auto add(A&& a, B&& b) {
  return detail::apply_beside<formulas::Add, formulas::Core>(std::forward<A>(a), std::forward<B>(b));
}
/// a b, broadcasting, of a Variable and a scalar, an Array or an xtensor expression, too.
template <class A, class B>
requires detail::have_reading<A, B>
auto multiply(A&& a, B&& b) {
  return detail::apply_beside<formulas::Multiply, formulas::Core>(std::forward<A>(a), std::forward<B>(b));
}
/// a - b, broadcasting.
template <class A, class B>
requires detail::have_reading<A, B>
auto subtract(A&& a, B&& b) {
  return detail::apply_beside<formulas::Subtract, formulas::Arithmetic>(std::forward<A>(a),
                                                                        std::forward<B>(b));
}
/// a / b, broadcasting; of 0 / 0 NaN, of others by 0 infinite.
template <class A, class B>
requires detail::have_reading<A, B>
auto divide(A&& a, B&& b) {
  return detail::apply_beside<formulas::Divide, formulas::Arithmetic>(std::forward<A>(a), std::forward<B>(b));
}
/// -x.
template <detail::ReadingRef X>
auto negative(X&& x) {
  return detail::apply<formulas::Negative, formulas::Arithmetic>(std::forward<X>(x));
}
/// x to the power `exponent`, broadcasting, as C's pow: NaN for a negative x and an exponent that is not
/// whole. 0 to the power 0 is 1.
template <class A, class B>
requires detail::have_reading<A, B>
auto pow(A&& x, B&& exponent) {
  return detail::apply_beside<formulas::Pow, formulas::Arithmetic>(std::forward<A>(x),
                                                                   std::forward<B>(exponent));
}
/// x x.
template <detail::ReadingRef X>
auto square(X&& x) {
  return detail::apply<formulas::Square, formulas::Arithmetic>(std::forward<X>(x));
}
/// The square root, NaN below 0. Its derivative at 0 is infinite.
template <detail::ReadingRef X>
auto sqrt(X&& x) {
  return detail::apply<formulas::Sqrt, formulas::Arithmetic>(std::forward<X>(x));
}
/// 1 / sqrt(x).
template <detail::ReadingRef X>
auto rsqrt(X&& x) {
  return detail::apply<formulas::Rsqrt, formulas::Arithmetic>(std::forward<X>(x));
}
/// 1 / x.
template <detail::ReadingRef X>
auto reciprocal(X&& x) {
  return detail::apply<formulas::Reciprocal, formulas::Arithmetic>(std::forward<X>(x));
}
/// |x|. Its derivative at 0 is 0.
template <detail::ReadingRef X>
auto abs(X&& x) {
  return detail::apply<formulas::Abs, formulas::Arithmetic>(std::forward<X>(x));
}
/// -1, 0 or 1, and NaN for NaN; no gradient passes.
template <detail::ReadingRef X>
auto sign(X&& x) {
  return detail::apply<formulas::Sign, formulas::Arithmetic>(std::forward<X>(x));
}
/// The larger of a and b, broadcasting; NaN if either is. Where they are equal each takes half of the
/// gradient.
template <class A, class B>
requires detail::have_reading<A, B>
auto maximum(A&& a, B&& b) {
  return detail::apply_beside<formulas::Maximum, formulas::Arithmetic>(std::forward<A>(a),
                                                                       std::forward<B>(b));
}
/// The smaller of a and b; otherwise as maximum.
template <class A, class B>
requires detail::have_reading<A, B>
auto minimum(A&& a, B&& b) {
  return detail::apply_beside<formulas::Minimum, formulas::Arithmetic>(std::forward<A>(a),
                                                                       std::forward<B>(b));
}
/// x between `low` and `high`, the nearer of the two elsewhere: min(max(x, low), high). On a bound the
/// gradient goes to x.
template <detail::Reading V, class A, class B>
requires detail::go_beside<V, A, B>
auto clamp(const V& x, const A& low, const B& high) {
  return detail::apply_beside<formulas::Clamp, formulas::Arithmetic>(x, low, high);
}
/// In formulas: `yes` where the condition is not 0.
template <detail::Reading V, class A, class B>
requires detail::go_beside<V, A, B>
auto select(const V& condition, const A& yes, const B& no) {
  return detail::apply_beside<formulas::Where, formulas::Arithmetic>(condition, yes, no);
}

}  // namespace xgrad
