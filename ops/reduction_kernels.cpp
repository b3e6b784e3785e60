#include "reduction_kernels.hpp"

#include <cmath>

#include "../core/formula/elementwise_loop.hpp"
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

template <class T>
T logsumexp_of_row(const T* in, std::size_t count) {
  using P = simd::Pack<T, Isa>;
  const P shift = shift_of_row<P>(in, count), nothing = Largest::start<P>();
  const double total = sum_row<P>(0, count, [&](const auto& reader, std::size_t i) {
    return exp(reader.load_or(in + i, nothing) - shift);
  });
  return static_cast<T>(static_cast<double>(shift.first()) + std::log(total));
}

template <class T>
void logsumexp_of_columns(T* out, const T* in, const AxisLoop& loop, std::size_t columns) {
  using P = simd::Pack<T, Isa>;
  Strip<P> shift, sum;
  shift_of_columns(shift, in, loop, columns);
  double total[strip_columns];
  sum_columns<P>(total, loop.count, columns, [&](const auto& reader, std::size_t r, std::size_t c) {
    return exp(reader.load(in + r * loop.stride + c) - shift.at(c));
  });
  for (std::size_t c = 0; c < columns; ++c) sum.of[c] = static_cast<T>(total[c]);
  write_row<P>(out, columns, [&](const auto& reader, std::size_t i) {
    return reader.load(shift.of + i) + log(reader.load(sum.of + i));
  });
}

template <class T>
void logsumexp_kernel(const AxisLoop& loop) {
  const T* in = static_cast<const T*>(loop.in[0]);
  T* out = static_cast<T*>(loop.out);
  walk(
      loop, [=](std::size_t from, std::size_t to) { out[to] = logsumexp_of_row(in + from, loop.count); },
      [=](std::size_t from, std::size_t to, std::size_t columns) {
        logsumexp_of_columns(out + to, in + from, loop, columns);
      });
}

}  // namespace

template <>
const ReductionKernels* reduction_kernels<simd::Isa>() {
  static constexpr ReductionKernels all = {
      {{{&extreme_kernel<float, Largest>, nullptr}, {nullptr, &extreme_kernel<double, Largest>}}, false},
      {{{&extreme_kernel<float, Smallest>, nullptr}, {nullptr, &extreme_kernel<double, Smallest>}}, false},
      {{{&logsumexp_kernel<float>, nullptr}, {nullptr, &logsumexp_kernel<double>}}, false}};
  return &all;
}

template <>
const Kernels* table<simd::Isa, formulas::ReductionFormulas>() {
  return make_table<simd::Isa>(formulas::ReductionFormulas::list{});
}

}  // namespace xgrad::kernels
