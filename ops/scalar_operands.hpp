// Arithmetic with a scalar for one of the operands. Included by arithmetic.hpp.
#pragma once

#include "arithmetic.hpp"

namespace xgrad {

template <Operand V>
V add(const V& a, double b) {
  return add(a, scalar_operand<V>(b));
}
template <Operand V>
V add(double a, const V& b) {
  return add(scalar_operand<V>(a), b);
}
template <Operand V>
V subtract(const V& a, double b) {
  return subtract(a, scalar_operand<V>(b));
}
template <Operand V>
V subtract(double a, const V& b) {
  return subtract(scalar_operand<V>(a), b);
}
template <Operand V>
V multiply(const V& a, double b) {
  return multiply(a, scalar_operand<V>(b));
}
template <Operand V>
V multiply(double a, const V& b) {
  return multiply(scalar_operand<V>(a), b);
}
template <Operand V>
V divide(const V& a, double b) {
  return divide(a, scalar_operand<V>(b));
}
template <Operand V>
V divide(double a, const V& b) {
  return divide(scalar_operand<V>(a), b);
}
template <Operand V>
V pow(const V& x, double exponent) {
  return pow(x, scalar_operand<V>(exponent));
}
template <Operand V>
V pow(double x, const V& exponent) {
  return pow(scalar_operand<V>(x), exponent);
}
template <Operand V>
V maximum(const V& a, double b) {
  return maximum(a, scalar_operand<V>(b));
}
template <Operand V>
V maximum(double a, const V& b) {
  return maximum(scalar_operand<V>(a), b);
}
template <Operand V>
V minimum(const V& a, double b) {
  return minimum(a, scalar_operand<V>(b));
}
template <Operand V>
V minimum(double a, const V& b) {
  return minimum(scalar_operand<V>(a), b);
}
template <Operand V>
V clamp(const V& x, double low, double high) {
  return clamp(x, scalar_operand<V>(low), scalar_operand<V>(high));
}
template <Operand V>
V clamp(const V& x, double low, const V& high) {
  return clamp(x, scalar_operand<V>(low), high);
}
template <Operand V>
V clamp(const V& x, const V& low, double high) {
  return clamp(x, low, scalar_operand<V>(high));
}
template <Operand V>
V select(const V& condition, double yes, const V& no) {
  return select(condition, scalar_operand<V>(yes), no);
}
template <Operand V>
V select(const V& condition, const V& yes, double no) {
  return select(condition, yes, scalar_operand<V>(no));
}
template <Operand V>
V select(const V& condition, double yes, double no) {
  return select(condition, scalar_operand<V>(yes), scalar_operand<V>(no));
}

}  // namespace xgrad
