// What meets a group from outside meets what its operations themselves would be: sweeps, hooks, failures,
// memory, listings.
#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <functional>
#include <sstream>

#include "../message_of.hpp"
#include "groups.hpp"

namespace xg = xgrad;
using namespace xgrad::testing;
using Var = xg::Variable<double>;

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
  const auto checked = unless(fails);
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

TEST_CASE("a replay with groups takes no more memory than the function") {
  const Threads one(1);
  xg::Generator from(5);
  for (const std::size_t size : {4000U, 600000U}) {
    CAPTURE(size);
    auto x = xg::parameter(drawn<float>({size}, from)), y = xg::parameter(drawn<float>({size}, from));
    using Float = xg::Variable<float>;
    std::vector<Float> numbers, columns;
    for (int k = 0; k < 15; ++k) {
      numbers.push_back(xg::parameter(drawn<float>({}, from)));
      columns.push_back(xg::parameter(drawn<float>({2, 1}, from)));
    }
    const std::vector<std::function<Float()>> functions{
        [&] { return many_steps(x, y); },
        [&] { return xg::sum(xg::log(xg::exp(x) * 0.5 + 1.0) * xg::tanh(x)); },
        [&] { return xg::mean(x * y + x - y * 0.5 + xg::square(x - y)); },
        [&] { return xg::sum(xg::exp(xg::cumsum(x, 0) * 1e-3 + y) * 0.5); },
        [&] { return xg::sum(xg::relu(xg::cumsum(x, 0) + xg::cumsum(y, 0)) * 2.0 - 1.0); },
        [&] {
          const Float a = xg::cumsum(x, 0), b = xg::cumsum(y, 0);
          return xg::sum(xg::cumsum(xg::square(a - b) * b + a, 0));
        },
        [&] {
          const xg::Shape shape{size / 200, 200};
          const Float a = xg::reshape(x, shape), b = xg::reshape(y, shape);
          const Float d = a - xg::mean(a, {-1}, {.keep_dims = true});
          const Float column = xg::sqrt(xg::mean(xg::square(d), {-1}, {.keep_dims = true}) + 1e-5);
          return xg::sum((d / column * xg::mean(b, 0) + xg::sum(b, 0)) * b);
        },
        [&] {
          Float t = x * numbers[0];
          for (std::size_t k = 1; k < numbers.size(); ++k) t = t + x * numbers[k];
          return xg::sum(t * 0.5);
        },
        [&] {
          Float t = xg::reshape(x, {2, size / 2});
          for (const Float& column : columns) t = xg::tanh(t) * column + column;
          return xg::sum(t * t);
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
