#include "exponential.hpp"

#include "../core/formula/elementwise_loop.hpp"

namespace xgrad::kernels {

template <>
const Kernels* table<simd::Isa, formulas::Exponential>() {
  return make_table<simd::Isa>(formulas::Exponential::list{});
}

}  // namespace xgrad::kernels
