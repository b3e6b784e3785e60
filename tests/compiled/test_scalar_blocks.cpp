// Operations on one element each, which a program performs in blocks: values and gradients are the
// function's, bit for bit, and what meets a block from outside meets what the operations themselves would be.
#include <doctest/doctest.h>

#include <cmath>
#include <limits>
#include <sstream>

#include "../message_of.hpp"
#include "beside_eager.hpp"

namespace xg = xgrad;
using namespace xgrad::testing;
using Var = xg::Variable<double>;
using Float = xg::Variable<float>;

namespace {

constexpr double infinity = std::numeric_limits<double>::infinity();
constexpr double not_a_number = std::numeric_limits<double>::quiet_NaN();

std::size_t blocks_in(const xg::ProgramListing& program) {
  std::size_t count = 0;
  for (const auto& instruction : program)
    if (instruction.block) count = std::max(count, *instruction.block + 1);
  return count;
}

/// By minors of the first row.
Var determinant(const std::vector<std::vector<Var>>& rows, std::size_t row,
                std::vector<std::size_t> columns) {
  if (columns.size() == 1) return rows[row][columns[0]];
  Var sum;
  for (std::size_t j = 0; j < columns.size(); ++j) {
    std::vector<std::size_t> others = columns;
    others.erase(others.begin() + static_cast<std::ptrdiff_t>(j));
    const Var term = rows[row][columns[j]] * determinant(rows, row + 1, others);
    sum = !sum.defined() ? term : j % 2 == 1 ? sum - term : sum + term;
  }
  return sum;
}

}  // namespace

TEST_CASE("a Vandermonde determinant by minors, and its gradient") {
  const std::vector<double> points{1, 2, 4, -1, 3};
  std::vector<std::vector<Var>> rows(5);
  for (std::size_t i = 0; i < 5; ++i)
    for (std::size_t j = 0; j < 5; ++j)
      rows[i].push_back(xg::parameter(std::pow(points[j], static_cast<double>(i))));
  auto f = xg::compile([&] { return determinant(rows, 0, {0, 1, 2, 3, 4}); });
  double product = 1;
  for (std::size_t i = 0; i < 5; ++i)
    for (std::size_t j = 0; j < i; ++j) product *= points[i] - points[j];
  for (int call = 0; call < 3; ++call) {
    for (auto& row : rows)
      for (Var& each : row) each.zero_grad();
    const Var y = f();
    CHECK(y.item() == product);
    y.backward();
    // d det / dA = det A^-T, of which the first row times A's is det.
    for (std::size_t i = 0; i < 5; ++i) {
      double along = 0;
      for (std::size_t j = 0; j < 5; ++j) along += rows[i][j].grad()() * rows[i][j].item();
      CHECK(along == product);
    }
  }
  CHECK(blocks_in(f.program()) == 1);
}

TEST_CASE("a value that blocks and others read gets its shares in one order") {
  // Numbers of very different size, so that each other order of the sum has other bits.
  const auto f = [](const Var& x, const Var& v) {
    const Var a = x * 1e16, b = x * 3.0, c = xg::sum(v * x), d = x * -1e16, e = x * 0.1;
    return a * 1.0 + b + c + d + e + xg::sum(v * x * 7.0);
  };
  auto compiled = xg::compile(f);
  for (int k = 1; k < 4; ++k) {
    auto x = xg::parameter(0.1 * k), v = xg::parameter({0.3, 1e15 * k, -1.7});
    check_beside<double>(
        {x, v}, [&] { return compiled(x, v); }, [&] { return f(x, v); });
  }
}

TEST_CASE("equal operations are one value, and each has its own share") {
  const auto f = [](const Var& x, const Var& y) {
    const Var a = x * y, b = x * y, c = xg::tanh(a), d = xg::tanh(b);
    return a * c + b * d + xg::exp(a) - xg::exp(b) * 0.3;
  };
  auto compiled = xg::compile(f);
  for (int k = 1; k < 4; ++k) {
    auto x = xg::parameter(0.3 * k), y = xg::parameter(-0.7 * k);
    check_beside<double>(
        {x, y}, [&] { return compiled(x, y); }, [&] { return f(x, y); });
  }
}

TEST_CASE("zeros keep their sign, and what is not finite goes where it goes") {
  const auto f = [](const Var& x, const Var& y) {
    const Var z = x * y, w = xg::where(x > 0.0, x, y);
    return xg::relu(z) + xg::maximum(x, y) * w + (x - y) / y;
  };
  auto compiled = xg::compile(f);
  const double edges[] = {0.0, -0.0, 1.0, -2.5, infinity, -infinity, not_a_number, 5e-324, 1e308};
  const auto same = [](double a, double b) {
    return (std::isnan(a) && std::isnan(b)) || (a == b && std::signbit(a) == std::signbit(b));
  };
  for (const double a : edges)
    for (const double b : edges) {
      CAPTURE(a);
      CAPTURE(b);
      auto x = xg::parameter(a), y = xg::parameter(b);
      const Var replayed = compiled(x, y), called = f(x, y);
      CHECK(same(replayed.item(), called.item()));
      const auto got = gradients_after<double>(replayed, {x, y});
      const auto expected = gradients_after<double>(called, {x, y});
      for (std::size_t i = 0; i < 2; ++i) CHECK(same(got[i](), expected[i]()));
    }
}

TEST_CASE("a gradient of -0 stays one") {
  auto f = xg::compile([](const Var& x, const Var& y) { return x * y * 1.0; });
  for (int call = 0; call < 3; ++call) {
    auto x = xg::parameter(2.0), y = xg::parameter(-0.0);
    f(x, y).backward();
    CHECK(std::signbit(x.grad()()));
    CHECK(x.grad()() == 0);
  }
}

TEST_CASE("several results of one block, each differentiated by itself and together") {
  const auto f = [](const Var& x, const Var& y) {
    const Var a = x * y, b = a + x, c = xg::exp(b) * y;
    return std::tuple{a, c, b * 2.0};
  };
  auto compiled = xg::compile(f);
  for (int call = 0; call < 4; ++call) {
    const auto x = xg::parameter(0.5 + call), y = xg::parameter(0.25);
    const auto [a, c, b] = compiled(x, y);
    const auto [ea, ec, eb] = f(x, y);
    const auto check = [&](const Var& got, const Var& expected) {
      const auto mine = xg::grad(got, {x, y}, {.retain_graph = true});
      const auto theirs = xg::grad(expected, {x, y}, {.retain_graph = true});
      check_same(got, expected);
      for (std::size_t i = 0; i < 2; ++i) CHECK(same_bits<double>(mine[i].value(), theirs[i].value()));
    };
    check(a, ea);
    check(c, ec);
    check(b, eb);
    check(c, ec);
    const auto dx = xg::grad(a + b, {x})[0];
    CHECK(dx.item() == 0.25 + 2 * (0.25 + 1));
  }
}

TEST_CASE("two calls before either is differentiated, in both orders") {
  auto w = xg::parameter(2.0);
  auto f = xg::compile([&](const Var& x) { return xg::tanh(w * x) * w + x; });
  const auto slope = [](double x, double v) {
    const double y = std::tanh(v * x);
    return y + v * x * (1 - y * y);
  };
  f(xg::constant(1.0));
  for (const bool first_before : {true, false}) {
    const Var a = f(xg::constant(0.5)), b = f(xg::constant(-0.25));
    w.zero_grad();
    (first_before ? a : b).backward();
    CHECK(w.grad()() == doctest::Approx(slope(first_before ? 0.5 : -0.25, 2)));
    w.zero_grad();
    (first_before ? b : a).backward();
    CHECK(w.grad()() == doctest::Approx(slope(first_before ? -0.25 : 0.5, 2)));
  }
}

TEST_CASE("the gradient in one of the inputs, and the second one") {
  auto f = xg::compile([](const Var& x, const Var& y) { return x * x * x * y + y; });
  for (int call = 0; call < 3; ++call) {
    const auto x = xg::parameter(2.0), y = xg::parameter(5.0);
    CHECK(xg::grad(f(x, y), {y})[0].item() == 9);
    const auto dx = xg::grad(f(x, y), {x}, {.create_graph = true})[0];
    CHECK(dx.item() == 60);
    CHECK(xg::grad(dx, {x})[0].item() == 60);
    CHECK(!x.has_grad());
  }
}

TEST_CASE("hooks on leaves and results see complete gradients") {
  auto f = xg::compile([](const Var& x) { return x * x + x * 3.0; });
  auto x = xg::parameter(2.0);
  std::vector<double> seen;
  x.register_hook([&](const Var& dx) { seen.push_back(dx.item()); });
  for (int call = 0; call < 3; ++call) f(x).backward();
  CHECK(seen == std::vector<double>{7, 7, 7});
  CHECK(x.grad()() == 21);
}

TEST_CASE("float and double, with a draw between") {
  const auto f = [](const Float& x, const Var& y) {
    const Float a = x * x + 1.0F, b = xg::dropout(a * 2.0F, 0.5);
    const Var c = y * y - 1.0, d = xg::cast<double>(b * a) * c;
    return d + c * y;
  };
  auto compiled = xg::compile(f);
  xg::manual_seed(5);
  for (int call = 0; call < 5; ++call) {
    auto x = xg::parameter(0.5F + static_cast<float>(call));
    auto y = xg::parameter(1.25);
    const auto random = xg::generator().state();
    const Var replayed = compiled(x, y);
    xg::generator().set_state(random);
    const Var called = f(x, y);
    check_same(replayed, called);
    replayed.backward();
    const float dx = x.grad()();
    const double dy = y.grad()();
    x.zero_grad();
    y.zero_grad();
    called.backward();
    CHECK(dx == x.grad()());
    CHECK(dy == y.grad()());
  }
  CHECK(blocks_in(compiled.program()) >= 3);
}

TEST_CASE("an anomaly in a block names the operation that gave it") {
  const auto f = [](const Var& x) { return xg::sqrt(x * 2.0) * 3.0 + 1.0; };
  auto compiled = xg::compile(f, {.verify = false});
  const auto x = xg::parameter(0.0);
  compiled(x);
  for (int call = 0; call < 2; ++call) {
    const Var y = compiled(x);
    const xg::DetectAnomaly on;
    CHECK(message_of<xg::AnomalyError>([&] {
            y.backward();
          }).starts_with("sqrt: the gradient of input 0 in backward is inf"));
  }
  const auto one = xg::parameter(2.0);
  compiled(one).backward();
  CHECK(one.grad()() == 1.5);
}

TEST_CASE("a backward that fails half way leaves the next one right") {
  bool fails = false;
  const auto checked = unless(fails);
  // The block's second output has its gradient when the operation's backward throws.
  auto f = xg::compile([&](const Var& x) {
    const Var a = x * x, b = a * x;
    const Var c = checked({a * 1.0});
    return c * 2.0 + b;
  });
  auto x = xg::parameter(3.0);
  for (int call = 0; call < 3; ++call) {
    fails = true;
    CHECK_THROWS_AS(f(x).backward(), std::runtime_error);
    fails = false;
    x.zero_grad();
    f(x).backward();
    CHECK(x.grad()() == 4 * 3 + 3 * 9);
  }
}

TEST_CASE("an assignment between two blocks is seen by the second alone") {
  auto mean = xg::detail::buffer_from(xg::Dense<double>::scalar(1));
  auto f = xg::compile([&](const Var& x) {
    const Var before = mean * x + x * 2.0;
    {
      const xg::NoGrad off;
      mean *= 0.5;
      mean += x * 0.5;
    }
    return before * 10.0 + mean * x;
  });
  double expected = 1;
  for (int call = 0; call < 4; ++call) {
    const double then = expected;
    expected = expected * 0.5 + 0.5 * 3;
    CHECK(f(xg::parameter(3.0)).item() == (then * 3 + 6) * 10 + expected * 3);
    CHECK(mean.item() == expected);
  }
}

TEST_CASE("replays of a block hold no more from one to the next") {
  auto x = xg::parameter(0.5);
  auto f = xg::compile([&] {
    Var y = x;
    for (int i = 0; i < 50; ++i) y = xg::tanh(y * x + 0.1) * y;
    return y;
  });
  for (int call = 0; call < 3; ++call) f().backward();
  const auto before = xg::memory_stats();
  for (int call = 0; call < 100; ++call) f().backward();
  const auto after = xg::memory_stats();
  CHECK(after.live_buffers == before.live_buffers);
  CHECK(after.live_nodes == before.live_nodes);
  CHECK(after.live_bytes == before.live_bytes);
}

TEST_CASE("a call that throws half way keeps none of a block's values") {
  const Var a = xg::parameter(2.0);
  Var matrix = xg::parameter({{1.0, 2.0}, {3.0, 5.0}});
  auto f = xg::compile(
      [&] {
        const Var b = a * 3.0, c = b * a, d = c + b;
        const Var inverse = xg::sum(xg::inverse(matrix));  // the values wait for it
        return xg::sum(xg::stack({b, c, d})) * inverse;
      },
      {.verify = false});
  for (int call = 0; call < 3; ++call) f();
  const auto before = xg::memory_stats();
  matrix.set_value(xg::zeros<double>({2, 2}));
  CHECK_THROWS_AS(f(), xg::Error);
  const auto after = xg::memory_stats();
  CHECK(after.live_buffers <= before.live_buffers);
  CHECK(after.live_bytes <= before.live_bytes);
  matrix.set_value(xg::Array<double>{{1, 2}, {3, 5}});
  CHECK(f().item() == doctest::Approx((6 + 12 + 18) * -1.0));
}

TEST_CASE("a listing says which block an instruction is in") {
  auto f = xg::compile([](const Var& x, const Var& v) {
    const Var a = x * x, b = a + 1.0, c = xg::sum(v * b);
    return c * 2.0 - a;
  });
  f(xg::parameter(2.0), xg::parameter({1.0, 2.0}));
  std::ostringstream first, second;
  first << f.program();
  CHECK(first.str() ==
        "    operation       inputs                  gives       bytes  FLOPs  block  scope\n"
        "%0  multiply        argument 0, argument 0  double []       8      1  0\n"
        "%1  add             %0, constant            double []       8      1  0\n"
        "%2  multiply        argument 1, %1          double [2]     16      2\n"
        "%3  sum             %2                      double []       8      2\n"
        "%4  multiply        %3, constant            double []       8      1  1\n"
        "%5  subtract        %4, %0                  double []       8      1  1\n"
        "    6 instructions                                         56      8\n");
  f(xg::parameter(2.0), xg::parameter({1.0, 2.0}));
  second << f.program();
  CHECK(second.str() == first.str());
}
