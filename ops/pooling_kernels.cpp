// A pack holds an element of the window for as many places as it has lanes, so that there is no jump to
// guess. At strides of 1 and 2 it is read from the image; at others a row is dealt out first, as many ways as
// the stride is long.
#include "pooling_kernels.hpp"

#include <cstddef>

#include "../core/kernels/simd/every_other.hpp"
#include "../core/kernels/simd/pack.hpp"
#include "../core/kernels/simd/positions.hpp"

namespace xgrad::kernels {
namespace {

using simd::Isa;

template <class T>
using PackOf = simd::Pack<T, Isa>;

/// Where x beats the largest so far: a NaN beats every number, and nothing beats a NaN.
template <class P>
auto beats(const P& x, const P& largest) {
  return (largest == largest) & !(x <= largest);
}

/// 0, 1, 2 ... times `step`.
template <class P>
P multiples(std::size_t step) {
  using T = typename P::value_type;
  alignas(64) T lanes[P::width];
  for (std::size_t i = 0; i < P::width; ++i) lanes[i] = static_cast<T>(i * step);
  return P::load(lanes);
}

/// Reads a column of the windows at `count` places, whose first window has its column 0 at `row`. Only
/// elements of windows are touched: of even columns the first is read with its neighbour, and every other one
/// with the column before it.
template <class T, std::size_t Stride, bool Whole>
struct Columns {
  using P = PackOf<T>;
  std::size_t count;

  P first(const T* from, std::size_t n) const {
    if constexpr (Whole) return P::load(from);
    return n == 0 ? P(0) : n < P::width ? P::load_first(from, n) : P::load(from);
  }
  P column(const T* row, std::size_t k) const {
    if constexpr (Stride == 1) return first(row + k, count);
    const T* const from = k == 0 ? row : row + (k - 1);
    const std::size_t left = 2 * count < P::width ? 2 * count : P::width;
    const P a = first(from, left), b = first(from + P::width, 2 * count - left);
    return k == 0 ? evens(a, b) : odds(a, b);
  }
  /// Columns 0 and 1, of windows two columns apart.
  struct Pair {
    P of[2];
  };
  Pair pair(const T* row) const {
    const std::size_t left = 2 * count < P::width ? 2 * count : P::width;
    const P a = first(row, left), b = first(row + P::width, 2 * count - left);
    return {{evens(a, b), odds(a, b)}};
  }
  void store(const P& x, T* to) const {
    if constexpr (Whole)
      x.store(to);
    else
      x.store_first(to, count);
  }
};

/// Calls body(row of places, first place, how many as columns) for packs of places; the last of a row may
/// overlap the one before it.
template <class T, std::size_t Stride, class Body>
void for_each_pack(const PoolingPlane& plane, const Body& body) {
  constexpr std::size_t width = PackOf<T>::width;
  const Span places = plane.columns;
  for (std::size_t row = 0; row < plane.window.out[0]; ++row) {
    if (places.end - places.begin < width) {
      const Columns<T, Stride, false> part{places.end - places.begin};
      if (part.count > 0) body(row, places.begin, part);
      continue;
    }
    const Columns<T, Stride, true> whole{width};
    std::size_t first = places.begin;
    for (; first + width < places.end; first += width) body(row, first, whole);
    body(row, places.end - width, whole);
  }
}

/// The position of a window's element in row ky and its first column, which lies in the image.
std::size_t position_of(const Window& w, std::size_t row, std::size_t ky, std::size_t place) {
  return (row * w.stride[0] + ky * w.dilation[0] - w.padding[0]) * w.in[1] + place * w.stride[1] -
         w.padding[1];
}

/// Windows of two columns side by side have their own way: each number is read once.
constexpr std::size_t pairs = 0;

template <class T, std::size_t Stride>
void largest_of_packs(const PoolingPlane& plane, const T* image, T* values, std::int64_t* positions) {
  using P = PackOf<T>;
  constexpr std::size_t stride = Stride == pairs ? 2 : Stride;
  const Window& w = plane.window;
  const std::size_t down = w.dilation[0] * w.in[1];
  const P lanes = multiples<P>(stride);
  for_each_pack<T, stride>(plane, [&](std::size_t row, std::size_t first, const auto& columns) {
    const Span ys = plane.elements[row];
    const std::size_t corner = position_of(w, row, ys.begin, first);
    P best, offset(0);
    const auto compare = [&](const P& x, std::size_t at) {
      const auto better = beats(x, best);
      best = select(better, x, best);
      offset = select(better, P(static_cast<T>(at)), offset);
    };
    for (std::size_t ky = 0, at = 0; ky < ys.end - ys.begin; ++ky, at += down) {
      const T* const from = image + corner + at;
      if constexpr (Stride == pairs) {
        const auto two = columns.pair(from);
        ky == 0 ? void(best = two.of[0]) : compare(two.of[0], at);
        compare(two.of[1], at + 1);
      } else {
        if (ky == 0) best = columns.column(from, 0);
        for (std::size_t kx = ky == 0; kx < w.kernel[1]; ++kx)
          compare(columns.column(from, kx * w.dilation[1]), at + kx * w.dilation[1]);
      }
    }
    const std::size_t to = row * w.out[1] + first;
    columns.store(best, values + to);
    simd::store_positions((offset + lanes).batch(), static_cast<std::int64_t>(corner), positions + to,
                          columns.count);
  });
}

constexpr std::size_t block = 16;

/// A block of places, at any stride.
template <class T>
struct Block {
  using P = PackOf<T>;
  static_assert(block % P::width == 0);

  alignas(64) T dealt[most_pooling_strides][block + most_pooling_reach] = {};
  alignas(64) T best[block];
  alignas(64) T which[block];  ///< how far from the window's first element the best one stands

  void deal(const T* from, std::size_t columns, std::size_t stride) {
    for (std::size_t s = 0; s < stride; ++s)
      for (std::size_t i = 0, c = s; c < columns; ++i, c += stride) dealt[s][i] = from[c];
  }
  /// With the first element of every window.
  void start() {
    for (std::size_t i = 0; i < block; i += P::width) {
      P::load(dealt[0] + i).store(best + i);
      P(0).store(which + i);
    }
  }
  /// With the element `column` columns after the first, in the row that was dealt last.
  void compare(std::size_t offset, std::size_t column, std::size_t stride) {
    const T* const from = dealt[column % stride] + column / stride;
    for (std::size_t i = 0; i < block; i += P::width) {
      const P x = P::load(from + i), largest = P::load(best + i);
      const auto better = beats(x, largest);
      select(better, x, largest).store(best + i);
      select(better, P(static_cast<T>(offset)), P::load(which + i)).store(which + i);
    }
  }
};

template <class T>
void largest_of_blocks(const PoolingPlane& plane, const T* image, T* values, std::int64_t* positions) {
  const Window& w = plane.window;
  const std::size_t stride = w.stride[1], down = w.dilation[0] * w.in[1];
  Block<T> now;
  for (std::size_t row = 0; row < w.out[0]; ++row)
    for (std::size_t first = plane.columns.begin; first < plane.columns.end; first += block) {
      const std::size_t left = plane.columns.end - first, count = left < block ? left : block;
      const Span ys = plane.elements[row];
      const std::size_t corner = position_of(w, row, ys.begin, first);
      for (std::size_t ky = 0; ky < ys.end - ys.begin; ++ky) {
        now.deal(image + corner + ky * down, (count - 1) * stride + w.reach(1), stride);
        if (ky == 0) now.start();
        for (std::size_t kx = ky == 0; kx < w.kernel[1]; ++kx)
          now.compare(ky * down + kx * w.dilation[1], kx * w.dilation[1], stride);
      }
      const std::size_t to = row * w.out[1] + first;
      for (std::size_t i = 0; i < count; ++i) {
        values[to + i] = now.best[i];
        positions[to + i] =
            static_cast<std::int64_t>(corner + i * stride) + static_cast<std::int32_t>(now.which[i]);
      }
    }
}

template <class T>
void largest(const PoolingPlane& plane, const void* image, void* values, std::int64_t* positions) {
  const T* const from = static_cast<const T*>(image);
  T* const to = static_cast<T*>(values);
  const Window& w = plane.window;
  if (w.stride[1] == 1) return largest_of_packs<T, 1>(plane, from, to, positions);
  if (w.stride[1] == 2 && w.kernel[1] == 2 && w.dilation[1] == 1)
    return largest_of_packs<T, pairs>(plane, from, to, positions);
  if (w.stride[1] == 2 && w.kernel[1] > 1) return largest_of_packs<T, 2>(plane, from, to, positions);
  largest_of_blocks(plane, from, to, positions);
}

template <class T, std::size_t Stride>
void mean_of_packs(const PoolingPlane& plane, const T* image, T* values) {
  using P = PackOf<T>;
  const Window& w = plane.window;
  const P elements(static_cast<T>(w.kernel_size()));
  for_each_pack<T, Stride>(plane, [&](std::size_t row, std::size_t first, const auto& columns) {
    const Span ys = plane.elements[row];
    P sum(0);
    for (std::size_t ky = ys.begin; ky < ys.end; ++ky) {
      const T* const from = image + position_of(w, row, ky, first);
      for (std::size_t kx = 0; kx < w.kernel[1]; ++kx) sum += columns.column(from, kx * w.dilation[1]);
    }
    columns.store(sum / elements, values + row * w.out[1] + first);
  });
}

template <class T>
void mean(const PoolingPlane& plane, const void* image, void* values) {
  const T* const from = static_cast<const T*>(image);
  T* const to = static_cast<T*>(values);
  plane.window.stride[1] == 1 ? mean_of_packs<T, 1>(plane, from, to) : mean_of_packs<T, 2>(plane, from, to);
}

template <class T>
void spread_pairs(const void* row, std::size_t count, std::size_t elements, void* to_) {
  using P = PackOf<T>;
  const T* const from = static_cast<const T*>(row);
  T* const to = static_cast<T*>(to_);
  const P number(static_cast<T>(elements));
  std::size_t i = 0;
  for (; i + P::width <= count; i += P::width) {
    const P x = P::load(from + i) / number;
    first_twice(x).store(to + 2 * i);
    second_twice(x).store(to + 2 * i + P::width);
  }
  for (; i < count; ++i) to[2 * i] = to[2 * i + 1] = from[i] / static_cast<T>(elements);
}

}  // namespace

template <>
const PoolingKernels* pooling_kernels<simd::Isa>() {
  static constexpr PoolingKernels all = {{&largest<float>, &largest<double>},
                                         {&mean<float>, &mean<double>},
                                         {&spread_pairs<float>, &spread_pairs<double>}};
  return &all;
}

}  // namespace xgrad::kernels
