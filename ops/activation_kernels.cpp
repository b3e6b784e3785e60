#include "activation.hpp"

#include "../core/formula/elementwise_loop.hpp"

namespace xgrad::kernels {

template <>
const Kernels* table<simd::Isa, formulas::Activation>() {
  return make_table<simd::Isa>(formulas::Activation::list{});
}

}  // namespace xgrad::kernels
