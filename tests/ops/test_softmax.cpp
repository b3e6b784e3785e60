// softmax and log_softmax: values against plain loops, stability, gradients at both orders.
#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <random>
#include <vector>
#include <xgrad/derivatives/grad.hpp>
#include <xgrad/derivatives/gradcheck.hpp>
#include <xgrad/ops/operators.hpp>
#include <xgrad/ops/reduction.hpp>
#include <xgrad/ops/softmax.hpp>

#include "../message_of.hpp"
#include "../variables.hpp"

namespace xg = xgrad;
using xgrad::testing::message_of;
using xgrad::testing::random_variable;
using Var = xg::Variable<double>;

namespace {

constexpr double infinity = std::numeric_limits<double>::infinity();

template <class T>
void check_against_loops(const xg::Variable<T>& x, std::size_t axis, double tolerance) {
  const auto along = static_cast<std::ptrdiff_t>(axis);
  const xg::Array<T> y = xg::softmax(x, along).value(), log_y = xg::log_softmax(x, along).value();
  const T* in = x.dense().data();
  const std::size_t count = x.shape()[axis];
  const auto stride = static_cast<std::size_t>(xg::detail::row_major_strides(x.shape())[axis]);
  double worst = 0, worst_log = 0;
  for (std::size_t first = 0; first < x.size(); ++first) {
    if (first / stride % count != 0) continue;
    double total = 0;
    for (std::size_t c = 0; c < count; ++c) total += std::exp(static_cast<double>(in[first + c * stride]));
    for (std::size_t c = 0; c < count; ++c) {
      const std::size_t at = first + c * stride;
      const double log_share = static_cast<double>(in[at]) - std::log(total);
      worst = std::max(worst, std::fabs(static_cast<double>(y.storage()[at]) - std::exp(log_share)));
      worst_log = std::max(worst_log, std::fabs(static_cast<double>(log_y.storage()[at]) - log_share));
    }
  }
  CHECK(worst <= tolerance);
  CHECK(worst_log <= 10 * tolerance);
}

template <class T>
void check_random_shapes(std::uint64_t seed, double tolerance) {
  INFO("seed " << seed);
  std::mt19937_64 random(seed);
  for (int round = 0; round < 120; ++round) {
    xg::Shape shape;
    const std::size_t dim = 1 + random() % 4;
    for (std::size_t axis = 0; axis < dim; ++axis) shape.push_back(dim < 3 ? random() % 150 : random() % 9);
    INFO("shape " << xg::to_string(shape));
    for (std::size_t axis = 0; axis < dim; ++axis)
      check_against_loops(random_variable<T>(shape, random, -4, 4), axis, tolerance);
  }
}

}  // namespace

TEST_CASE("softmax and log_softmax along any axis of any shape agree with plain loops") {
  check_random_shapes<double>(41, 1e-15);
  check_random_shapes<float>(42, 4e-7);
}

TEST_CASE("softmax of large values agrees with plain loops along rows and columns") {
  INFO("seed 43");
  std::mt19937_64 random(43);
  for (const xg::Shape& shape :
       {xg::Shape{200000}, xg::Shape{3, 50000}, xg::Shape{300, 500}, xg::Shape{2, 90, 1100}}) {
    const auto x = random_variable<float>(shape, random, -4, 4);
    for (std::size_t axis = 0; axis < shape.size(); ++axis) check_against_loops(x, axis, 1e-6);
  }
}

TEST_CASE("softmax is stable however large or small its input") {
  for (double far : {1e4, -1e4, 1e300, -1e300}) {
    const auto x = xg::parameter(xt::xarray<double>{{far, far, far, far}, {far, 0, 0, far}});
    const xg::Array<double> y = xg::softmax(x).value(), log_y = xg::log_softmax(x).value();
    const xg::Array<double> down = xg::softmax(x, 0).value();
    CHECK(y(0, 2) == 0.25);
    CHECK(log_y(0, 1) == doctest::Approx(std::log(0.25)).epsilon(1e-15));
    CHECK(y(1, 0) == (far > 0 ? 0.5 : 0));
    CHECK(y(1, 1) == (far > 0 ? 0 : 0.5));
    CHECK(log_y(1, 1) == (far > 0 ? -far - std::log(2.0) : -std::log(2.0)));
    CHECK(down(0, 0) == 0.5);
    CHECK(down(0, 1) == (far > 0 ? 1 : 0));
  }
}

TEST_CASE("elements of -inf are masked: no share, and no gradient reaches others through them") {
  const auto x = xg::parameter(
      xt::xarray<double>{{-infinity, 0, -infinity, 0}, {-infinity, -infinity, -infinity, -infinity}});
  const Var y = xg::softmax(x), log_y = xg::log_softmax(x);
  CHECK(y.value() == xt::xarray<double>{{0, 0.5, 0, 0.5}, {0, 0, 0, 0}});
  CHECK(log_y.value()(0, 1) == -std::log(2.0));
  CHECK(log_y.value()(0, 0) == -infinity);
  CHECK(log_y.value()(1, 2) == -infinity);
  y.backward({.grad_output = xt::xarray<double>{{1, 2, 3, 4}, {1, 2, 3, 4}}});
  CHECK(x.grad() == xt::xarray<double>{{0, -0.5, 0, 0.5}, {0, 0, 0, 0}});
  const auto columns = xg::parameter(xt::transpose(x.value()));
  CHECK(xg::softmax(columns, 0).value() == xt::transpose(y.value()));
  CHECK(xg::log_softmax(columns, 0).value() == xt::transpose(log_y.value()));
}

TEST_CASE("a NaN makes its line NaN and no other") {
  const auto x = xg::parameter(xt::xarray<double>{{0, std::nan(""), 1}, {1, 2, 3}});
  const xg::Array<double> y = xg::softmax(x).value();
  CHECK(std::isnan(y(0, 0)));
  CHECK(std::isnan(y(0, 1)));
  CHECK(y(1, 2) == doctest::Approx(0.6652409557748219).epsilon(1e-15));
}

TEST_CASE("the softmax gradient may not overwrite a gradient that others hold") {
  const auto x = xg::parameter(xt::xarray<double>{{1, 2, 3}});
  const xg::Array<double> seed = xt::xarray<double>{{1, 0, 0}};
  xg::softmax(x).backward({.grad_output = seed});
  CHECK(seed == xt::xarray<double>{{1, 0, 0}});
  const xg::Array<double> once = x.grad();
  const Var y = xg::softmax(x) + xg::softmax(x);
  x.node().gradient()->reset();
  y.backward({.grad_output = seed});
  CHECK(x.grad() == xt::xarray<double>(2 * once));
}

TEST_CASE("gradients and second derivatives of softmax and log_softmax agree with differences") {
  INFO("seed 44");
  std::mt19937_64 random(44);
  for (const xg::Shape& shape : {xg::Shape{5}, xg::Shape{3, 4}, xg::Shape{2, 3, 4}}) {
    const auto x = random_variable<double>(shape, random, -4, 4);
    for (std::size_t axis = 0; axis < shape.size(); ++axis) {
      const auto along = static_cast<std::ptrdiff_t>(axis) - static_cast<std::ptrdiff_t>(shape.size());
      const auto soft = xg::gradcheck([&](const Var& in) { return xg::softmax(in * in, along); }, {x},
                                      {.second_order = true});
      INFO(soft);
      CHECK(soft.ok());
      const auto log_soft = xg::gradcheck([&](const Var& in) { return xg::log_softmax(in * in, along); }, {x},
                                          {.second_order = true});
      INFO(log_soft);
      CHECK(log_soft.ok());
    }
  }
}

TEST_CASE("rows of every length have the gradients of plain loops, in float and double") {
  INFO("seed 45");
  std::mt19937_64 random(45);
  for (std::size_t columns = 1; columns < 150; ++columns) {
    const auto x = random_variable<float>({2, columns}, random, -4, 4),
               weight = random_variable<float>({2, columns}, random, -4, 4);
    xg::sum(xg::softmax(x) * weight.detach()).backward();
    const float* y = nullptr;
    const xg::Variable<float> out = xg::softmax(x);
    y = out.dense().data();
    for (std::size_t r = 0; r < 2; ++r) {
      double dot = 0;
      const float* w = weight.dense().data() + r * columns;
      for (std::size_t c = 0; c < columns; ++c) dot += double(w[c]) * double(y[r * columns + c]);
      for (std::size_t c = 0; c < columns; ++c)
        CHECK(double(x.grad()(r, c)) ==
              doctest::Approx(double(y[r * columns + c]) * (double(w[c]) - dot)).epsilon(2e-5));
    }
  }
}

TEST_CASE("softmax saves its output only") {
  const auto before = xg::memory_stats().live_buffers;
  {
    const auto x = xg::parameter(xt::xarray<double>{{1, 2}, {3, 4}});
    const Var y = xg::softmax(x * x * x);  // the products that `multiply` saves: x and x * x
    CHECK(xg::memory_stats().live_buffers == before + 3);
  }
}

TEST_CASE("an axis out of range is refused by name") {
  const auto x = xg::parameter(xt::xarray<double>{{1, 2}, {3, 4}});
  CHECK(message_of([&] { xg::softmax(x, 2); }) ==
        "softmax: axis 2 is out of range for shape [2, 2]; give one from -2 to 1");
  CHECK(message_of([&] { xg::log_softmax(xg::parameter(1.0)); }) ==
        "log_softmax: axis -1 is out of range for shape []; a value without axes takes none");
}
