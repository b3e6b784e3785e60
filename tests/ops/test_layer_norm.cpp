// layer_norm: values and gradients against plain loops at sizes that several threads share, and at its edges.
#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>
#include <vector>
#include <xgrad/core/kernels/random.hpp>
#include <xgrad/derivatives/grad.hpp>
#include <xgrad/ops/layer_norm.hpp>
#include <xgrad/ops/operators.hpp>
#include <xgrad/ops/reduction.hpp>

#include "../message_of.hpp"
#include "../threads.hpp"
#include "../variables.hpp"

namespace xg = xgrad;
using xgrad::testing::distance;
using xgrad::testing::message_of;
using xgrad::testing::Threads;

namespace {

template <class T>
xg::Variable<T> normal_parameter(const xg::Shape& shape, double mean, double deviation, xg::Generator& from) {
  return xg::parameter(xg::random_normal<T>(shape, mean, deviation, from));
}

/// Value and gradients for an output gradient, in long double.
struct Expected {
  std::vector<double> y, dx, dgamma, dbeta;

  template <class T>
  Expected(const xg::Dense<T>& x, const xg::Dense<T>& gamma, const xg::Dense<T>& beta,
           const xg::Dense<T>& dy_)
      : y(x.size()), dx(x.size()), dgamma(gamma.size()), dbeta(gamma.size()) {
    const std::size_t count = gamma.size();
    std::vector<long double> sum_gamma(count), sum_beta(count), z(count);
    for (std::size_t first = 0; first < x.size(); first += count) {
      const T *in = x.data() + first, *dy = dy_.data() + first;
      const auto n = static_cast<long double>(count);
      long double mean = 0, variance = 0, mean_g = 0, slope = 0;
      long double rest = 0;
      for (std::size_t i = 0; i < count; ++i) mean += in[i] / n;
      for (std::size_t i = 0; i < count; ++i) rest += (in[i] - mean) / n;
      for (std::size_t i = 0; i < count; ++i) variance += std::pow(in[i] - mean - rest, 2) / n;
      const long double deviation = std::sqrt(variance + 1e-5L);
      for (std::size_t i = 0; i < count; ++i) {
        z[i] = (in[i] - mean - rest) / deviation;
        y[first + i] = static_cast<double>(z[i] * gamma.data()[i] + beta.data()[i]);
        mean_g += static_cast<long double>(dy[i]) * gamma.data()[i] / n;
        slope += static_cast<long double>(dy[i]) * gamma.data()[i] * z[i] / n;
        sum_gamma[i] += dy[i] * z[i];
        sum_beta[i] += dy[i];
      }
      for (std::size_t i = 0; i < count; ++i)
        dx[first + i] = static_cast<double>(
            (static_cast<long double>(dy[i]) * gamma.data()[i] - mean_g - z[i] * slope) / deviation);
    }
    for (std::size_t i = 0; i < count; ++i) {
      dgamma[i] = static_cast<double>(sum_gamma[i]);
      dbeta[i] = static_cast<double>(sum_beta[i]);
    }
  }
};

template <class T>
void check_large(double offset, double tolerance) {
  xg::Generator from(17);
  for (const xg::Shape& shape : {xg::Shape{3, 70001}, xg::Shape{611, 333}, xg::Shape{40000, 3},
                                 xg::Shape{2, 33, 1030}, xg::Shape{7}}) {
    INFO("seed 17, shape " << to_string(shape));
    const xg::Shape last{shape.back()};
    const auto x = normal_parameter<T>(shape, offset, 2, from);
    const auto gamma = normal_parameter<T>(last, 1, 0.3, from), beta = normal_parameter<T>(last, 0, 1, from);
    const auto dy = xg::random_normal<T>(shape, 0, 1, from);
    const auto y = xg::layer_norm(x, gamma, beta);
    const auto all = xg::grad(y, {x, gamma, beta}, {.grad_output = dy});
    const Expected expected(x.dense(), gamma.dense(), beta.dense(), xg::to_dense(dy));
    CHECK(distance(y.dense(), expected.y) < tolerance);
    CHECK(distance(all[0].dense(), expected.dx) < tolerance);
    const double summed = std::sqrt(static_cast<double>(x.size() / gamma.size()));
    CHECK(distance(all[1].dense(), expected.dgamma) < tolerance * summed);
    CHECK(distance(all[2].dense(), expected.dbeta) < tolerance * summed);
  }
}

constexpr double not_a_number = std::numeric_limits<double>::quiet_NaN();
constexpr double infinity = std::numeric_limits<double>::infinity();

}  // namespace

TEST_CASE("layer_norm agrees with plain loops for long rows, many rows, and rows of a few elements") {
  check_large<double>(0, 1e-13);
  check_large<float>(0, 1e-5);
}

TEST_CASE("layer_norm keeps its digits where the mean is large beside the deviation") {
  // Floats near 4096 are 2^-11 apart and exact in the reference, too.
  check_large<float>(4096, 2e-5);
  check_large<double>(1e8, 1e-10);
}

TEST_CASE("layer_norm of a constant row is beta to the bit, in float and double") {
  const auto check = [](auto number) {
    using T = decltype(number);
    for (const std::size_t count : {1u, 3u, 7u, 1000u, 4097u}) {
      CAPTURE(count);
      const xg::Variable<T> x(xg::Dense<T>::filled({3, count}, number));
      INFO("seed 5");
      xg::Generator from(5);
      const auto gamma = xg::constant(xg::random_normal<T>({count}, 1, 1, from));
      const auto beta = xg::constant(xg::random_normal<T>({count}, 0, 1, from));
      const auto y = xg::layer_norm(x, gamma, beta), plain = xg::layer_norm(x);
      for (std::size_t i = 0; i < y.size(); ++i) {
        REQUIRE(y.dense().data()[i] == beta.dense().data()[i % count]);
        REQUIRE(plain.dense().data()[i] == 0);
      }
    }
  };
  check(0.1f);
  check(1e30f);
  check(0.1);
  check(-1e200);
}

TEST_CASE("layer_norm's gradient of a constant row is finite: epsilon stands under the root") {
  const auto x = xg::parameter(xt::ones<double>({1, 4}) * 0.3);
  const auto y = xg::layer_norm(x, {.epsilon = 0.25});
  y.backward({.grad_output = xt::xarray<double>{{1, 0, 0, 0}}});
  CHECK(x.grad()(0, 0) == doctest::Approx(0.75 / 0.5));
  CHECK(x.grad()(0, 3) == doctest::Approx(-0.25 / 0.5));
}

TEST_CASE("layer_norm's results do not depend on the number of threads") {
  INFO("seed 3");
  xg::Generator from(3);
  const auto x = normal_parameter<float>({999, 257}, 0, 1, from);
  const auto gamma = normal_parameter<float>({257}, 1, 1, from),
             beta = normal_parameter<float>({257}, 0, 1, from);
  std::vector<std::vector<xg::Dense<float>>> results;
  for (const std::size_t threads : {1u, 2u, 3u}) {
    Threads use(threads);
    const auto y = xg::layer_norm(x, gamma, beta);
    CHECK(use.shared_a_loop() == (threads > 1));
    results.push_back({y.dense()});
    const auto loss = xg::mean(y * y * y);
    use.shared_a_loop();
    for (const auto& g : xg::grad(loss, {x, gamma, beta})) results.back().push_back(g.dense());
    CHECK(use.shared_a_loop() == (threads > 1));
  }
  for (std::size_t run = 1; run < results.size(); ++run)
    for (std::size_t k = 0; k < results[0].size(); ++k)
      CHECK(std::memcmp(results[run][k].data(), results[0][k].data(), results[0][k].size() * sizeof(float)) ==
            0);
}

TEST_CASE("layer_norm gives a gradient to those that want one, the same whatever the others want") {
  INFO("seed 8");
  xg::Generator from(8);
  const auto x = xg::random_normal<double>({5, 6}, 0, 1, from);
  const auto gamma = xg::random_normal<double>({6}, 0, 1, from),
             beta = xg::random_normal<double>({6}, 0, 1, from);
  std::vector<xg::Dense<double>> full;
  for (unsigned wanted = 7; wanted > 0; --wanted) {
    CAPTURE(wanted);
    std::vector<xg::Variable<double>> in;
    std::size_t k = 0;
    for (const auto& value : {x, gamma, beta})
      in.push_back(wanted >> k++ & 1 ? xg::parameter(value) : xg::constant(value));
    const auto y = xg::layer_norm(in[0], in[1], in[2]);
    xg::sum(y * y * y).backward();
    for (k = 0; k < 3; ++k) {
      CHECK(in[k].has_grad() == (wanted >> k & 1));
      if (wanted == 7) full.push_back(in[k].dense_grad());
      if (in[k].has_grad()) CHECK(in[k].grad() == xg::to_array(full[k]));
    }
  }
}

TEST_CASE("a NaN or an infinity makes its own row NaN, and no other") {
  const auto x = xg::constant(xt::xarray<double>{{1, not_a_number, 2}, {1, 2, 4}, {infinity, 1, 2}});
  const xg::Array<double> y = xg::layer_norm(x).value();
  for (std::size_t i = 0; i < 3; ++i) {
    CHECK(std::isnan(y(0, i)));
    CHECK(std::isfinite(y(1, i)));
    CHECK(std::isnan(y(2, i)));
  }
}

namespace {

/// Rows of x times a power of two, beside the same row near 1: without epsilon they come out the same.
template <class T>
void check_far_out(int power) {
  CAPTURE(power);
  CAPTURE(sizeof(T));
  const std::vector<double> base{1, -2.5, 0.75, 4, 3, -0.125, 2, 2, -1};
  const std::size_t n = base.size();
  const T factor = std::ldexp(T(1), power);
  xt::xarray<T> values = xt::zeros<T>({std::size_t(3), n}), weights = values;
  for (std::size_t i = 0; i < n; ++i) {
    values(0, i) = values(2, i) = static_cast<T>(base[i]);
    values(1, i) = static_cast<T>(base[i]) * factor;
    for (std::size_t r = 0; r < 3; ++r) weights(r, i) = static_cast<T>(i * i) / T(16) - T(1);
  }
  long double mean = 0, square = 0;
  for (const double x : base) mean += static_cast<long double>(x) / static_cast<long double>(n);
  for (const double x : base) square += (x - mean) * (x - mean) / static_cast<long double>(n);
  const double near = 64 * static_cast<double>(std::numeric_limits<T>::epsilon());
  for (const double epsilon : {0.0, 1e-5}) {
    if (epsilon > 0 && power < 0) continue;  // there epsilon is what counts
    CAPTURE(epsilon);
    const auto x = xg::parameter(values);
    const auto y = xg::layer_norm(x, {.epsilon = epsilon});
    const xt::xarray<T> got = y.value();
    const long double more = epsilon / std::pow(static_cast<long double>(factor), 2);
    for (std::size_t i = 0; i < n; ++i) {
      const auto expected = static_cast<double>((base[i] - mean) / std::sqrt(square + more));
      CHECK(static_cast<double>(got(1, i)) == doctest::Approx(expected).epsilon(near));
      CHECK(got(0, i) == got(2, i));
    }
    // The gradient goes as 1 / factor, recorded or not.
    const auto plain = xg::grad(y, {x}, {.retain_graph = true, .grad_output = weights})[0].value();
    const auto recorded = xg::grad(y, {x}, {.create_graph = true, .grad_output = weights})[0].value();
    if (epsilon > 0) continue;
    for (std::size_t i = 0; i < n; ++i) {
      const double expected = static_cast<double>(plain(0, i));
      CHECK(static_cast<double>(plain(1, i) * factor) == doctest::Approx(expected).epsilon(near));
      CHECK(static_cast<double>(recorded(1, i) * factor) == doctest::Approx(expected).epsilon(near));
      CHECK(static_cast<double>(recorded(0, i)) == doctest::Approx(expected).epsilon(near));
    }
  }
}

}  // namespace

TEST_CASE("layer_norm of rows far out is that of the same rows near 1") {
  for (const int power : {0, 532, -532, 990, -960}) check_far_out<double>(power);
  for (const int power : {0, 70, -70, 110, -100}) check_far_out<float>(power);
  // Where epsilon is the larger by far, it alone divides.
  const auto x = xg::constant(xt::xarray<double>{1e-160, -1e-160});
  CHECK(xg::layer_norm(x).value()(0) == doctest::Approx(1e-160 / std::sqrt(1e-5)).epsilon(1e-14));
  CHECK(xg::layer_norm(x, {.epsilon = 1e-300}).value()(0) == doctest::Approx(1e-10).epsilon(1e-14));
}

TEST_CASE("layer_norm of no rows, and of rows without elements") {
  for (const xg::Shape& shape : {xg::Shape{0, 3}, xg::Shape{2, 0}}) {
    const xg::Shape last{shape.back()};
    const auto x = xg::detail::parameter_from(xg::Dense<double>(shape));
    const auto gamma = xg::detail::parameter_from(xg::Dense<double>::filled(last, 1));
    const auto beta = xg::detail::parameter_from(xg::Dense<double>::filled(last, 0));
    const auto y = xg::layer_norm(x, gamma, beta);
    CHECK(y.shape() == shape);
    xg::sum(y).backward();
    CHECK(x.dense_grad().shape == shape);
    CHECK(xt::all(xt::equal(gamma.grad(), 0)));
    CHECK(xt::all(xt::equal(beta.grad(), 0)));
  }
}

TEST_CASE("layer_norm says what does not fit") {
  const auto of = [](const xg::Shape& shape) {
    return xg::Variable<double>(xg::Dense<double>::filled(shape, 1));
  };
  CHECK(message_of<xg::ShapeError>([&] {
          xg::layer_norm(of({2, 4}), of({3}), of({4}));
        }) == "layer_norm: gamma [3] and beta [4] do not fit axis 1 of [2, 4]; both must be [4]");
  CHECK(message_of<xg::ShapeError>([&] {
          xg::layer_norm(of({2, 4}), of({1, 4}), of({4}));
        }) == "layer_norm: gamma [1, 4] and beta [4] do not fit axis 1 of [2, 4]; both must be [4]");
  CHECK(message_of<xg::ShapeError>([&] { xg::layer_norm(of({})); }) ==
        "layer_norm: a value without axes has no last one; reshape it to [1] or give [..., n]");
  CHECK(message_of<xg::ValueError>([&] {
          xg::layer_norm(of({2, 4}), {.epsilon = -1});
        }) == "layer_norm: epsilon is -1; give a finite number that is not negative, such as 1e-5");
  CHECK_THROWS_AS(xg::layer_norm(of({2, 4}), {.epsilon = not_a_number}), xg::ValueError);
}
