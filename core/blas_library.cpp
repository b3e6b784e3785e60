#include "blas_library.hpp"

#include <cblas.h>

#include <string_view>
#include <xtensor-blas/xblas_config.hpp>

namespace xgrad::detail {

static_assert(
    sizeof(blasint) == sizeof(xt::blas_index_t),
    "xtensor-blas calls BLAS with integers of another size than this OpenBLAS takes: use an OpenBLAS "
    "of 32-bit integers");

void claim_blas_threads() {
  [[maybe_unused]] static const bool claimed = (openblas_set_num_threads(1), true);
}

bool blas_uses_avx512() {
  const std::string_view core = openblas_get_corename();
  return core == "SkylakeX" || core == "Cooperlake" || core == "SapphireRapids";
}

}  // namespace xgrad::detail
