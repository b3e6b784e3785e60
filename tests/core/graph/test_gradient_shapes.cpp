// Gradients that travel as less than their node's shape: one number for all, or summed block by block.
#include <doctest/doctest.h>

#include <cmath>
#include <xgrad/xgrad.hpp>

#include "../../threads.hpp"

namespace xg = xgrad;
using xgrad::testing::Threads;

namespace {

xg::Variable<double> waves(const xg::Shape& shape, double step) {
  xg::Dense<double> values(shape);
  double* out = values.mutable_data();
  for (std::size_t i = 0; i < values.size(); ++i) out[i] = std::sin(step * static_cast<double>(i));
  return xg::detail::parameter_from(std::move(values));
}

}  // namespace

TEST_CASE("the gradient of a mean reaches leaves, kept gradients, hooks and other operations in full shape") {
  const auto x = waves({3, 4}, 0.7);
  xg::mean(x).backward();
  CHECK(x.grad().shape() == xg::Shape{3, 4});
  CHECK(x.grad()(2, 3) == 1.0 / 12);

  auto y = x + 1;
  y.retain_grad();
  double seen = 0;
  const auto hook =
      y.register_hook([&](const xg::Variable<double>& g) { seen = g.value()(2, 3) + double(g.size()); });
  const xg::DetectAnomaly on;
  xg::mean(xg::reshape(y, {4, 3})).backward();
  CHECK(y.grad()(1, 1) == 1.0 / 12);
  CHECK(seen == 1.0 / 12 + 12);
  CHECK(x.grad()(0, 0) == 2.0 / 12);
}

TEST_CASE("means of one value with two readers add up, whichever comes first") {
  const auto x = waves({5, 3}, 0.3);
  (xg::sum(xg::square(x)) + xg::mean(x) + xg::sum(xg::mean(x, {.axes = {1}}))).backward();
  const auto g = xg::grad(xg::mean(x) + xg::sum(x), {x})[0].value();
  for (std::size_t i = 0; i < 5; ++i)
    for (std::size_t j = 0; j < 3; ++j) {
      CHECK(x.grad()(i, j) == doctest::Approx(2 * x.value()(i, j) + 1.0 / 15 + 1.0 / 3).epsilon(1e-14));
      CHECK(g(i, j) == doctest::Approx(1.0 / 15 + 1).epsilon(1e-14));
    }
}

TEST_CASE(
    "gradients over repeated axes of a large value are what plain loops sum, on one thread and on two") {
  constexpr std::size_t rows = 700, columns = 90;
  const auto x = waves({rows, columns}, 0.01), row = waves({columns}, 0.2), column = waves({rows, 1}, 0.1);
  for (const std::size_t threads : {1U, 2U}) {
    Threads use(threads);
    const auto y = xg::sum(x * row * column);
    use.shared_a_loop();
    const auto gradients = xg::grad(y, {row, column});
    CHECK(use.shared_a_loop() == (threads > 1));
    for (std::size_t j : {std::size_t{0}, columns - 1}) {
      double expected = 0;
      for (std::size_t i = 0; i < rows; ++i) expected += x.value()(i, j) * column.value()(i, 0);
      CHECK(gradients[0].value()(j) == doctest::Approx(expected).epsilon(1e-12));
    }
    for (std::size_t i : {std::size_t{0}, rows - 1}) {
      double expected = 0;
      for (std::size_t j = 0; j < columns; ++j) expected += x.value()(i, j) * row.value()(j);
      CHECK(gradients[1].value()(i, 0) == doctest::Approx(expected).epsilon(1e-12));
    }
  }
}

TEST_CASE("a matrix that is multiplied several times has the sum of what each product gives") {
  const auto a = waves({6, 6}, 0.4), b = waves({6, 6}, 0.9), v = waves({6}, 0.5);
  const auto f = [](const auto& x, const auto& y, const auto& z) {
    return xg::sum(xg::square(xg::matmul(x, x) + xg::matmul(x, y, {true, true}) + xg::matmul(y, x)) +
                   xg::linear(xg::linear(x, y), y, z) + xg::matmul(x, z) + xg::matmul(z, y));
  };
  const auto report = xg::gradcheck(f, {a, b, v}, {.second_order = true, .forward_mode = true});
  INFO(report);
  CHECK(report.ok());
}

TEST_CASE("the gradient of a matrix that is used at many steps needs the memory of one") {
  constexpr std::size_t side = 400, bytes = side * side * sizeof(double);
  const auto w = waves({side, side}, 0.1);
  const auto peak_of = [&](int steps) {
    xg::Variable<double>(w).zero_grad();
    auto x = waves({1, side}, 0.3).detach();
    for (int i = 0; i < steps; ++i) x = xg::tanh(xg::matmul(x, w));
    const auto y = xg::sum(x);
    xg::reset_peak_memory();
    const std::size_t before = xg::memory_stats().live_bytes;
    y.backward();
    return xg::memory_stats().peak_bytes - before;
  };
  CHECK(peak_of(1) >= bytes);
  CHECK(peak_of(5) < bytes + bytes / 2);
}
