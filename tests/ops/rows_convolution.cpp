#include <xgrad/ops/adaptive_pooling.hpp>
#include <xgrad/ops/arithmetic.hpp>
#include <xgrad/ops/convolution.hpp>
#include <xgrad/ops/pooling.hpp>

#include "convolution_reference.hpp"
#include "pooling_reference.hpp"
#include "row_refusals.hpp"
#include "row_shapes.hpp"

namespace xgrad::testing {
namespace {

using Arrays = std::vector<Array<double>>;

const double* data(const Array<double>& array) { return array.storage().data(); }

OperationRow conv2d_row(const char* variant, const Shape& x, const Shape& kernel,
                        const Conv2dOptions& options) {
  return row(
      "conv2d", variant, {{x}, {kernel}, {{kernel[0]}}},
      [=](const auto& in) { return conv2d(in[0], in[1], in[2], options); },
      [=](const Arrays& in) {
        const ConvolutionCase c = convolution_case(in[0].shape(), in[1].shape(), options);
        return plus_bias(convolved(c, data(in[0]), data(in[1])), c.y, data(in[2]));
      });
}

OperationRow kernel_gradient_row(const char* variant, const Shape& x, const Shape& kernel,
                                 const Conv2dOptions& options) {
  const ConvolutionCase c = convolution_case(x, kernel, options);
  return row(
      "conv2d_kernel_gradient", variant, {{x}, {c.y}},
      [=](const auto& in) {
        return conv2d_kernel_gradient(in[0], in[1], {kernel[2], kernel[3]}, options);
      },
      [=](const Arrays& in) {
        const std::size_t channels = in[0].shape(1) / options.groups;
        const Shape of_kernel{in[1].shape(1), channels, kernel[2], kernel[3]};
        return convolved_for_kernel(convolution_case(in[0].shape(), of_kernel, options), data(in[0]),
                                    data(in[1]));
      });
}

/// `c` is the convolution whose transpose it is.
OperationRow transpose_row(const char* variant, const ConvolutionCase& c, const Pair& output_padding) {
  const auto [stride, padding, dilation, groups] = c.options;
  const ConvTranspose2dOptions options{stride, padding, output_padding, dilation, groups};
  return row(
      "conv_transpose2d", variant, {{c.y}, {c.kernel}, {{c.x[1]}}},
      [=](const auto& in) { return conv_transpose2d(in[0], in[1], in[2], options); },
      [=](const Arrays& in) {
        ConvolutionCase as_given{c.x, in[1].shape(), in[0].shape(), c.options};
        as_given.x[0] = in[0].shape(0);
        as_given.x[1] = in[2].size();
        for (std::size_t k : {0u, 1u})
          as_given.x[2 + k] += (as_given.y[2 + k] - c.y[2 + k]) * c.options.stride[k];
        return plus_bias(convolved_transposed(as_given, data(in[0]), data(in[1])), as_given.x, data(in[2]));
      });
}

OperationRow conv1d_row() {
  const Conv1dOptions options{.stride = 2, .padding = 1, .dilation = 2, .groups = 2};
  return row(
      "conv2d", "conv1d", {{{2, 4, 9}}, {{2, 2, 3}}, {{2}}},
      [=](const auto& in) { return conv1d(in[0], in[1], in[2], options); },
      [](const Arrays& in) {
        const ConvolutionCase c = convolution_case({2, 4, 1, 9}, {2, 2, 1, 3}, {{1, 2}, {0, 1}, {1, 2}, 2});
        return plus_bias(convolved(c, data(in[0]), data(in[1])), c.y, data(in[2]));
      });
}

std::vector<double> squares(std::vector<double> x) {
  for (double& element : x) element *= element;
  return x;
}

PoolCase of_images(PoolCase c, const Array<double>& x) {
  c.x = x.shape();
  return c;
}

OperationRow max_row(const char* variant, const PoolCase& c) {
  const MaxPool2dOptions options{c.kernel, c.stride, c.padding, c.dilation};
  return row(
      "max_pool2d", variant, {{.shape = c.x, .distinct = true}},
      [=](const auto& in) { return square(max_pool2d(in[0], options)); },
      [=](const Arrays& in) { return squares(max_pooled(of_images(c, in[0]), data(in[0]))); });
}

std::vector<OperationRow> average_rows(const char* variant, const PoolCase& c) {
  const AvgPool2dOptions options{c.kernel, c.stride, c.padding};
  // What the gradient of as many images and channels is spread over.
  const auto with_planes = [=](const Shape& dy) {
    return dy.size() < 2 ? c.x : Shape{dy[0], dy[1], c.x[2], c.x[3]};
  };
  return {
      row(
          "avg_pool2d", variant, {{c.x}}, [=](const auto& in) { return square(avg_pool2d(in[0], options)); },
          [=](const Arrays& in) { return squares(avg_pooled(of_images(c, in[0]), data(in[0]))); }),
      row(
          "avg_pool2d_gradient", variant, {{c.y()}},
          [=](const auto& in) {
            return square(avg_pool2d_gradient(in[0], with_planes(in[0].shape()), options));
          },
          [=](const Arrays& in) {
            PoolCase all = c;
            all.x = with_planes(in[0].shape());
            return squares(avg_spread(all, data(in[0])));
          })};
}

/// To 3 x 2, from extents that are multiples, that are not, and that are smaller.
std::vector<OperationRow> adaptive_rows(const char* variant, const Shape& x) {
  const auto with_planes = [=](const Shape& dy) {
    return dy.size() < 2 ? x : Shape{dy[0], dy[1], x[2], x[3]};
  };
  return {row(
              "adaptive_avg_pool2d", variant, {{x}},
              [=](const auto& in) {
                return square(adaptive_avg_pool2d(in[0], {3, 2}));
              },
              [=](const Arrays& in) { return squares(adaptive_pooled(in[0].shape(), 3, 2, data(in[0]))); }),
          row(
              "adaptive_avg_pool2d_gradient", variant, {{{x[0], x[1], 3, 2}}},
              [=](const auto& in) {
                return square(adaptive_avg_pool2d_gradient(in[0], with_planes(in[0].shape())));
              },
              [=](const Arrays& in) {
                const Array<double>& dy = in[0];
                return squares(adaptive_spread(with_planes(dy.shape()), dy.shape(2), dy.shape(3), data(dy)));
              })};
}

}  // namespace

std::vector<OperationRow> convolution_rows() {
  const Conv2dOptions strided{{2, 3}, {1, 2}, {2, 1}, 1};
  const Conv2dOptions grouped{{1, 2}, {0, 1}, {1, 1}, 2};
  const ConvolutionCase short_of_the_end =
      convolution_case({2, 2, 6, 7}, {3, 2, 3, 2}, {{2, 3}, {1, 0}, {1, 1}, 1});
  return {
      conv2d_row("", {2, 2, 5, 4}, {3, 2, 3, 2}, {}),
      conv2d_row("stride, padding, dilation", {2, 2, 6, 5}, {3, 2, 3, 2}, strided),
      conv2d_row("groups", {2, 4, 4, 5}, {6, 2, 2, 3}, grouped),
      conv2d_row("1x1", {2, 3, 3, 4}, {4, 3, 1, 1}, {}),
      conv1d_row(),
      row(
          "conv2d", "images by themselves", {{{2, 2, 3, 3}}},
          [](const auto& in) {
            return conv2d(in[0], in[0], Conv2dOptions{.padding = {1, 0}});
          },
          [](const Arrays& in) {
            const Shape shape{2, 2, 3, 3};
            return convolved(convolution_case(shape, shape, {.padding = {1, 0}}), data(in[0]), data(in[0]));
          }),
      transpose_row("", convolution_case({2, 2, 5, 4}, {3, 2, 3, 2}), {0, 0}),
      transpose_row("stride, padding, output padding", short_of_the_end, {1, 2}),
      transpose_row("groups", convolution_case({2, 4, 4, 5}, {6, 2, 2, 3}, grouped), {0, 0}),
      kernel_gradient_row("", {2, 2, 5, 4}, {3, 2, 3, 2}, {}),
      kernel_gradient_row("stride, padding, dilation", {2, 2, 6, 5}, {3, 2, 3, 2}, strided),
      kernel_gradient_row("groups", {2, 4, 4, 5}, {6, 2, 2, 3}, grouped),
  };
}

std::vector<OperationRow> pooling_rows() {
  const PoolCase tiles{{2, 2, 5, 4}, {2, 2}}, overlapping{{2, 1, 5, 6}, {3, 2}, {1, 3}, {1, 0}};
  std::vector<OperationRow> all = {max_row("", tiles), max_row("overlapping, padded", overlapping),
                                   max_row("dilated", {{1, 2, 6, 7}, {2, 3}, {2, 1}, {1, 1}, {2, 2}})};
  for (const auto& [variant, c] : {std::pair{"", tiles}, std::pair{"overlapping, padded", overlapping}})
    for (const OperationRow& made : average_rows(variant, c)) all.push_back(made);
  for (const auto& [variant, x] :
       {std::pair{"", Shape{2, 2, 6, 4}}, std::pair{"shared rows", Shape{2, 1, 5, 7}},
        std::pair{"of less", Shape{1, 2, 2, 1}}})
    for (const OperationRow& made : adaptive_rows(variant, x)) all.push_back(made);
  return all;
}

std::vector<FurtherShapes> convolution_shapes() {
  return {
      {"conv2d", {{{0, 2, 5, 4}, {3, 2, 3, 2}, {3}}}, {{{16, 4, 32, 30}, {8, 4, 3, 2}, {8}}}},
      {"conv2d (stride, padding, dilation)", {}, {{{16, 4, 64, 62}, {8, 4, 3, 2}, {8}}}},
      {"conv2d (1x1)", {{{0, 3, 3, 4}, {4, 3, 1, 1}, {4}}}, {{{16, 16, 32, 30}, {16, 16, 1, 1}, {16}}}},
      {"conv_transpose2d", {{{0, 3, 3, 3}, {3, 2, 3, 2}, {2}}}, {{{96, 8, 30, 29}, {8, 4, 3, 2}, {4}}}},
      {"conv2d_kernel_gradient", {{{0, 2, 5, 4}, {0, 3, 3, 3}}}, {{{96, 4, 32, 30}, {96, 8, 30, 29}}}},
      of_one("max_pool2d", {{0, 2, 5, 4}, {2, 0, 5, 4}}, {{16, 8, 41, 40}}),
      of_one("max_pool2d (overlapping, padded)", {{0, 2, 5, 6}}, {{16, 8, 41, 40}}),
      of_one("avg_pool2d", {{0, 2, 5, 4}, {2, 0, 5, 4}}, {{16, 8, 41, 40}}),
      of_one("avg_pool2d (overlapping, padded)", {{0, 2, 5, 6}}, {{16, 8, 41, 40}}),
      of_one("adaptive_avg_pool2d", {{0, 2, 6, 4}, {2, 0, 5, 4}}, {{16, 8, 41, 40}}),
      of_one("adaptive_avg_pool2d_gradient", {{0, 2, 3, 2}, {2, 0, 3, 2}}, {{401, 31, 3, 2}}),
      of_one("avg_pool2d_gradient", {{0, 2, 2, 2}, {2, 0, 2, 2}}, {{401, 31, 2, 2}}),
  };
}

std::vector<Refusal> convolution_refusals() {
  return {
      {"conv2d", {{2, 3, 5, 4}, {3, 2, 3, 2}, {3}}, {"[2, 3, 5, 4]", "[3, 2, 3, 2]", "axis 1: 3"}},
      {"conv2d", {{2, 2, 2, 4}, {3, 2, 3, 2}, {3}}, {"[2, 2, 2, 4]", "[3, 2, 3, 2]", "axis 2"}},
      {"conv2d", {{2, 2, 5, 4}, {3, 2, 3, 2}, {2}}, {"bias", "[2]", "[3, 2, 3, 2]"}},
      {"conv2d", {{2, 5, 4}, {3, 2, 3, 2}, {3}}, {"4 axes", "[2, 5, 4]", "[3, 2, 3, 2]"}},
      {"conv2d", {{}, {3, 2, 3, 2}, {3}}, {"4 axes", "[]", "[3, 2, 3, 2]"}},
      {"conv2d", {{2, 2, 5, 4}, {3, 2, 3, 2}, {}}, {"bias", "[]", "[3, 2, 3, 2]"}},
      {"conv2d (conv1d)", {{2, 4, 9, 1}, {2, 2, 3}, {2}}, {"3 axes", "[2, 4, 9, 1]", "[2, 2, 3]"}},
      {"conv_transpose2d", {{2, 2, 3, 3}, {3, 2, 3, 2}, {2}}, {"[2, 2, 3, 3]", "[3, 2, 3, 2]"}},
      {"conv_transpose2d", {{}, {3, 2, 3, 2}, {2}}, {"4 axes", "[]", "[3, 2, 3, 2]"}},
      {"conv2d_kernel_gradient", {{2, 2, 5, 4}, {2, 3, 3, 2}}, {"[2, 2, 5, 4]", "[2, 3, 3, 2]"}},
      {"conv2d_kernel_gradient", {{2, 2, 5, 4}, {}}, {"4 axes", "[2, 2, 5, 4]", "[]"}},
      {"max_pool2d", {{2, 5, 4}}, {"4 axes", "[2, 5, 4]"}},
      {"max_pool2d", {{}}, {"4 axes", "[]"}},
      {"avg_pool2d", {{}}, {"4 axes", "[]"}},
      {"max_pool2d", {{2, 2, 5, 1}}, {"[2, 2, 5, 1]", "axis 3"}},
      {"adaptive_avg_pool2d", {{2, 5, 4}}, {"4 axes", "[2, 5, 4]", "[N, C, H, W]"}},
      {"adaptive_avg_pool2d", {{}}, {"4 axes", "[]"}},
      {"adaptive_avg_pool2d", {{1, 1, 0, 3}}, {"axis 2", "[1, 1, 0, 3]", "is empty"}, value_error},
      {"adaptive_avg_pool2d_gradient", {{2, 2, 3}}, {"4 axes", "[2, 2, 3]"}},
      {"adaptive_avg_pool2d_gradient", {{}}, {"4 axes", "[]"}},
      {"avg_pool2d", {{2, 2, 1, 4}}, {"[2, 2, 1, 4]", "axis 2"}},
      {"avg_pool2d_gradient", {{2, 2, 5, 4}}, {"[2, 2, 5, 4]", "[2, 2, 2, 2]"}},
      {"avg_pool2d_gradient", {{}}, {"[]", "[2, 2, 2, 2]"}},
  };
}

}  // namespace xgrad::testing
