// The loops of the floors, one pass over memory each, compiled once for each instruction set.
#pragma once

#include <cstddef>

#include <xgrad/core/kernels/simd/isa.hpp>

namespace floors {

struct Loops {
  /// The sum of log(exp(x) 0.5 + 1) tanh(x), and scale times each element's derivative.
  double (*formula)(const float* x, float* dx, std::size_t count, float scale);
  /// y = a x, into memory that exists.
  void (*scale)(const float* x, float* y, std::size_t count, float a);
  /// The sum of x.
  double (*sum)(const float* x, std::size_t count);
  /// Multiply-adds in registers, as many of them at a time as hide how long each takes; returns how many
  /// floating-point operations that were.
  double (*multiply_add)(std::size_t rounds, float* result);
};

template <class Isa>
const Loops* loops();

}  // namespace floors
