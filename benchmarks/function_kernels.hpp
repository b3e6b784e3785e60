// Elementary functions in rows and in chains, ours and those of SLEEF with 1 ulp, compiled once for each
// instruction set.
#pragma once

#include <cstddef>
#include <span>

#include <xgrad/core/kernels/simd/isa.hpp>

namespace functions {

/// One side of a function, for one element type.
struct Side {
  /// out = f(x, y) of `count` elements, a multiple of every register's width.
  void (*row)(const void* x, const void* y, void* out, std::size_t count);
  /// `count` registers, each waiting for the one before.
  double (*chain)(double x, double y, std::size_t count);
};

struct Function {
  const char* name;
  bool is_double;
  double low, high, y_low, y_high;  ///< what x and y are drawn from
  Side ours, sleef;                 ///< the latter empty without SLEEF
};

template <class Isa>
std::span<const Function> all();

}  // namespace functions
