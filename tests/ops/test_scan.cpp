// Running sums and products: values against plain loops, zeros, edges, errors.
#include <doctest/doctest.h>

#include <cmath>
#include <functional>
#include <vector>
#include <xgrad/core/kernels/random.hpp>
#include <xgrad/derivatives/grad.hpp>
#include <xgrad/derivatives/gradcheck.hpp>
#include <xgrad/ops/operators.hpp>
#include <xgrad/ops/scan.hpp>
#include <xgrad/ops/shape.hpp>

#include "../message_of.hpp"
#include "../threads.hpp"

namespace xg = xgrad;
using xg::testing::message_of;
using xgrad::testing::Threads;

namespace {

using Var = xg::Variable<double>;

template <class T>
xg::Variable<T> random(const xg::Shape& shape, xg::Generator& from) {
  xg::Dense<T> drawn(shape);
  T* out = drawn.mutable_data();
  for (std::size_t i = 0; i < drawn.size(); ++i) out[i] = static_cast<T>(3 * from.uniform() - 1.5);
  return xg::detail::parameter_from(std::move(drawn));
}

xg::Shape random_shape(xg::Generator& from) {
  xg::Shape shape;
  for (std::size_t dim = 1 + from.below(4); shape.size() < dim;)
    shape.push_back(from.below(12) == 0 ? 0 : 1 + from.below(dim < 3 ? 200 : 7));
  return shape;
}

std::size_t inner_of(const xg::Shape& shape, std::size_t axis) {
  std::size_t inner = 1;
  for (std::size_t k = axis + 1; k < shape.size(); ++k) inner *= shape[k];
  return inner;
}

template <class T>
std::vector<double> running_sums(const xg::Dense<T>& x, std::size_t axis) {
  std::vector<double> sums(x.data(), x.data() + x.size());
  const std::size_t inner = inner_of(x.shape, axis);
  for (std::size_t k = 0; k < sums.size(); ++k)
    if (k / inner % x.shape[axis] > 0) sums[k] += sums[k - inner];
  return sums;
}

/// Over the flagged axes, by counting through every index.
template <class T>
std::vector<double> products(const xg::Dense<T>& x, const xg::AxisList<bool>& reduced) {
  const xg::Shape kept = xg::detail::reduced_shape(x.shape, reduced, true);
  const auto strides = xg::detail::row_major_strides(kept);
  std::vector<double> result(xg::element_count(kept), 1);
  for (std::size_t flat = 0; flat < x.size(); ++flat) {
    std::size_t rest = flat, line = 0;
    for (std::size_t axis = x.dim(); axis-- > 0; rest /= x.shape[axis])
      if (!reduced[axis]) line += rest % x.shape[axis] * static_cast<std::size_t>(strides[axis]);
    result[line] *= static_cast<double>(x.data()[flat]);
  }
  return result;
}

template <class T>
void check_elements(const xg::Variable<T>& got, const std::vector<double>& expected, double tolerance) {
  REQUIRE(got.size() == expected.size());
  for (std::size_t k = 0; k < expected.size(); ++k) {
    INFO("element " << k);
    const double difference = std::fabs(static_cast<double>(got.dense().data()[k]) - expected[k]);
    CHECK(difference <= tolerance * std::fmax(1, std::fabs(expected[k])));
  }
}

template <class T>
void check_random_shapes(double tolerance) {
  INFO("seed 71");
  xg::Generator from(71);
  for (int round = 0; round < 60; ++round) {
    const xg::Shape shape = random_shape(from);
    const auto x = random<T>(shape, from);
    const std::size_t axis = from.below(shape.size());
    INFO("round " << round << ", shape " << xg::to_string(shape) << ", axis " << axis);
    const auto sums = xg::cumsum(
        x, static_cast<std::ptrdiff_t>(axis) - static_cast<std::ptrdiff_t>(from.below(2) * shape.size()));
    REQUIRE(sums.shape() == shape);
    check_elements(sums, running_sums(x.dense(), axis), tolerance);
    xg::ReduceOptions options;
    options.keep_dims = from.below(2) == 0;
    for (std::size_t k = 0; k < shape.size(); ++k)
      if (from.below(2) == 0) options.axes.push_back(static_cast<std::ptrdiff_t>(k));
    const auto reduced = xg::detail::reduced_axes("test", options.axes, shape);
    const auto product = xg::prod(x, options);
    REQUIRE(product.shape() == xg::detail::reduced_shape(shape, reduced, options.keep_dims));
    check_elements(product, products(x.dense(), reduced), tolerance);
  }
}

Var derivative(const Var& y, const Var& x) { return xg::grad(y, {x}, {.create_graph = true})[0]; }

}  // namespace

TEST_CASE("running sums and products of random shapes are those of plain loops") {
  check_random_shapes<double>(1e-13);
  check_random_shapes<float>(1e-6);
}

TEST_CASE("the gradient of prod is right with no, one, two and more zeros in a line, at both orders") {
  INFO("seed 3");
  xg::Generator from(3);
  for (const std::size_t count : {1u, 2u, 3u, 5u, 8u, 13u})
    for (std::size_t zeros = 0; zeros <= std::min<std::size_t>(count, 3); ++zeros)
      for (const bool down : {false, true}) {
        const xg::Shape shape = down ? xg::Shape{count, 2} : xg::Shape{2, count};
        auto x = random<double>(shape, from);
        double* data = x.mutable_data();
        for (std::size_t k = 0; k < zeros; ++k) data[(down ? 2 : 1) * from.below(count)] = 0;
        const auto report = xg::gradcheck(
            [&](const Var& v) {
              const Var y = xg::prod(v, {.axes = {down ? 0 : 1}});
              return y * y + 3 * y;
            },
            {x}, {.second_order = true});
        INFO(count << " elements, " << zeros << " zeros\n" << report);
        CHECK(report.ok());
      }
}

TEST_CASE("the third derivative of a product of three zeros is 1") {
  const auto x = xg::parameter(0.0), y = xg::parameter(0.0), z = xg::parameter(0.0);
  const Var joined = xg::concatenate({xg::reshape(x, {1}), xg::reshape(y, {1}), xg::reshape(z, {1})});
  CHECK(derivative(derivative(derivative(xg::prod(joined), x), y), z).item() == 1);
  CHECK(derivative(derivative(derivative(xg::prod(joined), z), x), y).item() == 1);
  CHECK(derivative(derivative(xg::prod(joined), z), x).item() == 0);
}

TEST_CASE("the first-order gradient of prod on plain values agrees with the recorded one") {
  INFO("seed 4");
  xg::Generator from(4);
  const Var x = random<double>({3, 29, 4}, from);
  const auto weights = random<double>({3, 4}, from).value();
  const Var y = xg::prod(x, {.axes = {1}});
  const auto plain = xg::grad(y, {x}, {.retain_graph = true, .grad_output = weights})[0];
  const auto recorded = xg::grad(y, {x}, {.create_graph = true, .grad_output = weights})[0];
  CHECK(xt::allclose(plain.value(), recorded.value(), 1e-13, 1e-300));
}

TEST_CASE("running sums go through the edges of shapes") {
  const auto x = xg::parameter(xt::xarray<double>{{1, 2}, {3, 4}});
  CHECK(xg::cumsum(x).value() == xt::xarray<double>{1, 3, 6, 10});
  CHECK(xg::cumsum(xg::parameter(5.0)).value() == xt::xarray<double>{5});
  CHECK(xg::cumsum(xg::constant(xt::zeros<double>({0, 3})), 0).shape() == xg::Shape{0, 3});
  const auto g = xg::grad(xg::cumsum(x), {x}, {.grad_output = xt::ones<double>({4})})[0];
  CHECK(g.value() == xt::xarray<double>{{4, 3}, {2, 1}});
}

TEST_CASE("a product of nothing is 1") {
  const Var none(xg::Dense<double>(xg::Shape{2, 0}));
  CHECK(xg::prod(none).item() == 1);
  CHECK(xg::prod(none, {.axes = {1}}).value() == xt::xarray<double>{1, 1});
  CHECK(xg::prod(none, {.axes = {0}}).shape() == xg::Shape{0});
  const auto x = xg::parameter(xt::xarray<double>(xt::zeros<double>({2, 0})));
  CHECK(xg::grad(xg::prod(x), {x}, {.create_graph = true})[0].shape() == xg::Shape{2, 0});
  CHECK(derivative(xg::prod(xg::square(x)), x).shape() == xg::Shape{2, 0});
}

TEST_CASE("float products and sums are rounded once") {
  const auto x = xg::constant(xt::xarray<float>{1e30f, 1e30f, 1e-30f, 1e-30f, 3});
  CHECK(xg::prod(x).item() == doctest::Approx(3).epsilon(1e-6));
  const auto ones = xg::constant(xt::xarray<float>(xt::ones<float>({(1 << 24) + 100})));
  const auto sums = xg::cumsum(ones, 0);
  CHECK(sums.dense().data()[(1 << 24) + 99] == 16777316.0f);
}

TEST_CASE("large sums and products are the same on one thread and on two") {
  INFO("seed 6");
  xg::Generator from(6);
  const Var x = random<double>({500, 300}, from);
  for (const std::ptrdiff_t axis : {0, 1}) {
    std::vector<xg::Array<double>> sums, slopes;
    for (std::size_t threads : {1u, 2u}) {
      Threads use(threads);
      sums.push_back(xg::cumsum(x, axis).value());
      CHECK(use.shared_a_loop() == (threads > 1));
      slopes.push_back(xg::grad(xg::prod(x, {.axes = {axis}}), {x},
                                {.grad_output = xt::ones<double>({axis == 0 ? 300 : 500})})[0]
                           .value());
      CHECK(use.shared_a_loop() == (threads > 1));
    }
    CHECK(sums[0] == sums[1]);
    CHECK(slopes[0] == slopes[1]);
  }
}

TEST_CASE("axes that are not there are refused by cumsum and prod") {
  const Var x(xg::Dense<double>(xg::Shape{2, 3}));
  CHECK(message_of([&] { xg::cumsum(x, 2); }) ==
        "cumsum: axis 2 is out of range for shape [2, 3]; give one from -2 to 1");
  CHECK(message_of([&] {
          xg::prod(x, {.axes = {1, 1}});
        }) == "prod: axis 1 of shape [2, 3] is named twice; name each axis once");
}
