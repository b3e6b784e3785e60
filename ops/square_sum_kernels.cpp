#include "square_sum_kernels.hpp"

#include "../core/kernels/axis_loop.hpp"
#include "../core/kernels/simd/pack.hpp"

namespace xgrad::kernels {
namespace {

using simd::Isa;

template <class In, class Out>
void square_sum_kernel(const AxisLoop& loop) {
  using P = simd::Pack<In, Isa>;
  const In* const in = static_cast<const In*>(loop.in[0]);
  Out* const out = static_cast<Out*>(loop.out);
  const auto square_at = [=](const auto& reader, std::size_t at) {
    const P x = reader.load(in + at);
    return x * x;
  };
  walk(
      loop,
      [=](std::size_t from, std::size_t to) {
        const double total = sum_row<P>(
            0, loop.count, [=](const auto& reader, std::size_t i) { return square_at(reader, from + i); });
        out[to] = static_cast<Out>(total / loop.divisor);
      },
      [=](std::size_t from, std::size_t to, std::size_t columns) {
        double total[strip_columns];
        sum_columns<P>(total, loop.count, columns, [=](const auto& reader, std::size_t r, std::size_t c) {
          return square_at(reader, from + r * loop.stride + c);
        });
        for (std::size_t c = 0; c < columns; ++c) out[to + c] = static_cast<Out>(total[c] / loop.divisor);
      });
}

}  // namespace

template <>
const Reduction* square_sum_kernels<simd::Isa>() {
  static constexpr Reduction kernels = {
      {{&square_sum_kernel<float, float>, &square_sum_kernel<float, double>},
       {&square_sum_kernel<double, float>, &square_sum_kernel<double, double>}},
      true,
      &sum_kernels<simd::Isa>};
  return &kernels;
}

}  // namespace xgrad::kernels
