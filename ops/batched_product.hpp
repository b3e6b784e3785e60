// Products of stacks of matrices on raw pointers: what matmul runs for more than two axes.
#pragma once

#include "../core/array/shape.hpp"
#include "../core/kernels/gemm.hpp"

namespace xgrad {

/// C = op(A) op(B) for every matrix of the stacks. The batch axes of A and B broadcast against each other as
/// NumPy's do; over those that C lacks, or has with extent 1 alone, the products are added up. All three are
/// row-major and contiguous, and `size` is that of one product. Neighbouring matrices that one product covers
/// are one product: A's rows where B stays the same, for example. Split over the thread pool by shape alone.
template <class T>
void batched_gemm(const GemmSize& size, const Shape& a_batch, const Shape& b_batch, const Shape& c_batch,
                  const T* a, const T* b, T* c);

}  // namespace xgrad
