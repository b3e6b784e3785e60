// What the kernel file of attention and the library share.
#pragma once

#include <cstddef>

#include "../core/kernels/simd/isa.hpp"

namespace xgrad::kernels {

/// What is kept of a row: its largest score, and one over the sum of exp(score - largest). Apart, since their
/// sum has no digits left for the second far from 0. Both are 0 where nothing is seen.
inline constexpr std::size_t attention_sums = 2;

/// Some queries against some keys: rows x columns scores.
struct AttentionBlock {
  std::size_t rows, columns;
  void* scores;  ///< of the products of queries and keys makes weights
  double scale;  ///< of the products
  /// Row r sees `seen` + r * seen_step of the columns, as far as there are so many; less than none is none.
  std::ptrdiff_t seen, seen_step;
  /// What else it does not see: the byte at r * forbidden_row + c * forbidden_column, which is 0 or 1; none
  /// where there is no mask.
  const bool* forbidden;
  std::ptrdiff_t forbidden_row, forbidden_column;

  // For the value, of each row: the largest score so far, the sum of the weights, which are exp(score -
  // largest), and what they have added up. All three are brought to the new largest score.
  void* largest;
  double* total;
  void* out;  ///< none where nothing has been added up, the largest score is -inf and the sum 0
  std::size_t out_columns;

  // For the gradient: of each row its sums, and the mean of the weights' gradients, weighed with them.
  // `slopes` are those gradients, and become those of the products.
  const void* sums;
  /// exp(score - largest), where they have been kept; the scores are then not read.
  const void* exponentials;
  std::size_t exponentials_row;  ///< how many of them one row lies after another
  const void* mean;
  void* slopes;
};

/// Rows of an attention whose keys have all been seen.
struct AttentionRows {
  std::size_t rows;
  const void* largest;
  const double* total;
  void* out;  ///< is divided by the total, which may be 0: then it is 0
  std::size_t out_columns;
  void* sums;  ///< where they are wanted
};

/// [0] is float, [1] is double.
struct AttentionKernels {
  void (*weigh[2])(const AttentionBlock&);
  void (*finish[2])(const AttentionRows&);
  void (*gradient[2])(const AttentionBlock&);
  /// out[r] = the sum of a b along row r.
  void (*row_products[2])(const void* a, const void* b, std::size_t rows, std::size_t columns, void* out);
  /// x *= by.
  void (*multiply[2])(void* x, const void* by, std::size_t count);
  bool (*all_finite[2])(const void* x, std::size_t count);
};
template <class Isa>
const AttentionKernels* attention_kernels();

}  // namespace xgrad::kernels
