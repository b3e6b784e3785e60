// Where filters are few, places are the lanes: along the rows of a framed band, which follow each other, so
// that what lies between the end of one and the start of the next is computed, too, and left out. The kernel
// is read where it stands.
#include <algorithm>
#include <utility>
#include <vector>

#include "../core/array/instantiate.hpp"
#include "convolution_direct.hpp"
#include "convolution_direct_layout.hpp"

namespace xgrad::direct {
namespace {

/// The convolution of y that a transposed one with a stride of 1 is, framed by what the window reaches beyond
/// its padding.
ConvolutionSize turned_round(const ConvolutionSize& size) {
  ConvolutionSize turned = size;
  std::swap(turned.depth, turned.filters);
  for (std::size_t axis : {0u, 1u}) {
    std::swap(turned.window.in[axis], turned.window.out[axis]);
    turned.window.padding[axis] = size.window.reach(axis) - 1 - size.window.padding[axis];
  }
  return turned;
}

/// Filters as channels, and each window from its last element to its first.
template <class T>
Dense<T> kernel_turned_round(const ConvolutionSize& size, const T* kernel) {
  const std::size_t window = size.window.kernel_size();
  Dense<T> turned(Shape{size.groups * size.filters * size.patch()});
  T* to = turned.mutable_data();
  for (std::size_t g = 0; g < size.groups; ++g, kernel += size.filters * size.patch())
    for (std::size_t c = 0; c < size.depth; ++c)
      for (std::size_t f = 0; f < size.filters; ++f, to += window)
        std::reverse_copy(kernel + (f * size.depth + c) * window, kernel + (f * size.depth + c + 1) * window,
                          to);
  return turned;
}

template <class T>
class Places {
 public:
  Places(const ConvolutionSize& size, const T* x, const T* kernel, const T* bias)
      : size_(size),
        w_(size.window),
        framed_(size),
        blocks_(size.depth, most_channels),
        most_lanes_(chosen().most_lanes[type_index<T>]),
        row_(lanes_of(framed_.most_places()) + most_lanes_),
        row_of_(framed_.terms(blocks_.largest())),
        terms_(numbers_up_to(row_of_.size())),
        x_(x),
        kernel_(kernel),
        bias_(bias) {
    for (std::size_t f = 0; f < size.filters; ++f) {
      from_.push_back(static_cast<Offset>(f * size.patch()));
      to_.push_back(static_cast<Offset>(f * row_));
    }
  }

  std::size_t bands() const { return framed_.bands(); }
  /// The last lanes read beyond the last plane.
  Dense<T> planes() const {
    return Dense<T>::filled(Shape{blocks_.largest() * framed_.plane() + most_lanes_}, T(0));
  }
  Dense<T> sums() const { return Dense<T>::filled(Shape{size_.filters * row_}, T(0)); }

  void run(std::size_t image, std::size_t band, T* planes, T* sums, T* y) const {
    const std::size_t lanes = lanes_of(framed_.places(band));
    for (std::size_t g = 0; g < size_.groups; ++g) {
      const std::size_t group = image * size_.groups + g;
      for (std::size_t f = 0; f < size_.filters; ++f)
        std::fill_n(sums + f * row_, lanes, bias_ ? bias_[g * size_.filters + f] : T(0));
      for (std::size_t b = 0; b < blocks_.count(); ++b) {
        framed_.copy(x_, group * size_.depth + blocks_.first(b), blocks_.size(b), band, planes);
        add_block(g, b, lanes, planes, sums);
      }
      chosen().frame[type_index<T>](
          {.planes = size_.filters,
           .from_plane = row_,
           .to_plane = w_.out_size(),
           .rows = framed_.places(band) / w_.out[1],
           .columns = w_.out[1],
           .from_row = framed_.width()},
          sums, y + group * size_.filters * w_.out_size() + framed_.first_row(band) * w_.out[1]);
    }
  }

 private:
  static constexpr std::size_t most_channels = 16;

  /// From the first place to the last.
  std::size_t lanes_of(std::size_t places) const {
    return (places / w_.out[1] - 1) * framed_.width() + w_.out[1];
  }
  void add_block(std::size_t group, std::size_t block, std::size_t lanes, const T* planes, T* sums) const {
    const std::size_t width = chosen().width[type_index<T>], window = w_.kernel_size();
    const T* const part = kernel_ + group * size_.filters * size_.patch() + blocks_.first(block) * window;
    const std::size_t step = size_.filters == 1 ? lanes : most_lanes_;
    for (std::size_t lane = 0; lane < lanes; lane += step)
      chosen().multiply[type_index<T>]({part, from_.data(), to_.data(), 1, size_.filters, terms_.data(),
                                        blocks_.size(block) * window, planes + lane, row_of_.data(),
                                        (std::min(step, lanes - lane) + width - 1) / width * width, nullptr,
                                        sums + lane});
  }

  const ConvolutionSize& size_;
  const Window& w_;
  const Framed<T> framed_;
  const Parts blocks_;
  const std::size_t most_lanes_, row_;
  const std::vector<Offset> row_of_, terms_;
  std::vector<Offset> from_, to_;
  const T *const x_, *const kernel_, *const bias_;
};

bool fits(const ConvolutionSize& size) {
  const Window& w = size.window;
  return w.stride[0] == 1 && w.stride[1] == 1 && w.kernel_size() > 1 &&
         std::min({size.batch, size.groups, size.depth, size.filters, w.in_size()}) > 0 &&
         frame_is_worth_it(w);
}

/// Of a hundred lanes that so many filters or channels fill.
template <class T>
std::size_t percent_used(std::size_t lanes) {
  return 100 * lanes / Strips<T>(lanes).all();
}

}  // namespace

// Measured as those of the other direct convolutions, and against them: 0.1 to 1 times as long.
template <class T>
bool convolves_places(const ConvolutionSize& size) {
  return fits(size) && (size.filters < 4 || (size.depth >= 3 && percent_used<T>(size.filters) < 55));
}

// Many filters have many planes to be copied for few channels.
template <class T>
bool convolves_places_transposed(const ConvolutionSize& size) {
  const Window& w = size.window;
  return fits(size) && w.padding[0] < w.reach(0) && w.padding[1] < w.reach(1) &&
         size.filters <= 3 * size.depth && (size.filters < 8 || percent_used<T>(size.depth) < 70);
}

template <class T>
void convolve_places(const ConvolutionSize& size, const T* x, const T* kernel, const T* bias, T* y) {
  const Places<T> places(size, x, kernel, bias);
  const std::size_t bands = places.bands(), pieces = size.batch * bands;
  parallel_for(pieces, chunk_of(size, pieces, pieces), [&](std::size_t begin, std::size_t end) {
    Dense<T> planes = places.planes(), sums = places.sums();
    for (std::size_t i = begin; i < end; ++i)
      places.run(i / bands, i % bands, planes.mutable_data(), sums.mutable_data(), y);
  });
}

template <class T>
void convolve_places_transposed(const ConvolutionSize& size, const T* y, const T* kernel, const T* bias,
                                T* x) {
  convolve_places(turned_round(size), y, kernel_turned_round(size, kernel).data(), bias, x);
}

[[gnu::used]] constexpr auto instances = instantiate::for_numbers([]<class T>() {
  return std::make_tuple(convolves_places<T>, convolves_places_transposed<T>, convolve_places<T>,
                         convolve_places_transposed<T>);
});

}  // namespace xgrad::direct
