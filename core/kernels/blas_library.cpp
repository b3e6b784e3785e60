#include "blas_library.hpp"

#include <cblas.h>

#include <atomic>
#include <string_view>
#include <xtensor-blas/xblas_config.hpp>

#include "blas_call.hpp"

namespace xgrad::detail {

static_assert(
    sizeof(blasint) == sizeof(xt::blas_index_t),
    "xtensor-blas calls BLAS with integers of another size than this OpenBLAS takes: use an OpenBLAS "
    "of 32-bit integers");

void claim_blas_threads() {
  static constinit std::atomic<bool> claimed{false};
  if (claimed.load(std::memory_order_acquire)) [[likely]]
    return;
  {
    const BlasCall call;
    openblas_set_num_threads(1);
  }
  claimed.store(true, std::memory_order_release);
}

bool blas_uses_avx512() {
  enum Known { unknown, no, yes };
  static constinit std::atomic<Known> known{unknown};
  Known answer = known.load(std::memory_order_relaxed);
  if (answer == unknown) [[unlikely]] {
    const std::string_view core = blas_core();
    answer = core == "SkylakeX" || core == "Cooperlake" || core == "SapphireRapids" ? yes : no;
    known.store(answer, std::memory_order_relaxed);
  }
  return answer == yes;
}

const char* blas_core() noexcept { return openblas_get_corename(); }

}  // namespace xgrad::detail
