#include "add_multiply.hpp"
#include "elementwise_loop.hpp"

namespace xgrad::kernels {

template <>
const Kernels* table<simd::Isa, Core>() {
  return make_table<simd::Isa>(Core::list{});
}

}  // namespace xgrad::kernels
