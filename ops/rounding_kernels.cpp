#include "rounding.hpp"

#include "../core/formula/elementwise_loop.hpp"
#include "../core/kernels/simd/rounding.hpp"

namespace xgrad::kernels {

template <>
const Kernels* table<simd::Isa, formulas::Rounding>() {
  return make_table<simd::Isa>(formulas::Rounding::list{});
}

}  // namespace xgrad::kernels
