// Pooling by plain loops, for rows and tests.
#pragma once

#include <cmath>
#include <cstddef>
#include <vector>
#include <xgrad/core/array/shape.hpp>
#include <xgrad/ops/pair.hpp>

namespace xgrad::testing {

struct PoolCase {
  Shape x;
  Pair kernel, stride = kernel, padding = 0, dilation = 1;

  std::size_t out(std::size_t k) const {
    return (x[2 + k] + 2 * padding[k] - dilation[k] * (kernel[k] - 1) - 1) / stride[k] + 1;
  }
  Shape y() const { return {x[0], x[1], out(0), out(1)}; }
};

/// Calls each(offset in y, offset in x) for every element that a window sees, in row-major order.
template <class Each>
void for_each_seen(const PoolCase& c, const Each& each) {
  std::size_t at = 0;
  for (std::size_t plane = 0; plane < c.x[0] * c.x[1]; ++plane)
    for (std::size_t i = 0; i < c.out(0); ++i)
      for (std::size_t j = 0; j < c.out(1); ++j, ++at)
        for (std::size_t p = 0; p < c.kernel[0]; ++p)
          for (std::size_t q = 0; q < c.kernel[1]; ++q) {
            const std::size_t row = i * c.stride[0] + p * c.dilation[0] - c.padding[0];
            const std::size_t column = j * c.stride[1] + q * c.dilation[1] - c.padding[1];
            // What would be negative has wrapped around.
            if (row < c.x[2] && column < c.x[3]) each(at, (plane * c.x[2] + row) * c.x[3] + column);
          }
}

/// Where the largest element of each window stands.
inline std::vector<std::size_t> places_of_largest(const PoolCase& c, const double* x) {
  std::vector<std::size_t> found(element_count(c.y()), ~std::size_t{0});
  for_each_seen(c, [&](std::size_t y, std::size_t at) {
    const bool first = found[y] == ~std::size_t{0};
    if (first || (!std::isnan(x[found[y]]) && (std::isnan(x[at]) || x[at] > x[found[y]]))) found[y] = at;
  });
  return found;
}

inline std::vector<double> max_pooled(const PoolCase& c, const double* x) {
  std::vector<double> y;
  for (std::size_t at : places_of_largest(c, x)) y.push_back(x[at]);
  return y;
}

inline std::vector<double> avg_pooled(const PoolCase& c, const double* x) {
  std::vector<double> y(element_count(c.y()), 0);
  const double elements = static_cast<double>(c.kernel[0] * c.kernel[1]);
  for_each_seen(c, [&](std::size_t to, std::size_t at) { y[to] += x[at] / elements; });
  return y;
}

inline std::vector<double> avg_spread(const PoolCase& c, const double* dy) {
  std::vector<double> x(element_count(c.x), 0);
  const double elements = static_cast<double>(c.kernel[0] * c.kernel[1]);
  for_each_seen(c, [&](std::size_t from, std::size_t at) { x[at] += dy[from] / elements; });
  return x;
}

/// Calls each(offset in y, offset in x, elements of the window) for windows that cover [N, C, H, W] and give
/// rows x columns.
template <class Each>
void for_each_covered(const Shape& x, std::size_t rows, std::size_t columns, const Each& each) {
  std::size_t at = 0;
  for (std::size_t plane = 0; plane < x[0] * x[1]; ++plane)
    for (std::size_t i = 0; i < rows; ++i)
      for (std::size_t j = 0; j < columns; ++j, ++at) {
        const auto past = [](std::size_t k, std::size_t in, std::size_t out) {
          return (k * in + out - 1) / out;
        };
        const std::size_t top = i * x[2] / rows, bottom = past(i + 1, x[2], rows);
        const std::size_t left = j * x[3] / columns, right = past(j + 1, x[3], columns);
        for (std::size_t row = top; row < bottom; ++row)
          for (std::size_t column = left; column < right; ++column)
            each(at, (plane * x[2] + row) * x[3] + column,
                 static_cast<double>((bottom - top) * (right - left)));
      }
}

inline std::vector<double> adaptive_pooled(const Shape& x, std::size_t rows, std::size_t columns,
                                           const double* data) {
  std::vector<double> y(x[0] * x[1] * rows * columns, 0);
  for_each_covered(x, rows, columns,
                   [&](std::size_t to, std::size_t at, double n) { y[to] += data[at] / n; });
  return y;
}

inline std::vector<double> adaptive_spread(const Shape& x, std::size_t rows, std::size_t columns,
                                           const double* dy) {
  std::vector<double> images(element_count(x), 0);
  for_each_covered(x, rows, columns,
                   [&](std::size_t from, std::size_t at, double n) { images[at] += dy[from] / n; });
  return images;
}

}  // namespace xgrad::testing
