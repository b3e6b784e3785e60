#include <cstddef>

#include "reduction.hpp"
#include "simd/pack.hpp"

namespace xgrad::kernels {
namespace {

using simd::Isa;
using simd::Pack;

// A float partial sum of at most this many addends per lane is added to a double.
constexpr std::size_t block_rows = 64;

double to_double(const Pack<float, Isa>& p) { return sum_double(p); }
double to_double(const Pack<double, Isa>& p) { return sum(p); }

/// Pairwise over blocks, so that the error of a double sum grows with the logarithm of its length.
template <class T>
double sum_run(const T* in, std::size_t count) {
  using P = Pack<T, Isa>;
  constexpr std::size_t width = P::width, block = 4 * width * block_rows;
  if (count > block) {
    const std::size_t half = (count / 2 + block - 1) / block * block;
    return sum_run(in, half) + sum_run(in + half, count - half);
  }
  P part[4] = {P(0), P(0), P(0), P(0)};
  std::size_t i = 0;
  for (; i + 4 * width <= count; i += 4 * width)
    for (std::size_t k = 0; k < 4; ++k) part[k] += P::load(in + i + k * width);
  for (; i + width <= count; i += width) part[0] += P::load(in + i);
  if (i < count) part[1] += P::load_first(in + i, count - i);
  return to_double((part[0] + part[1]) + (part[2] + part[3]));
}

/// Adds `rows` rows of `columns` <= tile elements into double sums.
template <class T, std::size_t tile>
void sum_rows(const T* in, std::size_t rows, std::size_t stride, std::size_t columns, double* total) {
  using P = Pack<T, Isa>;
  constexpr std::size_t packs = tile / P::width;
  for (std::size_t first = 0; first < rows; first += block_rows) {
    const std::size_t last = first + block_rows < rows ? first + block_rows : rows;
    alignas(64) T part[tile];
    if (columns == tile) {
      P sums[packs];
      for (std::size_t k = 0; k < packs; ++k) sums[k] = P(0);
      for (std::size_t r = first; r < last; ++r)
        for (std::size_t k = 0; k < packs; ++k) sums[k] += P::load(in + r * stride + k * P::width);
      for (std::size_t k = 0; k < packs; ++k) sums[k].store(part + k * P::width);
    } else {
      for (std::size_t c = 0; c < columns; ++c) part[c] = 0;
      for (std::size_t r = first; r < last; ++r)
        for (std::size_t c = 0; c < columns; ++c) part[c] += in[r * stride + c];
    }
    for (std::size_t c = 0; c < columns; ++c) total[c] += static_cast<double>(part[c]);
  }
}

template <class T>
void sum_kernel(const void* in_, void* out_, std::size_t outer, std::size_t count, std::size_t inner) {
  const T* in = static_cast<const T*>(in_);
  T* out = static_cast<T*>(out_);
  constexpr std::size_t tile = 4 * Pack<T, Isa>::width;
  for (std::size_t o = 0; o < outer; ++o, in += count * inner, out += inner) {
    if (inner == 1) {
      *out = static_cast<T>(sum_run(in, count));
      continue;
    }
    for (std::size_t c = 0; c < inner; c += tile) {
      const std::size_t columns = c + tile <= inner ? tile : inner - c;
      double total[tile] = {};
      sum_rows<T, tile>(in + c, count, inner, columns, total);
      for (std::size_t k = 0; k < columns; ++k) out[c + k] = static_cast<T>(total[k]);
    }
  }
}

}  // namespace

template <>
const SumKernels* sum_kernels<simd::Isa>() {
  static constexpr SumKernels kernels = {{&sum_kernel<float>, &sum_kernel<double>}};
  return &kernels;
}

}  // namespace xgrad::kernels
