// Calls that no function takes, and what to write instead. C++ prefers an ellipsis last, after every
// conversion and every other overload, those of xtensor and of a program's own too: none of these can stand
// in the way of a call that compiles without it, and each costs the compiler a line. The comment behind it is
// part of the error, for compilers show the line.
#pragma once

#include <concepts>
#include <initializer_list>

#include "../core/array/array_from.hpp"
#include "../core/graph/variable.hpp"

namespace xgrad {

// Of one operand. Functions of Arrays alone are xtensor's.

void square(...) = delete;    // square(x) is of one Variable; of an Array it is xt::square(a)
void sqrt(...) = delete;      // sqrt(x) is of one Variable; of an Array it is xt::sqrt(a)
void abs(...) = delete;       // abs(x) is of one Variable; of an Array it is xt::abs(a)
void sign(...) = delete;      // sign(x) is of one Variable; of an Array it is xt::sign(a)
void exp(...) = delete;       // exp(x) is of one Variable; of an Array it is xt::exp(a)
void expm1(...) = delete;     // expm1(x) is of one Variable; of an Array it is xt::expm1(a)
void log(...) = delete;       // log(x) is of one Variable; of an Array it is xt::log(a)
void log1p(...) = delete;     // log1p(x) is of one Variable; of an Array it is xt::log1p(a)
void log2(...) = delete;      // log2(x) is of one Variable; of an Array it is xt::log2(a)
void sin(...) = delete;       // sin(x) is of one Variable; of an Array it is xt::sin(a)
void cos(...) = delete;       // cos(x) is of one Variable; of an Array it is xt::cos(a)
void tan(...) = delete;       // tan(x) is of one Variable; of an Array it is xt::tan(a)
void asin(...) = delete;      // asin(x) is of one Variable; of an Array it is xt::asin(a)
void acos(...) = delete;      // acos(x) is of one Variable; of an Array it is xt::acos(a)
void atan(...) = delete;      // atan(x) is of one Variable; of an Array it is xt::atan(a)
void sinh(...) = delete;      // sinh(x) is of one Variable; of an Array it is xt::sinh(a)
void cosh(...) = delete;      // cosh(x) is of one Variable; of an Array it is xt::cosh(a)
void tanh(...) = delete;      // tanh(x) is of one Variable; of an Array it is xt::tanh(a)
void erf(...) = delete;       // erf(x) is of one Variable; of an Array it is xt::erf(a)
void erfc(...) = delete;      // erfc(x) is of one Variable; of an Array it is xt::erfc(a)
void floor(...) = delete;     // floor(x) is of one Variable; of an Array it is xt::floor(a)
void ceil(...) = delete;      // ceil(x) is of one Variable; of an Array it is xt::ceil(a)
void trunc(...) = delete;     // trunc(x) is of one Variable; of an Array it is xt::trunc(a)
void round(...) = delete;     // round(x) is of one Variable, to whole numbers; of an Array it is xt::rint(a)
void negative(...) = delete;  // negative(x) is of one Variable; of an Array it is -a
void reciprocal(...) = delete;  // reciprocal(x) is of one Variable; of an Array it is 1 / a
void rsqrt(...) = delete;       // rsqrt(x) is of one Variable; of an Array it is 1 / xt::sqrt(a)
void step(...) = delete;        // step(x) is of one Variable; of an Array step(constant(a)).value()
void sigmoid(...) = delete;     // sigmoid(x) is of one Variable; of an Array sigmoid(constant(a)).value()
void relu(...) = delete;        // relu(x) is of one Variable; of an Array relu(constant(a)).value()
void selu(...) = delete;        // selu(x) is of one Variable; of an Array selu(constant(a)).value()
void gelu(...) = delete;        // gelu(x) is of one Variable; of an Array gelu(constant(a)).value()
void silu(...) = delete;        // silu(x) is of one Variable; of an Array silu(constant(a)).value()
void mish(...) = delete;        // mish(x) is of one Variable; of an Array mish(constant(a)).value()
void softplus(...) = delete;    // softplus(x) is of one Variable; of an Array softplus(constant(a)).value()
void softsign(...) = delete;    // softsign(x) is of one Variable; of an Array softsign(constant(a)).value()

// Of two operands, and of three.

void add(...) = delete;        // two of one type, one a Variable: cast<T>(x); of Arrays a + b
void subtract(...) = delete;   // two of one type, one a Variable: cast<T>(x); of Arrays a - b
void multiply(...) = delete;   // two of one type, one a Variable: cast<T>(x); of Arrays a * b
void divide(...) = delete;     // two of one type, one a Variable: cast<T>(x); of Arrays a / b
void pow(...) = delete;        // two of one type, one a Variable: cast<T>(x); of Arrays xt::pow(a, b)
void maximum(...) = delete;    // two of one type, one a Variable: cast<T>(x); of Arrays xt::maximum(a, b)
void minimum(...) = delete;    // two of one type, one a Variable: cast<T>(x); of Arrays xt::minimum(a, b)
void atan2(...) = delete;      // two of one type, one a Variable: cast<T>(x); of Arrays xt::atan2(a, b)
void logaddexp(...) = delete;  // two of one type, one a Variable: cast<T>(x)
void clamp(...) = delete;  // clamp(x, low, high) of a Variable; one bound: maximum(x, low), minimum(x, high)

namespace detail {
template <class U, class T>
concept OtherThan = !std::same_as<U, T>;
}

template <class T, detail::OtherThan<T> U>
void operator+(const Variable<T>&, const Variable<U>&) = delete;  // of one type: a + cast<T>(b)
template <class T, detail::OtherThan<T> U>
void operator-(const Variable<T>&, const Variable<U>&) = delete;  // of one type: a - cast<T>(b)
template <class T, detail::OtherThan<T> U>
void operator*(const Variable<T>&, const Variable<U>&) = delete;  // of one type: a * cast<T>(b)
template <class T, detail::OtherThan<T> U>
void operator/(const Variable<T>&, const Variable<U>&) = delete;  // of one type: a / cast<T>(b)

// Over axes.

void sum(...) = delete;   // sum(x, 1, {.keep_dims = true}) of a Variable; of an Array or Mask xt::sum(a)()
void mean(...) = delete;  // mean(x, 1, {.keep_dims = true}) of a Variable; of an Array or Mask xt::mean(a)()
void prod(...) = delete;  // prod(x, 1, {.keep_dims = true}) of a Variable; of an Array xt::prod(a)()
void max(...) = delete;   // max(x, 1, {.keep_dims = true}) of a Variable; of an Array xt::amax(a)()
void min(...) = delete;   // min(x, 1, {.keep_dims = true}) of a Variable; of an Array xt::amin(a)()
void var(...) = delete;   // var(x, 1, {.ddof = 1}) of a Variable; of an Array xt::variance(a)()
void std(...) = delete;   // std(x, 1, {.ddof = 1}) of a Variable; of an Array xt::stddev(a)()
void norm(...) = delete;  // of a Variable; of an Array norm(constant(a))
void logsumexp(...) = delete;    // of a Variable; of an Array logsumexp(constant(a))
void softmax(...) = delete;      // of a Variable and one axis; of an Array softmax(constant(a), 0)
void log_softmax(...) = delete;  // of a Variable and one axis; of an Array log_softmax(constant(a), 0)
void cumsum(...) = delete;       // of a Variable and one axis; of an Array cumsum(constant(a), 0)
void cumprod(...) = delete;      // of a Variable and one axis; of an Array cumprod(constant(a), 0)
void argmax(...) = delete;       // of a Variable and one axis; of an Array argmax(constant(a), 0)
void argmin(...) = delete;       // of a Variable and one axis; of an Array argmin(constant(a), 0)

// Shapes and lists stand in braces.

void reshape(...) = delete;       // the shape stands in braces: reshape(x, {2, 3})
void broadcast_to(...) = delete;  // the shape stands in braces: broadcast_to(x, {2, 3})
void permute(...) = delete;       // the axes stand in braces: permute(x, {1, 0})
void tile(...) = delete;          // the counts stand in braces: tile(x, {2, 1})
void concatenate(...) = delete;   // values in braces, of one element type: concatenate({a, b}, 1)
void stack(...) = delete;         // values in braces, of one element type: stack({a, b}, 1)
template <detail::Expression E>
void concatenate(std::initializer_list<E>, Integer axis = 0) = delete;  // one a Variable: {constant(a), b}
template <detail::Expression E>
void stack(std::initializer_list<E>, Integer axis = 0) = delete;  // one a Variable: {constant(a), b}
void array(...) = delete;  // of what elements: array<double>(values), array<std::int64_t>(labels)
void array(const detail::Nested<double>&) = delete;  // array<double>({0, 1}); labels array<std::int64_t>

// Products.

void matmul(...) = delete;  // two of one type, one a Variable; options by name, {.transpose_b = true}
void dot(...) = delete;     // two of one type, one a Variable: dot(constant(a), b)
void outer(...) = delete;   // two of one type, one a Variable: outer(constant(a), b)
void linear(...) = delete;  // all of one type, one a Variable: linear(constant(x), weight, bias)

}  // namespace xgrad
