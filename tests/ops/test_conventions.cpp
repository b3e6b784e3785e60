// Reads docs/conventions.md: every row of its tables is checked.
#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <map>
#include <xgrad/derivatives/grad.hpp>
#include <xgrad/ops/activation.hpp>
#include <xgrad/ops/comparison.hpp>
#include <xgrad/ops/cumprod.hpp>
#include <xgrad/ops/decomposition.hpp>
#include <xgrad/ops/dropout.hpp>
#include <xgrad/ops/extremes.hpp>
#include <xgrad/ops/layer_norm.hpp>
#include <xgrad/ops/loss.hpp>
#include <xgrad/ops/operators.hpp>
#include <xgrad/ops/pooling.hpp>
#include <xgrad/ops/reduction.hpp>
#include <xgrad/ops/rounding.hpp>
#include <xgrad/ops/scan.hpp>
#include <xgrad/ops/shape.hpp>
#include <xgrad/ops/slice.hpp>
#include <xgrad/ops/softmax.hpp>
#include <xgrad/ops/sorting.hpp>
#include <xgrad/ops/statistics.hpp>

#include "conventions_page.hpp"

namespace xg = xgrad;

namespace {

using xg::testing::Line;
using xg::testing::numbers;
using xg::testing::split;
using xg::testing::table_rows;

template <class T>
using Variables = std::vector<xg::Variable<T>>;

struct Function {
  std::function<xg::Variable<double>(const Variables<double>&)> in_double;
  std::function<xg::Variable<float>(const Variables<float>&)> in_float;
  template <class F>
  Function(F formula) : in_double(formula), in_float(formula) {}
};

template <class T>
xg::Variable<T> as_value(const xg::Variable<T>&, const xg::Indices& index) {
  return xg::constant(static_cast<T>(index()));
}

template <class T>
xg::Variable<T> matrix(const xg::Variable<T>& x) {
  return xg::reshape(x, {2, 2});
}

/// A line of one element: losses over classes take no value without axes.
template <class T>
xg::Variable<T> line(const xg::Variable<T>& x) {
  return xg::reshape(x, {1});
}

template <class T>
xg::Variable<T> image(const xg::Variable<T>& x, std::ptrdiff_t width) {
  return xg::reshape(x, {1, 1, width, width});
}

/// A function's spelling on the page; `name(x...)` takes all of its arguments as one array.
const std::map<std::string, Function>& functions() {
  static const std::map<std::string, Function> all = {
      {"step(x)", [](const auto& x) { return step(x[0]); }},
      {"sign(x)", [](const auto& x) { return sign(x[0]); }},
      {"floor(x)", [](const auto& x) { return floor(x[0]); }},
      {"ceil(x)", [](const auto& x) { return ceil(x[0]); }},
      {"round(x)", [](const auto& x) { return round(x[0]); }},
      {"trunc(x)", [](const auto& x) { return trunc(x[0]); }},
      {"last of cumprod(x...)", [](const auto& x) { return slice(cumprod(x[0], 0), {-1}); }},
      {"values of max_with_indices(x...)", [](const auto& x) { return max_with_indices(x[0], 0).values; }},
      {"values of min_with_indices(x...)", [](const auto& x) { return min_with_indices(x[0], 0).values; }},
      {"masked_fill(x, m, 7)", [](const auto& x) { return masked_fill(x[0], x[1], 7); }},
      {"abs(x)", [](const auto& x) { return abs(x[0]); }},
      {"relu(x)", [](const auto& x) { return relu(x[0]); }},
      {"leaky_relu(x)", [](const auto& x) { return leaky_relu(x[0]); }},
      {"elu(x)", [](const auto& x) { return elu(x[0]); }},
      {"elu(x, 0.5)", [](const auto& x) { return elu(x[0], 0.5); }},
      {"selu(x)", [](const auto& x) { return selu(x[0]); }},
      {"gelu(x)", [](const auto& x) { return gelu(x[0]); }},
      {"silu(x)", [](const auto& x) { return silu(x[0]); }},
      {"mish(x)", [](const auto& x) { return mish(x[0]); }},
      {"sigmoid(x)", [](const auto& x) { return sigmoid(x[0]); }},
      {"softplus(x)", [](const auto& x) { return softplus(x[0]); }},
      {"softsign(x)", [](const auto& x) { return softsign(x[0]); }},
      {"hardtanh(x)", [](const auto& x) { return hardtanh(x[0]); }},
      {"maximum(a, b)", [](const auto& x) { return maximum(x[0], x[1]); }},
      {"minimum(a, b)", [](const auto& x) { return minimum(x[0], x[1]); }},
      {"clamp(x, low, high)", [](const auto& x) { return clamp(x[0], x[1], x[2]); }},
      {"equal(a, b)", [](const auto& x) { return x[0] == x[1]; }},
      {"not_equal(a, b)", [](const auto& x) { return x[0] != x[1]; }},
      {"less(a, b)", [](const auto& x) { return x[0] < x[1]; }},
      {"less_equal(a, b)", [](const auto& x) { return x[0] <= x[1]; }},
      {"divide(a, b)", [](const auto& x) { return x[0] / x[1]; }},
      {"reciprocal(x)", [](const auto& x) { return reciprocal(x[0]); }},
      {"sqrt(x)", [](const auto& x) { return sqrt(x[0]); }},
      {"rsqrt(x)", [](const auto& x) { return rsqrt(x[0]); }},
      {"pow(x, y)", [](const auto& x) { return pow(x[0], x[1]); }},
      {"log(x)", [](const auto& x) { return log(x[0]); }},
      {"log2(x)", [](const auto& x) { return log2(x[0]); }},
      {"log1p(x)", [](const auto& x) { return log1p(x[0]); }},
      {"expm1(x)", [](const auto& x) { return expm1(x[0]); }},
      {"x * log(x)", [](const auto& x) { return x[0] * log(x[0]); }},
      {"asin(x)", [](const auto& x) { return asin(x[0]); }},
      {"acos(x)", [](const auto& x) { return acos(x[0]); }},
      {"atan(x)", [](const auto& x) { return atan(x[0]); }},
      {"atan2(y, x)", [](const auto& x) { return atan2(x[0], x[1]); }},
      {"tanh(x)", [](const auto& x) { return tanh(x[0]); }},
      {"erf(x)", [](const auto& x) { return erf(x[0]); }},
      {"erfc(x)", [](const auto& x) { return erfc(x[0]); }},
      {"logaddexp(a, b)", [](const auto& x) { return logaddexp(x[0], x[1]); }},
      {"max(x...)", [](const auto& x) { return max(x[0]); }},
      {"min(x...)", [](const auto& x) { return min(x[0]); }},
      {"max(x...) along its axis", [](const auto& x) { return max(x[0], {.axes = {0}}); }},
      {"min(x...) along its axis", [](const auto& x) { return min(x[0], {.axes = {0}}); }},
      {"square(x)", [](const auto& x) { return square(x[0]); }},
      {"first of sort(x...)", [](const auto& x) { return slice(sort(x[0]), {0}); }},
      {"first of topk(x...)", [](const auto& x) { return slice(topk(x[0], 1).values, {0}); }},
      {"last of sort(x...)", [](const auto& x) { return slice(sort(x[0]), {-1}); }},
      {"argmax(x...)", [](const auto& x) { return as_value(x[0], argmax(x[0])); }},
      {"argmin(x...)", [](const auto& x) { return as_value(x[0], argmin(x[0])); }},
      {"max_pool2d(x...) of a 2x2 window",
       [](const auto& x) {
         return max_pool2d(image(x[0], 2), {.kernel = {2, 2}});
       }},
      {"max_pool2d(x...) of one element, padded",
       [](const auto& x) {
         return max_pool2d(image(x[0], 1), {.kernel = {3, 3}, .padding = {1, 1}});
       }},
      {"avg_pool2d(x...) of one element, padded",
       [](const auto& x) {
         return avg_pool2d(image(x[0], 1), {.kernel = {3, 3}, .padding = {1, 1}});
       }},
      {"determinant(x...) of a 2x2 matrix", [](const auto& x) { return determinant(matrix(x[0])); }},
      {"logdet(x...) of a 2x2 matrix", [](const auto& x) { return logdet(matrix(x[0])); }},
      {"sum of inverse(x...) of a 2x2 matrix", [](const auto& x) { return sum(inverse(matrix(x[0]))); }},
      {"sum of cholesky(x...) of a 2x2 matrix", [](const auto& x) { return sum(cholesky(matrix(x[0]))); }},
      {"var(x...) with ddof 1", [](const auto& x) { return var(x[0], {.ddof = 1}); }},
      {"std(x...) with ddof 1", [](const auto& x) { return xg::std(x[0], {.ddof = 1}); }},
      {"first of layer_norm(x...)", [](const auto& x) { return slice(layer_norm(x[0]), {0}); }},
      {"dropout(x, 0)", [](const auto& x) { return dropout(x[0], 0) * 1; }},
      {"dropout(x, 1)", [](const auto& x) { return dropout(x[0], 1); }},
      {"prod(x...)", [](const auto& x) { return prod(x[0]); }},
      {"norm(x...)", [](const auto& x) { return norm(x[0]); }},
      {"norm(x...) with p 1", [](const auto& x) { return norm(x[0], {.p = 1}); }},
      {"norm(x...) with p inf",
       [](const auto& x) { return norm(x[0], {.p = std::numeric_limits<double>::infinity()}); }},
      {"where(true, a, b)", [](const auto& x) { return xg::where(xg::Mask(true), x[0], x[1]); }},
      {"where(false, a, b)", [](const auto& x) { return xg::where(xg::Mask(false), x[0], x[1]); }},
      {"where(x, a, b)", [](const auto& x) { return xg::where(x[0], x[1], x[2]); }},
      {"where(x > 0, log(x), 0)", [](const auto& x) { return xg::where(x[0] > 0, log(x[0]), 0); }},
      {"where(x > 0, log(where(x > 0, x, 1)), 0)",
       [](const auto& x) { return xg::where(x[0] > 0, log(xg::where(x[0] > 0, x[0], 1)), 0); }},
      {"l1_loss(p, t)", [](const auto& x) { return l1_loss(x[0], x[1]); }},
      {"huber_loss(p, t)", [](const auto& x) { return huber_loss(x[0], x[1]); }},
      {"binary_cross_entropy(p, t)", [](const auto& x) { return binary_cross_entropy(x[0], x[1]); }},
      {"binary_cross_entropy_with_logits(z, t)",
       [](const auto& x) { return binary_cross_entropy_with_logits(x[0], x[1]); }},
      {"kl_div(q, t) of logarithms q", [](const auto& x) { return kl_div(line(x[0]), line(x[1])); }},
      {"cross_entropy_of_probabilities(p, t)",
       [](const auto& x) { return cross_entropy_of_probabilities(line(x[0]), line(x[1])); }},
      {"first of softmax(x...)", [](const auto& x) { return slice(softmax(x[0]), {0}); }},
      {"var(x...) with ddof 2", [](const auto& x) { return var(x[0], {.ddof = 2}); }},
      {"std(x...)", [](const auto& x) { return xg::std(x[0]); }},
      {"logsumexp(x...)", [](const auto& x) { return logsumexp(x[0]); }},
  };
  return all;
}

struct Convention {
  std::string text;
  const Function* function = nullptr;
  bool takes_array = false, far_out = false;
  std::vector<double> at;
  bool has_value = true;  ///< no ValueError
  double value = 0;
  bool has_gradient = true, refuses_gradient = false;
  std::vector<double> gradient;
};

Convention parse(const std::string& line, bool far_out) {
  INFO(line);
  const auto cells = split(line, '|');
  REQUIRE_MESSAGE(cells.size() == 8, "scripts/pytorch_conventions.py fills the columns on the right");
  const auto found = functions().find(cells[1]);
  REQUIRE_MESSAGE(found != functions().end(), "no such function in this test");
  Convention row;
  row.text = line;
  row.function = &found->second;
  row.far_out = far_out;
  row.takes_array = cells[1].find("(x...)") != std::string::npos;
  row.at = numbers(cells[2]);
  row.has_value = cells[3] != "ValueError";
  if (row.has_value) row.value = numbers(cells[3]).at(0);
  row.has_gradient = cells[4] != "none";
  row.refuses_gradient = cells[4] == "ValueError";
  if (row.has_gradient && !row.refuses_gradient) row.gradient = numbers(cells[4]);
  return row;
}

std::vector<Convention> published() {
  std::vector<Convention> rows;
  for (const Line& line : table_rows())
    if (!line.is_second_order()) rows.push_back(parse(line.text, line.section == "Far out"));
  return rows;
}

template <class T>
Variables<T> arguments(const Convention& row) {
  Variables<T> made;
  if (row.takes_array) {
    xg::Array<T> x(xg::Shape{row.at.size()});
    std::transform(row.at.begin(), row.at.end(), x.begin(), [](double e) { return static_cast<T>(e); });
    made.push_back(xg::parameter(x));
  } else {
    for (double x : row.at) made.push_back(xg::parameter(xt::xarray<T>(static_cast<T>(x))));
  }
  return made;
}

template <class T>
xg::Variable<T> call(const Convention& row, const Variables<T>& in) {
  if constexpr (std::is_same_v<T, double>) {
    return row.function->in_double(in);
  } else {
    return row.function->in_float(in);
  }
}

/// Equal to a few units in the last place of T; NaN equals NaN.
template <class T>
bool agrees(T got, double expected) {
  if (std::isnan(expected)) return std::isnan(got);
  if (std::isinf(expected)) return static_cast<double>(got) == expected;
  const double tolerance = 8 * static_cast<double>(std::numeric_limits<T>::epsilon());
  return std::fabs(static_cast<double>(got) - expected) <= tolerance * std::fabs(expected) + 1e-300;
}

template <class T>
void check(const Convention& row) {
  const auto in = arguments<T>(row);
  if (!row.has_value) {
    CHECK_THROWS_AS(call(row, in), xg::ValueError);
    return;
  }
  const auto y = call(row, in);
  CAPTURE(y.item());
  CHECK(agrees(y.item(), row.value));
  CHECK(y.requires_grad() == row.has_gradient);
  if (!y.requires_grad() || !row.has_gradient) return;
  if (row.refuses_gradient) {
    CHECK_THROWS_AS(xg::grad(y, in), xg::ValueError);
    return;
  }
  const auto first = xg::grad(y, in, {.create_graph = true});
  std::vector<T> got;
  for (const auto& share : first) {
    const xg::Array<T> values = share.value();
    got.insert(got.end(), values.cbegin(), values.cend());
  }
  REQUIRE(got.size() == row.gradient.size());
  for (std::size_t k = 0; k < got.size(); ++k) {
    INFO("gradient " << k << " is " << got[k]);
    CHECK(agrees(got[k], row.gradient[k]));
  }
  if (!row.far_out) return;
  for (const auto& share : first) {
    if (!share.requires_grad()) continue;
    const auto weights = xt::ones<T>(share.shape());
    for (const auto& second : xg::grad(share, in, {.retain_graph = true, .grad_output = weights})) {
      INFO("second derivative " << second);
      CHECK(xt::all(xt::isfinite(second.value())));
    }
  }
}

template <class T>
void check_second(const std::vector<std::string>& cells) {
  const auto function = functions().find(cells[1]);
  REQUIRE_MESSAGE(function != functions().end(), "no such function in this test");
  Convention row;
  row.function = &function->second;
  row.takes_array = cells[1].find("(x...)") != std::string::npos;
  row.at = numbers(cells[2]);
  const auto in = arguments<T>(row);
  auto slope = xg::constant(xt::xarray<T>(T(0)));
  for (const auto& share : xg::grad(call(row, in), in, {.create_graph = true}))
    slope = slope + xg::sum(share);
  const std::vector<double> expected = numbers(cells[3]);
  std::vector<T> got(expected.size(), T(0));
  if (slope.requires_grad()) {
    got.clear();
    for (const auto& share : xg::grad(slope, in)) {
      const xg::Array<T> values = share.value();
      got.insert(got.end(), values.cbegin(), values.cend());
    }
  }
  REQUIRE(got.size() == expected.size());
  for (std::size_t k = 0; k < got.size(); ++k) {
    INFO("second derivative " << k << " is " << got[k]);
    CHECK(agrees(got[k], expected[k]));
  }
}

xg::Variable<double> derivative(const xg::Variable<double>& y, const xg::Variable<double>& x) {
  return xg::grad(y, {x}, {.create_graph = true})[0];
}

}  // namespace

TEST_CASE("every row of docs/conventions.md holds, in double and in float") {
  const auto rows = published();
  CHECK(rows.size() > 80);
  for (const Convention& row : rows) {
    INFO(row.text);
    check<double>(row);
    check<float>(row);
  }
}

TEST_CASE("every function of this test is in docs/conventions.md") {
  std::map<const Function*, int> uses;
  for (const Line& line : table_rows()) {
    const auto function = functions().find(split(line.text, '|').at(1));
    if (function != functions().end()) ++uses[&function->second];
  }
  for (const auto& function : functions()) {
    INFO(function.first);
    CHECK(uses[&function.second] > 0);
  }
}

TEST_CASE("every row on second derivatives holds: the gradient of the sum of the gradient") {
  std::size_t rows = 0;
  for (const Line& line : table_rows()) {
    if (!line.is_second_order()) continue;
    INFO(line.text);
    ++rows;
    const auto cells = split(line.text, '|');
    REQUIRE_MESSAGE(cells.size() == 6, "scripts/pytorch_conventions.py fills the columns on the right");
    check_second<double>(cells);
    check_second<float>(cells);
  }
  CHECK(rows > 10);
}

TEST_CASE("higher derivatives of powers are right where the base or the exponent is 0") {
  const auto zero = xg::parameter(0.0);
  auto y = pow(zero, 2);
  CHECK(derivative(derivative(y, zero), zero).item() == 2);
  y = derivative(derivative(pow(zero, 3), zero), zero);
  CHECK(y.item() == 0);
  CHECK(derivative(y, zero).item() == 6);
  CHECK(derivative(derivative(pow(zero, 0.0), zero), zero).item() == 0);
  const auto x = xg::parameter(4.0), exponent = xg::parameter(0.0);
  CHECK(derivative(derivative(pow(x, exponent), x), exponent).item() == 0.25);
  CHECK(derivative(derivative(pow(x, exponent), exponent), x).item() == 0.25);
}

TEST_CASE("smooth functions have their second derivative where their formula changes sides") {
  const auto zero = xg::parameter(0.0), also_zero = xg::parameter(0.0);
  CHECK(derivative(derivative(softplus(zero), zero), zero).item() == doctest::Approx(0.25));
  CHECK(derivative(derivative(silu(zero), zero), zero).item() == doctest::Approx(0.5));
  CHECK(derivative(derivative(gelu(zero), zero), zero).item() == doctest::Approx(0.7978845608028654));
  const auto y = logaddexp(zero, also_zero);
  CHECK(derivative(derivative(y, zero), zero).item() == doctest::Approx(0.25));
  CHECK(derivative(derivative(y, zero), also_zero).item() == doctest::Approx(-0.25));
}

TEST_CASE("small results keep their digits in float") {
  const float x = -4;
  const auto at = xg::parameter(x);
  const double expected = x * 0.5 * std::erfc(4 / std::sqrt(2.0));
  CHECK(gelu(at).item() == doctest::Approx(expected).epsilon(1e-6));
  CHECK(sigmoid(xg::parameter(-40.0f)).item() == doctest::Approx(std::exp(-40.0)).epsilon(1e-6));
  CHECK(softplus(xg::parameter(-40.0f)).item() == doctest::Approx(std::exp(-40.0)).epsilon(1e-6));
}
