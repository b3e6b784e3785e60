#include <cmath>
#include <limits>
#include <vector>

#include <doctest/doctest.h>
#include <xgrad/core/kernels/random.hpp>
#include <xgrad/optim/clip.hpp>

#include "../message_of.hpp"
#include "../threads.hpp"
#include "training.hpp"

namespace {

using xgrad::Array;
using xgrad::Dense;
using xgrad::parameter;
using xgrad::Shape;
using xgrad::Variable;
using xgrad::optim::clip_grad_norm;
using xgrad::optim::clip_grad_value;
using xgrad::testing::message_of;
using xgrad::testing::same_bits;
using xgrad::testing::Threads;

constexpr double infinity = std::numeric_limits<double>::infinity();

template <class T>
Variable<T> with_gradient(const xt::xarray<T>& gradient) {
  Variable<T> x = parameter(xt::xarray<T>(xt::zeros<T>(gradient.shape())));
  x.set_grad(to_dense(Array<T>(gradient)));
  return x;
}

}  // namespace

TEST_CASE_TEMPLATE(
    "clip_grad_norm returns the norm of all gradients together and scales them down to max_norm", T, float,
    double) {
  const auto x = with_gradient<T>({T(1), T(-2)}), y = with_gradient<T>({{T(2), T(0)}, {T(0), T(4)}});
  const auto without = parameter(T(7));
  CHECK(clip_grad_norm({x, y, without}, 2) == doctest::Approx(5).epsilon(1e-15));
  const T factor = static_cast<T>(2 / (5 + 1e-6));
  CHECK(x.grad() == xt::xarray<T>{T(1) * factor, T(-2) * factor});
  CHECK(y.grad() == xt::xarray<T>{{T(2) * factor, T(0)}, {T(0), T(4) * factor}});
  CHECK_FALSE(without.has_grad());
}

TEST_CASE_TEMPLATE("a norm within max_norm changes nothing, and an infinite max_norm only measures", T, float,
                   double) {
  const auto x = with_gradient<T>({T(3), T(4)});
  CHECK(clip_grad_norm(std::vector{x}, 5.1) == 5);
  CHECK(clip_grad_norm(std::vector{x}, infinity) == 5);
  CHECK(x.grad() == xt::xarray<T>{T(3), T(4)});
  CHECK(clip_grad_norm(std::vector{x}, 0) == 5);
  CHECK(x.grad() == xt::xarray<T>{0, 0});
  CHECK(clip_grad_norm(std::vector<Variable<T>>{}, 1) == 0);
}

TEST_CASE_TEMPLATE("every kind of norm is that of a plain loop, over parameters of any size", T, float,
                   double) {
  for (const std::size_t size : {1u, 2u, 3u, 7u, 16u, 17u, 33u, 1000u, 100'003u}) {
    CAPTURE(size);
    xgrad::Generator generator(size);
    Dense<T> gradient(Shape{size});
    T* const g = gradient.mutable_data();
    for (std::size_t i = 0; i < size; ++i) g[i] = static_cast<T>(generator.normal());
    auto x = xgrad::detail::parameter_from(Dense<T>::filled(Shape{size}, T(0)));
    auto y = with_gradient<T>({T(0.5), T(-0.25)});
    x.set_grad(gradient);
    for (const double p : {1.0, 2.0, 3.0, 0.5}) {
      CAPTURE(p);
      long double expected =
          std::pow(0.5L, static_cast<long double>(p)) + std::pow(0.25L, static_cast<long double>(p));
      for (std::size_t i = 0; i < size; ++i)
        expected += std::pow(static_cast<long double>(std::abs(g[i])), static_cast<long double>(p));
      const double norm = static_cast<double>(std::pow(expected, 1 / static_cast<long double>(p)));
      CHECK(clip_grad_norm({x, y}, infinity, {.norm_type = p}) == doctest::Approx(norm).epsilon(1e-13));
    }
    double largest = 0.5;
    for (std::size_t i = 0; i < size; ++i) largest = std::fmax(largest, std::abs(static_cast<double>(g[i])));
    CHECK(clip_grad_norm({x, y}, infinity, {.norm_type = infinity}) == largest);
  }
}

TEST_CASE("the square of a large float counts as it is") {
  const auto x = with_gradient<float>({3e30f, 4e30f});
  CHECK(clip_grad_norm(std::vector{x}, 1) == doctest::Approx(5e30));
  CHECK(x.grad()(0) == doctest::Approx(0.6));
  CHECK(x.grad()(1) == doctest::Approx(0.8));
}

TEST_CASE("a norm is right for gradients of every size, and clips them to their direction") {
  const auto check = []<class T>(T factor) {
    CAPTURE(factor);
    for (const double p : {0.5, 1.0, 2.0, 3.0, 10.0}) {
      CAPTURE(p);
      const long double power = p;
      const double near = 1e-13 + 4 * static_cast<double>(std::numeric_limits<T>::epsilon());
      const std::vector<T> g{T(3) * factor, T(-4) * factor, T(0), T(0.5) * factor};
      const auto x = with_gradient<T>({g[0], g[1]}), y = with_gradient<T>({g[2], g[3]});
      long double sum = 0;
      for (const T e : g) sum += std::pow(std::fabs(static_cast<long double>(e) / factor), power);
      const double norm = static_cast<double>(std::pow(sum, 1 / power) * factor);
      CHECK(clip_grad_norm({x, y}, infinity, {.norm_type = p}) == doctest::Approx(norm).epsilon(1e-13));
      CHECK(x.grad() == xt::xarray<T>{g[0], g[1]});
      const double most = norm / 1000;
      if (norm < 1) continue;  // beside 1e-6 it counts for nothing
      CHECK(clip_grad_norm({x, y}, most, {.norm_type = p}) == doctest::Approx(norm).epsilon(1e-13));
      const double by = most / (norm + 1e-6);
      for (std::size_t i = 0; i < 2; ++i)
        CHECK(static_cast<double>(x.grad()(i)) ==
              doctest::Approx(static_cast<double>(g[i]) * by).epsilon(near));
      if (most < 2) continue;
      CHECK(clip_grad_norm({x, y}, 1, {.norm_type = p}) == doctest::Approx(most).epsilon(1e-6));
      CHECK(static_cast<double>(x.grad()(0)) ==
            doctest::Approx(static_cast<double>(g[0]) / norm).epsilon(1e-6));
    }
  };
  for (const double factor : {1.0, 1e100, 1e200, 1e306, 1e-100, 1e-200, 1e-300}) check(factor);
  for (const float factor : {1.0f, 1e18f, 1e30f, 4e37f, 1e-18f, 1e-30f, 1e-36f}) check(factor);
  // Numbers below the normal ones, whose reciprocals are none.
  const double tiny = std::numeric_limits<double>::denorm_min();
  CHECK(clip_grad_norm({with_gradient<double>({3 * tiny, -4 * tiny})}, 1) == 5 * tiny);
  CHECK(clip_grad_norm({with_gradient<double>({0, 0})}, 1) == 0);
}

TEST_CASE("a factor that is no normal float scales in steps") {
  const auto x = with_gradient<float>({3e38f, -1.5e38f});
  clip_grad_norm({x}, 1e-4);  // by 3e-43, which as a float has eight bits
  CHECK(static_cast<double>(x.grad()(0)) == doctest::Approx(1e-4 * 2 / std::sqrt(5.0)).epsilon(1e-6));
  CHECK(x.grad()(1) == -x.grad()(0) / 2);
}

TEST_CASE_TEMPLATE("a norm that is not finite is returned, or refused when asked for", T, float, double) {
  const T inf = std::numeric_limits<T>::infinity();
  for (const double p : {1.0, 2.0, infinity}) {
    const auto good = with_gradient<T>({T(1), T(2)}), bad = with_gradient<T>({T(1), inf, T(2)}),
               worse = with_gradient<T>({T(NAN), inf});
    const std::string text = message_of([&] {
      clip_grad_norm({good, bad}, 1, {.norm_type = p, .error_if_nonfinite = true});
    });
    CHECK(text ==
          "clip_grad_norm: the norm of the gradients is inf; lower the learning rate, or look for its cause "
          "with "
          "DetectAnomaly");
    CHECK(good.grad() == xt::xarray<T>{T(1), T(2)});
    CHECK(std::isinf(clip_grad_norm({good, bad}, infinity, {.norm_type = p})));
    CHECK(std::isnan(clip_grad_norm({good, worse}, 1, {.norm_type = p})));
    CHECK(std::isnan(good.grad()(0)));
  }
}

TEST_CASE_TEMPLATE("clip_grad_value moves every element into the range, and keeps NaN", T, float, double) {
  const T inf = std::numeric_limits<T>::infinity();
  const auto x = with_gradient<T>({T(-3), T(-0.5), T(0), T(0.25), T(7), inf, -inf});
  const auto y = with_gradient<T>(xt::xarray<T>(T(NAN))), without = parameter(T(1));
  clip_grad_value({x, y, without}, 0.5);
  CHECK(x.grad() == xt::xarray<T>{T(-0.5), T(-0.5), T(0), T(0.25), T(0.5), T(0.5), T(-0.5)});
  CHECK(std::isnan(y.grad()()));
  CHECK_FALSE(without.has_grad());
}

TEST_CASE(
    "clipping changes no array that was handed out, nor a parameter that shares the gradient's buffer") {
  const auto x = with_gradient<double>({3, 4});
  const Array<double> before = x.grad();
  auto y = parameter(xt::xarray<double>{0, 0});
  y.set_value(before);
  clip_grad_norm(std::vector{x}, 1);
  clip_grad_value(std::vector{x}, 0.1);
  CHECK(before == xt::xarray<double>{3, 4});
  CHECK(y.value() == before);
  CHECK(x.grad() == xt::xarray<double>{0.1, 0.1});
}

TEST_CASE_TEMPLATE("two threads give the bits of one: the norm and the gradients", T, float, double) {
  const auto clipped_by = [](std::size_t threads) {
    const std::size_t count = 300'007;
    Threads use(threads);
    xgrad::Generator generator(1);
    Dense<T> gradient(Shape{count});
    T* const g = gradient.mutable_data();
    for (std::size_t i = 0; i < count; ++i) g[i] = static_cast<T>(generator.normal());
    auto x = xgrad::detail::parameter_from(Dense<T>::filled(Shape{count}, T(0)));
    x.set_grad(gradient);
    const double norm = clip_grad_norm(std::vector{x}, 1);
    CHECK(use.shared_a_loop() == (threads > 1));
    return std::pair(norm, x.grad());
  };
  const auto one = clipped_by(1), two = clipped_by(2);
  CHECK(one.first == two.first);
  CHECK(same_bits(one.second, two.second));
}

TEST_CASE("what cannot be clipped is refused, and no gradient changes") {
  const auto x = with_gradient<double>({3, 4});
  CHECK(message_of([&] { clip_grad_norm(std::vector{x}, -1); }) ==
        "clip_grad_norm: max_norm is -1; it must be at least 0");
  CHECK(message_of([&] { clip_grad_norm(std::vector{x}, 1, {.norm_type = 0}); }) ==
        "clip_grad_norm: norm_type is 0; it must be above 0");
  CHECK(message_of([&] { clip_grad_value(std::vector{x}, -1); }) ==
        "clip_grad_value: clip_value is -1; it must be at least 0");
  CHECK_THROWS_AS(clip_grad_norm(std::vector{x}, NAN), xgrad::ValueError);
  CHECK(message_of([&] {
          clip_grad_norm({x, Variable<double>()}, 1);
        }) == "clip_grad_norm: parameter 1 is an empty Variable; assign it a value first");
  CHECK(message_of([&] {
          clip_grad_value({x, xgrad::constant(1.0)}, 1);
        }) ==
        "clip_grad_value: parameter 1 of shape [] is 'constant', which keeps no gradient: only parameters "
        "do; leave "
        "it out");
  CHECK(message_of([&] {
          clip_grad_norm({x + 1, x}, 1);
        }).find("clip_grad_norm: parameter 0 of shape [2] is 'add'") == 0);
  CHECK(x.grad() == xt::xarray<double>{3, 4});
}
