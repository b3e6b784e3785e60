// Buffers that results take over from values which nobody else wants.
#include <doctest/doctest.h>

#include <cmath>
#include <limits>
#include <utility>
#include <xgrad/xgrad.hpp>

#include "../../message_of.hpp"

namespace xg = xgrad;
using Var = xg::Variable<double>;
using xgrad::testing::message_of;

namespace {

constexpr std::size_t length = 50000;
constexpr double buffer_bytes = length * sizeof(double);

xt::xarray<double> ramp(double from, double to, std::size_t count = length) {
  return xt::linspace(from, to, count);
}

/// The most that was held at once while `f` ran, above what was held before, in buffers of `length` elements.
template <class F>
double peak_buffers(F f) {
  const auto before = xg::memory_stats().live_bytes;
  xg::reset_peak_memory();
  f();
  return double(xg::memory_stats().peak_bytes - before) / buffer_bytes;
}

double last_of(const Var& v) { return v.dense().data()[v.size() - 1]; }

}  // namespace

TEST_CASE("an operator writes its result to the buffer of a temporary, recorded or not") {
  const auto x = xg::parameter(ramp(1, 2)), c = xg::constant(ramp(1, 2));
  for (const Var& v : {x, c}) {
    CAPTURE(v.requires_grad());
    CHECK(peak_buffers([&] { CHECK(last_of(v + 1 - 2 + 3) == 4); }) < 1.5);
    CHECK(peak_buffers([&] { CHECK(last_of(1 - -(v + 1)) == 4); }) < 1.5);
    // A function of one operand does, too.
    CHECK(peak_buffers([&] { CHECK(last_of(xg::relu(xg::abs(v + 1) - 1)) == 2); }) < 2.5);
    CHECK(peak_buffers([&] { CHECK(last_of(xg::relu(v + 1)) == 3); }) < 1.5);
  }
  // Of c * 2 the buffer is free, of x the user's; a product that requires a gradient in both keeps both.
  CHECK(peak_buffers([&] { CHECK(last_of((c * 2) / 4) == 1); }) < 1.5);
  CHECK(peak_buffers([&] { CHECK(last_of((x * 2) * (x + 1)) == 12); }) > 2.5);
}

TEST_CASE("exp of a parameter keeps the parameter's value, and not its own") {
  const auto x = xg::parameter(ramp(1, 2));
  CHECK(peak_buffers([&] { CHECK(last_of(xg::exp(x) * 2 + 1) == doctest::Approx(2 * std::exp(2) + 1)); }) <
        1.5);
  // Of a result, or of a parameter that is given away, its own.
  CHECK(peak_buffers([&] { CHECK(last_of(xg::exp(x + 1)) == doctest::Approx(std::exp(3))); }) < 1.5);
  Var given = xg::parameter(ramp(1, 2));
  CHECK(peak_buffers([&] { CHECK(last_of(xg::exp(std::move(given))) == doctest::Approx(std::exp(2))); }) <
        0.5);
  // What was saved stays as it was.
  xg::Variable<double> p = xg::parameter(ramp(1, 2));
  const Var y = xg::sum(xg::exp(p) * 3);
  p.set_value(ramp(5, 6));
  y.backward();
  CHECK(p.grad()(0) == doctest::Approx(3 * std::exp(1)));
}

TEST_CASE("what an operation has saved is not written to") {
  const auto at = ramp(0.5, 2);
  const auto x = xg::parameter(at);
  const Var y = (xg::exp(x) * 2 + 1) * (xg::tanh(x) - 3) / (x * x + 1) - -xg::log(x * x + 2) * (2 - x);
  xg::sum(y).backward();
  for (std::size_t i = 0; i < length; i += 999) {
    const double v = at(i), e = std::exp(v), t = std::tanh(v), square = v * v;
    const double a = 2 * e + 1, b = t - 3, c = square + 1, l = std::log(square + 2);
    CHECK(y.value()(i) == doctest::Approx(a * b / c + l * (2 - v)).epsilon(1e-13));
    const double slope =
        (2 * e * b + a * (1 - t * t)) / c - a * b * 2 * v / (c * c) + 2 * v / (square + 2) * (2 - v) - l;
    CHECK(x.grad()(i) == doctest::Approx(slope).epsilon(1e-12));
  }
}

TEST_CASE("a value that somebody else holds stays as it is, and a Variable that is moved from is empty") {
  const auto x = xg::parameter(ramp(1, 2));
  Var moved = x + 1;
  const xg::Array<double> seen = moved.value();
  CHECK((std::move(moved) + 1).value()(0) == 3);
  CHECK(seen(0) == 2);
  CHECK_FALSE(moved.defined());
  CHECK(message_of([&] { moved.value(); }).find("empty") != std::string::npos);

  Var other = x + 1;
  const Var copy = other;
  CHECK((-std::move(other)).value()(0) == -2);
  CHECK(copy.value()(0) == 2);

  Var both = x + 1;
  CHECK((std::move(both) - copy).value()(0) == 0);
  Var saved = x + 1;
  const Var reader = xg::square(saved), sum = std::move(saved) + 1;
  CHECK(sum.value()(0) == 3);
  CHECK(xg::grad(xg::sum(reader), {x})[0].value()(0) == 4);
}

TEST_CASE("a call that throws leaves its operands as they were, also those that it was given") {
  const auto x = xg::parameter(ramp(1, 2));
  Var given = x + 1;
  CHECK_THROWS_AS(std::move(given) + xg::constant(ramp(1, 2, 3)), xg::ShapeError);
  CHECK(given.value()(0) == 2);
  CHECK_THROWS_AS(std::move(given) + Var(), xg::GraphError);
  CHECK(given.value()(0) == 2);
}

TEST_CASE("only a temporary of the result's shape lends its buffer") {
  const auto row = xg::parameter(ramp(1, 2, 3));
  const auto column = xg::parameter(xt::xarray<double>(xt::reshape_view(xt::xarray<double>{1, 10}, {2, 1})));
  const Var y = (row * 2) + (column * 2);
  CHECK(y.value() == xt::xarray<double>{{4, 5, 6}, {22, 23, 24}});
  const Var z = (row + 1) - (row + column);
  CHECK(z.value() == xt::xarray<double>{{0, 0, 0}, {-9, -9, -9}});
}

TEST_CASE("who looks for anomalies still sees the inputs") {
  const xg::DetectAnomaly on;
  const auto x = xg::parameter(xt::xarray<double>{2, 3});
  const std::string text = message_of([&] { (x + 1) / xg::constant(xt::xarray<double>{1, 0}); });
  CHECK(text.find("input 0 of shape [2]: 3 to 4") != std::string::npos);
}

TEST_CASE("a sweep that spends the graph writes gradients to what was saved, one that keeps it does not") {
  const auto x = xg::parameter(ramp(0.5, 2)), c = xg::parameter(ramp(1, 3));
  const auto loss = [&] { return xg::mean((x + 1) * (c + 1)); };
  const Var kept = loss();
  const auto first = xg::grad(kept, {x, c}, {.retain_graph = true});
  const auto again = xg::grad(kept, {x, c});
  const auto spent = xg::grad(loss(), {x, c});
  for (std::size_t k = 0; k < 2; ++k) {
    CHECK(first[k].value() == again[k].value());
    CHECK(first[k].value() == spent[k].value());
  }
  CHECK_THROWS_AS(xg::grad(kept, {x}), xg::GraphError);
  // Beside the two factors there are the product, and later one gradient; the other takes a factor's place.
  CHECK(peak_buffers([&] { xg::grad(loss(), {x, c}); }) < 3.5);
}
