#include "convolution_direct_kernels.hpp"

#include <utility>

#include "../core/kernels/axis_loop.hpp"
#include "../core/kernels/simd/turn.hpp"

namespace xgrad::kernels {
namespace {

using simd::Isa;
using simd::Pack;

/// A tile is so many positions by so many packs of sums: they fill the registers but for a row's packs and
/// one factor. A term then takes one load for each side of the tile.
constexpr std::size_t tile_positions = 6;
#if defined(__AVX512F__)
constexpr std::size_t most_packs = 4;
#else
constexpr std::size_t most_packs = 2;
#endif

/// Calls body(0), body(1) ... with constants: a loop over an array of registers would put them into memory.
template <std::size_t Count, class F>
[[gnu::always_inline]] inline void unrolled(F&& body) {
  [&]<std::size_t... K>(std::index_sequence<K...>) __attribute__((always_inline)) {
    (body(std::integral_constant<std::size_t, K>{}), ...);
  }
  (std::make_index_sequence<Count>{});
}

/// The positions from `first` on.
template <class T, std::size_t Positions, std::size_t Packs, bool Apart>
void tile(const LaneProducts& s, std::size_t first) {
  using P = Pack<T, Isa>;
  constexpr std::size_t lanes = Packs * P::width;
  const T* x[Positions];
  P sum[Positions][Packs];
  unrolled<Positions>([&](auto i) {
    x[i] = static_cast<const T*>(s.x) + s.from[first + i];
    unrolled<Packs>([&](auto q) { sum[i][q] = P(0); });
  });
  const T* row = static_cast<const T*>(s.rows);
  const std::ptrdiff_t* const end = s.terms + s.term_count;
  const std::ptrdiff_t* row_of = s.row_of;
  for (const std::ptrdiff_t* term = s.terms; term != end; ++term) {
    const std::ptrdiff_t at = *term;
    if constexpr (Apart) row = static_cast<const T*>(s.rows) + *row_of++;
    P factor[Packs];
    unrolled<Packs>([&](auto q) { factor[q] = P::load(row + q * P::width); });
    unrolled<Positions>([&](auto i) {
      const P number = P::splat(x[i] + at);
      unrolled<Packs>([&](auto q) { sum[i][q] = fma(number, factor[q], sum[i][q]); });
    });
    if constexpr (!Apart) row += lanes;
  }
  const T* const start = static_cast<const T*>(s.start);
  unrolled<Positions>([&](auto i) {
    T* const to = static_cast<T*>(s.sums) + s.to[first + i] * static_cast<std::ptrdiff_t>(s.to_unit);
    const T* const before = start != nullptr ? start : to;
    unrolled<Packs>([&](auto q) { (P::load(before + q * P::width) + sum[i][q]).store(to + q * P::width); });
  });
}

/// Tiles of as many positions as there are in one; what is left after them in tiles as even as can be, for
/// one of a single position waits for each sum.
template <class T, std::size_t Packs, bool Apart>
void tiles(const LaneProducts& s) {
  static_assert(tile_positions == 6);
  std::size_t first = 0;
  const auto step = [&]<std::size_t Count>(std::integral_constant<std::size_t, Count>) {
    tile<T, Count, Packs, Apart>(s, first);
    first += Count;
  };
  while (const std::size_t left = s.positions - first) {
    switch (left <= tile_positions || left >= 2 * tile_positions - 1 ? left : (left + 1) / 2) {
      case 1:
        step(std::integral_constant<std::size_t, 1>{});
        break;
      case 2:
        step(std::integral_constant<std::size_t, 2>{});
        break;
      case 3:
        step(std::integral_constant<std::size_t, 3>{});
        break;
      case 4:
        step(std::integral_constant<std::size_t, 4>{});
        break;
      case 5:
        step(std::integral_constant<std::size_t, 5>{});
        break;
      default:
        step(std::integral_constant<std::size_t, 6>{});
    }
  }
}

template <class T, std::size_t Packs>
void all_positions(const LaneProducts& s) {
  s.row_of != nullptr ? tiles<T, Packs, true>(s) : tiles<T, Packs, false>(s);
}

/// One position has as many packs as a tile of several has sums, so that none waits for the one before it.
template <class T>
void one_position(LaneProducts s) {
  constexpr std::size_t width = Pack<T, Isa>::width;
  const auto step = [&]<std::size_t Packs>(std::integral_constant<std::size_t, Packs>) {
    for (; s.lanes >= Packs * width; s.lanes -= Packs * width) {
      tile<T, 1, Packs, true>(s, 0);
      s.rows = static_cast<const T*>(s.rows) + Packs * width;
      s.sums = static_cast<T*>(s.sums) + Packs * width;
    }
  };
  step(std::integral_constant<std::size_t, 6>{});
  step(std::integral_constant<std::size_t, 3>{});
  step(std::integral_constant<std::size_t, 1>{});
}

template <class T>
void multiply(const LaneProducts& s) {
  if (s.positions == 1 && s.row_of != nullptr && s.start == nullptr) return one_position<T>(s);
  switch (s.lanes / Pack<T, Isa>::width) {
    case 1:
      return all_positions<T, 1>(s);
    case 2:
      return all_positions<T, 2>(s);
    case 3:
      if constexpr (most_packs > 2) return all_positions<T, 3>(s);
      break;
    default:
      if constexpr (most_packs > 2) return all_positions<T, 4>(s);
  }
}

template <class T>
void copy_row(const T* from, T* to, std::size_t count) {
  write_row<Pack<T, Isa>>(to, count,
                          [=](const auto& reader, std::size_t i) { return reader.load(from + i); });
}

template <class T>
void clear_row(T* to, std::size_t count) {
  for (std::size_t i = 0; i < count; ++i) to[i] = T(0);
}

template <class T>
void turn(const Turn& s) {
  const T* const from = static_cast<const T*>(s.from);
  T* const to = static_cast<T*>(s.to);
  if (s.columns == 1 && s.from_row == 1) return copy_row(from, to, s.rows);
  simd::turn<Isa>(from, s.from_row, s.rows, s.columns, to, s.to_row);
}

template <class T>
void frame(const Frame& f, const void* from_, void* to_) {
  const T* from = static_cast<const T*>(from_);
  T* to = static_cast<T*>(to_);
  const std::size_t width = f.left + f.columns + f.right;
  const bool in_one_piece = f.columns == f.from_row && width == f.columns;
  for (std::size_t plane = 0; plane < f.planes; ++plane, from += f.from_plane, to += f.to_plane) {
    T* row = to;
    clear_row(row, f.above * width);
    row += f.above * width;
    if (in_one_piece) {
      copy_row(from, row, f.rows * width);
    } else {
      for (std::size_t r = 0; r < f.rows; ++r) {
        T* const place = row + r * width;
        clear_row(place, f.left);
        copy_row(from + r * f.from_row, place + f.left, f.columns);
        clear_row(place + f.left + f.columns, f.right);
      }
    }
    clear_row(row + f.rows * width, f.below * width);
  }
}

}  // namespace

template <>
const DirectConvolutionKernels* direct_convolution_kernels<simd::Isa>() {
  constexpr std::size_t floats = Pack<float, Isa>::width, doubles = Pack<double, Isa>::width;
  static constexpr DirectConvolutionKernels all = {{floats, doubles},
                                                   {most_packs * floats, most_packs * doubles},
                                                   {&multiply<float>, &multiply<double>},
                                                   {&turn<float>, &turn<double>},
                                                   {&frame<float>, &frame<double>}};
  return &all;
}

}  // namespace xgrad::kernels
