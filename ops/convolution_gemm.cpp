#include "convolution_gemm.hpp"

#include <algorithm>

#include "../core/array/dense.hpp"
#include "../core/array/instantiate.hpp"
#include "../core/array/threads.hpp"
#include "../core/array/worth_a_thread.hpp"
#include "../core/kernels/dispatch.hpp"
#include "../core/kernels/gemm.hpp"
#include "convolution_direct.hpp"
#include "convolution_kernels.hpp"

namespace xgrad {
namespace {

// The columns and rows of one product together: what fits into a core's own cache. Of fewer columns a product
// costs more in packing the kernel anew.
constexpr std::size_t tile_elements = 1 << 16, fewest_columns = 256, most_columns = 1024;
using worth_a_thread::convolution_tiles;

const kernels::ConvolutionKernels& chosen() {
  const kernels::ConvolutionKernels& kernels =
      chosen_kernels([]<class I>() { return kernels::convolution_kernels<I>(); });
  return kernels;
}

/// What one product covers: all places of some images, or some rows of places of one image.
struct Tile {
  std::size_t image, images, row, rows;
};

class Tiling {
 public:
  explicit Tiling(const ConvolutionSize& size) : size_(size) {
    const Window& w = size.window;
    const bool is_pointwise = w.kernel_size() == 1 && w.stride[0] == 1 && w.stride[1] == 1 &&
                              w.in[0] == w.out[0] && w.in[1] == w.out[1];
    needs_columns_ = !is_pointwise;
    images_ = 1;
    rows_ = w.out[0];
    const std::size_t line = size.patch() + size.filters;
    const std::size_t columns =
        std::clamp(tile_elements / std::max<std::size_t>(line, 1), fewest_columns, most_columns);
    const std::size_t places = w.out_size();
    if (!needs_columns_) return;
    if (places < columns) {
      images_ = std::clamp<std::size_t>(columns / places, 1, std::max<std::size_t>(size.batch, 1));
    } else {
      rows_ = std::clamp<std::size_t>(columns / w.out[1], 1, rows_);
    }
  }

  /// A 1x1 window at every place: the image's channels are the columns already.
  bool needs_columns() const { return needs_columns_; }
  /// Blocks share no image; a block of one image may have several bands of rows.
  std::size_t blocks() const { return (size_.batch + images_ - 1) / images_; }
  std::size_t bands() const { return (size_.window.out[0] + rows_ - 1) / rows_; }
  Tile tile(std::size_t block, std::size_t band) const {
    return {block * images_, std::min(images_, size_.batch - block * images_), band * rows_,
            std::min(rows_, size_.window.out[0] - band * rows_)};
  }
  std::size_t columns() const { return images_ * rows_ * size_.window.out[1]; }
  /// How many times `tiles` tiles are worth a thread.
  std::size_t grain(std::size_t tiles) const {
    const double work = static_cast<double>(size_.groups * size_.filters) *
                        static_cast<double>(size_.patch()) * static_cast<double>(columns() * tiles);
    return work < 1 ? convolution_tiles
                    : static_cast<std::size_t>(static_cast<double>(convolution_tiles) / work) + 1;
  }

 private:
  const ConvolutionSize& size_;
  bool needs_columns_;
  std::size_t images_, rows_;
};

/// One tile in one group, with its scratch space.
template <class T>
class Piece {
 public:
  Piece(const ConvolutionSize& size, const Tiling& tiling, const Tile& tile)
      : size_(size),
        tile_(tile),
        needs_columns_(tiling.needs_columns()),
        is_whole_(tile.images == 1 && tile.rows == size.window.out[0]),
        run_(tile.rows * size.window.out[1]) {
    if (needs_columns_) columns_ = Dense<T>(Shape{size.patch(), columns()});
    if (!is_whole_) rows_ = Dense<T>(Shape{size.filters, columns()});
  }

  std::size_t columns() const { return tile_.images * run_; }
  /// Whether y holds the tile in the product's own layout.
  bool is_whole() const { return is_whole_; }

  const T* gather(std::size_t group, const T* x) {
    if (!needs_columns_) return x + image_offset(0, group);
    T* const columns = columns_.mutable_data();
    for (std::size_t k = 0; k < tile_.images; ++k)
      chosen().gather[is_double](patches(), x + image_offset(k, group), columns + k * run_);
    return columns;
  }
  /// Where a product is to be written that scatter() then adds to x.
  T* columns_for(std::size_t group, T* x) {
    return needs_columns_ ? columns_.mutable_data() : x + image_offset(0, group);
  }
  void scatter(std::size_t group, T* x) {
    if (!needs_columns_) return;
    for (std::size_t k = 0; k < tile_.images; ++k)
      chosen().scatter[is_double](patches(), columns_.data() + k * run_, x + image_offset(k, group));
  }

  /// y's part as [filters, columns].
  const T* rows_of(std::size_t group, const T* y) {
    if (is_whole_) return y + row_offset(0, group, 0);
    T* const rows = rows_.mutable_data();
    for (std::size_t k = 0; k < tile_.images; ++k)
      for (std::size_t f = 0; f < size_.filters; ++f)
        std::copy_n(y + row_offset(k, group, f), run_, rows + f * columns() + k * run_);
    return rows;
  }
  T* rows_for(std::size_t group, T* y) {
    return is_whole_ ? y + row_offset(0, group, 0) : rows_.mutable_data();
  }
  void put_rows(std::size_t group, T* y) const {
    if (is_whole_) return;
    for (std::size_t k = 0; k < tile_.images; ++k)
      for (std::size_t f = 0; f < size_.filters; ++f)
        std::copy_n(rows_.data() + f * columns() + k * run_, run_, y + row_offset(k, group, f));
  }

 private:
  static constexpr bool is_double = std::is_same_v<T, double>;

  kernels::Patches patches() const { return {size_.window, size_.depth, tile_.row, tile_.rows, columns()}; }
  std::size_t image_offset(std::size_t k, std::size_t group) const {
    return ((tile_.image + k) * size_.groups + group) * size_.depth * size_.window.in_size();
  }
  std::size_t row_offset(std::size_t k, std::size_t group, std::size_t filter) const {
    const std::size_t plane = ((tile_.image + k) * size_.groups + group) * size_.filters + filter;
    return plane * size_.window.out_size() + tile_.row * size_.window.out[1];
  }

  const ConvolutionSize& size_;
  const Tile tile_;
  const bool needs_columns_, is_whole_;
  const std::size_t run_;  ///< columns that belong to one image
  Dense<T> columns_, rows_;
};

template <class T>
void fill_rows(T* rows, std::size_t count, std::size_t width, const T* bias) {
  for (std::size_t r = 0; r < count; ++r) std::fill_n(rows + r * width, width, bias ? bias[r] : T(0));
}

// A product of 0 and what is infinite, or NaN, is NaN.
template <class T>
bool is_finite(const T* x, std::size_t count) {
  T sum = 0;
  for (std::size_t i = 0; i < count; ++i) sum += x[i] * 0;
  return sum == 0;
}

}  // namespace

template <class T>
void convolve(const ConvolutionSize& size, const T* x, const T* kernel, const T* bias, T* y) {
  if (direct::convolves_places<T>(size)) return direct::convolve_places(size, x, kernel, bias, y);
  if (direct::convolves<T>(size)) return direct::convolve(size, x, kernel, bias, y);
  const Tiling tiling(size);
  const std::size_t bands = tiling.bands(), patch = size.patch();
  parallel_for(tiling.blocks() * bands, tiling.grain(1), [&](std::size_t begin, std::size_t end) {
    for (std::size_t t = begin; t < end; ++t) {
      Piece<T> piece(size, tiling, tiling.tile(t / bands, t % bands));
      for (std::size_t g = 0; g < size.groups; ++g) {
        const T* const columns = piece.gather(g, x);
        T* const rows = piece.rows_for(g, y);
        if (bias) fill_rows(rows, size.filters, piece.columns(), bias + g * size.filters);
        gemm({size.filters, piece.columns(), patch}, kernel + g * size.filters * patch, columns, rows,
             bias ? Into::add : Into::overwrite);
        piece.put_rows(g, y);
      }
    }
  });
}

template <class T>
void convolve_transposed(const ConvolutionSize& size, const T* y, const T* kernel, const T* bias, T* x) {
  // In a frame of zeros an infinite element of the kernel would make NaN where it has no term.
  if (direct::convolves_places_transposed<T>(size) &&
      is_finite(kernel, size.filters * size.patch() * size.groups))
    return direct::convolve_places_transposed(size, y, kernel, bias, x);
  if (direct::convolves_transposed<T>(size)) return direct::convolve_transposed(size, y, kernel, bias, x);
  const Tiling tiling(size);
  // Without filters there is nothing to multiply, however many places there are.
  const std::size_t bands = size.filters == 0 ? 0 : tiling.bands();
  const std::size_t patch = size.patch(), in = size.window.in_size();
  const std::size_t channels = size.groups * size.depth;
  const Into into = tiling.needs_columns() ? Into::overwrite : Into::add;
  parallel_for(tiling.blocks(), tiling.grain(bands), [&](std::size_t begin, std::size_t end) {
    for (std::size_t block = begin; block < end; ++block) {
      const Tile all = tiling.tile(block, 0);
      for (std::size_t k = all.image; k < all.image + all.images; ++k)
        fill_rows(x + k * channels * in, channels, in, bias);
      for (std::size_t band = 0; band < bands; ++band) {
        Piece<T> piece(size, tiling, tiling.tile(block, band));
        for (std::size_t g = 0; g < size.groups; ++g) {
          gemm({patch, piece.columns(), size.filters, true, false}, kernel + g * size.filters * patch,
               piece.rows_of(g, y), piece.columns_for(g, x), into);
          piece.scatter(g, x);
        }
      }
    }
  });
}

template <class T>
void convolve_for_kernel(const ConvolutionSize& size, const T* x, const T* y, T* kernel) {
  if (direct::convolves_for_kernel<T>(size)) return direct::convolve_for_kernel(size, x, y, kernel);
  const Tiling tiling(size);
  const std::size_t bands = tiling.bands(), patch = size.patch(), tiles = tiling.blocks() * bands;
  const std::size_t elements = size.groups * size.filters * patch;
  std::fill_n(kernel, elements, T(0));
  if (elements == 0) return;
  // Each share of the tiles has a sum of its own; they are added up in order.
  constexpr std::size_t most_shares = 16, enough_addends = 1024;
  const std::size_t share = std::max(
      {tiling.grain(1), enough_addends / tiling.columns() + 1, (tiles + most_shares - 1) / most_shares});
  const std::size_t shares = (tiles + share - 1) / share;
  Dense<T> sums;
  if (shares > 1) sums = Dense<T>::filled(Shape{shares - 1, elements}, T(0));
  T* const others = shares > 1 ? sums.mutable_data() : nullptr;
  parallel_for(tiles, share, [&](std::size_t begin, std::size_t end) {
    T* const sum = begin == 0 ? kernel : others + (begin / share - 1) * elements;
    for (std::size_t t = begin; t < end; ++t) {
      Piece<T> piece(size, tiling, tiling.tile(t / bands, t % bands));
      for (std::size_t g = 0; g < size.groups; ++g)
        gemm({size.filters, patch, piece.columns(), false, true}, piece.rows_of(g, y), piece.gather(g, x),
             sum + g * size.filters * patch, Into::add);
    }
  });
  for (std::size_t s = 0; s + 1 < shares; ++s)
    for (std::size_t i = 0; i < elements; ++i) kernel[i] += others[s * elements + i];
}

[[gnu::used]] constexpr auto instances = instantiate::for_numbers(
    []<class T>() { return std::make_tuple(convolve<T>, convolve_transposed<T>, convolve_for_kernel<T>); });

}  // namespace xgrad
