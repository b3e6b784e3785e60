// Elementwise operations that users make from formulas.
#include <doctest/doctest.h>

#include <cmath>
#include <limits>
#include <xgrad/core/graph/gradients.hpp>
#include <xgrad/xgrad.hpp>

#include "../message_of.hpp"
#include "../variables.hpp"

namespace xg = xgrad;
using Var = xg::Variable<double>;
using xg::testing::largest_difference;

namespace user {

// At namespace scope of the user's own, so that every function is found by its argument.
struct Cube {
  static constexpr std::string_view name = "cube";
  template <class V>
  static V value(const V& x) {
    return x * x * x;
  }
  template <class V>
  static V gradient(const V& x, xg::formulas::unused, const V& dy) {
    return dy * 3 * x * x;
  }
};

/// Whose gradient is clipped, as users do: it is not linear in dy.
struct Clipped {
  static constexpr std::string_view name = "clipped";
  template <class V>
  static V value(const V& x) {
    return tanh(exp(x)) * exp(x);
  }
  template <class V>
  static V gradient(xg::formulas::unused, xg::formulas::unused, const V& dy) {
    return clamp(dy, V(-1), V(1));
  }
};

struct Product {
  static constexpr std::string_view name = "product";
  template <class V>
  static V value(const V& a, const V& b) {
    return a * b;
  }
  template <class V>
  static std::array<V, 2> gradient(const V& a, const V& b, xg::formulas::unused, const V& dy) {
    return {dy * b, dy * a};
  }
};

auto make_mish() {
  return xg::elementwise("mish", [](auto x) { return x * tanh(log(1 + abs(x))); });
}

}  // namespace user

namespace {

Var derivative(const Var& y, const Var& x) {
  xg::detail::Node* const targets[] = {&x.node()};
  const Var seed(xg::Dense<double>::filled(y.shape(), 1.0));
  return Var(xg::detail::recorded_gradients(y.handle(), seed.handle(), targets, true)[0]);
}

double formula(double x) { return x * std::tanh(std::log(1 + std::fabs(x))); }

}  // namespace

TEST_CASE("a lambda becomes an operation with a symbolic derivative at every order") {
  const auto mish = user::make_mish();
  const double at = 0.7, h = 1e-4;
  auto x = xg::parameter(at);
  const Var y = mish(x);
  CHECK(y.operation() == "mish");
  CHECK(y.item() == doctest::Approx(formula(at)).epsilon(1e-14));
  const Var first = derivative(y, x), second = derivative(first, x), third = derivative(second, x);
  CHECK(first.item() == doctest::Approx((formula(at + h) - formula(at - h)) / (2 * h)).epsilon(1e-7));
  CHECK(second.item() ==
        doctest::Approx((formula(at + h) - 2 * formula(at) + formula(at - h)) / (h * h)).epsilon(1e-6));
  const double step = 1e-3;
  const double numeric =
      (formula(at + 2 * step) - 2 * formula(at + step) + 2 * formula(at - step) - formula(at - 2 * step)) /
      (2 * step * step * step);
  CHECK(third.item() == doctest::Approx(numeric).epsilon(1e-4));
}

TEST_CASE("a formula serves float and double, blocks and tails, and broadcasts") {
  const auto blend = xg::elementwise("blend", [](auto a, auto b, auto t) { return a + (b - a) * t; });
  for (const std::size_t n : {0u, 1u, 3u, 17u, 1024u, 5000u, 200001u}) {
    CAPTURE(n);
    xt::xarray<float> values(std::vector<std::size_t>{2, n});
    for (std::size_t i = 0; i < values.size(); ++i) values.flat(i) = static_cast<float>(i % 97) - 48;
    auto a = xg::parameter(values);
    xt::xarray<float> two_rows = xt::ones<float>({2, 1});
    two_rows(1, 0) = 2;
    auto b = xg::parameter(two_rows);
    auto t = xg::constant(xt::xarray<float>(0.25f));
    const auto y = blend(a, b, t);
    y.backward({.grad_output = xt::ones<float>(values.shape())});
    const auto result = y.value();
    bool equal = true;
    for (std::size_t r = 0; r < 2; ++r)
      for (std::size_t c = 0; c < n; ++c)
        equal = equal && result(r, c) == values(r, c) + (static_cast<float>(r + 1) - values(r, c)) * 0.25f;
    CHECK(equal);
    CHECK(b.grad()(0, 0) == doctest::Approx(0.25 * static_cast<double>(n)));
  }
}

TEST_CASE("a formula takes up to sixteen arguments, and all of them broadcast") {
  const auto polynomial = xg::elementwise("polynomial", [](auto x, auto a, auto b, auto c, auto d, auto) {
    return a + x * (b + x * (c + x * d));
  });
  const auto x = xg::parameter({0.5, 2.0}), a = xg::parameter({{1.0}, {2.0}, {3.0}}), b = xg::parameter(-1);
  const auto unread = xg::constant(xg::zeros<double>({4, 1, 1}));
  const auto y = polynomial(x, a, b, 2, x.value(), unread);
  REQUIRE(y.shape() == xg::Shape{4, 3, 2});
  CHECK(y.item(3, 1, 1) == 2 + 2 * (-1 + 2 * (2 + 2 * 2)));
  sum(y).backward();
  // Of twelve rows: -1 + 2 x c + 3 x^2 d where c is 2 and d the number that x was.
  CHECK(x.grad() == xt::xarray<double>{12 * (-1 + 2 + 3 * 0.125), 12 * (-1 + 8 + 3 * 8)});
  CHECK(b.grad()() == 12 * 2.5);
  const auto report =
      xg::gradcheck([&](const Var& u, const Var& v, const Var& w) { return polynomial(u, v, w, u, w, v); },
                    {x, a, b}, {.second_order = true});
  INFO(report);
  CHECK(report.ok());
  const auto sixteen = xg::elementwise(
      "sixteen", [](auto a1, auto a2, auto a3, auto a4, auto a5, auto a6, auto a7, auto a8, auto a9, auto a10,
                    auto a11, auto a12, auto a13, auto a14, auto a15, auto a16) {
        return a1 * a2 * a3 * a4 * a5 * a6 * a7 * a8 * a9 * a10 * a11 * a12 * a13 * a14 * a15 * a16;
      });
  const auto power = [&](const Var& v) { return sixteen(v, v, v, v, v, v, v, v, v, v, v, v, v, v, v, v); };
  const Var two = xg::parameter(2);
  CHECK(power(two).item() == 65536);
  CHECK(derivative(derivative(power(two), two), two).item() == 16.0 * 15 * 16384);
  // In another formula its steps stand.
  CHECK(xg::elementwise(
            "of_sixteen",
            [&](auto s) { return 1 + sixteen(s, s, s, s, s, s, s, s, s, s, s, s, s, s, s, 2); })(two)
            .item() == 65537);
  CHECK(xgrad::testing::message_of<xg::ShapeError>([&] {
          polynomial(x, a, b, x, x, xg::zeros<double>({3}));
        }).starts_with("polynomial: "));
}

TEST_CASE("a formula that is one of its arguments gives a result of its own") {
  auto w = xg::parameter({1.0, 2.0});
  const auto first_of_one = xg::elementwise("first_of_one", [](auto a) { return a; });
  const auto first = xg::elementwise("first", [](auto a, auto, auto, auto, auto) { return a; });
  const xg::NoGrad off;
  Var y = first(w, 1, 1, 1, 1), z = first_of_one(w);
  y += 1;
  z += 1;
  CHECK(w.value() == xt::xarray<double>{1, 2});
  CHECK(y.value() == z.value());
}

TEST_CASE("a branch is a select, and a captured number is fixed when the operation is made") {
  double slope = 0.5;
  const auto leaky = xg::elementwise("leaky", [slope](auto x) { return select(x > 0, x, slope * x); });
  slope = 7;
  auto x = xg::parameter(xt::xarray<double>{-2, 3});
  const auto y = leaky(x);
  CHECK(y.value() == xt::xarray<double>{-1, 3});
  y.backward({.grad_output = xt::xarray<double>{1, 1}});
  CHECK(x.grad() == xt::xarray<double>{0.5, 1});
}

TEST_CASE("an operation made from a formula can stand in another formula") {
  const auto mish = user::make_mish();
  const auto outer = xg::elementwise("outer", [&](auto x) { return mish(x) * mish(x); });
  auto x = xg::parameter(0.3);
  const auto y = outer(x);
  CHECK(y.item() == doctest::Approx(formula(0.3) * formula(0.3)));
  y.backward();
  CHECK(x.grad()() == doctest::Approx(2 * formula(0.3) * (formula(0.3 + 1e-6) - formula(0.3 - 1e-6)) / 2e-6));
}

TEST_CASE("a formula may be constant, or its argument itself") {
  const auto seven = xg::elementwise("seven", [](auto) { return 7.0; });
  const auto same = xg::elementwise("same", [](auto x) { return x; });
  auto x = xg::parameter(xt::xarray<double>{1, 2});
  CHECK(seven(x).value() == xt::xarray<double>{7, 7});
  CHECK_FALSE(seven(x).requires_grad());
  auto y = same(x) + same(x);
  y.backward({.grad_output = xt::xarray<double>{1, 1}});
  CHECK(x.grad() == xt::xarray<double>{2, 2});
}

TEST_CASE("a struct brings its own derivative, which is differentiated in its turn") {
  auto x = xg::parameter(xt::xarray<double>{1, 2, -3});
  const Var y = xg::elementwise<user::Cube>(x);
  CHECK(y.value() == xt::xarray<double>{1, 8, -27});
  const Var first = derivative(y, x), second = derivative(first, x), third = derivative(second, x);
  CHECK(first.value() == xt::xarray<double>{3, 12, 27});
  CHECK(second.value() == xt::xarray<double>{6, 12, -18});
  CHECK(third.value() == xt::xarray<double>{6, 6, 6});
  auto a = xg::parameter(2.0), b = xg::parameter(5.0);
  xg::elementwise<user::Product>(a, b).backward();
  CHECK(a.grad()() == 5);
  CHECK(b.grad()() == 2);
}

TEST_CASE("value and slopes of a formula share their steps, and the backward pass only multiplies") {
  const auto logistic = xg::detail::program_of(
      1, [](std::span<const xg::Symbol> s) { return log(exp(s[0]) * 0.5 + 1) * tanh(s[0]); });
  const auto operation = std::make_shared<const xg::detail::Elementwise>("formula", logistic,
                                                                         std::vector<xg::detail::Program>());
  const xg::detail::Program* joint = operation->value_and_slopes();
  REQUIRE(joint != nullptr);
  for (const std::string_view name : {"exp", "log", "tanh"})
    CHECK(std::count_if(joint->steps.begin(), joint->steps.end(), [&](const xg::detail::Program::Step& step) {
            return step.operation != nullptr && step.operation->name() == name;
          }) == 1);
  // Nothing to share, or too little to keep a slope for.
  const auto square = xg::detail::program_of(1, [](std::span<const xg::Symbol> s) { return s[0] * s[0]; });
  CHECK(xg::detail::Elementwise("square", square, {}).value_and_slopes() == nullptr);
}

TEST_CASE("no slope is kept where the gradient is one product, and each input's gradient is right") {
  const auto f = xg::elementwise("f", [](auto a, auto b, auto c, auto d) { return a * b + tanh(c) * d; });
  const auto quotient = xg::elementwise("quotient", [](auto a, auto b) { return a / b; });
  constexpr std::size_t size = 100'000, bytes = size * sizeof(double);
  const auto numbers = [](double from, double to) {
    return xg::parameter(xt::xarray<double>(xt::linspace(from, to, size)));
  };
  auto a = numbers(-1, 2), b = numbers(3, -2), c = numbers(-2, 2), d = numbers(0.5, 1);
  const std::size_t before = xg::memory_stats().live_bytes;
  Var y = f(a, b, c, d);
  // The value, and slopes of c and d; a buffer is at most a quarter larger than what it is for.
  CHECK(xg::memory_stats().live_bytes - before < 4 * bytes);
  xg::sum(y).backward();
  for (std::size_t i = 0; i < size; i += 9'999) {
    const double t = std::tanh(c.value()(i));
    CHECK(y.value()(i) == doctest::Approx(a.value()(i) * b.value()(i) + t * d.value()(i)).epsilon(1e-14));
    CHECK(a.grad()(i) == b.value()(i));
    CHECK(b.grad()(i) == a.value()(i));
    CHECK(c.grad()(i) == doctest::Approx((1 - t * t) * d.value()(i)).epsilon(1e-13));
    CHECK(d.grad()(i) == doctest::Approx(t).epsilon(1e-14));
  }

  // One step runs over operands that repeat as they are, without a copy of them in full.
  const auto row = xg::constant(xt::xarray<double>{2, 4});
  const auto columns = xg::constant(xt::xarray<double>(xt::ones<double>({size, std::size_t{1}})));
  xg::release_cached_memory();
  xg::reset_peak_memory();
  const std::size_t live = xg::memory_stats().live_bytes;
  const auto ratios = quotient(columns, row);
  CHECK(xg::memory_stats().peak_bytes - live < 3 * bytes);
  CHECK(ratios.value()(17, 0) == 0.5);
  CHECK(ratios.value()(99'999, 1) == 0.25);
}

TEST_CASE(
    "gradients by slopes are those by the formula, whichever inputs want one and however they broadcast") {
  const auto f = xg::elementwise("f", [](auto a, auto b) { return a * tanh(exp(a * b)) + exp(a * b) * b; });
  const xt::xarray<double> rows = xt::reshape_view(xt::linspace(-1.0, 1.0, 3000), {3, 1000});
  const xt::xarray<double> other = xt::reshape_view(xt::linspace(0.5, -0.7, 3000), {3, 1000});
  const xt::xarray<double> row = xt::linspace(0.1, 0.9, 1000);
  const auto slopes_at = [](double a, double b) {
    const double e = std::exp(a * b), t = std::tanh(e), inner = a * (1 - t * t) * e + b * e;
    return std::array{t + inner * b, e + inner * a};
  };
  for (const xt::xarray<double>& second : {other, row}) {
    for (const int wanted : {1, 2, 3}) {
      CAPTURE(second.dimension());
      CAPTURE(wanted);
      const Var a = wanted & 1 ? xg::parameter(rows) : xg::constant(rows);
      const Var b = wanted & 2 ? xg::parameter(second) : xg::constant(second);
      const Var y = f(a, b);
      y.backward({.retain_graph = true, .grad_output = xt::xarray<double>(2 * xt::ones<double>({3, 1000}))});
      y.backward({.grad_output = xt::xarray<double>(xt::ones<double>({3, 1000}))});
      const auto at = [&](std::size_t i, std::size_t j) {
        return slopes_at(rows(i, j), second.dimension() == 2 ? second(i, j) : second(j));
      };
      for (std::size_t j = 0; j < 1000; j += 111) {
        if (wanted & 1) CHECK(a.grad()(1, j) == doctest::Approx(3 * at(1, j)[0]).epsilon(1e-12));
        if (!(wanted & 2)) continue;
        if (second.dimension() == 2)
          CHECK(b.grad()(1, j) == doctest::Approx(3 * at(1, j)[1]).epsilon(1e-12));
        else
          CHECK(b.grad()(j) == doctest::Approx(3 * (at(0, j)[1] + at(1, j)[1] + at(2, j)[1])).epsilon(1e-12));
      }
    }
  }
}

TEST_CASE("results of a formula that are an input, a constant or the same as another are all written") {
  // The slopes of the sum are the same; that of t is 1 - a constant - beside them.
  const auto f =
      xg::elementwise("f", [](auto a, auto b, auto t) { return exp(tanh(a + b)) + exp(tanh(a + b)) + t; });
  const xt::xarray<double> at = xt::linspace(-1.0, 1.0, 2500);
  const auto a = xg::parameter(at), b = xg::parameter(at), t = xg::parameter(at);
  xg::sum(f(a, b, t)).backward();
  for (std::size_t i = 0; i < 2500; i += 333) {
    const double tanh = std::tanh(2 * at(i));
    CHECK(a.grad()(i) == doctest::Approx(2 * std::exp(tanh) * (1 - tanh * tanh)).epsilon(1e-12));
    CHECK(b.grad()(i) == a.grad()(i));
    CHECK(t.grad()(i) == 1);
  }
}

TEST_CASE("a formula that chooses drops an infinite gradient where it drops the value") {
  const auto f = xg::elementwise("f", [](auto x) { return select(x > 0, tanh(exp(x)) * exp(x), 0); });
  const auto x = xg::parameter(xt::xarray<double>{-1, 1});
  f(x).backward({.grad_output = xt::xarray<double>{std::numeric_limits<double>::infinity(), 1}});
  CHECK(x.grad()(0) == 0);
  CHECK(std::isfinite(x.grad()(1)));
}

TEST_CASE("a gradient that is given by hand is called with the gradient that arrives") {
  const auto x = xg::parameter(xt::xarray<double>{1, 2, 3});
  xg::elementwise<user::Clipped>(x).backward({.grad_output = xt::xarray<double>{5, -7, 0.25}});
  CHECK(x.grad() == xt::xarray<double>{1, -1, 0.25});
}

TEST_CASE("second derivatives of formulas of three and four arguments, whatever requires a gradient") {
  const auto three = [](const auto& a, const auto& b, const auto& c) {
    return tanh(exp(a * b) * c) * sin(a * c) + exp(a * b) / (1 + exp(b * c));
  };
  const auto four = [](const auto& a, const auto& b, const auto& c, const auto& d) {
    return tanh(exp(a * b) * c) * sin(a * d) + sin(a * d) * exp(b * c) / (1 + exp(a * b));
  };
  const auto made_three = xg::elementwise("three", three);
  const auto made_four = xg::elementwise("four", four);
  using Vars = std::vector<xg::Variable<double>>;
  const auto second = [](const Vars& x, const auto& f) {
    const auto y = f(x);
    const auto first = xg::grad(xg::sum(y * y), x, {.create_graph = true});
    auto sum = xg::constant(0.0);
    for (const auto& each : first) sum = sum + xg::sum(xg::sin(each));
    return xg::grad(sum, x);
  };
  Vars x;
  for (const double shift : {0.1, -0.2, 0.3, 0.4})
    x.push_back(xg::parameter(xg::Array<double>(xt::linspace<double>(-0.5, 0.5, 7) + shift)));
  const auto agree = [&](const Vars& got, const Vars& expected) {
    for (std::size_t i = 0; i < got.size(); ++i)
      CHECK(largest_difference(got[i].value(), expected[i].value()) < 1e-12);
  };
  const Vars first_three(x.begin(), x.begin() + 3);
  agree(second(first_three, [&](const Vars& v) { return made_three(v[0], v[1], v[2]); }),
        second(first_three, [&](const Vars& v) { return three(v[0], v[1], v[2]); }));
  agree(second(x, [&](const Vars& v) { return made_four(v[0], v[1], v[2], v[3]); }),
        second(x, [&](const Vars& v) { return four(v[0], v[1], v[2], v[3]); }));
  // Some are constants, and one is repeated.
  Vars some{x[0], xg::parameter(0.25), x[2]};
  const auto partly = [&](const auto& f) {
    const auto y = f(some[0].detach(), some[1], some[2]);
    const auto dy = xg::grad(xg::sum(y * y), {some[1], some[2]}, {.create_graph = true});
    return xg::grad(xg::sum(xg::sin(dy[1])) + dy[0] * dy[0], {some[1], some[2]});
  };
  agree(partly(made_three), partly(three));
}
