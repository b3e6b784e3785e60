#include <cstddef>

#include "axis_loop.hpp"
#include "reduction.hpp"
#include "simd/pack.hpp"

namespace xgrad::kernels {
namespace {

using simd::Isa;

template <class In, class Out>
void sum_kernel(const AxisLoop& loop) {
  using P = simd::Pack<In, Isa>;
  const In* in = static_cast<const In*>(loop.in[0]);
  Out* out = static_cast<Out*>(loop.out);
  walk(
      loop,
      [=](std::size_t from, std::size_t to) {
        const double total = sum_row<P>(
            0, loop.count, [=](const auto& reader, std::size_t i) { return reader.load(in + from + i); });
        out[to] = static_cast<Out>(total / loop.divisor);
      },
      [=](std::size_t from, std::size_t to, std::size_t columns) {
        double total[strip_columns];
        sum_columns<P>(total, loop.count, columns, [=](const auto& reader, std::size_t r, std::size_t c) {
          return reader.load(in + from + r * loop.stride + c);
        });
        if (loop.divisor != 1)
          for (std::size_t c = 0; c < columns; ++c) total[c] /= loop.divisor;
        for (std::size_t c = 0; c < columns; ++c) out[to + c] = static_cast<Out>(total[c]);
      });
}

}  // namespace

template <>
const Reduction* sum_kernels<simd::Isa>() {
  static constexpr Reduction kernels = {{{&sum_kernel<float, float>, &sum_kernel<float, double>},
                                         {&sum_kernel<double, float>, &sum_kernel<double, double>}},
                                        true};
  return &kernels;
}

}  // namespace xgrad::kernels
