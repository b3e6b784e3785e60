// Products of matrices and vectors. Transposition is a flag of the product: nothing is transposed in memory,
// in no derivative of any order.
#pragma once

#include "../core/record.hpp"

namespace xgrad {

/// What matmul takes: which of two matrices enters as its transpose. A vector has none.
struct MatmulOptions {
  bool transpose_a = false;
  bool transpose_b = false;
};

/// a b, as NumPy's matmul: [m, k] times [k, n] is [m, n]; a vector [k] on the left is a row and on the right
/// a column, and its axis is not in the result, so that two vectors give their dot product, of shape [].
/// The left factor is kept for the right one's gradient alone, and the other way round. ShapeError if the
/// inner extents differ, for a value without axes, and for more than two axes: batched products are not
/// supported.
template <Tensor V>
V matmul(const V& a, const V& b, const MatmulOptions& options = {});

/// x weight, over the last axis of x: [..., in] times [in, out] is [..., out]. ShapeError if x has no axes,
/// weight is no matrix, or the extents `in` differ.
template <Tensor V>
V linear(const V& x, const V& weight);

/// x weight + bias as one operation; bias is [out].
template <Tensor V>
V linear(const V& x, const V& weight, const V& bias);

}  // namespace xgrad
