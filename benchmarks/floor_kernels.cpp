#include "floor_kernels.hpp"

#include <xgrad/core/kernels/simd/pack.hpp>

namespace floors {
namespace {

using P = xgrad::simd::Pack<float, xgrad::simd::Isa>;

/// Of the lanes, in double.
double total(const P& lanes) {
  alignas(64) float values[P::width];
  lanes.store(values);
  double sum = 0;
  for (const float v : values) sum += v;
  return sum;
}

// Counts are multiples of every register's width; lanes are gathered every 4096 elements.
constexpr std::size_t block = 4096;

double formula(const float* x, float* dx, std::size_t count, float scale) {
  double sum = 0;
  for (std::size_t begin = 0; begin < count; begin += block) {
    const std::size_t end = begin + block < count ? begin + block : count;
    P part(0);
    for (std::size_t i = begin; i < end; i += P::width) {
      const P v = P::load(x + i);
      const P e = exp(v) * 0.5f, inner = e + 1, l = log(inner), t = tanh(v);
      part = fma(l, t, part);
      (scale * (e / inner * t + l * (1 - t * t))).store(dx + i);
    }
    sum += total(part);
  }
  return sum;
}

void scale(const float* x, float* y, std::size_t count, float a) {
  for (std::size_t i = 0; i < count; i += P::width) (a * P::load(x + i)).store(y + i);
}

double sum(const float* x, std::size_t count) {
  double all = 0;
  for (std::size_t begin = 0; begin < count; begin += block) {
    const std::size_t end = begin + block < count ? begin + block : count;
    P part(0);
    for (std::size_t i = begin; i < end; i += P::width) part = part + P::load(x + i);
    all += total(part);
  }
  return all;
}

double multiply_add(std::size_t rounds, float* result) {
  const P a(0.999f), b(0.001f);
  // By name, so that each stays in a register: two multiply-adds a cycle, of which each takes four or five.
  P v0(0), v1(1), v2(2), v3(3), v4(4), v5(5), v6(6), v7(7), v8(8), v9(9);
  for (std::size_t i = 0; i < rounds; ++i) {
    v0 = fma(v0, a, b), v1 = fma(v1, a, b), v2 = fma(v2, a, b), v3 = fma(v3, a, b), v4 = fma(v4, a, b);
    v5 = fma(v5, a, b), v6 = fma(v6, a, b), v7 = fma(v7, a, b), v8 = fma(v8, a, b), v9 = fma(v9, a, b);
  }
  *result = static_cast<float>(total(v0 + v1 + v2 + v3 + v4 + v5 + v6 + v7 + v8 + v9));
  return 2.0 * 10 * static_cast<double>(rounds * P::width);
}

}  // namespace

template <>
const Loops* loops<xgrad::simd::Isa>() {
  static constexpr Loops all = {&formula, &scale, &sum, &multiply_add};
  return &all;
}

}  // namespace floors
