// xtensor-blas's typed interfaces to BLAS and LAPACK: cxxblas and cxxlapack choose a routine by the type of
// the elements, which must be the type of alpha and beta, too. Not to be included beside OpenBLAS's cblas.h,
// which declares the same functions over types of its own (core/kernels/blas_library.cpp has that one).
#pragma once

#include <complex>
#include <cstddef>
#include <limits>
#include <xtensor-blas/xblas_config.hpp>

// These two rely on the headers above.
// NOLINTBEGIN(bugprone-suspicious-include): they are templates
#include <xflens/cxxblas/cxxblas.cxx>
#include <xflens/cxxlapack/cxxlapack.cxx>
// NOLINTEND(bugprone-suspicious-include)

namespace xgrad::detail {

/// BLAS's integers.
using BlasIndex = xt::blas_index_t;
inline constexpr auto largest_blas_index = static_cast<std::size_t>(std::numeric_limits<BlasIndex>::max());

/// What goes to BLAS: the caller has seen to it that it fits.
inline BlasIndex blas_index(std::size_t extent) { return static_cast<BlasIndex>(extent); }
inline cxxblas::Transpose blas_transpose(bool transpose) {
  return transpose ? cxxblas::Trans : cxxblas::NoTrans;
}

}  // namespace xgrad::detail
