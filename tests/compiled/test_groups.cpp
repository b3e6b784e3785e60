// Elementwise operations on values of one shape, which a program performs in groups, piece by piece: values
// and gradients are the function's, bit for bit.
#include <doctest/doctest.h>

#include <cmath>
#include <limits>

#include "groups.hpp"

namespace xg = xgrad;
using namespace xgrad::testing;
using Var = xg::Variable<double>;

TEST_CASE("a group's values and gradients are the function's, on values of any size") {
  for (const std::size_t threads : {1U, 2U}) {
    const Threads used(threads);
    for (const std::size_t size : {2U, 7U, 1000U, 65536U + 3U, 1000000U}) {
      CAPTURE(threads);
      CAPTURE(size);
      CHECK(check_replays<double>(many_steps, {{size}, {size}}, 2) == 1);
      CHECK(check_replays<float>(many_steps, {{size}, {size}}, 2) == 1);
    }
  }
}

TEST_CASE("a sum of all elements of a group's last value has the function's bits") {
  const auto sum = [](const auto& x, const auto& y) { return xg::sum(x * y + xg::tanh(x) * 3.0 - y); };
  const auto mean = [](const auto& x, const auto& y) { return xg::mean(xg::square(x - y)) * 2.0; };
  const auto output = [](const auto& x, const auto& y) { return xg::sum(xg::exp(-xg::square(x - y))); };
  const auto read_twice = [](const auto& x, const auto& y) {
    const auto a = x * y - 0.5 * x;
    return xg::sum(a) + xg::mean(a) * xg::sum(xg::cumsum(a, 0));
  };
  const auto one_axis = [](const auto& x, const auto& y) {
    return xg::sum(xg::sum(x * y - x, 0) * 0.5 - xg::mean(x - y * 2.0, 1, {.keep_dims = true}));
  };
  for (const std::size_t threads : {1U, 2U}) {
    const Threads used(threads);
    const auto check = [](const auto& f, const xg::Shape& shape) {
      check_replays<double>(f, {shape, shape}, 2);
      CHECK(check_replays<float>(f, {shape, shape}, 2) >= 1);
    };
    // Pieces of 65536: whole ones, and one more of few elements.
    for (const xg::Shape& shape : {xg::Shape{262144}, xg::Shape{262145}, xg::Shape{700, 1, 513}}) {
      check(sum, shape);
      check(mean, shape);
      check(output, shape);
      check(read_twice, shape);
    }
    check(one_axis, {600, 601});
  }
  const auto with_result = [](const xg::Variable<float>& x) {
    const auto a = x * 2.0F - 1.0F;
    return std::pair{a, xg::sum(a)};
  };
  auto compiled = xg::compile(with_result);
  for (int call = 0; call < 3; ++call) {
    const auto x = xg::parameter(xg::full<float>({300000}, 0.3F * static_cast<float>(call)));
    const auto [a, total] = compiled(x);
    const auto [b, expected] = with_result(x);
    check_same(a, b);
    check_same(total, expected);
  }
}

TEST_CASE("rows, columns and single elements are repeated, and get the sums of their shares") {
  const auto f = [](const auto& x, const auto& row, const auto& column) {
    const auto a = (x - column) * row, b = xg::exp(-xg::square(a)) * column + row;
    return xg::sum(xg::tanh(b) * x + a);
  };
  const xg::Shape shapes[] = {{3, 5}, {40, 7}, {2, 9000}, {300, 1}};
  for (const xg::Shape& shape : shapes) {
    CAPTURE(shape);
    CHECK(check_replays<double>(f, {shape, {shape[1]}, {shape[0], 1}}) >= 1);
    CHECK(check_replays<float>(f, {shape, {1, shape[1]}, {shape[0], 1}}) >= 1);
    CHECK(check_replays<float>(f, {shape, {}, {1, 1}}) >= 1);
  }
  // Large enough for sums block by block, of rows that fit a block and of longer ones.
  CHECK(check_replays<double>(f, {{500, 700}, {700}, {500, 1}}) >= 1);
  CHECK(check_replays<float>(f, {{5000, 40}, {40}, {5000, 1}}) >= 1);
  CHECK(check_replays<float>(f, {{40, 8192}, {8192}, {40, 1}}) >= 1);
  check_replays<float>(f, {{40, 9000}, {9000}, {40, 1}});
  {
    const Threads two(2);
    CHECK(check_replays<double>(f, {{2000, 301}, {1, 301}, {2000, 1}}) >= 1);
  }
  for (const xg::Shape& shape : {xg::Shape{3, 4, 5}, xg::Shape{2, 1, 6}}) {
    check_replays<double>(f, {shape, {shape[1], shape[2]}, {1, 1, shape[2]}});
    check_replays<double>(f, {shape, {shape[2]}, {shape[0], 1, 1}});
  }
}

TEST_CASE("a shape with an axis more stands for as many elements") {
  const auto f = [](const Var& x, const Var& y) { return xg::sum(xg::tanh(x * y) * y + xg::exp(y - x) * x); };
  CHECK(check_replays<double>(f, {{6}, {1, 6}}) == 1);
  CHECK(check_replays<double>(f, {{1}, {1, 6}}) == 1);
}

TEST_CASE("a value that a group and others read gets its shares in one order") {
  // Numbers of very different size, so that each other order of the sum has other bits.
  const auto f = [](const Var& x, const Var& w) {
    const Var a = x * 1e16, b = x * 3.0, c = xg::sum(xg::matmul(x, w)), d = x * -1e16, e = x * 0.1;
    const Var s = a * 1.0 + b + d + e;
    return xg::sum(s * 0.25 + xg::matmul(x * 7.0, w) - e * d * 1e-16 + s) + c;
  };
  CHECK(check_replays<double>(f, {{6, 6}, {6, 6}}, 4) >= 1);
}

TEST_CASE("values that are read inside and outside of a group") {
  const auto f = [](const Var& x, const Var& w) {
    const Var a = xg::matmul(x, w), b = xg::relu(a * 0.5 + x), c = xg::exp(b - 1.0);
    const Var d = xg::matmul(b, c) + a;
    return xg::sum((xg::tanh(d) * b - c) * 0.5) + xg::mean(xg::cumsum(c, 0));
  };
  CHECK(check_replays<double>(f, {{20, 20}, {20, 20}}) >= 2);
}

TEST_CASE("two operands with one value's elements are not written to while they are read") {
  const auto f = [](const Var& x, const Var& w) {
    const Var a = xg::matmul(x, w), b = xg::reshape(xg::reshape(a, {-1}), {8, 8});
    return xg::sum((a + 1.0) * 0.5 - (b + 2.0) + b);
  };
  check_replays<double>(f, {{8, 8}, {8, 8}});
  // Of the first the elements could be taken over, if the second were not read after it.
  const auto once = [](const Var& x, const Var& w) {
    const xg::NoGrad off;
    const Var a = xg::matmul(x, w), b = xg::reshape(xg::reshape(a, {-1}), {8, 8});
    const Var early = (b + 2.0) * 0.5, late = (a - 1.0) * early;
    return std::pair{early, xg::sum(late)};
  };
  auto compiled = xg::compile(once);
  xg::Generator from(3);
  const auto w = xg::constant(drawn<double>({8, 8}, from));
  for (int call = 0; call < 4; ++call) {
    const auto x = xg::constant(drawn<double>({8, 8}, from));
    const auto [early, total] = compiled(x, w);
    const auto [expected, sum] = once(x, w);
    check_same(early, expected);
    check_same(total, sum);
  }
  CHECK(groups_in(compiled) == 1);
}

TEST_CASE("a long run is more than one group") {
  const auto f = [](const Var& x) {
    Var y = x;
    for (int i = 0; i < 60; ++i) y = xg::sin(y * x + 0.1) * y - 0.25;
    return xg::sum(y);
  };
  CHECK(check_replays<double>(f, {{500}}) > 5);
}

TEST_CASE("zeros keep their sign in a group, and what is not finite goes where it goes") {
  const auto f = [](const Var& x, const Var& y) {
    const Var z = x * y, w = xg::where(x > 0.0, x, y);
    return xg::relu(z) + xg::maximum(x, y) * w + (x - y) / y;
  };
  const double infinity = std::numeric_limits<double>::infinity();
  const double edges[] = {0.0, -0.0, 1.0, -2.5, infinity, -infinity, std::nan(""), 5e-324, 1e308};
  xg::Array<double> a({81}), b({81});
  for (std::size_t i = 0; i < 81; ++i) {
    a(i) = edges[i / 9];
    b(i) = edges[i % 9];
  }
  const auto same = [](const xg::Array<double>& got, const xg::Array<double>& expected) {
    for (std::size_t i = 0; i < 81; ++i) {
      const double p = got(i), q = expected(i);
      if (!((std::isnan(p) && std::isnan(q)) || (p == q && std::signbit(p) == std::signbit(q)))) return false;
    }
    return true;
  };
  auto compiled = xg::compile(f);
  auto x = xg::parameter(a), y = xg::parameter(b);
  for (int call = 0; call < 3; ++call) {
    const Var replayed = compiled(x, y), called = f(x, y);
    CHECK(same(replayed.value(), called.value()));
    const auto got = gradients_after<double>(xg::sum(replayed), {x, y});
    const auto expected = gradients_after<double>(xg::sum(called), {x, y});
    for (std::size_t i = 0; i < 2; ++i) CHECK(same(got[i], expected[i]));
  }
}
