#include "../ops/pooling_reference.hpp"

#include <doctest/doctest.h>
#include <xgrad/nn/pooling.hpp>

#include "../message_of.hpp"
#include "layer_checks.hpp"

namespace {

using xgrad::Shape;
using xgrad::nn::AdaptiveAvgPool2d;
using xgrad::nn::AvgPool2d;
using xgrad::nn::MaxPool2d;
using xgrad::testing::as_doubles;
using xgrad::testing::check_gradients;
using xgrad::testing::distance;
using xgrad::testing::message_of;
using xgrad::testing::PoolCase;
using xgrad::testing::rounding;
using xgrad::testing::sample;

}  // namespace

TEST_CASE_TEMPLATE("pooling layers keep of every window what plain loops keep", T, float, double) {
  const auto images = sample<T>({2, 3, 7, 6}, 1);
  const auto x = as_doubles(images);
  const PoolCase square{images.shape(), {2, 2}};
  MaxPool2d<T> largest(2);
  AvgPool2d<T> average(2);
  CHECK(largest(images).shape() == Shape{2, 3, 3, 3});
  CHECK(distance(largest(images), max_pooled(square, x.data())) == 0);
  CHECK(average(images).shape() == Shape{2, 3, 3, 3});
  CHECK(distance(average(images), avg_pooled(square, x.data())) < rounding<T>);

  PoolCase uneven{images.shape(), {3, 2}, {1, 2}, {1, 1}};
  AvgPool2d<T> padded({.kernel = {3, 2}, .stride = {1, 2}, .padding = {1, 1}});
  CHECK(padded(images).shape() == uneven.y());
  CHECK(distance(padded(images), avg_pooled(uneven, x.data())) < rounding<T>);
  uneven.dilation = {2, 1};
  MaxPool2d<T> dilated({.kernel = {3, 2}, .stride = {1, 2}, .padding = {1, 1}, .dilation = {2, 1}});
  CHECK(dilated(images).shape() == uneven.y());
  CHECK(distance(dilated(images), max_pooled(uneven, x.data())) == 0);
  CHECK(dilated.options().dilation[0] == 2);
  CHECK(padded.options().stride[1] == 2);
}

TEST_CASE("pooling layers have no parameters, and right gradients") {
  MaxPool2d<double> largest({.kernel = {3, 2}, .stride = {2, 1}, .padding = {1, 0}});
  AvgPool2d<double> average({.kernel = {3, 2}, .stride = {2, 1}, .padding = {1, 0}});
  CHECK(largest.parameters().empty());
  CHECK(average.parameters().empty());
  check_gradients(largest, sample<double>({2, 2, 5, 4}, 2));
  check_gradients(average, sample<double>({2, 2, 5, 4}, 3));
}

TEST_CASE("AdaptiveAvgPool2d gives the extents that it is told, and PyTorch's means") {
  // sin(0.37 k) for k from 1; PyTorch 1.13.1, in double.
  xt::xarray<double> numbers = xt::sin(0.37 * xt::arange<double>(1, 36));
  numbers.reshape({1, 1, 5, 7});
  const auto x = xgrad::parameter(numbers);
  AdaptiveAvgPool2d<double> pool({3, 2});
  const auto y = pool(x);
  CHECK(y.shape() == Shape{1, 1, 3, 2});
  const std::vector<double> means = {0.198785194,  -0.0467399196, 0.0380833425,
                                     -0.172472122, -0.133661346,  -0.248193446};
  for (std::size_t i = 0; i < 6; ++i) CHECK(as_doubles(y)[i] == doctest::Approx(means[i]).epsilon(1e-8));
  // More than there is: rows are repeated, and shared.
  const auto wide = AdaptiveAvgPool2d<double>({6, 7})(x);
  CHECK(as_doubles(wide)[0] == doctest::Approx(0.361615432).epsilon(1e-8));
  CHECK(as_doubles(wide)[7] == doctest::Approx(0.27110585).epsilon(1e-8));
  CHECK(as_doubles(AdaptiveAvgPool2d<double>(1)(x))[0] == doctest::Approx(xt::mean(numbers)()));
  check_gradients(pool, sample<double>({2, 2, 5, 4}, 3));
  CHECK(pool.parameters().empty());
  CHECK(pool.name() == "AdaptiveAvgPool2d");
  CHECK(pool.output_size()[1] == 2);
  CHECK(message_of([] { AdaptiveAvgPool2d<float>(0); }) ==
        "AdaptiveAvgPool2d: an extent of the output is 0; it must be at least 1");
  CHECK(message_of([&] {
          pool(sample<double>({2, 5, 4}, 1));
        }) == "adaptive_avg_pool2d: images [2, 5, 4] has 3 axes, and 4 axes are needed; give [N, C, H, W]");
}

TEST_CASE("pooling layers go by their names, and pass on what their operations refuse") {
  MaxPool2d<float> largest(3);
  AvgPool2d<float> average(3);
  CHECK(largest.name() == "MaxPool2d");
  CHECK(average.name() == "AvgPool2d");
  CHECK_THROWS_AS(largest(sample<float>({1, 1, 2, 2}, 4)), xgrad::ShapeError);
  CHECK_THROWS_AS(average(sample<float>({1, 2, 2}, 4)), xgrad::ShapeError);
}
