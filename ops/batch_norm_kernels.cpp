#include "batch_norm_kernels.hpp"

#include "../core/formula/elementwise_loop.hpp"
#include "normalization_kernels.hpp"

namespace xgrad::kernels {
namespace {

using simd::Isa;

// So many neighbours, or rows of a strip, are read twice while they are in the cache.
constexpr std::size_t block_elements = 4096, rows_of_a_block = 32;

/// Mean and variance of what has come so far, a block at a time. T. F. Chan, G. H. Golub and R. J. LeVeque,
/// "Algorithms for computing the sample variance", 1983.
struct Joined {
  double count = 0, mean = 0, squares = 0;  ///< the squares of the distances from the mean, summed

  void add(double n, double other_mean, double other_squares) {
    const double share = n / (count + n), apart = other_mean - mean;
    squares += other_squares + apart * apart * count * share;
    mean += apart * share;
    count += n;
  }
};

/// How the elements of a channel become y and back.
template <class T>
struct Channel {
  T mean, scale, shift;

  Channel(const BatchNormChannels& all, std::size_t c) : mean(static_cast<T>(all.mean[c])) {
    scale = static_cast<T>(all.scale[c]);
    shift = static_cast<T>((static_cast<double>(mean) - all.mean[c]) * all.scale[c]);
  }
};

template <class T>
const T* plane(const void* data, const BatchNormChannels& all, std::size_t sample, std::size_t c) {
  return static_cast<const T*>(data) + (sample * all.channels + c) * all.inner;
}

/// Variance and scale of a channel whose squares were lost, an element at a time: it is rare.
template <class T>
[[gnu::noinline]] void describe_lost(const BatchNormChannels& all, std::size_t c) {
  const double mean = all.mean[c], n = static_cast<double>(all.samples) * static_cast<double>(all.inner);
  double largest = 0;
  const auto for_distances = [&](const auto& use) {
    for (std::size_t s = 0; s < all.samples; ++s)
      for (std::size_t i = 0; i < all.inner; ++i)
        use(static_cast<double>(plane<T>(all.x, all, s, c)[i]) - mean);
  };
  for_distances([&](double d) { largest = d > largest ? d : -d > largest ? -d : d == d ? largest : d; });
  if (!(largest > 0 && largest <= std::numeric_limits<double>::max())) return;
  const double factor = near_one<double>(largest, all.epsilon);
  double squares = 0;
  for_distances([&](double d) { squares += d * factor * (d * factor); });
  all.variance[c] = squares / n / factor / factor;
  all.scale[c] = factor / ::sqrt(squares / n + all.epsilon * factor * factor);
}

template <class T>
void set_moments(const BatchNormChannels& all, std::size_t c, const Joined& joined) {
  all.mean[c] = joined.mean;
  all.variance[c] = joined.squares / joined.count;
  const double square = all.variance[c] + all.epsilon;
  all.scale[c] = 1 / ::sqrt(square);
  if (is_lost<T>(square)) [[unlikely]]
    describe_lost<T>(all, c);
}

// ---- Channels whose elements stand together, a plane a sample

template <class T>
void describe_planes(const BatchNormChannels& all, std::size_t c) {
  using P = simd::Pack<T, Isa>;
  Joined joined;
  for (std::size_t s = 0; s < all.samples; ++s)
    for (std::size_t i = 0; i < all.inner; i += block_elements) {
      const std::size_t count = all.inner - i < block_elements ? all.inner - i : block_elements;
      const Moments<P> block = moments_of_row<P>(plane<T>(all.x, all, s, c) + i, count);
      const auto n = static_cast<double>(count);
      joined.add(n, static_cast<double>(block.mean) + block.rest, block.variance * n);
    }
  set_moments<T>(all, c, joined);
}

template <class T>
void value_of_planes(const BatchNormChannels& all, std::size_t c) {
  using P = simd::Pack<T, Isa>;
  describe_planes<T>(all, c);
  const Channel<T> channel(all, c);
  const Normal<P> normal{P(channel.mean), P(channel.scale), P(channel.shift)};
  const P gamma(static_cast<const T*>(all.gamma)[c]), beta(static_cast<const T*>(all.beta)[c]);
  for (std::size_t s = 0; s < all.samples; ++s) {
    const T* x = plane<T>(all.x, all, s, c);
    write_row<P>(
        const_cast<T*>(plane<T>(all.out, all, s, c)), all.inner,
        [&](const auto& reader, std::size_t i) { return fma(normal(reader.load(x + i)), gamma, beta); });
  }
}

template <class T>
void gradient_of_planes(const BatchNormChannels& all, std::size_t c) {
  using P = simd::Pack<T, Isa>;
  const Channel<T> channel(all, c);
  const Normal<P> normal{P(channel.mean), P(channel.scale), P(channel.shift)};
  double dgamma = 0, dbeta = 0;
  for (std::size_t s = 0; s < all.samples; ++s) {
    const T *x = plane<T>(all.x, all, s, c), *dy = plane<T>(all.dy, all, s, c);
    const Two<double> sums = sums_of_row<P>(all.inner, [&](const auto& reader, std::size_t i) {
      const P g = reader.load(dy + i);
      return Two<P>{g, g * normal(reader.load(x + i))};
    });
    dbeta += sums.first;
    dgamma += sums.second;
  }
  all.dgamma[c] = dgamma;
  all.dbeta[c] = dbeta;
  const double n = static_cast<double>(all.samples) * static_cast<double>(all.inner);
  const P minus_mean(-dbeta / n), minus_slope(-dgamma / n);
  const P factor(channel.scale * static_cast<const T*>(all.gamma)[c]);
  for (std::size_t s = 0; s < all.samples; ++s) {
    const T *x = plane<T>(all.x, all, s, c), *dy = plane<T>(all.dy, all, s, c);
    write_row<P>(const_cast<T*>(plane<T>(all.out, all, s, c)), all.inner,
                 [&](const auto& reader, std::size_t i) {
                   const P g = reader.load(dy + i) + minus_mean;
                   return fma(normal(reader.load(x + i)), minus_slope, g) * factor;
                 });
  }
}

// ---- Channels that are columns, a strip of them at a time

template <class T>
void describe_columns(const BatchNormChannels& all) {
  using P = simd::Pack<T, Isa>;
  const T* x = static_cast<const T*>(all.x) + all.first;
  const std::size_t columns = all.count;
  Strip<P> mean;
  double sum[strip_columns], squares[strip_columns];
  Joined joined[strip_columns];
  for (std::size_t r = 0; r < all.samples; r += rows_of_a_block) {
    const std::size_t rows = all.samples - r < rows_of_a_block ? all.samples - r : rows_of_a_block;
    const auto n = static_cast<double>(rows);
    const T* block = x + r * all.channels;
    sum_columns<P>(sum, rows, columns, [&](const auto& reader, std::size_t k, std::size_t c) {
      return reader.load(block + k * all.channels + c) - reader.load(block + c);
    });
    for (std::size_t c = 0; c < columns; ++c)
      mean.of[c] = static_cast<T>(static_cast<double>(block[c]) + sum[c] / n);
    const auto distance = [&](const auto& reader, std::size_t k, std::size_t c) {
      return reader.load(block + k * all.channels + c) - reader.load(mean.of + c);
    };
    sum_columns<P>(sum, rows, columns, distance);
    sum_columns<P>(squares, rows, columns, [&](const auto& reader, std::size_t k, std::size_t c) {
      const P d = distance(reader, k, c);
      return d * d;
    });
    for (std::size_t c = 0; c < columns; ++c) {
      const double rest = sum[c] / n, distances = squares[c] - rest * sum[c];
      joined[c].add(n, static_cast<double>(mean.of[c]) + rest, distances < 0 ? 0 : distances);
    }
  }
  for (std::size_t c = 0; c < columns; ++c) set_moments<T>(all, all.first + c, joined[c]);
}

/// The channels of a strip side by side.
template <class P>
struct Channels {
  using T = typename P::value_type;
  Strip<P> mean, scale, shift;

  explicit Channels(const BatchNormChannels& all) {
    for (std::size_t c = 0; c < all.count; ++c) {
      const Channel<T> channel(all, all.first + c);
      mean.of[c] = channel.mean;
      scale.of[c] = channel.scale;
      shift.of[c] = channel.shift;
    }
  }
  template <class Reader>
  Normal<P> at(const Reader& reader, std::size_t c) const {
    return {reader.load(mean.of + c), reader.load(scale.of + c), reader.load(shift.of + c)};
  }
};

template <class T>
void value_of_columns(const BatchNormChannels& all) {
  using P = simd::Pack<T, Isa>;
  describe_columns<T>(all);
  const Channels<P> channels(all);
  const T *gamma = static_cast<const T*>(all.gamma) + all.first,
          *beta = static_cast<const T*>(all.beta) + all.first;
  for (std::size_t r = 0; r < all.samples; ++r) {
    const std::size_t row = r * all.channels + all.first;
    const T* x = static_cast<const T*>(all.x) + row;
    write_row<P>(static_cast<T*>(all.out) + row, all.count, [&](const auto& reader, std::size_t c) {
      return fma(channels.at(reader, c)(reader.load(x + c)), reader.load(gamma + c), reader.load(beta + c));
    });
  }
}

template <class T>
void gradient_of_columns(const BatchNormChannels& all) {
  using P = simd::Pack<T, Isa>;
  const Channels<P> channels(all);
  const T *x = static_cast<const T*>(all.x) + all.first, *dy = static_cast<const T*>(all.dy) + all.first,
          *gamma = static_cast<const T*>(all.gamma) + all.first;
  double dgamma[strip_columns], dbeta[strip_columns];
  sum_columns<P>(dbeta, all.samples, all.count, [&](const auto& reader, std::size_t r, std::size_t c) {
    return reader.load(dy + r * all.channels + c);
  });
  sum_columns<P>(dgamma, all.samples, all.count, [&](const auto& reader, std::size_t r, std::size_t c) {
    const std::size_t at = r * all.channels + c;
    return reader.load(dy + at) * channels.at(reader, c)(reader.load(x + at));
  });
  Strip<P> mean, slope, factor;
  const auto n = static_cast<double>(all.samples);
  for (std::size_t c = 0; c < all.count; ++c) {
    all.dgamma[all.first + c] = dgamma[c];
    all.dbeta[all.first + c] = dbeta[c];
    mean.of[c] = static_cast<T>(dbeta[c] / n);
    slope.of[c] = static_cast<T>(-dgamma[c] / n);
    factor.of[c] = channels.scale.of[c] * gamma[c];
  }
  for (std::size_t r = 0; r < all.samples; ++r) {
    const std::size_t row = r * all.channels;
    write_row<P>(static_cast<T*>(all.out) + all.first + row, all.count,
                 [&](const auto& reader, std::size_t c) {
                   const P g = reader.load(dy + row + c) - reader.load(mean.of + c);
                   const P y = channels.at(reader, c)(reader.load(x + row + c));
                   return fma(y, reader.load(slope.of + c), g) * reader.load(factor.of + c);
                 });
  }
}

template <class T>
void value_kernel_of(const BatchNormChannels& all) {
  if (all.inner == 1) return value_of_columns<T>(all);
  for (std::size_t c = all.first; c < all.first + all.count; ++c) value_of_planes<T>(all, c);
}

template <class T>
void gradient_kernel_of(const BatchNormChannels& all) {
  if (all.inner == 1) return gradient_of_columns<T>(all);
  for (std::size_t c = all.first; c < all.first + all.count; ++c) gradient_of_planes<T>(all, c);
}

}  // namespace

template <>
const BatchNormKernels* batch_norm_kernels<simd::Isa>() {
  static constexpr BatchNormKernels all = {{&value_kernel_of<float>, &value_kernel_of<double>},
                                           {&gradient_kernel_of<float>, &gradient_kernel_of<double>}};
  return &all;
}

template <>
const Kernels* table<simd::Isa, formulas::LayerFormulas>() {
  return make_table<simd::Isa>(formulas::LayerFormulas::list{});
}

}  // namespace xgrad::kernels
