// Elementwise operations on values of one shape, which a program performs in groups, piece by piece: values
// and gradients are the function's, bit for bit, and what meets a group from outside meets what the
// operations themselves would be.
#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <functional>
#include <limits>
#include <sstream>

#include "../message_of.hpp"
#include "beside_eager.hpp"

namespace xg = xgrad;
using namespace xgrad::testing;
using Var = xg::Variable<double>;

namespace {

template <class Compiled>
std::size_t groups_in(const Compiled& compiled) {
  std::size_t count = 0;
  for (const auto& instruction : compiled.program())
    if (instruction.group) count = std::max(count, *instruction.group + 1);
  return count;
}

template <class T>
xg::Array<T> drawn(const xg::Shape& shape, xg::Generator& from) {
  return xg::random_normal<T>(shape, 0, 1, from);
}

/// `f` of parameters of these shapes, replayed on changed ones; how many groups it has.
template <class T, class F>
std::size_t check_replays(const F& f, const std::vector<xg::Shape>& shapes, int calls = 3) {
  xg::Generator from(7);
  auto compiled = xg::compile(f, {.verify = false});
  for (int k = 0; k < calls; ++k) {
    std::vector<xg::Variable<T>> leaves;
    for (const xg::Shape& shape : shapes) leaves.push_back(xg::parameter(drawn<T>(shape, from)));
    const auto call = [&](const auto& g) {
      if constexpr (std::is_invocable_v<F, xg::Variable<T>>)
        return g(leaves[0]);
      else if constexpr (std::is_invocable_v<F, xg::Variable<T>, xg::Variable<T>>)
        return g(leaves[0], leaves[1]);
      else
        return g(leaves[0], leaves[1], leaves[2]);
    };
    check_beside<T>(
        leaves, [&] { return call(compiled); }, [&] { return call(f); });
  }
  return groups_in(compiled);
}

/// Several shares for both inputs, dear and cheap steps, sign changes.
constexpr auto formula = [](const auto& x, const auto& y) {
  const auto a = x * y + x, b = xg::tanh(a) - 0.5 * x, c = xg::square(x - y) * b;
  return xg::sum(xg::exp(-xg::square(a)) + c / (xg::abs(y) + 1.5) + xg::maximum(x, c));
};

struct Threads {
  explicit Threads(std::size_t count) { xg::set_num_threads(count); }
  ~Threads() { xg::set_num_threads(before); }
  std::size_t before = xg::num_threads();
};

}  // namespace

TEST_CASE("a group's values and gradients are the function's, on values of any size") {
  for (const std::size_t threads : {1U, 2U}) {
    const Threads used(threads);
    for (const std::size_t size : {2U, 7U, 1000U, 65536U + 3U, 1000000U}) {
      CAPTURE(threads);
      CAPTURE(size);
      CHECK(check_replays<double>(formula, {{size}, {size}}, 2) == 1);
      CHECK(check_replays<float>(formula, {{size}, {size}}, 2) == 1);
    }
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
  const auto once = [](const Var& x, const Var& w) {
    const xg::NoGrad off;
    const Var a = xg::matmul(x, w), b = xg::reshape(xg::reshape(a, {-1}), {8, 8});
    return xg::sum((a + 1.0) * 0.5 - (b + 2.0) + b);
  };
  auto compiled = xg::compile(once);
  xg::Generator from(3);
  const auto w = xg::constant(drawn<double>({8, 8}, from));
  for (int call = 0; call < 3; ++call) {
    const auto x = xg::constant(drawn<double>({8, 8}, from));
    check_same(compiled(x, w), once(x, w));
  }
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

TEST_CASE("several results of one group, each differentiated by itself and together") {
  const auto f = [](const Var& x, const Var& y) {
    const Var a = x * y, b = a + x, c = xg::exp(b) * y;
    return std::tuple{a, c, b * 2.0};
  };
  auto compiled = xg::compile(f);
  xg::Generator from(1);
  for (int call = 0; call < 4; ++call) {
    const auto x = xg::parameter(drawn<double>({5}, from)), y = xg::parameter(drawn<double>({5}, from));
    const auto [a, c, b] = compiled(x, y);
    const auto [ea, ec, eb] = f(x, y);
    const auto check = [&](const Var& got, const Var& expected) {
      const auto ones = xg::ones<double>({5});
      const auto mine = xg::grad(got, {x, y}, {.retain_graph = true, .grad_output = ones});
      const auto theirs = xg::grad(expected, {x, y}, {.retain_graph = true, .grad_output = ones});
      check_same(got, expected);
      for (std::size_t i = 0; i < 2; ++i) CHECK(same_bits<double>(mine[i].value(), theirs[i].value()));
    };
    check(a, ea);
    check(c, ec);
    check(b, eb);
    check(c, ec);
    const auto got = xg::grad(xg::sum(a + b), {x})[0], expected = xg::grad(xg::sum(ea + eb), {x})[0];
    CHECK(same_bits<double>(got.value(), expected.value()));
  }
  CHECK(groups_in(compiled) == 1);
}

TEST_CASE("two calls of a group before either is differentiated, in both orders") {
  const xg::Array<double> at{2, -1, 0.5};
  auto w = xg::parameter(at);
  auto f = xg::compile([&](const Var& x) { return xg::sum(xg::tanh(w * x) * w + x); });
  const auto check = [&](double x) {
    for (std::size_t i = 0; i < 3; ++i) {
      const double y = std::tanh(at(i) * x);
      CHECK(w.grad()(i) == doctest::Approx(y + at(i) * x * (1 - y * y)));
    }
    w.zero_grad();
  };
  const auto all = [](double x) { return xg::constant(xg::Array<double>(xg::full<double>({3}, x))); };
  f(all(1));
  for (const bool first_before : {true, false}) {
    const Var a = f(all(0.5)), b = f(all(-0.25));
    (first_before ? a : b).backward();
    check(first_before ? 0.5 : -0.25);
    (first_before ? b : a).backward();
    check(first_before ? -0.25 : 0.5);
  }
  CHECK(groups_in(f) == 1);
}

TEST_CASE("a retained graph of a group is differentiated again, with the same values") {
  auto f = xg::compile([](const Var& x) { return xg::sum(xg::exp(x) * x - xg::square(x) * 2.0); });
  const auto x = xg::parameter({1.0, 2.0});
  for (int call = 0; call < 3; ++call) {
    const Var y = f(x);
    const auto first = xg::grad(y, {x}, {.retain_graph = true})[0];
    const auto second = xg::grad(y, {x})[0];
    CHECK(same_bits<double>(first.value(), second.value()));
    for (std::size_t i = 0; i < 2; ++i) {
      const double at = x.value()(i);
      CHECK(first.value()(i) == doctest::Approx(std::exp(at) * (1 + at) - 4 * at));
    }
  }
  CHECK(groups_in(f) == 1);
}

TEST_CASE("the gradient of a group in one of its inputs, and the second one") {
  auto f = xg::compile([](const Var& x, const Var& y) { return xg::sum(x * x * x * y + y); });
  for (int call = 0; call < 3; ++call) {
    const auto x = xg::parameter({2.0, 1.0}), y = xg::parameter({5.0, 3.0});
    CHECK(xg::grad(f(x, y), {y})[0].value() == xg::Array<double>{9, 2});
    const auto dx = xg::grad(f(x, y), {x}, {.create_graph = true})[0];
    CHECK(dx.value() == xg::Array<double>{60, 9});
    CHECK(xg::grad(xg::sum(dx), {x})[0].value() == xg::Array<double>{60, 18});
    CHECK(!x.has_grad());
  }
  CHECK(groups_in(f) == 1);
}

TEST_CASE("hooks on leaves and arguments, and retain_grad, see a group's complete gradients") {
  auto f = xg::compile([](const Var& x) { return xg::sum(x * x * 1.0 + x * 3.0); });
  auto x = xg::parameter({2.0, -1.0});
  std::vector<double> seen;
  x.register_hook([&](const Var& dx) { seen.push_back(dx.value()(0)); });
  for (int call = 0; call < 3; ++call) {
    Var inner = x * 1.0;
    inner.retain_grad();
    f(inner).backward();
    CHECK(inner.grad() == xg::Array<double>{7, 1});
  }
  CHECK(seen == std::vector<double>{7, 7, 7});
  CHECK(x.grad() == xg::Array<double>{21, 3});
  CHECK(groups_in(f) == 1);
}

TEST_CASE("an anomaly in a group names the operation that gave it") {
  auto compiled =
      xg::compile([](const Var& x) { return xg::sum(xg::sqrt(x * 2.0) * 3.0 + 1.0); }, {.verify = false});
  const auto x = xg::parameter({4.0, 0.0});
  compiled(x);
  for (int call = 0; call < 2; ++call) {
    const Var y = compiled(x);
    const xg::DetectAnomaly on;
    CHECK(message_of<xg::AnomalyError>([&] { y.backward(); })
              .starts_with(
                  "sqrt: the gradient of input 0 in backward is inf at [1] (1 of 2 elements of shape [2]"));
  }
  const auto other = xg::parameter({2.0, 8.0});
  {
    const Var y = compiled(other);
    const xg::DetectAnomaly on;
    y.backward();
  }
  CHECK(other.grad() == xg::Array<double>{1.5, 0.75});
  CHECK(groups_in(compiled) == 1);
}

TEST_CASE("a group's backward that fails half way leaves the next one right") {
  bool fails = false;
  const auto checked = xg::custom_operation<double>(
      "checked", [](const std::vector<xg::Array<double>>& in) { return in[0]; },
      [&](const std::vector<Var>&, const Var&, const Var& dy) {
        if (fails) throw std::runtime_error("no");
        return std::vector<Var>{dy};
      });
  // The group's second output has its gradient when the operation's backward throws.
  auto f = xg::compile([&](const Var& x) {
    const Var a = x * x, b = a * x * 2.0, c = checked({a * 1.0});
    return xg::sum(c * 2.0 + b * 0.5);
  });
  auto x = xg::parameter({3.0, 1.0});
  for (int call = 0; call < 3; ++call) {
    fails = true;
    CHECK_THROWS_AS(f(x).backward(), std::runtime_error);
    fails = false;
    x.zero_grad();
    f(x).backward();
    CHECK(x.grad() == xg::Array<double>{4 * 3 + 3 * 9, 4 + 3});
  }
  CHECK(groups_in(f) == 1);
}

TEST_CASE("a call that throws half way keeps none of a group's values") {
  const Var a = xg::parameter({2.0, 1.0});
  Var matrix = xg::parameter({{1.0, 2.0}, {3.0, 5.0}});
  auto f = xg::compile(
      [&] {
        const Var b = a * 3.0, c = b * a, d = (c + b) * 1.0;
        const Var inverse = xg::sum(xg::inverse(matrix));  // the values wait for it
        return xg::sum(xg::stack({b, c, d})) * inverse;
      },
      {.verify = false});
  for (int call = 0; call < 3; ++call) f();
  CHECK(groups_in(f) == 1);
  const auto before = xg::memory_stats();
  matrix.set_value(xg::zeros<double>({2, 2}));
  CHECK_THROWS_AS(f(), xg::Error);
  const auto after = xg::memory_stats();
  CHECK(after.live_buffers <= before.live_buffers);
  CHECK(after.live_bytes <= before.live_bytes);
  matrix.set_value(xg::Array<double>{{1, 2}, {3, 5}});
  CHECK(f().item() == doctest::Approx((6 + 12 + 18 + 3 + 3 + 6) * -1.0));
}

namespace {

/// The most that is live during f().backward(), beyond what was before.
template <class F>
std::size_t peak_of(const F& f) {
  xg::reset_peak_memory();
  const std::size_t before = xg::memory_stats().live_bytes;
  f().backward();
  return xg::memory_stats().peak_bytes - before;
}

}  // namespace

TEST_CASE("a replay with groups takes no more memory than the function") {
  const Threads one(1);
  xg::Generator from(5);
  for (const std::size_t size : {4000U, 600000U}) {
    CAPTURE(size);
    auto x = xg::parameter(drawn<float>({size}, from)), y = xg::parameter(drawn<float>({size}, from));
    using Float = xg::Variable<float>;
    const std::vector<std::function<Float()>> functions{
        [&] { return formula(x, y); },
        [&] { return xg::sum(xg::log(xg::exp(x) * 0.5 + 1.0) * xg::tanh(x)); },
        [&] { return xg::mean(x * y + x - y * 0.5 + xg::square(x - y)); },
        [&] { return xg::sum(xg::exp(xg::cumsum(x, 0) * 1e-3 + y) * 0.5); },
        [&] { return xg::sum(xg::relu(xg::cumsum(x, 0) + xg::cumsum(y, 0)) * 2.0 - 1.0); },
        [&] {
          const Float a = xg::cumsum(x, 0), b = xg::cumsum(y, 0);
          return xg::sum(xg::cumsum(xg::square(a - b) * b + a, 0));
        },
        [&] {
          const xg::Shape shape{static_cast<std::ptrdiff_t>(size / 200), 200};
          const Float a = xg::reshape(x, shape), b = xg::reshape(y, shape);
          const Float d = a - xg::mean(a, {-1}, {.keep_dims = true});
          const Float column = xg::sqrt(xg::mean(xg::square(d), {-1}, {.keep_dims = true}) + 1e-5);
          return xg::sum((d / column * xg::mean(b, 0) + xg::sum(b, 0)) * b);
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

TEST_CASE("replays of a group hold no more from one to the next") {
  auto x = xg::parameter(xg::ones<double>({300}));
  auto f = xg::compile([&] {
    Var y = x;
    for (int i = 0; i < 20; ++i) y = xg::tanh(y * x + 0.1) * y;
    return xg::sum(y);
  });
  for (int call = 0; call < 3; ++call) f().backward();
  const auto before = xg::memory_stats();
  for (int call = 0; call < 20; ++call) f().backward();
  const auto after = xg::memory_stats();
  CHECK(after.live_buffers == before.live_buffers);
  CHECK(after.live_nodes == before.live_nodes);
  CHECK(after.live_bytes == before.live_bytes);
}

TEST_CASE("an assignment between two groups is seen by the second alone") {
  auto mean = xg::detail::buffer_from(xg::Dense<double>::filled({2}, 1));
  auto f = xg::compile([&](const Var& x) {
    const Var before = (mean * x + x * 2.0) * 1.0;
    {
      const xg::NoGrad off;
      mean *= 0.5;
      mean += x * 0.5;
    }
    return xg::sum(before * 10.0 + mean * x * 1.0);
  });
  double expected = 1;
  for (int call = 0; call < 4; ++call) {
    const double then = expected;
    expected = expected * 0.5 + 0.5 * 3;
    CHECK(f(xg::parameter({3.0, 3.0})).item() == 2 * ((then * 3 + 6) * 10 + expected * 3));
    CHECK(mean.value()(1) == expected);
  }
  CHECK(groups_in(f) == 2);
}

TEST_CASE("a group goes past what ends it: another shape, another kind, a user's formula") {
  const auto own = xg::elementwise("own", [](auto v) { return v * v * v; });
  const auto f = [&](const Var& x, const xg::Variable<float>& y) {
    const Var a = xg::exp(x * 2.0) - 1.0, b = own(a * 0.1), c = (xg::tanh(b) * x + 1.0) * x;
    const auto d = (xg::square(y * 2.0F) + y) * y;
    const Var e = xg::cast<double>(d), g = xg::tanh(xg::reshape(c, {3, 2}) * 0.5) * 2.0 - 1.0;
    return xg::sum(c * e + e * x * 0.5) + xg::sum(g);
  };
  auto compiled = xg::compile(f);
  xg::Generator from(2);
  for (int call = 0; call < 3; ++call) {
    auto x = xg::parameter(drawn<double>({6}, from));
    auto y = xg::parameter(drawn<float>({6}, from));
    const auto run = [&](const auto& g) {
      x.zero_grad();
      y.zero_grad();
      const Var loss = g(x, y);
      loss.backward();
      return std::tuple{loss.item(), x.grad(), y.grad()};
    };
    const auto got = run(compiled), expected = run(f);
    CHECK(std::get<0>(got) == std::get<0>(expected));
    CHECK(same_bits<double>(std::get<1>(got), std::get<1>(expected)));
    CHECK(same_bits<float>(std::get<2>(got), std::get<2>(expected)));
  }
  CHECK(groups_in(compiled) == 5);
}

TEST_CASE("a listing says which group an instruction is in, and a profile has one row for it") {
  auto f = xg::compile([](const Var& x, const Var& v) {
    const Var a = x * x, b = a + 1.0;
    return xg::sum(xg::tanh(v * b) * 2.0 - v);
  });
  const auto call = [&] { return f(xg::parameter(2.0), xg::parameter({1.0, 2.0})); };
  call();
  std::ostringstream listing;
  listing << f.program();
  CHECK(listing.str() ==
        "    operation       inputs                  gives       bytes  FLOPs  block  group  scope\n"
        "%0  multiply        argument 0, argument 0  double []       8      1  0\n"
        "%1  add             %0, constant            double []       8      1  0\n"
        "%2  multiply        argument 1, %1          double [2]     16      2         0\n"
        "%3  tanh            %2                      double [2]     16      2         0\n"
        "%4  multiply        %3, constant            double [2]     16      2         0\n"
        "%5  subtract        %4, argument 1          double [2]     16      2         0\n"
        "%6  sum             %5                      double []       8      2\n"
        "    7 instructions                                         88     12\n");
  call();
  xg::Profile profile;
  call().backward();
  profile.stop();
  const auto rows = profile.table().rows;
  const auto group =
      std::find_if(rows.begin(), rows.end(), [](const auto& row) { return row.name == "group"; });
  REQUIRE(group != rows.end());
  CHECK(group->calls == 1);
  CHECK(group->flops == 8 + 2 * 8);  // a derivative counts twice
}
