// Elementwise operations of users' own at orders beyond the second, and long formulas.
#include <doctest/doctest.h>

#include <array>
#include <cmath>
#include <ctime>
#include <vector>
#include <xgrad/core/graph/gradients.hpp>
#include <xgrad/xgrad.hpp>

namespace xg = xgrad;
using Var = xg::Variable<double>;

namespace user {

/// exp(a b c d) with a derivative by hand that reads the output.
struct ExpOfProduct {
  static constexpr std::string_view name = "exp_of_product";
  template <class V>
  static V value(const V& a, const V& b, const V& c, const V& d) {
    return exp(a * b * c * d);
  }
  template <class V>
  static std::array<V, 4> gradient(const V& a, const V& b, const V& c, const V& d, const V& y, const V& dy) {
    const V share = dy * y;
    return {share * b * c * d, share * a * c * d, share * a * b * d, share * a * b * c};
  }
};

struct Sine {
  static constexpr std::string_view name = "sine";
  template <class V>
  static V value(const V& x) {
    return sin(x);
  }
  template <class V>
  static V gradient(const V& x, xg::formulas::unused, const V& dy) {
    return dy * cos(x);
  }
};

auto sine_of_formula() {
  return xg::elementwise("s", [](auto x) { return sin(x); });
}
auto exp_of_formula() {
  return xg::elementwise("e", [](auto a, auto b, auto c, auto d) { return exp(a * b * c * d); });
}

/// x, and 1 + a little of what came before, again and again: four steps each time, no two of them equal.
template <class V>
V rounds(const V& x, int count) {
  V y = x;
  for (int k = 1; k <= count; ++k) y = 1 + y * x * (0.5 / k);
  return y;
}

}  // namespace user

namespace {

/// Processor time, which other programs on the machine do not lengthen.
double seconds() { return static_cast<double>(std::clock()) / CLOCKS_PER_SEC; }

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__) || !defined(__OPTIMIZE__)
constexpr double patience = 20;  // such a build is no measure
#else
constexpr double patience = 1;
#endif

template <class T>
xg::Variable<T> derivative(const xg::Variable<T>& y, const xg::Variable<T>& x) {
  return xg::grad(y, {x}, {.create_graph = true, .grad_output = xg::Array<T>(xt::ones<T>(y.shape()))})[0];
}

/// Partial derivatives of exp(a b c d), from its Taylor series: polynomials in the four displacements, cut
/// off at a power of 2 in each.
class Series {
 public:
  static constexpr int powers = 3;
  std::array<long double, 81> of{};

  static std::size_t place(int i, int j, int k, int l) {
    return static_cast<std::size_t>(((i * powers + j) * powers + k) * powers + l);
  }
  friend Series operator*(const Series& a, const Series& b) {
    Series product;
    const auto digits = [](int n) { return std::array{n / 27, n / 9 % 3, n / 3 % 3, n % 3}; };
    for (int m = 0; m < 81; ++m)
      for (int n = 0; n < 81; ++n) {
        const auto p = digits(m), q = digits(n);
        if (p[0] + q[0] < powers && p[1] + q[1] < powers && p[2] + q[2] < powers && p[3] + q[3] < powers)
          product.of[place(p[0] + q[0], p[1] + q[1], p[2] + q[2], p[3] + q[3])] +=
              a.of[static_cast<std::size_t>(m)] * b.of[static_cast<std::size_t>(n)];
      }
    return product;
  }
};

/// d^8 exp(a b c d) / da^2 db^2 dc^2 dd^2, or of fewer: `orders` are at most 2 each.
double partial(const std::array<double, 4>& at, const std::array<int, 4>& orders) {
  Series rest;
  rest.of[0] = 1;
  for (int argument = 0; argument < 4; ++argument) {
    Series factor;
    factor.of[0] = at[static_cast<std::size_t>(argument)];
    factor.of[Series::place(argument == 0, argument == 1, argument == 2, argument == 3)] = 1;
    rest = rest * factor;
  }
  const long double base = std::exp(rest.of[0]);
  rest.of[0] = 0;  // what is left has no ninth power
  Series power, sum;
  power.of[0] = 1;
  long double factorial = 1;
  for (int k = 0; k <= 8; ++k) {
    for (std::size_t n = 0; n < 81; ++n) sum.of[n] += power.of[n] / factorial;
    power = power * rest;
    factorial *= k + 1;
  }
  long double result = base * sum.of[Series::place(orders[0], orders[1], orders[2], orders[3])];
  for (const int order : orders)
    if (order == 2) result *= 2;
  return static_cast<double>(result);
}

/// The rounds, and their derivatives by hand.
struct Recurrence {
  double value, slope = 1, curvature = 0, third = 0;
  Recurrence(double x, int count) : value(x) {
    for (int k = 1; k <= count; ++k) {
      const double c = 0.5 / k;
      third = c * (3 * curvature + x * third);
      curvature = c * (2 * slope + x * curvature);
      slope = c * (value + x * slope);
      value = 1 + c * value * x;
    }
  }
};

template <class F>
void check_twelve_orders_of_sine(const F& sine) {
  const double start = seconds();
  const auto x = xg::parameter(0.7);
  Var y = sine(x);
  for (int order = 1; order <= 12; ++order) {
    y = derivative(y, x);
    CAPTURE(order);
    CHECK(y.item() == doctest::Approx(std::sin(0.7 + order * std::acos(0.0))).epsilon(1e-14));
  }
  CHECK(seconds() - start < patience);
}

template <class F>
void check_eight_orders_of_four(const F& f) {
  const double start = seconds();
  const std::array<double, 4> at{0.9, -0.7, 1.1, 0.8};
  const std::vector<Var> x{xg::parameter(at[0]), xg::parameter(at[1]), xg::parameter(at[2]),
                           xg::parameter(at[3])};
  std::array<int, 4> orders{};
  Var y = f(x[0], x[1], x[2], x[3]);
  for (const std::size_t next : {0u, 1u, 2u, 3u, 3u, 2u, 1u, 0u}) {
    ++orders[next];
    y = derivative(y, x[next]);
    CAPTURE(orders[0] + orders[1] + orders[2] + orders[3]);
    CHECK(y.item() == doctest::Approx(partial(at, orders)).epsilon(1e-12));
  }
  CHECK(seconds() - start < patience);
}

}  // namespace

TEST_CASE("a user's formula of one argument is differentiated twelve times, in less than a second") {
  check_twelve_orders_of_sine(user::sine_of_formula());
  check_twelve_orders_of_sine([](const Var& x) { return xg::elementwise<user::Sine>(x); });
}

TEST_CASE("a user's formula of four arguments is differentiated eight times, in less than a second") {
  check_eight_orders_of_four(user::exp_of_formula());
  check_eight_orders_of_four([](const Var& a, const Var& b, const Var& c, const Var& d) {
    return xg::elementwise<user::ExpOfProduct>(a, b, c, d);
  });
}

TEST_CASE("third and fourth derivatives of a user's formula broadcast, in float too") {
  // d^4 exp(a b) / da^2 db^2 = (2 + 4 a b + a^2 b^2) exp(a b), summed over what broadcast.
  const auto f = xg::elementwise("f", [](auto a, auto b) { return exp(a * b); });
  xt::xarray<float> column{0.5f, -1.5f};
  column.reshape({2, 1});
  const auto a = xg::parameter(column);
  const auto b = xg::parameter(xt::xarray<float>{0.25f, 0.75f, -1});
  const auto third = derivative(derivative(derivative(f(a, b), b), b), a);
  REQUIRE(third.shape() == xg::Shape{2, 1});
  const auto fourth = derivative(third, a);
  REQUIRE(fourth.shape() == xg::Shape{2, 1});
  for (std::size_t i = 0; i < 2; ++i) {
    double expected_third = 0, expected = 0;
    for (std::size_t j = 0; j < 3; ++j) {
      const double p = a.value()(i, 0), q = b.value()(j), e = std::exp(p * q);
      expected_third += (2 * p + p * p * q) * e;
      expected += (2 + 4 * p * q + p * p * q * q) * e;
    }
    CHECK(third.value()(i, 0) == doctest::Approx(expected_third).epsilon(1e-5));
    CHECK(fourth.value()(i, 0) == doctest::Approx(expected).epsilon(1e-5));
  }
}

TEST_CASE("a formula of 32 000 steps is derived in a time that grows with its length, not with its square") {
  const double start = seconds();
  const auto f = xg::elementwise("long", [](auto x) { return user::rounds(x, 8000); });
  const auto x = xg::parameter(0.9);
  const Var y = f(x);
  y.backward();
  CHECK(seconds() - start < 2 * patience);  // by the square, 3 to 5 seconds where this takes 0.3
  const Recurrence expected(0.9, 8000);
  CHECK(y.item() == doctest::Approx(expected.value).epsilon(1e-13));
  CHECK(x.grad()() == doctest::Approx(expected.slope).epsilon(1e-13));
}

TEST_CASE("a formula of 8000 steps has its second and third derivative") {
  const auto f = xg::elementwise("long", [](auto x) { return user::rounds(x, 2000); });
  const auto x = xg::parameter(0.9);
  const Var second = derivative(derivative(f(x), x), x);
  const Recurrence expected(0.9, 2000);
  CHECK(second.item() == doctest::Approx(expected.curvature).epsilon(1e-12));
  second.backward();
  CHECK(x.grad()() == doctest::Approx(expected.third).epsilon(1e-12));
}
