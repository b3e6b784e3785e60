// Sums, means and extremes of rows inside of groups: values and gradients are the function's, bit for bit.
#include <doctest/doctest.h>

#include <cmath>
#include <functional>
#include <limits>

#include "../message_of.hpp"
#include "groups.hpp"

namespace xg = xgrad;
using namespace xgrad::testing;
using Var = xg::Variable<double>;

namespace {

constexpr xg::AfterAxes kept{.keep_dims = true};

// Of x and y of one shape.
constexpr auto layer_norm = [](const auto& x, const auto& y) {
  const auto centred = x - xg::mean(x, -1, kept);
  const auto variance = xg::mean(xg::square(centred), -1, kept);
  return xg::sum(centred / xg::sqrt(variance + 1e-5) * y);
};
constexpr auto softmax = [](const auto& x, const auto& y) {
  const auto powers = xg::exp(x - xg::max(x, -1, kept).detach());
  return xg::sum(powers / xg::sum(powers, -1, kept) * y);
};
constexpr auto extremes = [](const auto& x, const auto& y) {
  const auto a = x * y, low = xg::min(a, -1, kept), high = xg::max(a + x, -1, kept);
  return xg::sum((a - low) / (high - low + 1.0) * high + x * low);
};
/// Columns that many read, one that is read outside as well, and one without its axis.
constexpr auto readers = [](const auto& x, const auto& y) {
  const auto a = xg::tanh(x) * y, column = xg::sum(a, -1, kept), other = xg::exp(-xg::square(column));
  const auto b = a * column + x * other, flat = xg::mean(b - column, -1);
  return xg::sum((b + column) * (y - other)) + xg::sum(xg::cumsum(column, 0)) + xg::mean(flat * flat);
};
/// Gradients that stand for all of a row go to what is repeated, and to leaves.
constexpr auto passed_on = [](const auto& x, const auto& y) {
  const auto row = xg::sum(y, 0), column = xg::mean(y, -1, kept);
  const auto a = xg::sum(x + row, -1, kept), b = xg::mean(x + column, -1, kept);
  return xg::sum(a * b) + xg::sum(xg::sum(x, -1)) * 0.5 + xg::sum(xg::max(x + xg::mean(x), -1, kept) * a);
};

template <class F>
void check_all(const F& f, const xg::Shape& shape) {
  CAPTURE(shape);
  check_replays<double>(f, {shape, shape}, 2);
  check_replays<float>(f, {shape, shape}, 2);
}

/// Each row several times over, so that a group takes its reductions.
xg::Array<double> wide(const xg::Array<double>& rows) {
  const std::size_t count = rows.shape()[1];
  xg::Array<double> all = xg::zeros<double>({rows.shape()[0], 8 * count});
  for (std::size_t r = 0; r < rows.shape()[0]; ++r)
    for (std::size_t c = 0; c < 8 * count; ++c) all(r, c) = rows(r, c % count);
  return all;
}

template <class Compiled>
std::size_t outside_of_groups(const Compiled& compiled) {
  std::size_t count = 0;
  for (const auto& instruction : compiled.program()) count += !instruction.group;
  return count;
}

/// How many instructions of `f`, of two parameters, are in no group.
template <class F>
std::size_t left_out(const F& f, const xg::Shape& shape) {
  const auto compiled = xg::compile(f);
  xg::Generator from(3);
  compiled(xg::parameter(drawn<double>(shape, from)), xg::parameter(drawn<double>(shape, from)));
  return outside_of_groups(compiled);
}

}  // namespace

TEST_CASE("reductions of rows are steps of a group, and the columns that are made of them") {
  // The sum of all elements alone is a step of its own.
  CHECK(left_out(layer_norm, {20, 40}) == 1);
  CHECK(left_out(softmax, {20, 40}) == 1);
  CHECK(left_out(extremes, {20, 40}) == 1);
  CHECK(left_out(softmax, {3, 4, 17}) == 1);
}

TEST_CASE("a group with reductions of rows has the function's values and gradients") {
  for (const std::size_t threads : {1U, 2U}) {
    const Threads used(threads);
    CAPTURE(threads);
    // Rows of several packs, of the shortest and the longest that a group takes, and of others.
    const xg::Shape shapes[] = {{2, 16}, {3, 15}, {3, 1},        {1, 20},    {1, 1},    {7, 33},   {4, 3, 18},
                                {9, 2},  {2, 2},  {5, 1, 17, 1}, {400, 301}, {9, 8192}, {9, 8193}, {16, 16}};
    for (const xg::Shape& shape : shapes) {
      check_all(layer_norm, shape);
      check_all(softmax, shape);
      check_all(extremes, shape);
      check_all(readers, shape);
      check_all(passed_on, shape);
    }
  }
}

TEST_CASE("large values whose rows are reduced, made again in the way back") {
  for (const std::size_t threads : {1U, 2U}) {
    const Threads used(threads);
    CAPTURE(threads);
    for (const xg::Shape& shape : {xg::Shape{1024, 1024}, {700, 1000}, {70, 8192}, {3, 500, 513}}) {
      check_all(layer_norm, shape);
      check_all(softmax, shape);
      check_all(extremes, shape);
      check_all(readers, shape);
      check_all(passed_on, shape);
    }
  }
}

TEST_CASE("values without elements are reduced as the function does it") {
  for (const xg::Shape& shape : {xg::Shape{0, 5}, xg::Shape{0, 1}}) {
    check_all(layer_norm, shape);
    check_all(softmax, shape);
  }
  // No mean of no elements: NaN, and no gradient.
  auto compiled = xg::compile([](const Var& x) { return xg::mean(x * 2.0 + 1.0, -1); });
  for (int call = 0; call < 3; ++call) {
    const auto x = xg::parameter(xg::zeros<double>({3, 0}));
    const Var y = compiled(x);
    CHECK(y.shape() == xg::Shape{3});
    CHECK(std::isnan(y.value()(1)));
  }
}

TEST_CASE("what other axes are reduced stands outside of a group") {
  const auto first = [](const Var& x, const Var& y) { return xg::sum(x * y - xg::mean(x, 0) * 2.0); };
  const auto middle = [](const Var& x, const Var& y) {
    return xg::sum(xg::exp(x - xg::max(x * 0.5, 1, kept)) * y);
  };
  const auto two = [](const Var& x, const Var& y) {
    return xg::sum((x * y - 1.0) * xg::mean(x * x, {0, 2}, kept));
  };
  check_replays<double>(first, {{6, 5}, {6, 5}});
  for (const xg::Shape& shape : {xg::Shape{4, 3, 5}, xg::Shape{3, 3, 3}}) {
    check_replays<double>(middle, {shape, shape});
    check_replays<double>(two, {shape, shape});
  }
  CHECK(left_out(middle, {4, 3, 5}) > 1);
}

TEST_CASE("the last axes together are reduced as one") {
  const auto f = [](const auto& x, const auto& y) {
    const auto a = x - xg::mean(x, {1, 2}, kept);
    return xg::sum(a / xg::sqrt(xg::mean(a * a, {-1, -2}, kept) + 0.1) * y);
  };
  check_all(f, {6, 4, 5});
  check_all(f, {40, 30, 35});
  // Gradients of columns are summed over two runs of axes here, one after the other.
  const auto three = [](const auto& x, const auto& y) {
    const auto a = xg::tanh(x * y) - xg::mean(x, {1, 2, 3}, kept);
    return xg::sum(a * xg::max(a, {1, 2, 3}, kept) * y);
  };
  check_all(three, {6, 16, 1, 5});
  check_all(three, {30, 40, 1, 200});
  CHECK(left_out(f, {6, 4, 5}) == 1);
}

TEST_CASE("a column from outside whose axes are no one run is summed in two, as without a program") {
  const auto f = [](const auto& x, const auto& c, const auto& d) {
    const auto y = x * c, e = xg::square(d), z = y * e * x, t = xg::tanh(d * 2.0 + 1.0);
    return xg::sum(z + t);
  };
  for (const xg::Shape& shape : {xg::Shape{4, 3, 1, 8}, xg::Shape{2, 16, 1, 3}, xg::Shape{40, 30, 1, 80}}) {
    const xg::Shape column{shape[0], 1, 1, 1};
    check_replays<double>(f, {shape, column, column});
    check_replays<float>(f, {shape, column, column});
  }
}

TEST_CASE("elements that tie share an extreme's gradient, and lines with NaN have none") {
  const auto f = [](const Var& x) {
    return xg::sum(xg::max(x * 1.0 + 0.0, -1, kept) * xg::constant({{16.0}, {24.0}, {5.0}}));
  };
  auto compiled = xg::compile(f);
  auto x = xg::parameter(wide({{1, 4, 4}, {7, 7, 7}, {1, std::nan(""), 2}}));
  for (int call = 0; call < 3; ++call) {
    x.zero_grad();
    compiled(x).backward();
    CHECK(x.grad() == wide({{0, 1, 1}, {1, 1, 1}, {0, 0, 0}}));
  }
  CHECK(groups_in(compiled) == 1);
}

TEST_CASE("zeros keep their sign in rows, and what is not finite goes where it goes") {
  const double infinity = std::numeric_limits<double>::infinity();
  const auto at = wide({{-0.0, -0.0, -0.0},
                        {0.0, -0.0, 0.0},
                        {infinity, 1, 2},
                        {infinity, -infinity, 0},
                        {5e-324, -5e-324, 1e-310},
                        {1e308, 1e308, 1}});
  const auto f = [](const Var& x) {
    const Var a = x * 1.0, sum = xg::sum(a, -1, kept), mean = xg::mean(a, -1, kept),
              least = xg::min(a, -1, kept);
    return (a + sum * mean) * least + xg::max(a, -1, kept);
  };
  const auto same = [](const xg::Array<double>& got, const xg::Array<double>& expected) {
    for (std::size_t i = 0; i < got.size(); ++i) {
      const double p = got.data()[i], q = expected.data()[i];
      if (!((std::isnan(p) && std::isnan(q)) || (p == q && std::signbit(p) == std::signbit(q)))) return false;
    }
    return true;
  };
  auto compiled = xg::compile(f);
  for (int call = 0; call < 3; ++call) {
    const auto x = xg::parameter(at);
    const Var replayed = compiled(x), called = f(x);
    CHECK(same(replayed.value(), called.value()));
    const auto got = gradients_after<double>(xg::sum(replayed), {x});
    CHECK(same(got[0], gradients_after<double>(xg::sum(called), {x})[0]));
  }
  CHECK(outside_of_groups(compiled) == 0);
}

TEST_CASE("columns and rows from outside beside columns that a group makes") {
  const auto f = [](const auto& x, const auto& row, const auto& column) {
    const auto mean = xg::mean(x * row, -1, kept), a = (x - mean) * row + column;
    const auto scale = xg::exp(xg::sum(a, -1, kept) * 1e-3) * column + mean;
    return xg::sum(xg::tanh(a / (scale * scale + 1.0)) * row + column * mean);
  };
  for (const xg::Shape& shape : {xg::Shape{3, 17}, {16, 16}, {700, 513}, {2000, 17}, {50, 3}}) {
    CAPTURE(shape);
    CHECK(check_replays<double>(f, {shape, {shape[1]}, {shape[0], 1}}) >= 1);
    CHECK(check_replays<float>(f, {shape, {1, shape[1]}, {shape[0], 1}}) >= 1);
    CHECK(check_replays<float>(f, {shape, {}, {1, 1}}) >= 1);
  }
}

TEST_CASE("shares that are passed on to rows are summed as they come") {
  const auto f = [](const auto& x, const auto& row, const auto& other) {
    const auto a = xg::tanh(x) * row + other, b = (a + row) * (x - other);
    return xg::sum((b + other) * a) + xg::sum(xg::mean(b + row, -1));
  };
  // Pieces of 64 rows and more, of which some end where blocks do.
  for (const xg::Shape& shape : {xg::Shape{1000, 1024}, {1000, 768}, {1000, 300}, {30000, 17}, {40, 8192}}) {
    for (const std::size_t threads : {1U, 2U}) {
      const Threads used(threads);
      CAPTURE(shape);
      CAPTURE(threads);
      CHECK(check_replays<float>(f, {shape, {shape[1]}, {1, shape[1]}}, 2) >= 1);
      CHECK(check_replays<double>(f, {shape, {shape[1]}, {1, shape[1]}}, 2) >= 1);
    }
  }
  check_replays<float>(f, {{300, 1, 40, 30}, {1, 1, 30}, {30}});
  // The same share for a row and a number, for two rows, and for one and a leaf.
  const auto same = [](const auto& x, const auto& row, const auto& other) {
    return xg::sum(xg::tanh(xg::tanh(x) + row + other) * x + (x + row));
  };
  for (const xg::Shape& other : {xg::Shape{}, {1024}, {1, 1024}, {1000, 1}})
    CHECK(check_replays<float>(same, {{1000, 1024}, {1024}, other}) >= 1);
  check_replays<float>(same, {{300, 1, 40, 30}, {30}, {1, 1, 1, 30}});
}

TEST_CASE("columns as results, with their axis and without, each differentiated by itself") {
  const auto f = [](const Var& x, const Var& y) {
    const Var a = x * y, total = xg::sum(a, -1), mean = xg::mean(a * a, -1, kept);
    return std::tuple{total, mean, a - mean, xg::max(a, -1).detach()};
  };
  auto compiled = xg::compile(f);
  xg::Generator from(1);
  for (int call = 0; call < 4; ++call) {
    const auto x = xg::parameter(drawn<double>({16, 16}, from)),
               y = xg::parameter(drawn<double>({16, 16}, from));
    const auto [total, mean, rest, most] = compiled(x, y);
    const auto [expected_total, expected_mean, expected_rest, expected_most] = f(x, y);
    const auto check = [&](const Var& got, const Var& expected) {
      check_same(got, expected);
      const auto weight = drawn<double>(got.shape(), from);
      const auto mine = xg::grad(got, {x, y}, {.retain_graph = true, .grad_output = weight});
      const auto theirs = xg::grad(expected, {x, y}, {.retain_graph = true, .grad_output = weight});
      for (std::size_t i = 0; i < 2; ++i) CHECK(same_bits<double>(mine[i].value(), theirs[i].value()));
    };
    check(total, expected_total);
    check(mean, expected_mean);
    check(rest, expected_rest);
    check(total, expected_total);
    check_same(most, expected_most);
    const auto all = [&](const Var& a, const Var& b, const Var& c) {
      return xg::grad(xg::sum(a) + xg::mean(b) * xg::sum(c), {x})[0].value();
    };
    CHECK(same_bits<double>(all(total, mean, rest), all(expected_total, expected_mean, expected_rest)));
  }
  CHECK(groups_in(compiled) == 1);
  CHECK(outside_of_groups(compiled) == 0);
}

TEST_CASE("a column is not taken for a row of as many elements, or for one of a further axis") {
  const auto f = [](const Var& x) {
    const Var a = xg::tanh(x * 2.0) - x, total = xg::sum(a, -1);
    const Var further = xg::sum(a, -1, kept) * xg::constant(xg::full<double>({1, 1, 1}, 0.5));
    return xg::sum(a * total - xg::max(a, -1) * x) + xg::sum(further * a);
  };
  CHECK(check_replays<double>(f, {{16, 16}}) >= 1);
  const auto cube = [](const Var& x) {
    const Var a = xg::tanh(xg::tanh(x * 2.0) - x) * x - xg::exp(x);
    return xg::sum(a * xg::mean(a, -1));
  };
  CHECK(check_replays<double>(cube, {{16, 16, 16}}) >= 1);
}

TEST_CASE("a retained graph with rows is differentiated again, and a second time over") {
  const auto f = [](const Var& x) {
    const Var total = xg::sum(x * x, -1, kept);
    return xg::sum(x * total * 1.0);
  };
  auto compiled = xg::compile(f);
  for (int call = 0; call < 3; ++call) {
    const auto x = xg::parameter(wide({{1, 2}, {3, -1}}));
    const Var y = compiled(x);
    // d/dx_i of sum(x) * sum(x^2) in a row: sum(x^2) + 2 x_i sum(x).
    const auto expected = wide({{40 + 2 * 24, 40 + 4 * 24}, {80 + 6 * 16, 80 - 2 * 16}});
    CHECK(xg::grad(y, {x}, {.retain_graph = true})[0].value() == expected);
    CHECK(xg::grad(y, {x}, {.retain_graph = true})[0].value() == expected);
    const Var dx = xg::grad(y, {x}, {.create_graph = true})[0];
    CHECK(dx.value() == expected);
    // The sum of that over a row of 16: 16 sum(x^2) + 2 sum(x)^2, and so 32 x_i + 4 sum(x).
    CHECK(xg::grad(xg::sum(dx), {x})[0].value() == wide({{32 + 96, 64 + 96}, {96 + 64, -32 + 64}}));
  }
  CHECK(groups_in(compiled) == 1);
}

TEST_CASE("an anomaly behind a reduction of rows names the operation that gave it") {
  auto compiled = xg::compile([](const Var& x) { return xg::sum(xg::sqrt(xg::sum(x * 2.0, -1, kept)) * x); },
                              {.verify = false});
  const auto x = xg::parameter(wide({{4, 4}, {0, 0}}));
  compiled(x);
  for (int call = 0; call < 2; ++call) {
    const Var y = compiled(x);
    const xg::DetectAnomaly on;
    // 0 / 0, of a share of 0 and a root of 0.
    CHECK(message_of<xg::AnomalyError>([&] { y.backward(); })
              .starts_with("sqrt: the gradient of input 0 in backward is nan at [1, 0] (1 of 2 elements of "
                           "shape [2, 1]"));
  }
  const auto other = xg::parameter(wide({{0.25, 0.75}, {0.125, 0.125}}));
  {
    const Var y = compiled(other);
    const xg::DetectAnomaly on;
    y.backward();
  }
  // sqrt(2 s) + s / sqrt(2 s) for a row's sum s.
  CHECK(other.grad() == wide({{6, 6}, {3, 3}}));
  CHECK(groups_in(compiled) == 1);
}

TEST_CASE("gradients that others have given to an operand wait for those of rows") {
  // Numbers of very different size, so that each other order of the sum has other bits.
  const auto f = [](const Var& x, const Var& w) {
    const Var a = x * 1e16, mean = xg::mean(x * 3.0 + x, -1, kept), b = xg::sum(xg::matmul(x, w));
    const Var c = xg::sum(x * 0.1, -1, kept) - mean, d = x * -1e16 + c;
    return xg::sum((a * 1.0 + d) * c + xg::max(x, -1, kept) * mean) + b + xg::sum(xg::matmul(x * 7.0, w));
  };
  CHECK(check_replays<double>(f, {{16, 16}, {16, 16}}, 4) >= 1);
}

TEST_CASE("a replay with rows takes no more memory than the function") {
  const Threads one(1);
  xg::Generator from(5);
  for (const std::size_t rows : {30U, 3000U}) {
    CAPTURE(rows);
    const xg::Shape shape{rows, 256};
    using Float = xg::Variable<float>;
    auto x = xg::parameter(drawn<float>(shape, from)), y = xg::parameter(drawn<float>(shape, from));
    auto row = xg::parameter(drawn<float>({256}, from)), offset = xg::parameter(drawn<float>({256}, from));
    const std::vector<std::function<Float()>> functions{
        [&] { return layer_norm(x, y); }, [&] { return softmax(x, y); }, [&] { return extremes(x, y); },
        [&] { return readers(x, y); }, [&] { return passed_on(x, y); },
        [&] {
          const Float c = x - xg::mean(x, -1, kept);
          return xg::sum((c / xg::sqrt(xg::mean(xg::square(c), -1, kept) + 1e-5) * row + offset) * y);
        },
        // What is only detached keeps nothing for a way back.
        [&] {
          Float t = y;
          for (int k = 0; k < 4; ++k)
            t = t * xg::max(xg::exp(xg::cumsum(x, 0) * (1e-3 * k)), -1, kept).detach();
          return xg::sum(t);
        }};
    for (std::size_t i = 0; i < functions.size(); ++i) {
      CAPTURE(i);
      const auto compiled = xg::compile(functions[i], {.verify = false});
      for (int call = 0; call < 3; ++call) compiled().backward();
      const std::size_t called = peak_of(functions[i]), replayed = peak_of(compiled);
      // A piece's scratch, and what is a node or a list.
      CHECK(replayed <= called + (std::size_t{1} << 19));
    }
  }
}
