// What we ask of OpenBLAS beyond BLAS itself.
#pragma once

namespace xgrad::detail {

/// What gemm and lapack.hpp do at their first call: sets OpenBLAS's own number of threads to 1, once.
void claim_blas_threads();

/// Whether BLAS has kernels as wide as AVX-512's registers. OpenBLAS picks them by the names of processors,
/// and takes the one that it knows best for one that it does not know.
bool blas_uses_avx512();

/// The processor whose kernels OpenBLAS has picked, by its own name for it: "SkylakeX".
const char* blas_core() noexcept;

}  // namespace xgrad::detail
