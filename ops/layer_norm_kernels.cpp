#include "layer_norm_kernels.hpp"

#include "normalization_kernels.hpp"

namespace xgrad::kernels {
namespace {

using simd::Isa;

template <class P>
Normal<P> normal_of(const typename P::value_type* data) {
  return {P(data[0]), P(data[1]), P(data[2])};
}

template <class T>
void value_kernel(const LayerNormRows& all) {
  using P = simd::Pack<T, Isa>;
  const std::size_t count = all.columns;
  const T *gamma = static_cast<const T*>(all.gamma), *beta = static_cast<const T*>(all.beta);
  if (count == 0) return;
  for (std::size_t r = 0; r < all.rows; ++r) {
    const T* x = static_cast<const T*>(all.x) + r * count;
    T* data = static_cast<T*>(all.row_data) + r * layer_norm_data;
    const Moments<P> row = moments_of_row<P>(x, count);
    const RowScale by = scale_of_row<P>(row, x, count, all.epsilon);
    data[0] = row.mean;
    data[1] = static_cast<T>(by.scale);
    data[2] = static_cast<T>(-by.rest * by.scale);
    const Normal<P> normal = normal_of<P>(data);
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
        normal(normal_of<P>(static_cast<const T*>(all.row_data) + r * layer_norm_data)) {
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
