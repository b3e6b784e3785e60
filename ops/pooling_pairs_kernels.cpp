// Rows of images are short, and rarely a whole number of packs. So the last pack of a row is whole as well:
// what it writes beyond the row's end is what comes later, and is put right then. At the very end, where
// nothing comes, it is cut short.
#include "pooling_pairs_kernels.hpp"

#include "../core/kernels/simd/every_other.hpp"
#include "../core/kernels/simd/pack.hpp"
#include "../core/kernels/simd/positions.hpp"

namespace xgrad::kernels {
namespace {

using simd::Isa;

template <class T>
using PackOf = simd::Pack<T, Isa>;

std::size_t least(std::size_t a, std::size_t b) { return a < b ? a : b; }

/// The first `count` numbers of a pack.
template <class T, bool Whole>
struct Lanes {
  using P = PackOf<T>;
  std::size_t count;

  P load(const T* from) const { return part(from, count); }
  void store(const P& x, T* to) const { store_part(x, to, count); }
  /// Twice as many numbers, every other one in a pack of its own.
  struct Pair {
    P even, odd;
  };
  Pair load_pair(const T* from) const {
    const P a = part(from, first_half()), b = part(from + P::width, 2 * count - first_half());
    return {evens(a, b), odds(a, b)};
  }
  /// Each number twice.
  void store_twice(const P& x, T* to) const {
    store_part(first_twice(x), to, first_half());
    store_part(second_twice(x), to + P::width, 2 * count - first_half());
  }

 private:
  std::size_t first_half() const { return 2 * count < P::width ? 2 * count : P::width; }
  static P part(const T* from, std::size_t n) {
    if constexpr (Whole) return P::load(from);
    return n == 0 ? P(0) : n < P::width ? P::load_first(from, n) : P::load(from);
  }
  static void store_part(const P& x, T* to, std::size_t n) {
    if (Whole || n == P::width)
      x.store(to);
    else if (n > 0)
      x.store_first(to, n);
  }
};

/// Calls body(first column, lanes) for the packs of a row of values. `image_room` and `value_room` are the
/// elements from the rows' beginnings to the ends of all images and values.
template <class T, class Body>
void for_each_pack(std::size_t columns, std::size_t image_room, std::size_t value_room, const Body& body) {
  constexpr std::size_t width = PackOf<T>::width;
  for (std::size_t first = 0; first < columns; first += width) {
    if (first + width <= value_room && 2 * (first + width) <= image_room)
      body(first, Lanes<T, true>{width});
    else
      body(first, Lanes<T, false>{least(columns - first, width)});
  }
}

/// Where x beats the largest so far: a NaN beats every number, and nothing beats a NaN.
template <class P>
auto beats(const P& x, const P& largest) {
  return (largest == largest) & !(x <= largest);
}

/// 0, 2, 4 ...
template <class P>
P even_numbers() {
  using T = typename P::value_type;
  alignas(64) T lanes[P::width];
  for (std::size_t i = 0; i < P::width; ++i) lanes[i] = static_cast<T>(2 * i);
  return P::load(lanes);
}

/// Calls body(row of values, and the elements before it: in its plane and in all images, and in all values).
template <class Body>
void for_each_row(const PairedPlanes& all, const Body& body) {
  for (std::size_t plane = 0; plane < all.planes; ++plane)
    for (std::size_t row = 0; row < all.out_rows(); ++row) {
      const std::size_t in_plane = 2 * row * all.columns;
      body(in_plane, plane * all.rows * all.columns + in_plane,
           (plane * all.out_rows() + row) * all.out_columns());
    }
}

template <class T>
void largest(const PairedPlanes& all, const void* images, void* values_, std::int64_t* positions) {
  using P = PackOf<T>;
  const T* const image = static_cast<const T*>(images);
  T* const values = static_cast<T*>(values_);
  const std::size_t size = all.planes * all.rows * all.columns;
  const std::size_t out_size = all.planes * all.out_rows() * all.out_columns();
  const P lanes = even_numbers<P>(), right(1), below(static_cast<T>(all.columns)), diagonal = below + right;
  for_each_row(all, [&](std::size_t in_plane, std::size_t from, std::size_t to) {
    const std::size_t second = from + all.columns;
    for_each_pack<T>(
        all.out_columns(), size - second, out_size - to, [&](std::size_t first, const auto& part) {
          const auto top = part.load_pair(image + from + 2 * first);
          const auto bottom = part.load_pair(image + second + 2 * first);
          P best = top.even, offset(0);
          const auto compare = [&](const P& x, const P& at) {
            const auto better = beats(x, best);
            best = select(better, x, best);
            offset = select(better, at, offset);
          };
          compare(top.odd, right);
          compare(bottom.even, below);
          compare(bottom.odd, diagonal);
          part.store(best, values + to + first);
          simd::store_positions((offset + lanes).batch(), static_cast<std::int64_t>(in_plane + 2 * first),
                                positions + to + first, part.count);
        });
  });
}

template <class T>
void mean(const PairedPlanes& all, const void* images, void* values_) {
  using P = PackOf<T>;
  const T* const image = static_cast<const T*>(images);
  T* const values = static_cast<T*>(values_);
  const std::size_t size = all.planes * all.rows * all.columns;
  const std::size_t out_size = all.planes * all.out_rows() * all.out_columns();
  for_each_row(all, [&](std::size_t, std::size_t from, std::size_t to) {
    const std::size_t second = from + all.columns;
    for_each_pack<T>(all.out_columns(), size - second, out_size - to,
                     [&](std::size_t first, const auto& part) {
                       const auto top = part.load_pair(image + from + 2 * first);
                       const auto bottom = part.load_pair(image + second + 2 * first);
                       // From 0, as for other windows: of four times -0 the sum is 0.
                       const P sum = P(0) + top.even + top.odd + bottom.even + bottom.odd;
                       part.store(sum * P(0.25), values + to + first);
                     });
  });
}

template <class T>
void spread(const PairedPlanes& all, const void* values_, void* images) {
  using P = PackOf<T>;
  const T* const values = static_cast<const T*>(values_);
  T* const image = static_cast<T*>(images);
  const std::size_t columns = all.columns, size = all.planes * all.rows * columns;
  const std::size_t out_size = all.planes * all.out_rows() * all.out_columns();
  constexpr std::size_t width = P::width;
  for_each_row(all, [&](std::size_t in_plane, std::size_t from, std::size_t to) {
    T* const top = image + from;
    T* const bottom = top + columns;
    const auto write = [&](std::size_t first, const auto& part) {
      const P x = part.load(values + to + first) * P(0.25);
      part.store_twice(x, top + 2 * first);
      part.store_twice(x, bottom + 2 * first);
    };
    // From the right, for what the last pack writes beyond the upper row is the lower row's beginning.
    const std::size_t room = static_cast<std::size_t>(image + size - bottom);
    for (std::size_t first = (all.out_columns() - 1) / width * width;; first -= width) {
      if (first + width <= out_size - to && 2 * (first + width) <= room)
        write(first, Lanes<T, true>{width});
      else
        write(first, Lanes<T, false>{least(all.out_columns() - first, width)});
      if (first == 0) break;
    }
    if (columns % 2 != 0) top[columns - 1] = bottom[columns - 1] = 0;
    const std::size_t below = in_plane + 2 * columns;
    if (all.rows % 2 == 0 || below / columns + 1 != all.rows) return;
    for (std::size_t i = 0; i < columns; ++i) image[from + 2 * columns + i] = 0;
  });
}

}  // namespace

template <>
const PairedPoolingKernels* paired_pooling_kernels<simd::Isa>() {
  static constexpr PairedPoolingKernels all = {
      {&largest<float>, &largest<double>}, {&mean<float>, &mean<double>}, {&spread<float>, &spread<double>}};
  return &all;
}

}  // namespace xgrad::kernels
