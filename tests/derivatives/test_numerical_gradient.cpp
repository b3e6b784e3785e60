#include <doctest/doctest.h>

#include <cmath>
#include <stdexcept>
#include <xgrad/derivatives/numerical_gradient.hpp>
#include <xgrad/ops/arithmetic.hpp>
#include <xgrad/ops/exponential.hpp>
#include <xgrad/ops/operators.hpp>

namespace xg = xgrad;

TEST_CASE("numerical_gradient is the gradient to eight digits or more, at any size of the element") {
  const xg::Variable<double> w = xg::parameter(xt::xarray<double>{{0.5, -3.0}, {1e5, 1e-7}});
  const auto f = [&] {
    const auto v = w.value();
    return v(0, 0) * v(0, 0) * v(0, 0) + std::sin(v(0, 1)) + std::log(v(1, 0)) + std::exp(v(1, 1));
  };
  const xg::Array<double> numeric = xg::numerical_gradient(f, w);
  CHECK(numeric.shape() == w.shape());
  CHECK(numeric(0, 0) == doctest::Approx(0.75).epsilon(1e-9));
  CHECK(numeric(0, 1) == doctest::Approx(std::cos(-3.0)).epsilon(1e-9));
  CHECK(numeric(1, 0) == doctest::Approx(1e-5).epsilon(1e-9));
  CHECK(numeric(1, 1) == doctest::Approx(std::exp(1e-7)).epsilon(1e-9));
}

TEST_CASE("numerical_gradient calls f twice for each element, on a leaf of any kind") {
  int calls = 0;
  const auto c = xg::constant(xt::xarray<double>{1, 2, 3});
  const auto f = [&] {
    ++calls;
    return xg::square(c).value()(1);
  };
  const auto numeric = xg::numerical_gradient(f, c);
  CHECK(calls == 6);
  CHECK(numeric(0) == 0);
  CHECK(numeric(1) == doctest::Approx(4.0));
  CHECK(xg::numerical_gradient(f, c, 1e-3)(1) == doctest::Approx(4.0));
}

TEST_CASE("the leaf has its value back afterwards, also when f throws, and its gradient is untouched") {
  auto w = xg::parameter(xt::xarray<double>{1, 2});
  (w * w).backward({.grad_output = xt::ones<double>({2})});
  const auto y = w * w * w;
  xg::numerical_gradient([&] { return w.value()(0); }, w);
  CHECK(w.value() == xt::xarray<double>{1, 2});
  int calls = 0;
  const auto f = [&]() -> double {
    if (++calls == 3) throw std::runtime_error("in f");
    return 0;
  };
  CHECK_THROWS_WITH_AS(xg::numerical_gradient(f, w), "in f", std::runtime_error);
  CHECK(w.value() == xt::xarray<double>{1, 2});
  CHECK(w.grad() == xt::xarray<double>{2, 4});
  y.backward({.grad_output = xt::ones<double>({2})});  // what y saved is as it was
  CHECK(w.grad() == xt::xarray<double>{5, 16});
}

TEST_CASE("numerical_gradient refuses results of operations and steps that are no steps") {
  const auto w = xg::parameter(2.0);
  const auto y = w * 2.0;
  const auto f = [&] { return w.item(); };
  CHECK_THROWS_WITH_AS(
      xg::numerical_gradient(f, y),
      "numerical_gradient: 'multiply' of shape [] is the result of an operation; vary a leaf",
      xg::GraphError);
  CHECK_THROWS_AS(xg::numerical_gradient(f, w, 0), xg::ValueError);
  CHECK_THROWS_AS(xg::numerical_gradient(f, w, -1e-6), xg::ValueError);
  CHECK_THROWS_AS(xg::numerical_gradient(f, w, std::nan("")), xg::ValueError);
}
