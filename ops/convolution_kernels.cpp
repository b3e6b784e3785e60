#include "convolution_kernels.hpp"

#include "../core/kernels/axis_loop.hpp"

namespace xgrad::kernels {
namespace {

using simd::Isa;

/// Of `count` places, those where one element of the window lies in the image: [begin, end), and the position
/// in the image that belongs to `begin`.
struct Inside {
  std::size_t begin, end, position;
};

Inside inside(const Window& window, std::size_t axis, std::size_t element) {
  const std::size_t stride = window.stride[axis], padding = window.padding[axis];
  const std::size_t offset = element * window.dilation[axis], limit = window.in[axis] + padding;
  if (limit <= offset) return {0, 0, 0};
  std::size_t begin = padding > offset ? (padding - offset + stride - 1) / stride : 0;
  std::size_t end = (limit - offset - 1) / stride + 1;
  if (end > window.out[axis]) end = window.out[axis];
  if (begin >= end) return {0, 0, 0};
  return {begin, end, begin * stride + offset - padding};
}

/// Calls body(image offset, columns offset, inside_x) for every row of places at which an element of the
/// window lies in the image, and outside(columns offset) for the others.
template <class Body, class Outside>
void walk_patches(const Patches& p, const Body& body, const Outside& outside) {
  const Window& w = p.window;
  std::size_t line = 0;
  for (std::size_t channel = 0; channel < p.channels; ++channel)
    for (std::size_t ky = 0; ky < w.kernel[0]; ++ky) {
      const Inside y = inside(w, 0, ky);
      for (std::size_t kx = 0; kx < w.kernel[1]; ++kx, ++line) {
        const Inside x = inside(w, 1, kx);
        std::size_t to = line * p.row_stride;
        for (std::size_t row = p.first_row; row < p.first_row + p.rows; ++row, to += w.out[1]) {
          if (row < y.begin || row >= y.end) {
            outside(to);
            continue;
          }
          const std::size_t image_row = y.position + (row - y.begin) * w.stride[0];
          body((channel * w.in[0] + image_row) * w.in[1] + x.position, to, x);
        }
      }
    }
}

template <class T>
void clear(T* out, std::size_t count) {
  for (std::size_t i = 0; i < count; ++i) out[i] = T(0);
}

template <class T>
void gather(const Patches& p, const void* image, void* columns) {
  using P = simd::Pack<T, Isa>;
  const T* const in = static_cast<const T*>(image);
  T* const out = static_cast<T*>(columns);
  const std::size_t width = p.window.out[1], stride = p.window.stride[1];
  walk_patches(
      p,
      [=](std::size_t from, std::size_t to, const Inside& x) {
        clear(out + to, x.begin);
        T* const row = out + to + x.begin;
        const T* const source = in + from;
        const std::size_t count = x.end - x.begin;
        if (stride == 1) {
          write_row<P>(row, count,
                       [=](const auto& reader, std::size_t i) { return reader.load(source + i); });
        } else {
          for (std::size_t i = 0; i < count; ++i) row[i] = source[i * stride];
        }
        clear(out + to + x.end, width - x.end);
      },
      [=](std::size_t to) { clear(out + to, width); });
}

template <class T>
void scatter(const Patches& p, const void* columns, void* image) {
  using P = simd::Pack<T, Isa>;
  const T* const in = static_cast<const T*>(columns);
  T* const out = static_cast<T*>(image);
  const std::size_t stride = p.window.stride[1];
  walk_patches(
      p,
      [=](std::size_t to, std::size_t from, const Inside& x) {
        T* const row = out + to;
        const T* const source = in + from + x.begin;
        const std::size_t count = x.end - x.begin;
        if (stride == 1) {
          write_row<P>(row, count, [=](const auto& reader, std::size_t i) {
            return reader.load(row + i) + reader.load(source + i);
          });
        } else {
          for (std::size_t i = 0; i < count; ++i) row[i * stride] += source[i];
        }
      },
      [](std::size_t) {});
}

}  // namespace

template <>
const ConvolutionKernels* convolution_kernels<simd::Isa>() {
  static constexpr ConvolutionKernels all = {{&gather<float>, &gather<double>},
                                             {&scatter<float>, &scatter<double>}};
  return &all;
}

}  // namespace xgrad::kernels
