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

}  // namespace

template <>
const Loops* loops<xgrad::simd::Isa>() {
  static constexpr Loops all = {&formula, &scale, &sum};
  return &all;
}

}  // namespace floors
