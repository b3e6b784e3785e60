#include "../ops/pooling_reference.hpp"

#include <doctest/doctest.h>
#include <xgrad/nn/pooling.hpp>

#include "layer_checks.hpp"

namespace {

using xgrad::Shape;
using xgrad::nn::AvgPool2d;
using xgrad::nn::MaxPool2d;
using xgrad::testing::as_doubles;
using xgrad::testing::check_gradients;
using xgrad::testing::distance;
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

TEST_CASE("pooling layers go by their names, and pass on what their operations refuse") {
  MaxPool2d<float> largest(3);
  AvgPool2d<float> average(3);
  CHECK(largest.name() == "MaxPool2d");
  CHECK(average.name() == "AvgPool2d");
  CHECK_THROWS_AS(largest(sample<float>({1, 1, 2, 2}, 4)), xgrad::ShapeError);
  CHECK_THROWS_AS(average(sample<float>({1, 2, 2}, 4)), xgrad::ShapeError);
}
