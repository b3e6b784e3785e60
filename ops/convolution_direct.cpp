// With position o of a place (a row and a column of y) and k of a term (a channel, a row and a column of the
// kernel) in a plane of x framed by its padding, y[o, filter] is the sum over k of x[o + k] w[k, filter]. The
// transposed convolution adds y[o, filter] w[k, channel] to x[o + k], and the kernel's gradient is the sum
// over o of x[k + o] y[o, filter]: one kernel does all three. Filters, or channels, are its lanes.
#include "convolution_direct.hpp"

#include <algorithm>
#include <vector>

#include "../core/array/instantiate.hpp"
#include "convolution_direct_layout.hpp"

namespace xgrad::direct {
namespace {

/// The start of sums: a group's lanes of the bias, or zeros.
template <class T>
Dense<T> starts_of(const T* bias, std::size_t groups, std::size_t lanes, std::size_t row) {
  Dense<T> starts = Dense<T>::filled(Shape{groups, row}, T(0));
  T* const to = starts.mutable_data();
  for (std::size_t g = 0; bias && g < groups; ++g) std::copy_n(bias + g * lanes, lanes, to + g * row);
  return starts;
}

template <class T>
Dense<T> rows_of_filters(const ConvolutionSize& size, const FilterRows<T>& rows, const T* kernel) {
  const bool is_filled = rows.strips.all() == size.filters;
  const Shape shape{rows.elements()};
  Dense<T> result = is_filled ? Dense<T>(shape) : Dense<T>::filled(shape, T(0));
  T* const to = result.mutable_data();
  rows.for_each([&](std::size_t g, std::size_t b, std::size_t s) {
    turn(kernel + rows.kernel_offset(g, b, s), size.patch(), rows.strips.size(s), rows.terms(b),
         to + rows.offset(g, b, s), rows.strips.row(s));
  });
  return result;
}

/// y's rows [first, end) that some rows of x see through row p of the window.
struct Rows {
  std::size_t first, end;
  std::size_t count() const { return end - first; }
};
Rows rows_seen(const Window& w, std::size_t from, std::size_t to, std::size_t p) {
  const std::size_t above = p * w.dilation[0], stride = w.stride[0];
  const auto reached = [&](std::size_t row) {
    const std::size_t framed = row + w.padding[0];
    return framed > above ? std::min((framed - above + stride - 1) / stride, w.out[0]) : 0;
  };
  return {reached(from), reached(to)};
}

/// Bands of the rows of x, to whose sums y is added.
template <class T>
class Spread {
 public:
  Spread(const ConvolutionSize& size, const T* y, const T* kernel, const T* bias)
      : size_(size),
        w_(size.window),
        framed_(size),
        rows_(size, kernel),
        bands_(w_.in[0], std::max<std::size_t>(places_of_band(size) / framed_.width(), 1)),
        most_rows_(std::min((bands_.largest() + w_.reach(0) - 2) / w_.stride[0] + 1, w_.out[0])),
        plane_(plane_of<T>(most_rows_ * w_.out[1])),
        starts_(starts_of(bias, size.groups, size.depth, rows_.strips.all())),
        has_bias_(bias != nullptr),
        order_(numbers_up_to(most_rows_ * w_.out[1])),
        positions_(framed_.positions(most_rows_)),
        y_(y) {
    for (std::size_t f = 0; f < rows_.blocks.largest(); ++f)
      terms_.push_back(static_cast<Offset>(f * plane_));
  }

  std::size_t bands() const { return bands_.count(); }
  Dense<T> planes() const { return Dense<T>(Shape{rows_.blocks.largest() * plane_}); }
  Dense<T> sums() const { return Dense<T>(Shape{bands_.largest() * framed_.width() * rows_.strips.all()}); }

  void run(std::size_t image, std::size_t band, T* planes, T* sums, T* x) const {
    for (std::size_t g = 0; g < size_.groups; ++g) {
      fill(g, band, sums);
      for (std::size_t b = 0; b < rows_.blocks.count(); ++b) add_block(image, g, b, band, planes, sums);
      put(image, g, band, sums, x);
    }
  }

 private:
  std::size_t first_row(std::size_t band) const { return bands_.first(band); }
  std::size_t places(std::size_t band) const { return bands_.size(band) * framed_.width(); }

  void fill(std::size_t group, std::size_t band, T* sums) const {
    if (!has_bias_) {
      std::fill_n(sums, places(band) * rows_.strips.all(), T(0));
      return;
    }
    for (std::size_t s = 0; s < rows_.strips.count(); ++s)
      for (std::size_t place = 0; place < places(band); ++place, sums += rows_.strips.row(s))
        std::copy_n(start(group, s), rows_.strips.row(s), sums);
  }
  const T* start(std::size_t group, std::size_t strip) const {
    return starts_.data() + group * rows_.strips.all() + rows_.strips.first(strip);
  }

  void add_block(std::size_t image, std::size_t group, std::size_t block, std::size_t band, T* planes,
                 T* sums) const {
    const std::size_t from = first_row(band), to = from + bands_.size(band), width = w_.out[1];
    const Rows read{rows_seen(w_, from, to, w_.kernel[0] - 1).first, rows_seen(w_, from, to, 0).end};
    if (read.count() == 0) return;
    const std::size_t filter = (image * size_.groups + group) * size_.filters + rows_.blocks.first(block);
    chosen().frame[type_index<T>]({.planes = rows_.blocks.size(block),
                                   .from_plane = w_.out_size(),
                                   .to_plane = plane_,
                                   .rows = 1,
                                   .columns = read.count() * width,
                                   .from_row = read.count() * width},
                                  y_ + filter * w_.out_size() + read.first * width, planes);
    for (std::size_t s = 0; s < rows_.strips.count(); ++s)
      for (std::size_t p = 0; p < w_.kernel[0]; ++p) {
        const Rows rows = rows_seen(w_, from, to, p);
        if (rows.count() == 0) continue;
        const std::size_t row = rows.first * w_.stride[0] + p * w_.dilation[0] - w_.padding[0] - from;
        for (std::size_t q = 0; q < w_.kernel[1]; ++q) {
          const std::size_t at = row * framed_.width() + q * w_.dilation[1], lanes = rows_.strips.row(s);
          chosen().multiply[type_index<T>](
              {planes + (rows.first - read.first) * width, order_.data(), positions_.data(), lanes,
               rows.count() * width, terms_.data(), rows_.blocks.size(block),
               rows_.at(group, block, s, p * w_.kernel[1] + q), nullptr, lanes, nullptr,
               sums + rows_.strips.first(s) * places(band) + at * lanes});
        }
      }
  }

  /// What no window reaches is where the sums start.
  void put(std::size_t image, std::size_t group, std::size_t band, const T* sums, T* x) const {
    const std::size_t width = framed_.width(), left = w_.padding[1];
    const std::size_t reached = width > left ? std::min(width - left, w_.in[1]) : 0;
    const bool in_one_piece = left == 0 && reached == width && reached == w_.in[1];
    const std::size_t rows = in_one_piece ? 1 : bands_.size(band), columns = places(band) / rows;
    for (std::size_t s = 0; s < rows_.strips.count(); ++s) {
      const std::size_t channel = (image * size_.groups + group) * size_.depth + rows_.strips.first(s);
      const T* from = sums + rows_.strips.first(s) * places(band);
      T* const plane = x + channel * w_.in_size() + first_row(band) * w_.in[1];
      for (std::size_t r = 0; r < rows; ++r) {
        turn(from + (r * columns + left) * rows_.strips.row(s), rows_.strips.row(s),
             in_one_piece ? columns : reached, rows_.strips.size(s), plane + r * w_.in[1], w_.in_size());
        for (std::size_t c = 0; reached < w_.in[1] && c < rows_.strips.size(s); ++c)
          std::fill_n(plane + c * w_.in_size() + r * w_.in[1] + reached, w_.in[1] - reached,
                      start(group, s)[c]);
      }
    }
  }

  const ConvolutionSize& size_;
  const Window& w_;
  const Framed<T> framed_;
  const ChannelRows<T> rows_;
  const Parts bands_;
  const std::size_t most_rows_, plane_;
  const Dense<T> starts_;
  const bool has_bias_;
  const std::vector<Offset> order_, positions_;
  std::vector<Offset> terms_;
  const T* const y_;
};

/// y's filters of a group on a band, place by place and strip by strip.
template <class T>
void gather_lanes(const ConvolutionSize& size, const Framed<T>& framed, const Strips<T>& strips, const T* y,
                  std::size_t band, T* lanes) {
  const std::size_t places = framed.places(band), plane = size.window.out_size();
  y += framed.first_row(band) * size.window.out[1];
  for (std::size_t s = 0; s < strips.count(); ++s)
    turn(y + strips.first(s) * plane, plane, strips.size(s), places, lanes + strips.first(s) * places,
         strips.row(s));
}

/// Adds the products of one block's terms with a strip of lanes, so many places at a time as fit the cache.
template <class T>
void add_terms(const T* planes, const std::vector<Offset>& terms, const std::vector<Offset>& order,
               std::size_t count, const std::vector<Offset>& positions, std::size_t places, const T* lanes,
               std::size_t row, T* sums) {
  const Parts parts(places, block_bytes / (row * sizeof(T)));
  for (std::size_t part = 0; part < parts.count(); ++part)
    chosen().multiply[type_index<T>]({planes, terms.data(), order.data(), row, count,
                                      positions.data() + parts.first(part), parts.size(part),
                                      lanes + parts.first(part) * row, nullptr, row, nullptr, sums});
}

/// Of several arrays one after another, all added to the first.
template <class T>
void add_up(T* sums, std::size_t elements, std::size_t count) {
  parallel_for(count > 1 ? elements : 0, worth_a_thread::streamed_elements / count,
               [&](std::size_t begin, std::size_t end) {
                 for (std::size_t k = 1; k < count; ++k)
                   for (std::size_t i = begin; i < end; ++i) sums[i] += sums[k * elements + i];
               });
}

/// Whether `strips` waste few enough lanes, of which so many in a hundred are to be used, and sums are long
/// enough for their tiles.
template <class T>
bool is_worth_it(const ConvolutionSize& size, const Strips<T>& strips, std::size_t lanes, std::size_t terms,
                 std::size_t percent) {
  const Window& w = size.window;
  if (std::min({size.batch, size.groups, lanes, terms, w.in_size()}) == 0 || !frame_is_worth_it(w))
    return false;
  constexpr std::size_t fewest_lanes = 4, fewest_terms = 8;
  if (lanes < fewest_lanes || terms < fewest_terms || 100 * lanes < percent * strips.all()) return false;
  // One element needs no columns, so that it takes more to be better; and where it strides, a frame would
  // copy what nobody reads.
  if (w.kernel_size() > 1) return true;
  return w.stride[0] == 1 && w.stride[1] == 1 && strips.packs() > 1 && lanes >= 4 * fewest_lanes &&
         100 * lanes >= 80 * strips.all();
}

}  // namespace

// Measured, with AVX-512, AVX2 and SSE2, against columns and OpenBLAS's kernels for the same instruction set,
// over 1 to 256 channels and filters in 1 to 64 groups, windows of 1 to 7 a side, strides of 1 and 2, images
// of 7 to 56 a side: where these say yes, nearly all take 0.4 to 1 times as long.
template <class T>
bool convolves(const ConvolutionSize& size) {
  return is_worth_it(size, Strips<T>(size.filters), size.filters, size.patch(), 30);
}
template <class T>
bool convolves_transposed(const ConvolutionSize& size) {
  return is_worth_it(size, Strips<T>(size.depth), size.depth, size.filters, 75);
}
template <class T>
bool convolves_for_kernel(const ConvolutionSize& size) {
  return size.window.kernel_size() > 1 && convolves<T>(size);
}

template <class T>
void convolve(const ConvolutionSize& size, const T* x, const T* kernel, const T* bias, T* y) {
  const Framed<T> framed(size);
  const FilterRows<T> layout(size);
  const Strips<T>& strips = layout.strips;
  const Dense<T> rows = rows_of_filters(size, layout, kernel);
  const Dense<T> starts = starts_of(bias, size.groups, size.filters, strips.all());
  const std::vector<Offset> positions = framed.positions(), terms = framed.terms(layout.blocks.largest()),
                            order = numbers_up_to(framed.most_places());
  const std::size_t bands = framed.bands(), pieces = size.batch * bands, plane = size.window.out_size();
  const auto run = [&](std::size_t image, std::size_t band, T* planes, T* sums) {
    const std::size_t places = framed.places(band);
    for (std::size_t g = 0; g < size.groups; ++g) {
      const std::size_t group = image * size.groups + g;
      for (std::size_t b = 0; b < layout.blocks.count(); ++b) {
        framed.copy(x, group * size.depth + layout.blocks.first(b), layout.blocks.size(b), band, planes);
        for (std::size_t s = 0; s < strips.count(); ++s)
          chosen().multiply[type_index<T>](
              {planes, positions.data(), order.data(), strips.row(s), places, terms.data(), layout.terms(b),
               rows.data() + layout.offset(g, b, s), nullptr, strips.row(s),
               b == 0 ? starts.data() + g * strips.all() + strips.first(s) : nullptr,
               sums + strips.first(s) * places});
      }
      T* const to = y + group * size.filters * plane + framed.first_row(band) * size.window.out[1];
      for (std::size_t s = 0; s < strips.count(); ++s)
        turn(sums + strips.first(s) * places, strips.row(s), places, strips.size(s),
             to + strips.first(s) * plane, plane);
    }
  };
  parallel_for(pieces, chunk_of(size, pieces, pieces), [&](std::size_t begin, std::size_t end) {
    Dense<T> planes(Shape{layout.blocks.largest() * framed.plane()});
    Dense<T> sums(Shape{framed.most_places() * strips.all()});
    for (std::size_t i = begin; i < end; ++i)
      run(i / bands, i % bands, planes.mutable_data(), sums.mutable_data());
  });
}

template <class T>
void convolve_transposed(const ConvolutionSize& size, const T* y, const T* kernel, const T* bias, T* x) {
  const Spread<T> spread(size, y, kernel, bias);
  const std::size_t bands = spread.bands(), pieces = size.batch * bands;
  parallel_for(pieces, chunk_of(size, pieces, pieces), [&](std::size_t begin, std::size_t end) {
    Dense<T> planes = spread.planes(), sums = spread.sums();
    for (std::size_t i = begin; i < end; ++i)
      spread.run(i / bands, i % bands, planes.mutable_data(), sums.mutable_data(), x);
  });
}

template <class T>
void convolve_for_kernel(const ConvolutionSize& size, const T* x, const T* y, T* kernel) {
  const Framed<T> framed(size);
  const FilterRows<T> layout(size);
  const Strips<T>& strips = layout.strips;
  const std::vector<Offset> positions = framed.positions(), terms = framed.terms(layout.blocks.largest()),
                            order = numbers_up_to(terms.size());
  const std::size_t bands = framed.bands(), pieces = size.batch * bands, elements = layout.elements();
  // Each share of the pieces has a sum of its own; they are added up in order.
  constexpr std::size_t most_shares = 16, enough_addends = 1024;
  const std::size_t share =
      chunk_of(size, pieces, std::min(most_shares, size.batch * size.window.out_size() / enough_addends));
  const std::size_t shares = (pieces + share - 1) / share;
  Dense<T> all = Dense<T>::filled(Shape{shares * elements}, T(0));
  T* const sums = all.mutable_data();
  const auto run = [&](std::size_t image, std::size_t band, T* planes, T* lanes, T* sum) {
    for (std::size_t g = 0; g < size.groups; ++g) {
      const std::size_t group = image * size.groups + g, places = framed.places(band);
      gather_lanes(size, framed, strips, y + group * size.filters * size.window.out_size(), band, lanes);
      for (std::size_t b = 0; b < layout.blocks.count(); ++b) {
        framed.copy(x, group * size.depth + layout.blocks.first(b), layout.blocks.size(b), band, planes);
        for (std::size_t s = 0; s < strips.count(); ++s)
          add_terms(planes, terms, order, layout.terms(b), positions, places,
                    lanes + strips.first(s) * places, strips.row(s), sum + layout.offset(g, b, s));
      }
    }
  };
  parallel_for(pieces, share, [&](std::size_t begin, std::size_t end) {
    Dense<T> planes(Shape{layout.blocks.largest() * framed.plane()});
    Dense<T> lanes = Dense<T>::filled(Shape{framed.most_places() * strips.all()}, T(0));
    for (std::size_t i = begin; i < end; ++i)
      run(i / bands, i % bands, planes.mutable_data(), lanes.mutable_data(), sums + begin / share * elements);
  });
  add_up(sums, elements, shares);
  layout.for_each([&](std::size_t g, std::size_t b, std::size_t s) {
    turn(sums + layout.offset(g, b, s), strips.row(s), layout.terms(b), strips.size(s),
         kernel + layout.kernel_offset(g, b, s), size.patch());
  });
}

[[gnu::used]] constexpr auto instances = instantiate::for_numbers([]<class T>() {
  return std::make_tuple(convolves<T>, convolves_transposed<T>, convolves_for_kernel<T>, convolve<T>,
                         convolve_transposed<T>, convolve_for_kernel<T>);
});

}  // namespace xgrad::direct
