// Matrix products on raw pointers: the one place that calls BLAS, or a kernel of our own where that is
// faster.
#pragma once

#include <cstddef>

namespace xgrad {

/// Whether C is overwritten, or added to.
enum class Into { overwrite, add };

/// op(A) is [m, k] and op(B) is [k, n]; a transposed operand is stored the other way round.
struct GemmSize {
  std::size_t m, n, k;
  bool transpose_a = false;
  bool transpose_b = false;
};

/// C = op(A) op(B), or C += op(A) op(B). All three are row-major and contiguous, C is [m, n] and overlaps
/// neither operand. A sum over k = 0 terms is 0. Large products are split over the thread pool by shape
/// alone, so the bits do not depend on the number of threads. ShapeError if an extent is beyond BLAS's
/// integers.
///
/// The first call sets OpenBLAS's own number of threads to 1, once, for the whole process: two pools on the
/// same cores slow each other down. A program that calls openblas_set_num_threads later keeps what it sets.
template <class T>
void gemm(const GemmSize& size, const T* a, const T* b, T* c, Into into = Into::overwrite);

}  // namespace xgrad
