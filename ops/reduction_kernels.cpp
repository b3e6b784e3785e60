#include "reduction_kernels.hpp"

#include "../core/kernels/axis_loop.hpp"

namespace xgrad::kernels {
namespace {

using simd::Isa;

template <class T, class Extreme>
void extreme_kernel(const AxisLoop& loop) {
  using P = simd::Pack<T, Isa>;
  const T* in = static_cast<const T*>(loop.in[0]);
  T* out = static_cast<T*>(loop.out);
  walk(
      loop,
      [=](std::size_t from, std::size_t to) { out[to] = extreme_of_row<P, Extreme>(in + from, loop.count); },
      [=](std::size_t from, std::size_t to, std::size_t columns) {
        Strip<P> extreme;
        extreme_of_columns<P, Extreme>(extreme, in + from, loop, columns);
        write_row<P>(out + to, columns,
                     [&](const auto& reader, std::size_t i) { return reader.load(extreme.of + i); });
      });
}

}  // namespace

template <>
const ReductionKernels* reduction_kernels<simd::Isa>() {
  static constexpr ReductionKernels all = {
      {{{&extreme_kernel<float, Largest>, nullptr}, {nullptr, &extreme_kernel<double, Largest>}}, false},
      {{{&extreme_kernel<float, Smallest>, nullptr}, {nullptr, &extreme_kernel<double, Smallest>}}, false}};
  return &all;
}

}  // namespace xgrad::kernels
