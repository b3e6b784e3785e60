// Every elementwise formula over all sizes of numbers: value, first and second derivative at arguments from
// the smallest denormal number to the largest finite one, against long double.
#include <doctest/doctest.h>

#include <algorithm>
#include <array>
#include <functional>
#include <limits>
#include <string>
#include <vector>
#include <xgrad/ops/activation.hpp>
#include <xgrad/ops/operators.hpp>

#include "far_out.hpp"

namespace xg = xgrad;
using namespace xgrad::testing::forms;
using xgrad::testing::agrees;
using xgrad::testing::Real;
using xgrad::testing::slopes;

namespace {

struct Form {
  const char* name;
  Real (*value)(Real);
  Real (*slope)(Real);
  Real (*bend)(Real);  ///< the second derivative
  /// The error allowed in units of T's epsilon: of the result, and of 1 for value, slope and bend. The second
  /// kind is for what is read from an output that has rounded to 1.
  double relative = 16;
  double absolute[3] = {0, 0, 0};
  /// How many units more are allowed because the formula rounds what it takes an exponential of: that number.
  Real (*exponent)(Real) = nullptr;
  double least = -INFINITY, most = INFINITY;  ///< the domain
  bool may_vanish = false;                    ///< a value below the normal numbers may come out as 0
};

struct Formula {
  std::function<xg::Variable<double>(const xg::Variable<double>&)> in_double;
  std::function<xg::Variable<float>(const xg::Variable<float>&)> in_float;
  template <class F>
  Formula(F formula) : in_double(formula), in_float(formula) {}
  xg::Variable<double> operator()(const xg::Variable<double>& x) const { return in_double(x); }
  xg::Variable<float> operator()(const xg::Variable<float>& x) const { return in_float(x); }
};

struct Case {
  Formula formula;
  Form form;
};

/// Denormal and normal numbers of every power of ten, dense where exponentials end, and both signs.
template <class T>
std::vector<T> sizes() {
  using Limits = std::numeric_limits<T>;
  std::vector<T> all{Limits::denorm_min(), Limits::min(), Limits::max(), Limits::max() / 2};
  for (int k = Limits::min_exponent10 - Limits::digits10; k <= Limits::max_exponent10; ++k)
    for (const Real digits : {1.0L, 2.7L, 6.1L}) {
      const Real x = digits * std::pow(Real(10), k);
      if (static_cast<T>(x) > 0 && x < static_cast<Real>(Limits::max())) all.push_back(static_cast<T>(x));
    }
  for (int k = 1; k < 800; k += 3) all.push_back(static_cast<T>(k) + T(0.3));
  const std::size_t count = all.size();
  for (std::size_t i = 0; i < count; ++i) all.push_back(-all[i]);
  return all;
}

template <class T>
void check(const Case& one) {
  std::vector<T> at;
  for (const T x : sizes<T>())
    if (static_cast<double>(x) >= one.form.least && static_cast<double>(x) <= one.form.most) at.push_back(x);
  const auto x = xg::testing::parameter_of(at), y = one.formula(x), first = slopes(y, x),
             second = slopes(first, x);
  const std::array<xt::xarray<T>, 3> got{y.value(), first.value(), second.value()};
  const std::array<Real (*)(Real), 3> exact{one.form.value, one.form.slope, one.form.bend};
  const std::string name = xg::testing::named<T>(one.form.name);
  for (std::size_t order = 0; order < 3; ++order) {
    int wrong = 0;
    for (std::size_t i = 0; i < at.size(); ++i) {
      const Real a = at[i], right = exact[order](a);
      const Real more = one.form.exponent == nullptr ? 0 : std::fabs(one.form.exponent(a));
      const bool vanished = one.form.may_vanish && order == 0 && got[order](i) == 0 &&
                            std::fabs(right) < static_cast<Real>(std::numeric_limits<T>::min());
      const bool good =
          vanished || agrees(got[order](i), right, right, one.form.relative + more, one.form.absolute[order]);
      if (good || ++wrong > 3) continue;
      CHECK_MESSAGE(good, name, ", order ", order, " at ", at[i], ": ", got[order](i), " for ",
                    static_cast<double>(right));
    }
    CHECK_MESSAGE(wrong == 0, name, ", order ", order, ": wrong at ", wrong, " of ", at.size());
  }
}

std::vector<Case> cases() {
  using std::cosh, std::exp, std::fabs, std::pow, std::sinh, std::sqrt, std::tanh;
  constexpr double tiny = std::numeric_limits<double>::denorm_min();
  const auto of = [](auto f) { return Formula(f); };
  return {
      {of([](const auto& x) { return exp(x); }), {"exp", exp, exp, exp}},
      {of([](const auto& x) { return expm1(x); }), {"expm1", std::expm1, exp, exp}},
      {of([](const auto& x) { return log(x); }),
       {.name = "log",
        .value = std::log,
        .slope = [](Real x) { return 1 / x; },
        .bend = [](Real x) { return -1 / x / x; },
        .least = tiny}},
      {of([](const auto& x) { return log2(x); }),
       {.name = "log2",
        .value = std::log2,
        .slope = [](Real x) { return log2_e / x; },
        .bend = [](Real x) { return -log2_e / x / x; },
        .least = tiny}},
      {of([](const auto& x) { return log1p(x); }),
       {.name = "log1p",
        .value = std::log1p,
        .slope = [](Real x) { return 1 / (1 + x); },
        .bend = [](Real x) { return -1 / (1 + x) / (1 + x); },
        .least = -0.9}},
      {of([](const auto& x) { return square(x); }),
       {"square", square, [](Real x) { return 2 * x; }, [](Real) { return Real(2); }}},
      {of([](const auto& x) { return sqrt(x); }),
       {.name = "sqrt",
        .value = sqrt,
        .slope = [](Real x) { return 0.5L / sqrt(x); },
        .bend = [](Real x) { return -0.25L / sqrt(x) / x; },
        .least = tiny}},
      {of([](const auto& x) { return rsqrt(x); }),
       {.name = "rsqrt",
        .value = [](Real x) { return 1 / sqrt(x); },
        .slope = [](Real x) { return -0.5L / sqrt(x) / x; },
        .bend = [](Real x) { return 0.75L / sqrt(x) / x / x; },
        .least = tiny}},
      {of([](const auto& x) { return reciprocal(x); }),
       {"reciprocal", [](Real x) { return 1 / x; }, [](Real x) { return -1 / x / x; },
        [](Real x) { return 2 / x / x / x; }}},
      {of([](const auto& x) { return abs(x); }), {"abs", size, side, zero}},
      {of([](const auto& x) { return relu(x); }),
       {"relu", [](Real x) { return x > 0 ? x : 0; }, [](Real x) { return Real(x > 0); }, zero}},
      {of([](const auto& x) { return sin(x); }),
       {"sin", std::sin, std::cos, [](Real x) { return -std::sin(x); }}},
      {of([](const auto& x) { return cos(x); }),
       {"cos", std::cos, [](Real x) { return -std::sin(x); }, [](Real x) { return -std::cos(x); }}},
      {of([](const auto& x) { return tan(x); }),
       {"tan", std::tan, [](Real x) { return 1 + square(std::tan(x)); },
        [](Real x) { return 2 * std::tan(x) * (1 + square(std::tan(x))); }}},
      {of([](const auto& x) { return asin(x); }),
       {.name = "asin",
        .value = std::asin,
        .slope = [](Real x) { return 1 / root(x); },
        .bend = [](Real x) { return x / root(x) / root(x) / root(x); },
        .least = -0.9,
        .most = 0.9}},
      {of([](const auto& x) { return acos(x); }),
       {.name = "acos",
        .value = std::acos,
        .slope = [](Real x) { return -1 / root(x); },
        .bend = [](Real x) { return -x / root(x) / root(x) / root(x); },
        .least = -0.9,
        .most = 0.9}},
      {of([](const auto& x) { return atan(x); }),
       {"atan", std::atan, [](Real x) { return 1 / (1 + x * x); },
        [](Real x) { return -2 * x / (1 + x * x) / (1 + x * x); }}},
      {of([](const auto& x) { return sinh(x); }), {"sinh", sinh, cosh, sinh}},
      {of([](const auto& x) { return cosh(x); }), {"cosh", cosh, sinh, cosh}},
      // From the output, as PyTorch's: where that rounds to 1, what is left of the slope is lost.
      {of([](const auto& x) { return tanh(x); }),
       {"tanh", tanh, sech2, [](Real x) { return -2 * tanh(x) * sech2(x); }, 16, {0, 2, 4}}},
      {of([](const auto& x) { return sigmoid(x); }),
       {.name = "sigmoid",
        .value = logistic,
        .slope = logistic_slope,
        .bend = [](Real x) { return -logistic_slope(x) * tanh(x / 2); },
        .absolute = {0, 1, 1},
        .may_vanish = true}},
      {of([](const auto& x) { return softplus(x); }), {"softplus", soft_plus, logistic, logistic_slope}},
      {of([](const auto& x) { return silu(x); }),
       {"silu", [](Real x) { return x * logistic(x); },
        [](Real x) { return logistic(x) * (1 + x * logistic(-x)); },
        [](Real x) { return logistic_slope(x) * (2 - x * tanh(x / 2)); }}},
      {of([](const auto& x) { return mish(x); }),
       {.name = "mish",
        .value = [](Real x) { return x * mish_gate(x); },
        .slope = [](Real x) { return mish_gate(x) + x * mish_gate1(x); },
        .bend = [](Real x) { return 2 * mish_gate1(x) + x * mish_gate2(x); }}},
      {of([](const auto& x) { return gelu(x); }),
       {.name = "gelu",
        .value = [](Real x) { return x / 2 * std::erfc(-x * root_half); },
        .slope = [](Real x) { return std::erfc(-x * root_half) / 2 + x * density(x); },
        .bend = [](Real x) { return (2 - x * x) * density(x); },
        .exponent = square}},
      {of([](const auto& x) { return erf(x); }),
       {.name = "erf",
        .value = std::erf,
        .slope = [](Real x) { return 2 * one_over_root_pi * exp(-x * x); },
        .bend = [](Real x) { return -4 * one_over_root_pi * (x * exp(-x * x)); },
        .exponent = square}},
      {of([](const auto& x) { return erfc(x); }),
       {.name = "erfc",
        .value = std::erfc,
        .slope = [](Real x) { return -2 * one_over_root_pi * exp(-x * x); },
        .bend = [](Real x) { return 4 * one_over_root_pi * (x * exp(-x * x)); },
        .exponent = square}},
      {of([](const auto& x) { return softsign(x); }),
       {"softsign", [](Real x) { return x / (1 + fabs(x)); }, [](Real x) { return 1 / square(1 + fabs(x)); },
        [](Real x) { return -2 * side(x) / pow(1 + fabs(x), Real(3)); }}},
      {of([](const auto& x) { return elu(x); }),
       {"elu", [](Real x) { return x > 0 ? x : std::expm1(x); }, [](Real x) { return x > 0 ? 1 : exp(x); },
        [](Real x) { return x > 0 ? 0 : exp(x); }}},
      {of([](const auto& x) { return selu(x) / xg::formulas::Selu::scale; }),
       {"selu", [](Real x) { return x > 0 ? x : xg::formulas::Selu::alpha * std::expm1(x); },
        [](Real x) { return x > 0 ? 1 : xg::formulas::Selu::alpha * exp(x); },
        [](Real x) { return x > 0 ? 0 : xg::formulas::Selu::alpha * exp(x); }}},
      {of([](const auto& x) { return leaky_relu(x); }),
       {"leaky_relu", [](Real x) { return x > 0 ? x : Real(0.01) * x; },
        [](Real x) { return x > 0 ? 1 : Real(0.01); }, zero}},
      {of([](const auto& x) { return hardtanh(x); }),
       {"hardtanh", [](Real x) { return std::fmin(std::fmax(x, Real(-1)), Real(1)); },
        [](Real x) { return Real(fabs(x) < 1); }, zero}},
  };
}

}  // namespace

TEST_CASE("formulas of one argument are right for every size of it, to the second order") {
  for (const Case& one : cases()) {
    CAPTURE(one.form.name);
    check<double>(one);
    check<float>(one);
  }
}
