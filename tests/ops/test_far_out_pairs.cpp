// Formulas of two arguments over all sizes of both: value, gradients and second derivatives against long
// double.
#include <doctest/doctest.h>

#include <algorithm>
#include <array>
#include <functional>
#include <limits>
#include <string>
#include <utility>
#include <vector>
#include <xgrad/ops/exponential.hpp>
#include <xgrad/ops/loss.hpp>
#include <xgrad/ops/operators.hpp>

#include "far_out.hpp"

namespace xg = xgrad;
using namespace xgrad::testing::forms;
using xgrad::testing::agrees;
using xgrad::testing::Real;
using xgrad::testing::slopes;

namespace {

/// A quantity and the size of the terms that it is a sum of: what its error is measured by.
struct Exact {
  Real value, size;
  Exact(Real exact) : value(exact), size(exact) {}
  Exact(Real exact, Real of) : value(exact), size(of) {}
};

/// f, df/da, df/db, and the second derivatives aa, ab, bb.
using Six = std::array<Exact, 6>;
const std::string names[] = {"value", "a", "b", "aa", "ab", "bb", "ba"};

template <class T>
using Pairs = std::vector<std::pair<T, T>>;
template <class T>
using Call = std::function<xg::Variable<T>(const xg::Variable<T>&, const xg::Variable<T>&)>;

/// `relative`: units of epsilon, which may depend on where. `quantities`: how many of the seven are compared.
template <class T>
void check(const char* formula, const Call<T>& call, const Pairs<T>& at, Six (*exact)(Real, Real),
           Real (*relative)(Real, Real), std::size_t quantities) {
  std::vector<T> first, second;
  for (const auto& [a, b] : at) {
    first.push_back(a);
    second.push_back(b);
  }
  const auto a = xg::testing::parameter_of(first), b = xg::testing::parameter_of(second);
  const auto y = call(a, b), in_a = slopes(y, a), in_b = slopes(y, b);
  const std::array<xt::xarray<T>, 7> got{y.value(),
                                         in_a.value(),
                                         in_b.value(),
                                         slopes(in_a, a).value(),
                                         slopes(in_a, b).value(),
                                         slopes(in_b, b).value(),
                                         slopes(in_b, a).value()};
  const std::string name = xg::testing::named<T>(formula);
  std::array<int, 7> wrong{};
  for (std::size_t i = 0; i < at.size(); ++i) {
    const Six right = exact(first[i], second[i]);
    const Real units = relative(first[i], second[i]);
    for (std::size_t k = 0; k < quantities; ++k) {
      const Exact& one = right[k == 6 ? 4 : k];
      // A second derivative that is too large to be a number is none, whichever; so may be one that is
      // nearly, or a sum of such.
      const bool beyond = k > 2 && std::fmax(std::fabs(one.value), std::fabs(one.size)) >
                                       static_cast<Real>(std::numeric_limits<T>::max()) / 16;
      const bool good =
          (beyond && !std::isfinite(got[k](i))) || agrees(got[k](i), one.value, one.size, units);
      if (good || ++wrong[k] > 3) continue;
      CHECK_MESSAGE(good, name, ", ", names[k], " at ", first[i], ", ", second[i], ": ", got[k](i), " for ",
                    static_cast<double>(one.value));
    }
  }
  for (std::size_t k = 0; k < got.size(); ++k)
    CHECK_MESSAGE(wrong[k] == 0, name, ", ", names[k], ": wrong at ", wrong[k], " of ", at.size());
}

template <class F>
void check(const char* name, const F& call, const Pairs<double>& wide, const Pairs<float>& narrow,
           Six (*exact)(Real, Real), Real (*relative)(Real, Real), std::size_t quantities = 7) {
  check<double>(name, call, wide, exact, relative, quantities);
  check<float>(name, call, narrow, exact, relative, quantities);
}

Real sixteen(Real, Real) { return 16; }

/// Powers of ten from the smallest denormal number to the largest normal one, and both signs.
template <class T>
std::vector<T> sizes(int step) {
  using Limits = std::numeric_limits<T>;
  std::vector<T> all{Limits::denorm_min(), Limits::max()};
  for (int k = Limits::min_exponent10 - Limits::digits10 / 2; k <= Limits::max_exponent10; k += step)
    all.push_back(static_cast<T>(std::pow(Real(10), k) * 1.7L));
  for (const double ordinary : {0.3, 1.0, 2.5, 70.0}) all.push_back(static_cast<T>(ordinary));
  const std::size_t count = all.size();
  for (std::size_t i = 0; i < count; ++i) all.push_back(-all[i]);
  return all;
}

/// Every size beside every other, and beside those near it.
template <class T>
Pairs<T> all_pairs(int step) {
  Pairs<T> pairs;
  const std::vector<T> all = sizes<T>(step);
  for (const T a : all) {
    for (const T b : all) pairs.emplace_back(a, b);
    for (const double near : {0.001, 0.4, 0.999, 1.0, 1.3, 200.0}) {
      const T b = a * static_cast<T>(near);
      if (std::isfinite(b) && b != 0) pairs.emplace_back(a, b);
    }
  }
  return pairs;
}

}  // namespace

TEST_CASE("atan2 is right for points of every size, to the second order") {
  // The ratio of the coordinates is a normal number: below it has fewer digits.
  const auto of = []<class T>(Pairs<T> pairs) {
    std::erase_if(pairs, [](const auto& pair) {
      const T y = std::fabs(pair.first), x = std::fabs(pair.second), ratio = std::min(x, y) / std::max(x, y);
      return ratio > 0 && ratio < std::numeric_limits<T>::min();
    });
    return pairs;
  };
  check(
      "atan2", [](const auto& y, const auto& x) { return atan2(y, x); }, of(all_pairs<double>(17)),
      of(all_pairs<float>(4)),
      [](Real y, Real x) -> Six {
        const Real r = std::hypot(x, y), c = x / r, s = y / r;
        return {std::atan2(y, x), c / r, -s / r, -2 * s * c / r / r, {(s - c) * (s + c) / r / r, 1 / r / r},
                2 * s * c / r / r};
      },
      sixteen);
}

TEST_CASE("atan2 at the origin and at infinity has gradients and second derivatives of 0") {
  constexpr double infinity = std::numeric_limits<double>::infinity();
  for (const auto& [y, x] : Pairs<double>{{0, 0},
                                          {-0.0, 0},
                                          {0, -0.0},
                                          {infinity, 1},
                                          {1, -infinity},
                                          {infinity, infinity},
                                          {-infinity, infinity}}) {
    const double height = y, width = x;  // clang 14 captures no structured binding
    CAPTURE(height);
    CAPTURE(width);
    const auto a = xg::parameter(y), b = xg::parameter(x), angle = atan2(a, b);
    CHECK(angle.item() == std::atan2(y, x));
    for (const auto& first : {slopes(angle, a), slopes(angle, b)}) {
      CHECK(first.item() == 0);
      CHECK(slopes(first, a).item() == 0);
      CHECK(slopes(first, b).item() == 0);
    }
  }
}

TEST_CASE("logaddexp gives the smaller argument its gradient, however far apart they are") {
  const auto apart = []<class T>(T) {
    Pairs<T> pairs = all_pairs<T>(sizeof(T) == 4 ? 9 : 40);
    for (const double base : {0.0, 3.0, -40.0})
      for (const double gap : {1e-9, 0.1, 1.0, 5.0, 12.0, 20.0, 36.0, 40.0, 85.0, 200.0, 700.0})
        for (const double side : {-1.0, 1.0})
          pairs.emplace_back(static_cast<T>(base), static_cast<T>(base + side * gap));
    return pairs;
  };
  check(
      "logaddexp", [](const auto& a, const auto& b) { return logaddexp(a, b); }, apart(0.0), apart(0.0f),
      [](Real a, Real b) -> Six {
        const Real more = std::log1p(std::exp(-std::fabs(a - b))), most = std::fmax(a, b);
        const Real bend = logistic_slope(a - b);
        return {
            Exact(most + more, std::fabs(most) + more), logistic(a - b), logistic(b - a), bend, -bend, bend};
      },
      [](Real a, Real b) { return 16 + std::fmin(std::fabs(a - b), Real(800)); });
}

TEST_CASE("quotients and products are right for arguments of every size, to the second order") {
  // A quotient below the normal numbers has lost digits, and its gradient in the divisor is made of it.
  const auto normal = []<class T>(Pairs<T> pairs) {
    std::erase_if(pairs,
                  [](const auto& pair) { return std::fabs(pair.first) < std::numeric_limits<T>::min(); });
    return pairs;
  };
  check(
      "divide", [](const auto& a, const auto& b) { return a / b; }, normal(all_pairs<double>(17)),
      normal(all_pairs<float>(4)),
      [](Real a, Real b) -> Six {
        return {a / b, 1 / b, -a / b / b, Real(0), -1 / b / b, 2 * a / b / b / b};
      },
      sixteen);
  check(
      "multiply", [](const auto& a, const auto& b) { return a * b; }, all_pairs<double>(17),
      all_pairs<float>(4), [](Real a, Real b) -> Six { return {a * b, b, a, Real(0), Real(1), Real(0)}; },
      sixteen);
}

namespace {

/// Positive normal bases of every size; powers that are normal numbers themselves, or all others.
template <class T>
Pairs<T> powers(bool normal) {
  Pairs<T> pairs;
  for (const T x : sizes<T>(sizeof(T) == sizeof(float) ? 3 : 11))
    for (const double y : {0.001, 0.5, 0.9, 1.0, 1.5, 2.0, 3.0, 7.25, 300.0, 1e9})
      for (const double side : {-1.0, 1.0})
        if (x >= std::numeric_limits<T>::min() &&
            std::isnormal(static_cast<T>(std::pow(static_cast<Real>(x), static_cast<Real>(side * y)))) ==
                normal)
          pairs.emplace_back(x, static_cast<T>(side * y));
  return pairs;
}

Six power(Real x, Real y) {
  const Real log = std::log(x), power = std::pow(x, y), below = std::pow(x, y - 1),
             two_below = std::pow(x, y - 2);
  return {power,
          y * below,
          power * log,
          {y * (y - 1) * two_below, (y * y + std::fabs(y)) * two_below},
          {below * (1 + y * log), below * (1 + std::fabs(y * log))},
          power * log * log};
}

/// y - 1 is rounded.
Real units_of_power(Real x, Real y) { return 16 + (1 + std::fabs(y)) * std::fabs(std::log(x)); }

}  // namespace

TEST_CASE("powers are right for bases of every size, to the second order") {
  const auto pow_of = [](const auto& x, const auto& y) { return pow(x, y); };
  check("pow", pow_of, powers<double>(true), powers<float>(true), power, units_of_power);
  // A power that has vanished or overflowed leaves nothing to a derivative in the exponent of higher order.
  check("pow", pow_of, powers<double>(false), powers<float>(false), power, units_of_power, 5);
}

TEST_CASE("a power of 0 below 0 is infinite, and so is its gradient in the exponent") {
  constexpr double infinity = std::numeric_limits<double>::infinity();
  // x^y log x for x to 0 from above.
  for (const double y : {-1e-300, -0.5, -1.0, -2.0, -3.5, -1e300, -infinity}) {
    CAPTURE(y);
    const auto x = xg::parameter(0.0), exponent = xg::parameter(y), power = pow(x, exponent);
    CHECK(power.item() == infinity);
    const auto in_exponent = slopes(power, exponent);
    CHECK(in_exponent.item() == -infinity);
    CHECK(slopes(in_exponent, exponent).item() == infinity);  // x^y log^2 x
  }
  for (const double y : {0.0, -0.0, 1e-300, 0.5, 1.0, 2.0, infinity}) {
    CAPTURE(y);
    const auto x = xg::parameter(0.0), exponent = xg::parameter(y),
               in_exponent = slopes(pow(x, exponent), exponent);
    CHECK(in_exponent.item() == 0);
    CHECK(slopes(in_exponent, exponent).item() == 0);
  }
  const auto x = xg::parameter(0.0f), exponent = xg::parameter(-2.0f);
  CHECK(slopes(pow(x, exponent), exponent).item() == -std::numeric_limits<float>::infinity());
  // A NaN in the exponent is seen.
  const auto zero = xg::parameter(0.0), nan = xg::parameter(std::numeric_limits<double>::quiet_NaN());
  CHECK(std::isnan(slopes(pow(zero, nan), nan).item()));
}

TEST_CASE("binary cross entropy of logits is right for logits of every size, to the second order") {
  const auto pairs = []<class T>(T) {
    Pairs<T> all;
    for (const T z : sizes<T>(sizeof(T) == 4 ? 3 : 11))
      for (const double t : {0.0, 0.25, 0.875, 1.0}) all.emplace_back(z, static_cast<T>(t));
    for (int z = -800; z < 800; z += 7)
      for (const double t : {0.0, 0.25, 1.0}) all.emplace_back(static_cast<T>(z) + T(0.3), static_cast<T>(t));
    return all;
  };
  check(
      "binary_cross_entropy_with_logits",
      [](const auto& z, const auto& t) {
        return binary_cross_entropy_with_logits(z, t, xg::Reduction::none);
      },
      pairs(0.0), pairs(0.0f),
      [](Real z, Real t) -> Six {
        const Real wrong = z < 0 ? -t : 1 - t, s = logistic(-std::fabs(z));
        return {wrong * z + std::log1p(std::exp(-std::fabs(z))),
                {wrong + (z < 0 ? s : -s), std::fabs(wrong) + s},
                -z,
                logistic_slope(z),
                Real(-1),
                Real(0)};
      },
      sixteen);
}
