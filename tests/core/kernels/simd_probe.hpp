#pragma once

// A way for test_simd.cpp into the kernels' vocabulary: one function of it over arrays, at a chosen
// instruction set.

#include <cstddef>
#include <xgrad/core/kernels/simd/isa.hpp>

namespace xgrad::simd_probe {

enum class Function {
  exp,
  expm1,
  log,
  log1p,
  log2,
  sqrt,
  abs,
  floor,
  sign,
  negate,
  sin,
  cos,
  tan,
  asin,
  acos,
  atan,
  sinh,
  cosh,
  tanh,
  asinh,
  acosh,
  atanh,
  erf,
  erfc,
  is_nan,
  is_finite,
  literals,
  pow,
  atan2,
  maximum,
  minimum,
  copysign,
  divide,
  less,
  less_equal,
  greater,
  greater_equal,
  equal,
  unequal,
  both,
  either,
  fma
};

// out[i] = f(a[i], b[i]): whole packs, then the rest by load_first and store_first. Functions of one argument
// ignore b; comparisons give 0 or 1; fma is a * b + a.
template <class I, class T>
void apply(Function f, const T* a, const T* b, T* out, std::size_t n);

template <class T>
struct Reductions {
  std::size_t width;
  double sum, sum_double;
  T largest, smallest, first;
  bool any_positive, all_positive;
};

// Of the first pack of a.
template <class I, class T>
Reductions<T> reduce(const T* a);

}  // namespace xgrad::simd_probe
