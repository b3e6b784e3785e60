// Convolutions by plain loops, for rows and tests.
#pragma once

#include <array>
#include <cstddef>
#include <vector>
#include <xgrad/core/array/shape.hpp>
#include <xgrad/ops/convolution.hpp>

namespace xgrad::testing {

/// The extents of y = conv2d(x, kernel), all given.
struct ConvolutionCase {
  Shape x, kernel, y;
  Conv2dOptions options;
};

/// y's shape from the other two.
inline ConvolutionCase convolution_case(const Shape& x, const Shape& kernel,
                                        const Conv2dOptions& options = {}) {
  Shape y{x[0], kernel[0], 0, 0};
  for (std::size_t k : {0u, 1u})
    y[2 + k] = (x[2 + k] + 2 * options.padding.sides()[k] - options.dilation[k] * (kernel[2 + k] - 1) - 1) /
                   options.stride[k] +
               1;
  return {x, kernel, y, options};
}

inline std::size_t offset_in(const Shape& shape, std::array<std::size_t, 4> index) {
  std::size_t offset = 0;
  for (std::size_t axis = 0; axis < 4; ++axis) offset = offset * shape[axis] + index[axis];
  return offset;
}

constexpr std::size_t in_padding = ~std::size_t{0};

/// Calls term(offset in y, in x, in the kernel) for every product that a convolution sums up; x has none for
/// an element of its padding.
template <class Term>
void for_each_term(const ConvolutionCase& c, const Term& term) {
  const auto& [stride, around, dilation, groups] = c.options;
  const Pair& padding = around.sides();
  const std::size_t filters = c.kernel[0] / groups;
  for (std::size_t n = 0; n < c.y[0]; ++n)
    for (std::size_t o = 0; o < c.y[1]; ++o)
      for (std::size_t i = 0; i < c.y[2]; ++i)
        for (std::size_t j = 0; j < c.y[3]; ++j)
          for (std::size_t d = 0; d < c.kernel[1]; ++d)
            for (std::size_t p = 0; p < c.kernel[2]; ++p)
              for (std::size_t q = 0; q < c.kernel[3]; ++q) {
                const std::size_t row = i * stride[0] + p * dilation[0],
                                  column = j * stride[1] + q * dilation[1];
                const bool inside = row >= padding[0] && row - padding[0] < c.x[2] && column >= padding[1] &&
                                    column - padding[1] < c.x[3];
                const std::size_t channel = o / filters * c.kernel[1] + d;
                term(
                    offset_in(c.y, {n, o, i, j}),
                    inside ? offset_in(c.x, {n, channel, row - padding[0], column - padding[1]}) : in_padding,
                    offset_in(c.kernel, {o, d, p, q}));
              }
}

// Padding is a 0 like any other: times an infinity it is a NaN.
inline std::vector<double> convolved(const ConvolutionCase& c, const double* x, const double* kernel) {
  std::vector<double> y(element_count(c.y), 0);
  for_each_term(c, [&](std::size_t at_y, std::size_t at_x, std::size_t at_k) {
    y[at_y] += (at_x == in_padding ? 0 : x[at_x]) * kernel[at_k];
  });
  return y;
}
inline std::vector<double> convolved_transposed(const ConvolutionCase& c, const double* y,
                                                const double* kernel) {
  std::vector<double> x(element_count(c.x), 0);
  for_each_term(c, [&](std::size_t at_y, std::size_t at_x, std::size_t at_k) {
    if (at_x != in_padding) x[at_x] += y[at_y] * kernel[at_k];
  });
  return x;
}
inline std::vector<double> convolved_for_kernel(const ConvolutionCase& c, const double* x, const double* y) {
  std::vector<double> kernel(element_count(c.kernel), 0);
  for_each_term(c, [&](std::size_t at_y, std::size_t at_x, std::size_t at_k) {
    kernel[at_k] += (at_x == in_padding ? 0 : x[at_x]) * y[at_y];
  });
  return kernel;
}

/// One number of `bias` added to each channel of [N, C, H, W].
inline std::vector<double> plus_bias(std::vector<double> images, const Shape& shape, const double* bias) {
  const std::size_t plane = shape[2] * shape[3];
  for (std::size_t i = 0; i < images.size(); ++i) images[i] += bias[i / plane % shape[1]];
  return images;
}

}  // namespace xgrad::testing
