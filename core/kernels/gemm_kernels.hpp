// The kernel of matrix products: for small ones, on which BLAS spends more than the arithmetic, and for
// processors wider than the BLAS at hand knows how to use.
#pragma once

#include <cstddef>

#include "simd/isa.hpp"

namespace xgrad::kernels {

/// C = A B, or C += A B. Element (i, p) of A stands at i * a_row + p * a_column, (p, j) of B at p * b_row +
/// j * b_column, (i, j) of C at i * c_row + j; of b_row and b_column one is 1. An element of C is one chain
/// of fused multiply-adds over p, in order, whichever rows and columns are computed with it.
struct Product {
  const void* a;
  std::ptrdiff_t a_row, a_column;
  const void* b;
  std::ptrdiff_t b_row, b_column;
  void* c;
  std::ptrdiff_t c_row;
  std::size_t m, n, k;
  bool add;
  /// Room for a panel of B, which is then read from there: needed when b_column is not 1, worth it when rows
  /// of B are long and many rows of A use them. 64-byte aligned.
  void* panel;
  /// The panels of all of B stand there already, as `pack` left them, and b is not read.
  bool packed = false;
};

/// Terms of the sums that are taken at a time; where the panels are packed already, a few more.
inline constexpr std::size_t most_terms = 192, most_packed_terms = 256;
/// The bytes of a panel's row at most, and what a row of n elements is rounded up to.
inline constexpr std::size_t panel_row_bytes = 2304, panel_unit_bytes = 64;

/// [0] is float, [1] is double.
struct GemmKernels {
  void (*product[2])(const Product& product);
  /// Writes all panels of B, one after the other: k times a row of n, rounded up.
  void (*pack[2])(const Product& product);
};
template <class Isa>
const GemmKernels* gemm_kernels();

}  // namespace xgrad::kernels
