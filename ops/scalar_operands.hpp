// Arithmetic with a scalar for one of the operands. Included by arithmetic.hpp.
#pragma once

#include "arithmetic.hpp"

namespace xgrad {

template <detail::Reading V>
V add(const V& a, double b) {
  return add(a, detail::scalar_operand<V>(b));
}
template <detail::Reading V>
V add(double a, const V& b) {
  return add(detail::scalar_operand<V>(a), b);
}
template <detail::Reading V>
V subtract(const V& a, double b) {
  return subtract(a, detail::scalar_operand<V>(b));
}
template <detail::Reading V>
V subtract(double a, const V& b) {
  return subtract(detail::scalar_operand<V>(a), b);
}
template <detail::Reading V>
V multiply(const V& a, double b) {
  return multiply(a, detail::scalar_operand<V>(b));
}
template <detail::Reading V>
V multiply(double a, const V& b) {
  return multiply(detail::scalar_operand<V>(a), b);
}
template <detail::Reading V>
V divide(const V& a, double b) {
  return divide(a, detail::scalar_operand<V>(b));
}
template <detail::Reading V>
V divide(double a, const V& b) {
  return divide(detail::scalar_operand<V>(a), b);
}
template <detail::Reading V>
V pow(const V& x, double exponent) {
  return pow(x, detail::scalar_operand<V>(exponent));
}
template <detail::Reading V>
V pow(double x, const V& exponent) {
  return pow(detail::scalar_operand<V>(x), exponent);
}
template <detail::Reading V>
V maximum(const V& a, double b) {
  return maximum(a, detail::scalar_operand<V>(b));
}
template <detail::Reading V>
V maximum(double a, const V& b) {
  return maximum(detail::scalar_operand<V>(a), b);
}
template <detail::Reading V>
V minimum(const V& a, double b) {
  return minimum(a, detail::scalar_operand<V>(b));
}
template <detail::Reading V>
V minimum(double a, const V& b) {
  return minimum(detail::scalar_operand<V>(a), b);
}
template <detail::Reading V>
V clamp(const V& x, double low, double high) {
  return clamp(x, detail::scalar_operand<V>(low), detail::scalar_operand<V>(high));
}
template <detail::Reading V>
V clamp(const V& x, double low, const V& high) {
  return clamp(x, detail::scalar_operand<V>(low), high);
}
template <detail::Reading V>
V clamp(const V& x, const V& low, double high) {
  return clamp(x, low, detail::scalar_operand<V>(high));
}
template <detail::Reading V>
V select(const V& condition, double yes, const V& no) {
  return select(condition, detail::scalar_operand<V>(yes), no);
}
template <detail::Reading V>
V select(const V& condition, const V& yes, double no) {
  return select(condition, yes, detail::scalar_operand<V>(no));
}
template <detail::Reading V>
V select(const V& condition, double yes, double no) {
  return select(condition, detail::scalar_operand<V>(yes), detail::scalar_operand<V>(no));
}

}  // namespace xgrad
