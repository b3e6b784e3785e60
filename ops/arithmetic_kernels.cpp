#include "arithmetic.hpp"

#include "../core/formula/elementwise_loop.hpp"

namespace xgrad::kernels {

template <>
const Kernels* table<simd::Isa, formulas::Arithmetic>() {
  return make_table<simd::Isa, of_cheap_formulas>(formulas::Arithmetic::list{});
}

}  // namespace xgrad::kernels
