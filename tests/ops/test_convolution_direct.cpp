#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <string>
#include <vector>
#include <xgrad/core/kernels/random.hpp>
#include <xgrad/ops/convolution_direct.hpp>

#include "../threads.hpp"
#include "../variables.hpp"
#include "convolution_reference.hpp"

namespace xg = xgrad;
using xg::testing::ConvolutionCase;
using xgrad::testing::as_doubles;
using xgrad::testing::random_variable;
using xgrad::testing::Threads;

namespace {

/// What the direct products take for a case.
xg::ConvolutionSize size_of(const ConvolutionCase& c) {
  xg::ConvolutionSize size;
  size.groups = static_cast<std::size_t>(c.options.groups.number());
  size.batch = c.x[0];
  size.depth = c.kernel[1];
  size.filters = c.kernel[0] / size.groups;
  for (std::size_t k : {0u, 1u}) {
    size.window.in[k] = c.x[2 + k];
    size.window.kernel[k] = c.kernel[2 + k];
    size.window.stride[k] = static_cast<std::size_t>(c.options.stride[k].number());
    size.window.padding[k] = static_cast<std::size_t>(c.options.padding.sides()[k].number());
    size.window.dilation[k] = static_cast<std::size_t>(c.options.dilation[k].number());
    size.window.out[k] = c.y[2 + k];
  }
  return size;
}

template <class T>
struct Products {
  std::vector<T> y, x, kernel;
};

/// The three direct products, each with its bias; what they do not write stays a NaN.
template <class T>
Products<T> direct_products(const ConvolutionCase& c, const std::vector<xg::Variable<T>>& in) {
  const xg::ConvolutionSize size = size_of(c);
  const auto data = [&](std::size_t k) { return in[k].dense().data(); };
  Products<T> all{std::vector<T>(xg::element_count(c.y), NAN), std::vector<T>(xg::element_count(c.x), NAN),
                  std::vector<T>(xg::element_count(c.kernel), NAN)};
  xg::direct::convolve<T>(size, data(0), data(1), data(3), all.y.data());
  xg::direct::convolve_transposed<T>(size, data(2), data(1), data(4), all.x.data());
  xg::direct::convolve_for_kernel<T>(size, data(0), data(2), all.kernel.data());
  return all;
}

/// x, kernel, y, and a bias for y and for x.
template <class T>
std::vector<xg::Variable<T>> inputs_of(const ConvolutionCase& c, std::uint64_t seed) {
  std::vector<xg::Variable<T>> in;
  for (const xg::Shape& shape : {c.x, c.kernel, c.y, xg::Shape{c.y[1]}, xg::Shape{c.x[1]}})
    in.push_back(random_variable<T>(shape, seed++));
  return in;
}

/// The largest difference, in units of what the largest sum of so many products may be off by.
template <class T>
double distance_from(const std::vector<T>& got, const std::vector<double>& expected) {
  REQUIRE(got.size() == expected.size());
  double worst = 0, largest = 1;
  for (std::size_t i = 0; i < got.size(); ++i) {
    const double difference = std::abs(static_cast<double>(got[i]) - expected[i]);
    worst = std::isnan(difference) ? INFINITY : std::max(worst, difference);
    largest = std::max(largest, std::abs(expected[i]));
  }
  return worst / largest;
}

/// The same with places as lanes, as far as that goes: strides are 1, and the padding is less than the
/// window.
template <class T>
Products<T> products_of_places(const ConvolutionCase& c, const std::vector<xg::Variable<T>>& in) {
  const xg::ConvolutionSize size = size_of(c);
  const auto data = [&](std::size_t k) { return in[k].dense().data(); };
  Products<T> all;
  if (size.window.stride[0] > 1 || size.window.stride[1] > 1) return all;
  all.y.assign(xg::element_count(c.y), NAN);
  xg::direct::convolve_places<T>(size, data(0), data(1), data(3), all.y.data());
  for (std::size_t k : {0u, 1u})
    if (size.window.padding[k] >= size.window.reach(k)) return all;
  all.x.assign(xg::element_count(c.x), NAN);
  xg::direct::convolve_places_transposed<T>(size, data(2), data(1), data(4), all.x.data());
  return all;
}

template <class T>
void check_against_loops(const ConvolutionCase& c, std::uint64_t seed) {
  const auto in = inputs_of<T>(c, seed);
  const auto x = as_doubles(in[0]), kernel = as_doubles(in[1]), y = as_doubles(in[2]),
             y_bias = as_doubles(in[3]), x_bias = as_doubles(in[4]);
  const Products<T> got = direct_products(c, in);
  const double tolerance = std::is_same_v<T, double> ? 1e-14 : 4e-6;
  const auto convolved =
      xg::testing::plus_bias(xg::testing::convolved(c, x.data(), kernel.data()), c.y, y_bias.data());
  const auto transposed = xg::testing::plus_bias(
      xg::testing::convolved_transposed(c, y.data(), kernel.data()), c.x, x_bias.data());
  CHECK(distance_from(got.y, convolved) < tolerance);
  CHECK(distance_from(got.x, transposed) < tolerance);
  CHECK(distance_from(got.kernel, xg::testing::convolved_for_kernel(c, x.data(), y.data())) < tolerance);
  const Products<T> places = products_of_places(c, in);
  if (!places.y.empty()) CHECK(distance_from(places.y, convolved) < tolerance);
  if (!places.x.empty()) CHECK(distance_from(places.x, transposed) < tolerance);
}

std::string text_of(const ConvolutionCase& c) { return to_string(c.x) + " * " + to_string(c.kernel); }

/// Sides smaller than the kernel, widths that are no multiple of a register, bands of one row and of many.
struct Geometry {
  xg::Shape sides, kernel;
  xg::Conv2dOptions options;
};
std::vector<Geometry> geometries() {
  return {{{1, 1}, {3, 3}, {.padding = 1}},
          {{2, 1}, {3, 3}, {.padding = {2, 1}}},
          {{7, 9}, {3, 3}, {}},
          {{13, 6}, {3, 3}, {.padding = 1}},
          {{5, 37}, {1, 1}, {}},
          {{4, 5}, {1, 1}, {.padding = {0, 2}}},
          {{9, 8}, {5, 3}, {.padding = {4, 0}}},
          {{3, 201}, {2, 3}, {.padding = {1, 1}}},
          {{11, 10}, {3, 3}, {.stride = {2, 1}, .padding = 1}},
          {{10, 11}, {3, 2}, {.stride = {3, 2}, .dilation = {1, 2}}},
          {{21, 19}, {3, 3}, {.padding = 2, .dilation = 2}},
          {{1, 40}, {1, 7}, {.padding = {0, 3}}},
          {{3, 2}, {2, 2}, {.padding = 5}}};
}

}  // namespace

TEST_CASE("direct convolutions of odd extents are those of plain loops") {
  std::uint64_t seed = 0;
  const std::vector<Geometry> all = geometries();
  for (const std::size_t channels : {1u, 3u, 7u, 16u, 17u, 33u})
    for (const std::size_t filters : {1u, 3u, 7u, 16u, 17u, 33u, 70u})
      for (std::size_t turn = 0; turn < 5; ++turn, ++seed) {
        Geometry g = all[seed % all.size()];
        const std::size_t groups = seed % 4 == 0 ? 3 : 1, batch = 1 + seed % 2;
        g.options.groups = groups;
        const ConvolutionCase c =
            xg::testing::convolution_case({batch, groups * channels, g.sides[0], g.sides[1]},
                                          {groups * filters, channels, g.kernel[0], g.kernel[1]}, g.options);
        INFO("seed " << seed << ": " << text_of(c));
        check_against_loops<double>(c, seed);
        check_against_loops<float>(c, seed);
      }
}

TEST_CASE("direct convolutions of more channels than a block holds are those of plain loops") {
  for (const ConvolutionCase& c :
       {xg::testing::convolution_case({1, 150, 4, 5}, {40, 150, 3, 3}, {.padding = 1}),
        xg::testing::convolution_case({2, 20, 6, 5}, {300, 20, 1, 1}),
        xg::testing::convolution_case({1, 2, 40, 70}, {9, 2, 3, 3}, {.padding = {3, 0}})}) {
    INFO(text_of(c));
    check_against_loops<double>(c, 1);
    check_against_loops<float>(c, 2);
  }
}

TEST_CASE("direct convolutions give the same bits on one thread and on two, and for each image alone") {
  for (const ConvolutionCase& c :
       {xg::testing::convolution_case({24, 33, 17, 19}, {40, 33, 3, 3}, {.padding = 1}),
        xg::testing::convolution_case({1, 64, 50, 50}, {64, 64, 3, 3}),
        xg::testing::convolution_case({9, 64, 20, 20}, {64, 16, 3, 3}, {.padding = 1, .groups = 4})}) {
    INFO(text_of(c));
    const auto in = inputs_of<float>(c, 5);
    const auto run = [&](std::size_t threads) {
      Threads use(threads);
      Products<float> all = direct_products(c, in);
      CHECK(use.shared_a_loop() == (threads > 1));
      return all;
    };
    const Products<float> alone = run(1), shared = run(2);
    CHECK(alone.y == shared.y);
    CHECK(alone.x == shared.x);
    CHECK(alone.kernel == shared.kernel);
    const auto of_places = [&](std::size_t threads) {
      Threads use(threads);
      Products<float> all = products_of_places(c, in);
      CHECK(use.shared_a_loop() == (threads > 1));
      return all;
    };
    const Products<float> places = of_places(1), shared_places = of_places(2);
    CHECK(places.y == shared_places.y);
    CHECK(places.x == shared_places.x);
    xg::ConvolutionSize one = size_of(c);
    one.batch = 1;
    std::vector<float> last(alone.y.size() / c.y[0]);
    xg::direct::convolve<float>(one, in[0].dense().data() + in[0].size() / c.x[0] * (c.x[0] - 1),
                                in[1].dense().data(), in[3].dense().data(), last.data());
    CHECK(std::equal(last.begin(), last.end(), alone.y.end() - static_cast<std::ptrdiff_t>(last.size())));
  }
}

TEST_CASE("a convolution is direct where that was found faster, and of extents of 0 never") {
  const auto is_direct = [](const xg::Shape& x, const xg::Shape& kernel, const xg::Conv2dOptions& options) {
    const xg::ConvolutionSize size = size_of(xg::testing::convolution_case(x, kernel, options));
    return std::vector<bool>{
        xg::direct::convolves<float>(size), xg::direct::convolves_transposed<float>(size),
        xg::direct::convolves_for_kernel<float>(size), xg::direct::convolves_places<float>(size),
        xg::direct::convolves_places_transposed<float>(size)};
  };
  using Five = std::vector<bool>;
  CHECK(is_direct({32, 32, 13, 13}, {64, 32, 3, 3}, {}) == Five{true, true, true, false, false});
  CHECK(is_direct({32, 1, 28, 28}, {32, 1, 3, 3}, {}) == Five{true, false, true, false, false});
  CHECK(is_direct({32, 64, 28, 28}, {3, 64, 3, 3}, {}) == Five{false, false, false, true, true});
  CHECK(is_direct({32, 64, 28, 28}, {3, 64, 3, 3}, {.padding = 3}) == Five{false, false, false, true, false});
  CHECK(is_direct({32, 256, 14, 14}, {256, 256, 1, 1}, {}) == Five{true, true, false, false, false});
  CHECK(is_direct({32, 256, 14, 14}, {256, 256, 1, 1}, {.stride = 2}) ==
        Five{false, false, false, false, false});
  CHECK(is_direct({32, 64, 14, 14}, {64, 1, 3, 3}, {.groups = 64}) == Five{false, false, false, true, true});
  CHECK(is_direct({32, 64, 14, 14}, {64, 1, 3, 3}, {.stride = 2, .groups = 64}) ==
        Five{false, false, false, false, false});
  CHECK(is_direct({0, 32, 13, 13}, {64, 32, 3, 3}, {}) == Five{false, false, false, false, false});
  CHECK(is_direct({2, 32, 13, 13}, {0, 32, 3, 3}, {}) == Five{false, false, false, false, false});
}
