#include "layer_norm_kernels.hpp"

#include <cmath>

#include "../core/axis_loop.hpp"

namespace xgrad::kernels {
namespace {

using simd::Isa;

template <class P>
struct Two {
  P first, second;
};

/// The sums of both parts of term(reader, i) along a row, in double; four packs at a time are added up before
/// they are widened. A term must be 0 in lanes that no element stands behind.
template <class P, class Term>
Two<double> sums_of_row(std::size_t count, const Term& term) {
  using D = decltype(in_double(P()));
  constexpr std::size_t width = P::width;
  D first(0), second(0);
  std::size_t i = 0;
  for (; i + 4 * width <= count; i += 4 * width) {
    const WholePack<P> reader;
    const Two<P> a = term(reader, i), b = term(reader, i + width), c = term(reader, i + 2 * width),
                 d = term(reader, i + 3 * width);
    first += in_double((a.first + b.first) + (c.first + d.first));
    second += in_double((a.second + b.second) + (c.second + d.second));
  }
  const auto add = [&](const Two<P>& x) {
    first += in_double(x.first);
    second += in_double(x.second);
  };
  for (; i + width <= count; i += width) add(term(WholePack<P>{}, i));
  if (i < count) add(term(PartOfPack<P>{count - i}, i));
  return {sum(first), sum(second)};
}

/// What is kept of a row, in every lane.
template <class P>
struct Normal {
  using T = typename P::value_type;
  P mean, scale, shift;

  explicit Normal(const T* data) : mean(data[0]), scale(data[1]), shift(data[2]) {}
  /// (x - mean) / deviation.
  P operator()(const P& x) const { return fma(x - mean, scale, shift); }
};

/// The first round counts from the row's first element, so that equal elements give their mean exactly; the
/// second one counts from that mean, and finds what rounding took from it.
template <class T>
void describe_row(const T* x, std::size_t count, double epsilon, T* data) {
  using P = simd::Pack<T, Isa>;
  const auto n = static_cast<double>(count);
  const P start(x[0]);
  const double shift = sum_row<P>(
      0, count, [&](const auto& reader, std::size_t i) { return reader.keep(reader.load(x + i) - start); });
  const P mean(static_cast<double>(x[0]) + shift / n);
  const Two<double> sums = sums_of_row<P>(count, [&](const auto& reader, std::size_t i) {
    const P d = reader.keep(reader.load(x + i) - mean);
    return Two<P>{d, d * d};
  });
  const double rest = sums.first / n, variance = sums.second / n - rest * rest;
  const double scale = 1 / std::sqrt((variance < 0 ? 0 : variance) + epsilon);
  data[0] = mean.first();
  data[1] = static_cast<T>(scale);
  data[2] = static_cast<T>(-rest * scale);
}

template <class T>
void value_kernel(const LayerNormRows& all) {
  using P = simd::Pack<T, Isa>;
  const std::size_t count = all.columns;
  const T *gamma = static_cast<const T*>(all.gamma), *beta = static_cast<const T*>(all.beta);
  for (std::size_t r = 0; r < all.rows; ++r) {
    const T* x = static_cast<const T*>(all.x) + r * count;
    T* data = static_cast<T*>(all.row_data) + r * layer_norm_data;
    describe_row(x, count, all.epsilon, data);
    const Normal<P> normal(data);
    write_row<P>(static_cast<T*>(all.out) + r * count, count, [&](const auto& reader, std::size_t i) {
      return fma(normal(reader.load(x + i)), reader.load(gamma + i), reader.load(beta + i));
    });
  }
}

/// A row, and the means over it of dy gamma and of that times what the row was normalised to.
template <class P>
struct GradientRow {
  using T = typename P::value_type;
  const T *x, *dy;
  T* dx;
  Normal<P> normal;
  P minus_mean, minus_slope;

  GradientRow(const LayerNormRows& all, std::size_t r)
      : x(static_cast<const T*>(all.x) + r * all.columns),
        dy(static_cast<const T*>(all.dy) + r * all.columns),
        dx(static_cast<T*>(all.out) + r * all.columns),
        normal(static_cast<const T*>(all.row_data) + r * layer_norm_data) {
    const T* gamma = static_cast<const T*>(all.gamma);
    const Two<double> sums = sums_of_row<P>(all.columns, [&](const auto& reader, std::size_t i) {
      const P g = reader.load(dy + i) * reader.load(gamma + i);
      return Two<P>{g, g * normal(reader.load(x + i))};
    });
    const auto n = static_cast<double>(all.columns);
    minus_mean = P(-sums.first / n);
    minus_slope = P(-sums.second / n);
  }
};

/// The gradients of `Rows` rows: so many at a time share an addition to those of gamma and beta.
template <class T, std::size_t Rows>
void gradient_of_rows(const LayerNormRows& all, const GradientRow<simd::Pack<T, Isa>> (&rows)[Rows]) {
  using P = simd::Pack<T, Isa>;
  const T* gamma = static_cast<const T*>(all.gamma);
  for_columns<P>(all.columns, [&](const auto& reader, std::size_t i) {
    const P scale = reader.load(gamma + i);
    P dgamma(0), dbeta(0);
    for (std::size_t k = 0; k < Rows; ++k) {
      const GradientRow<P>& row = rows[k];
      const P dy = reader.load(row.dy + i), y = row.normal(reader.load(row.x + i));
      const P g = fma(dy, scale, row.minus_mean);
      reader.store(fma(y, row.minus_slope, g) * row.normal.scale, row.dx + i);
      dgamma = fma(dy, y, dgamma);
      dbeta += dy;
    }
    add_to(all.dgamma + i, dgamma);
    add_to(all.dbeta + i, dbeta);
  });
}

template <class T>
void gradient_kernel(const LayerNormRows& all) {
  using Row = GradientRow<simd::Pack<T, Isa>>;
  std::size_t r = 0;
  for (; r + 4 <= all.rows; r += 4)
    gradient_of_rows<T, 4>(all, {Row(all, r), Row(all, r + 1), Row(all, r + 2), Row(all, r + 3)});
  for (; r < all.rows; ++r) gradient_of_rows<T, 1>(all, {Row(all, r)});
}

}  // namespace

template <>
const LayerNormKernels* layer_norm_kernels<simd::Isa>() {
  static constexpr LayerNormKernels all = {{&value_kernel<float>, &value_kernel<double>},
                                           {&gradient_kernel<float>, &gradient_kernel<double>}};
  return &all;
}

}  // namespace xgrad::kernels
