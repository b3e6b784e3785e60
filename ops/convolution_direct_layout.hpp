// How a direct convolution lays out what its kernel reads: planes of images in frames, and the convolution's
// kernel as rows of filters or of channels.
#pragma once

#include <algorithm>
#include <cstddef>
#include <type_traits>
#include <vector>

#include "../core/array/dense.hpp"
#include "../core/array/threads.hpp"
#include "../core/array/worth_a_thread.hpp"
#include "../core/kernels/dispatch.hpp"
#include "convolution_direct_kernels.hpp"
#include "convolution_gemm.hpp"

namespace xgrad::direct {

using Offset = std::ptrdiff_t;

/// Places that are computed at a time: their sums and what they read stay in a core's own cache. A kernel
/// that is read again for each of them from further away is worth twice as many, if enough bands are left to
/// be shared; measured from 64 x 64 x 3 x 3 on.
inline std::size_t places_of_band(const ConvolutionSize& size) {
  constexpr std::size_t places = 192, large_kernel = 1 << 15, enough_bands = 8;
  return size.filters * size.patch() >= large_kernel &&
                 size.batch * size.window.out_size() >= 2 * places * enough_bands
             ? 2 * places
             : places;
}
/// The rows of one strip that are used for all places of a band: half of the smallest first-level cache, and
/// no more of them than leave room for the lines on which the numbers stand.
inline constexpr std::size_t block_bytes = 20 << 10, most_planes = 128;

inline const kernels::DirectConvolutionKernels& chosen() {
  return chosen_kernels([]<class I>() { return kernels::direct_convolution_kernels<I>(); });
}
template <class T>
inline constexpr std::size_t type_index = std::is_same_v<T, double>;

/// A number of things in parts as even as can be, none larger than `most`.
class Parts {
 public:
  Parts(std::size_t all, std::size_t most)
      : all_(all), count_((all + std::max<std::size_t>(most, 1) - 1) / std::max<std::size_t>(most, 1)) {}
  std::size_t count() const { return count_; }
  std::size_t first(std::size_t part) const { return all_ * part / count_; }
  std::size_t size(std::size_t part) const { return first(part + 1) - first(part); }
  std::size_t largest() const { return (all_ + count_ - 1) / count_; }

 private:
  std::size_t all_, count_;
};

/// Lanes in strips of whole packs; the last pack may be filled in part.
template <class T>
class Strips {
 public:
  explicit Strips(std::size_t lanes)
      : width_(chosen().width[type_index<T>]),
        lanes_(lanes),
        packs_((lanes + width_ - 1) / width_, chosen().most_lanes[type_index<T>] / width_) {}
  std::size_t count() const { return packs_.count(); }
  std::size_t packs() const { return all() / width_; }
  std::size_t first(std::size_t strip) const { return packs_.first(strip) * width_; }
  /// With the lanes that nothing stands behind.
  std::size_t row(std::size_t strip) const { return packs_.size(strip) * width_; }
  std::size_t size(std::size_t strip) const { return std::min(row(strip), lanes_ - first(strip)); }
  std::size_t all() const { return first(count()); }
  std::size_t widest() const { return packs_.largest() * width_; }

 private:
  std::size_t width_, lanes_;
  Parts packs_;
};

template <class T>
void turn(const T* from, std::size_t from_row, std::size_t rows, std::size_t columns, T* to,
          std::size_t to_row) {
  chosen().turn[type_index<T>]({from, from_row, rows, columns, to, to_row});
}

/// Bytes between planes: an odd number of cache lines, lest planes of 4096 push each other out.
template <class T>
std::size_t plane_of(std::size_t elements) {
  constexpr std::size_t line = 64 / sizeof(T);
  return ((elements + line - 1) / line | 1) * line;
}

/// Whether a framed image is not much larger than what stands in it and what is read of it: far apart or much
/// padded, windows read little of a frame.
inline bool frame_is_worth_it(const Window& w) {
  double frame = 1;
  for (std::size_t axis = 0; axis < 2; ++axis)
    frame *= static_cast<double>(w.out[axis]) * static_cast<double>(w.stride[axis]) +
             static_cast<double>(w.reach(axis));
  return frame <= 4 * (static_cast<double>(w.in_size()) +
                       static_cast<double>(w.out_size()) * static_cast<double>(w.kernel_size()));
}

/// x as the window sees it: bands of rows of places, and where in a framed band places and terms stand.
template <class T>
class Framed {
 public:
  explicit Framed(const ConvolutionSize& size)
      : size_(size),
        w_(size.window),
        rows_(w_.out[0], std::max<std::size_t>(places_of_band(size) / w_.out[1], 1)),
        width_((w_.out[1] - 1) * w_.stride[1] + w_.reach(1)),
        plane_(plane_of<T>(height(rows_.largest()) * width_)) {}

  std::size_t bands() const { return rows_.count(); }
  std::size_t first_row(std::size_t band) const { return rows_.first(band); }
  std::size_t places(std::size_t band) const { return rows_.size(band) * w_.out[1]; }
  std::size_t most_places() const { return rows_.largest() * w_.out[1]; }
  std::size_t width() const { return width_; }
  std::size_t plane() const { return plane_; }

  /// The positions of places; those of the first rows come first.
  std::vector<Offset> positions(std::size_t rows) const {
    std::vector<Offset> all;
    all.reserve(rows * w_.out[1]);
    for (std::size_t i = 0; i < rows; ++i)
      for (std::size_t j = 0; j < w_.out[1]; ++j)
        all.push_back(static_cast<Offset>(i * w_.stride[0] * width_ + j * w_.stride[1]));
    return all;
  }
  std::vector<Offset> positions() const { return positions(rows_.largest()); }
  /// The positions of the terms of so many channels, as the kernel stores them.
  std::vector<Offset> terms(std::size_t channels) const {
    std::vector<Offset> all;
    all.reserve(channels * w_.kernel_size());
    for (std::size_t c = 0; c < channels; ++c)
      for (std::size_t p = 0; p < w_.kernel[0]; ++p)
        for (std::size_t q = 0; q < w_.kernel[1]; ++q)
          all.push_back(static_cast<Offset>(c * plane_ + p * w_.dilation[0] * width_ + q * w_.dilation[1]));
    return all;
  }

  /// The planes of so many channels from `channel` of an image on, as far as a band reads them.
  void copy(const T* x, std::size_t channel, std::size_t channels, std::size_t band, T* to) const {
    const std::size_t needed = height(rows_.size(band)), begin = first_row(band) * w_.stride[0];
    const std::size_t above = std::min(needed, w_.padding[0] > begin ? w_.padding[0] - begin : 0);
    const std::size_t from = std::min(w_.in[0], begin > w_.padding[0] ? begin - w_.padding[0] : 0);
    const std::size_t rows = std::min(needed - above, w_.in[0] - from);
    const std::size_t left = std::min(width_, w_.padding[1]), columns = std::min(width_ - left, w_.in[1]);
    chosen().frame[type_index<T>]({channels, w_.in_size(), plane_, rows, columns, w_.in[1], above,
                                   needed - above - rows, left, width_ - left - columns},
                                  x + channel * w_.in_size() + from * w_.in[1], to);
  }

 private:
  std::size_t height(std::size_t rows) const { return (rows - 1) * w_.stride[0] + w_.reach(0); }

  const ConvolutionSize& size_;
  const Window& w_;
  Parts rows_;
  std::size_t width_, plane_;
};

/// A kernel as rows of filters: for each group and block of channels, strip by strip, a row for each term.
template <class T>
class FilterRows {
 public:
  const Strips<T> strips;
  const Parts blocks;

  explicit FilterRows(const ConvolutionSize& size)
      : strips(size.filters),
        blocks(size.depth, std::min(most_planes,
                                    block_bytes / (strips.widest() * sizeof(T) * size.window.kernel_size()))),
        size_(size) {}

  std::size_t elements() const { return size_.groups * size_.patch() * strips.all(); }
  std::size_t terms(std::size_t block) const { return blocks.size(block) * size_.window.kernel_size(); }
  std::size_t offset(std::size_t group, std::size_t block, std::size_t strip) const {
    const std::size_t before = (group * size_.depth + blocks.first(block)) * size_.window.kernel_size();
    return before * strips.all() + strips.first(strip) * terms(block);
  }
  /// Where the kernel holds the first filter's first term of it.
  std::size_t kernel_offset(std::size_t group, std::size_t block, std::size_t strip) const {
    return (group * size_.filters + strips.first(strip)) * size_.patch() +
           blocks.first(block) * size_.window.kernel_size();
  }
  /// Calls body(group, block, strip) for all, on several threads if there are many elements.
  template <class Body>
  void for_each(const Body& body) const {
    const std::size_t inner = blocks.count() * strips.count(), pieces = size_.groups * inner;
    parallel_for(pieces, worth_a_thread::costly_elements / (elements() / pieces + 1) + 1,
                 [&](std::size_t begin, std::size_t end) {
                   for (std::size_t i = begin; i < end; ++i)
                     body(i / inner, i % inner / strips.count(), i % strips.count());
                 });
  }

 private:
  const ConvolutionSize& size_;
};

/// A kernel as rows of channels: for each group and block of filters, strip by strip and element by element
/// of the window, a row for each filter.
template <class T>
class ChannelRows {
 public:
  const Strips<T> strips;
  const Parts blocks;

  ChannelRows(const ConvolutionSize& size, const T* kernel)
      : strips(size.depth),
        blocks(size.filters, std::min(most_planes, block_bytes / (strips.widest() * sizeof(T)))),
        size_(size) {
    const std::size_t window = size.window.kernel_size();
    const Shape shape{size.groups * size.filters * window * strips.all()};
    rows_ = strips.all() == size.depth ? Dense<T>(shape) : Dense<T>::filled(shape, T(0));
    T* const to = rows_.mutable_data();
    const std::size_t inner = blocks.count() * strips.count(), pieces = size.groups * inner;
    parallel_for(pieces, worth_a_thread::costly_elements / (rows_.size() / pieces + 1) + 1,
                 [&](std::size_t begin, std::size_t end) {
                   for (std::size_t i = begin; i < end; ++i) {
                     const std::size_t g = i / inner, b = i % inner / strips.count(), s = i % strips.count();
                     fill(kernel, g, b, s, to + offset(g, b, s, 0));
                   }
                 });
  }

  const T* at(std::size_t group, std::size_t block, std::size_t strip, std::size_t element) const {
    return rows_.data() + offset(group, block, strip, element);
  }

 private:
  void fill(const T* kernel, std::size_t group, std::size_t block, std::size_t strip, T* to) const {
    const std::size_t row = strips.row(strip), size = strips.size(strip), filters = blocks.size(block);
    const std::size_t window = size_.window.kernel_size(), patch = size_.patch();
    kernel += (group * size_.filters + blocks.first(block)) * patch + strips.first(strip) * window;
    if (window == 1) {
      chosen().frame[type_index<T>]({.planes = filters,
                                     .from_plane = patch,
                                     .to_plane = row,
                                     .rows = 1,
                                     .columns = size,
                                     .from_row = size},
                                    kernel, to);
      return;
    }
    for (std::size_t f = 0; f < filters; ++f)
      turn(kernel + f * patch, window, size, window, to + f * row, filters * row);
  }
  std::size_t offset(std::size_t group, std::size_t block, std::size_t strip, std::size_t element) const {
    const std::size_t window = size_.window.kernel_size(), filters = blocks.size(block);
    const std::size_t before = (group * size_.filters + blocks.first(block)) * window;
    return before * strips.all() + (strips.first(strip) * window + element * strips.row(strip)) * filters;
  }

  const ConvolutionSize& size_;
  Dense<T> rows_;
};

inline std::vector<Offset> numbers_up_to(std::size_t count) {
  std::vector<Offset> numbers(count);
  for (std::size_t i = 0; i < count; ++i) numbers[i] = static_cast<Offset>(i);
  return numbers;
}

/// How many of so many equal pieces of all the work make a chunk that is worth a thread. An even number of
/// chunks, where there are few, is fair to two and to four.
inline std::size_t chunk_of(const ConvolutionSize& size, std::size_t pieces, std::size_t most_chunks) {
  constexpr double worth = worth_a_thread::convolution_tiles / 2.0;
  const double work = static_cast<double>(size.groups * size.filters) * static_cast<double>(size.patch()) *
                      static_cast<double>(size.batch * size.window.out_size());
  const std::size_t most = std::min({pieces, most_chunks, std::size_t{256}});
  const std::size_t chunks = static_cast<std::size_t>(std::min(work / worth, static_cast<double>(most)));
  return chunks < 2 ? pieces : (pieces + chunks / 2 * 2 - 1) / (chunks / 2 * 2);
}

}  // namespace xgrad::direct
