// batch_norm: values, statistics and gradients against plain loops at sizes that several threads share, and
// at its edges.
#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>
#include <vector>
#include <xgrad/core/kernels/random.hpp>
#include <xgrad/derivatives/grad.hpp>
#include <xgrad/ops/batch_norm.hpp>
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

/// Value, statistics and gradients for an output gradient, in long double.
struct Expected {
  std::vector<double> y, dx, mean, variance, dgamma, dbeta;

  template <class T>
  Expected(const xg::Dense<T>& x, const xg::Dense<T>& gamma, const xg::Dense<T>& beta, const xg::Dense<T>& dy)
      : y(x.size()), dx(x.size()) {
    const std::size_t samples = x.shape[0], channels = x.shape[1], inner = x.size() / samples / channels;
    std::vector<std::size_t> at(samples * inner);
    const auto n = static_cast<long double>(at.size());
    for (std::size_t c = 0; c < channels; ++c) {
      for (std::size_t i = 0; i < at.size(); ++i) at[i] = (i / inner * channels + c) * inner + i % inner;
      long double m = 0, v = 0, sum = 0, product = 0;
      for (std::size_t i : at) m += x.data()[i] / n;
      for (std::size_t i : at) v += (x.data()[i] - m) * (x.data()[i] - m) / n;
      const long double deviation = std::sqrt(v + 1e-5L);
      const auto z = [&](std::size_t i) { return (x.data()[i] - m) / deviation; };
      for (std::size_t i : at) sum += dy.data()[i];
      for (std::size_t i : at) product += dy.data()[i] * z(i);
      for (std::size_t i : at) {
        y[i] = static_cast<double>(z(i) * gamma.data()[c] + beta.data()[c]);
        dx[i] =
            static_cast<double>((dy.data()[i] - sum / n - z(i) * product / n) * gamma.data()[c] / deviation);
      }
      mean.push_back(static_cast<double>(m));
      variance.push_back(static_cast<double>(v));
      dgamma.push_back(static_cast<double>(product));
      dbeta.push_back(static_cast<double>(sum));
    }
  }
};

template <class T>
void check_large(double offset, double tolerance) {
  xg::Generator from(17);
  for (const xg::Shape& shape : {xg::Shape{611, 1333}, xg::Shape{40001, 3}, xg::Shape{2, 5},
                                 xg::Shape{33, 7, 70}, xg::Shape{3, 2, 10007}, xg::Shape{9, 40, 13, 17}}) {
    INFO("seed 17, shape " << to_string(shape));
    const xg::Shape channels{shape[1]};
    const auto x = xg::parameter(xg::random_normal<T>(shape, offset, 2, from));
    const auto gamma = xg::parameter(xg::random_normal<T>(channels, 1, 0.3, from));
    const auto beta = xg::parameter(xg::random_normal<T>(channels, 0, 1, from));
    const auto dy = xg::random_normal<T>(shape, 0, 1, from);
    const auto [y, statistics] = xg::batch_norm_with_statistics(x, gamma, beta);
    const auto all = xg::grad(y, {x, gamma, beta}, {.grad_output = dy});
    const Expected expected(x.dense(), gamma.dense(), beta.dense(), xg::to_dense(dy));
    CHECK(distance(y.dense(), expected.y) < tolerance);
    CHECK(distance(xg::to_dense(statistics.mean), expected.mean) < tolerance);
    CHECK(distance(xg::to_dense(statistics.variance), expected.variance) < tolerance);
    CHECK(distance(all[0].dense(), expected.dx) < tolerance);
    const double summed = std::sqrt(static_cast<double>(x.size() / gamma.size()));
    CHECK(distance(all[1].dense(), expected.dgamma) < tolerance * summed);
    CHECK(distance(all[2].dense(), expected.dbeta) < tolerance * summed);
    CHECK(xg::batch_norm(x, gamma, beta).value() == y.value());
  }
}

template <class T>
xg::Variable<T> filled(const xg::Shape& shape, double number) {
  return xg::Variable<T>(xg::Dense<T>::filled(shape, static_cast<T>(number)));
}

}  // namespace

TEST_CASE("batch_norm agrees with plain loops, whether channels are columns or planes") {
  check_large<double>(0, 1e-12);
  check_large<float>(0, 1e-5);
}

TEST_CASE("batch_norm keeps its digits where the mean is large beside the deviation") {
  check_large<float>(4096, 2e-5);
}

TEST_CASE("batch_norm of equal values is beta to the bit, and its variance 0") {
  const auto check = [](auto number) {
    using T = decltype(number);
    for (const xg::Shape& shape : {xg::Shape{1000, 3}, xg::Shape{7, 3}, xg::Shape{7, 3, 333}}) {
      const auto x = filled<T>(shape, number), beta = filled<T>({3}, 0.7);
      const auto [y, statistics] = xg::batch_norm_with_statistics(x, filled<T>({3}, 2), beta);
      CHECK(xt::all(xt::equal(y.value(), T(0.7))));
      CHECK(xt::all(xt::equal(statistics.mean, number)));
      CHECK(xt::all(xt::equal(statistics.variance, T(0))));
    }
  };
  check(0.1f);
  check(0.1);
  check(-1e100);
}

TEST_CASE("the statistics are those over n, and the given ones are used as they are") {
  const auto x = xg::constant(xt::xarray<double>{{1, 10}, {3, 20}, {8, 60}});
  const auto [y, statistics] = xg::batch_norm_with_statistics(x);
  CHECK(statistics.mean(0) == doctest::Approx(4));
  CHECK(statistics.variance(0) == doctest::Approx(26.0 / 3));
  CHECK(statistics.variance(1) == doctest::Approx(1400.0 / 3));
  CHECK(xt::allclose(xg::batch_norm(x, statistics).value(), y.value(), 1e-14));
  const xg::BatchStatistics<double> given{xt::xarray<double>{1, 0}, xt::xarray<double>{4, 1}};
  const xg::Array<double> z = xg::batch_norm(x, given, {.epsilon = 0}).value();
  CHECK(z == xt::xarray<double>{{0, 10}, {1, 20}, {3.5, 60}});
  CHECK(xg::batch_norm(filled<double>({1, 2}, 3), given, {.epsilon = 0}).value() ==
        xt::xarray<double>{{1, 3}});
}

namespace {

/// Channels of x times a power of two, beside the same near 1: without epsilon they come out the same.
template <class T>
void check_far_out(int power, std::size_t samples, std::size_t inner) {
  CAPTURE(power);
  CAPTURE(sizeof(T));
  CAPTURE(inner);
  const T factor = std::ldexp(T(1), power);
  xg::Generator from(23);
  const xg::Dense<double> drawn = xg::to_dense(xg::random_normal<double>({samples, inner}, 0.5, 1, from));
  xt::xarray<T> values = xt::zeros<T>({samples, std::size_t(3), inner}), weights = values;
  for (std::size_t s = 0; s < samples; ++s)
    for (std::size_t i = 0; i < inner; ++i)
      for (std::size_t c = 0; c < 3; ++c) {
        values(s, c, i) = static_cast<T>(drawn.data()[s * inner + i]) * (c == 1 ? factor : T(1));
        weights(s, c, i) = static_cast<T>(s) / T(8) + static_cast<T>(i);
      }
  if (inner == 1) {
    values.reshape({samples, std::size_t(3)});
    weights.reshape({samples, std::size_t(3)});
  }
  const auto at = [&](const xg::Array<T>& x, std::size_t s, std::size_t c, std::size_t i) {
    return inner == 1 ? x(s, c) : x(s, c, i);
  };
  const double near = 64 * static_cast<double>(std::numeric_limits<T>::epsilon());
  const auto x = xg::parameter(values);
  const auto [y, statistics] = xg::batch_norm_with_statistics(x, {.epsilon = 0});
  const auto plain = xg::grad(y, {x}, {.retain_graph = true, .grad_output = weights})[0].value();
  const auto recorded = xg::grad(y, {x}, {.create_graph = true, .grad_output = weights})[0].value();
  long double mean = 0, square = 0;
  const auto n = static_cast<long double>(samples * inner);
  for (std::size_t k = 0; k < samples * inner; ++k) mean += static_cast<T>(drawn.data()[k]) / n;
  for (std::size_t k = 0; k < samples * inner; ++k)
    square += std::pow(static_cast<T>(drawn.data()[k]) - mean, 2) / n;
  for (std::size_t s = 0; s < samples; ++s)
    for (std::size_t i = 0; i < inner; ++i) {
      const auto expected =
          static_cast<double>((static_cast<T>(drawn.data()[s * inner + i]) - mean) / std::sqrt(square));
      const auto allowed = [&](double e) { return near * std::max(1.0, std::fabs(e)); };
      CHECK(std::fabs(static_cast<double>(at(y.value(), s, 1, i)) - expected) < allowed(expected));
      CHECK(at(y.value(), s, 0, i) == at(y.value(), s, 2, i));
      const auto slope = static_cast<double>(at(plain, s, 0, i));
      CHECK(std::fabs(static_cast<double>(at(plain, s, 1, i) * factor) - slope) < allowed(slope) * 8);
      CHECK(std::fabs(static_cast<double>(at(recorded, s, 1, i) * factor) - slope) < allowed(slope) * 8);
    }
  CHECK(static_cast<double>(statistics.mean(1) / factor) ==
        doctest::Approx(static_cast<double>(mean)).epsilon(near));
  const long double variance = square * factor * factor;
  const bool fits = variance < static_cast<long double>(std::numeric_limits<T>::max());
  if (!fits) CHECK(std::isinf(statistics.variance(1)));
}

}  // namespace

TEST_CASE("batch_norm of channels far out is that of the same channels near 1") {
  for (const std::size_t inner : {1u, 5u}) {
    for (const int power : {0, 532, -532, 980, -960}) check_far_out<double>(power, 50, inner);
    for (const int power : {0, 70, -70, 110, -100}) check_far_out<float>(power, 50, inner);
  }
}

TEST_CASE("batch_norm's results do not depend on the number of threads") {
  INFO("seed 3");
  xg::Generator from(3);
  for (const xg::Shape& shape : {xg::Shape{301, 900}, xg::Shape{20, 30, 257}}) {
    const auto x = xg::parameter(xg::random_normal<float>(shape, 0, 1, from));
    const auto gamma = xg::parameter(xg::random_normal<float>({shape[1]}, 1, 1, from));
    const auto beta = xg::parameter(xg::random_normal<float>({shape[1]}, 0, 1, from));
    std::vector<std::vector<xg::Dense<float>>> results;
    for (const std::size_t threads : {1u, 2u, 3u}) {
      Threads use(threads);
      const auto y = xg::batch_norm(x, gamma, beta);
      CHECK(use.shared_a_loop() == (threads > 1));
      results.push_back({y.dense()});
      const auto loss = xg::mean(y * y * y);
      use.shared_a_loop();
      for (const auto& g : xg::grad(loss, {x, gamma, beta})) results.back().push_back(g.dense());
      CHECK(use.shared_a_loop() == (threads > 1));
    }
    for (std::size_t run = 1; run < results.size(); ++run)
      for (std::size_t k = 0; k < results[0].size(); ++k)
        CHECK(std::memcmp(results[run][k].data(), results[0][k].data(),
                          results[0][k].size() * sizeof(float)) == 0);
  }
}

TEST_CASE("batch_norm gives a gradient to those that want one, the same whatever the others want") {
  INFO("seed 8");
  xg::Generator from(8);
  const auto x = xg::random_normal<double>({5, 3, 4}, 0, 1, from);
  const auto gamma = xg::random_normal<double>({3}, 0, 1, from),
             beta = xg::random_normal<double>({3}, 0, 1, from);
  std::vector<xg::Dense<double>> full;
  for (unsigned wanted = 7; wanted > 0; --wanted) {
    CAPTURE(wanted);
    std::vector<xg::Variable<double>> in;
    std::size_t k = 0;
    for (const auto& value : {x, gamma, beta})
      in.push_back(wanted >> k++ & 1 ? xg::parameter(value) : xg::constant(value));
    const auto y = xg::batch_norm(in[0], in[1], in[2]);
    xg::sum(y * y * y).backward();
    for (k = 0; k < 3; ++k) {
      CHECK(in[k].has_grad() == (wanted >> k & 1));
      if (wanted == 7) full.push_back(in[k].dense_grad());
      if (in[k].has_grad()) CHECK(xt::allclose(in[k].grad(), xg::to_array(full[k]), 1e-14, 1e-14));
    }
  }
}

TEST_CASE("batch_norm says what does not fit") {
  const auto of = [](const xg::Shape& shape) { return filled<double>(shape, 1); };
  CHECK(message_of<xg::ShapeError>([&] { xg::batch_norm(of({4})); }) ==
        "batch_norm: [4] has no axis of channels; it must be [N, C] or [N, C, ...]");
  CHECK(message_of<xg::ShapeError>([&] {
          xg::batch_norm(of({2, 4}), of({2}), of({4}));
        }) == "batch_norm: gamma [2] and beta [4] do not fit axis 1 of [2, 4]; both must be [4]");
  CHECK(message_of<xg::ValueError>([&] {
          xg::batch_norm(of({1, 4}));
        }) ==
        "batch_norm: [1, 4] has one value a channel, which has no variance; give a larger batch, or evaluate "
        "with given statistics");
  CHECK(
      message_of<xg::ValueError>([&] {
        xg::batch_norm(of({0, 4, 2}));
      }) ==
      "batch_norm: [0, 4, 2] has no value a channel, which has no variance; give a larger batch, or evaluate "
      "with given statistics");
  CHECK(message_of<xg::ValueError>([&] {
          xg::batch_norm(of({2, 4}), {.epsilon = -1});
        }) == "batch_norm: epsilon is -1; give a finite number that is not negative, such as 1e-5");
  const xg::BatchStatistics<double> narrow{xt::xarray<double>{0, 0}, xt::xarray<double>{1, 1, 1, 1}};
  CHECK(message_of<xg::ShapeError>([&] {
          xg::batch_norm(of({2, 4}), narrow);
        }) == "batch_norm: mean [2] and variance [4] do not fit axis 1 of [2, 4]; both must be [4]");
}
