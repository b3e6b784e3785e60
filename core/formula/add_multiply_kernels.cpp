#include "add_multiply.hpp"
#include "elementwise_loop.hpp"

namespace xgrad::kernels {

template <>
const Kernels* table<simd::Isa, formulas::Core>() {
  return make_table<simd::Isa, of_cheap_formulas>(formulas::Core::list{});
}

}  // namespace xgrad::kernels
