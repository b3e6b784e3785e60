// Sixteen places at a time. An image's row is dealt out first, as many ways as the stride is long, so that an
// element of the window lies side by side for all places, and packs are compared without a jump to guess.
#include "pooling_kernels.hpp"

#include <cstddef>

#include "../core/kernels/simd/pack.hpp"

namespace xgrad::kernels {
namespace {

constexpr std::size_t block = 16;

template <class T>
struct Block {
  using P = simd::Pack<T, simd::Isa>;
  static_assert(block % P::width == 0);

  alignas(64) T dealt[most_pooling_strides][block + most_pooling_reach] = {};
  alignas(64) T best[block];
  alignas(64) T which[block];  ///< the number of the best element in the window

  void deal(const T* from, std::size_t columns, std::size_t stride) {
    for (std::size_t s = 0; s < stride; ++s)
      for (std::size_t i = 0, c = s; c < columns; ++i, c += stride) dealt[s][i] = from[c];
  }
  /// With the first element of every window.
  void start(std::size_t number) {
    for (std::size_t i = 0; i < block; i += P::width) {
      P::load(dealt[0] + i).store(best + i);
      P(static_cast<T>(number)).store(which + i);
    }
  }
  /// With the element of that number, `offset` columns after the first.
  void compare(std::size_t number, std::size_t offset, std::size_t stride) {
    const T* const from = dealt[offset % stride] + offset / stride;
    for (std::size_t i = 0; i < block; i += P::width) {
      const P x = P::load(from + i), largest = P::load(best + i);
      const auto better = (x > largest) | ((x != x) & (largest == largest));
      select(better, x, largest).store(best + i);
      select(better, P(static_cast<T>(number)), P::load(which + i)).store(which + i);
    }
  }
};

template <class T>
void largest(const PoolingPlane& plane, const void* image, void* values, std::int64_t* positions) {
  const Window& w = plane.window;
  const std::size_t stride = w.stride[1], width = w.kernel[1];
  Block<T> now;
  for (std::size_t row = 0; row < w.out[0]; ++row)
    for (std::size_t first = plane.columns.begin; first < plane.columns.end; first += block) {
      const std::size_t left = plane.columns.end - first, count = left < block ? left : block;
      const Span ys = plane.elements[row];
      const auto corner = [&](std::size_t ky) {
        return (row * w.stride[0] + ky * w.dilation[0] - w.padding[0]) * w.in[1] + first * stride -
               w.padding[1];
      };
      for (std::size_t ky = ys.begin; ky < ys.end; ++ky) {
        now.deal(static_cast<const T*>(image) + corner(ky), (count - 1) * stride + w.reach(1), stride);
        if (ky == ys.begin) now.start(ky * width);
        for (std::size_t kx = ky == ys.begin; kx < width; ++kx)
          now.compare(ky * width + kx, kx * w.dilation[1], stride);
      }
      const std::size_t to = row * w.out[1] + first;
      for (std::size_t i = 0; i < count; ++i) {
        const auto number = static_cast<std::size_t>(now.which[i]);
        static_cast<T*>(values)[to + i] = now.best[i];
        positions[to + i] =
            static_cast<std::int64_t>(corner(number / width) + i * stride + number % width * w.dilation[1]);
      }
    }
}

}  // namespace

template <>
const PoolingKernels* pooling_kernels<simd::Isa>() {
  static constexpr PoolingKernels all = {{&largest<float>, &largest<double>}};
  return &all;
}

}  // namespace xgrad::kernels
