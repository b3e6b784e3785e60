// What every row of the table promises away from its domain: NaN and infinities, and arguments that do not
// fit.
#include <doctest/doctest.h>

#include <algorithm>
#include <iterator>
#include <limits>
#include <map>
#include <set>
#include <string>

#include "../message_of.hpp"
#include "row_runs.hpp"

namespace xg = xgrad;
using namespace xgrad::testing;

namespace {

constexpr double infinity = std::numeric_limits<double>::infinity();
constexpr double specials[] = {std::numeric_limits<double>::quiet_NaN(), infinity, -infinity, -1, 0, 1, 2.5};

/// Every combination of the special numbers, one in each element.
Arrays combinations(std::size_t arguments) {
  std::size_t count = 1;
  for (std::size_t k = 0; k < arguments; ++k) count *= std::size(specials);
  Arrays made;
  std::size_t step = 1;
  for (std::size_t k = 0; k < arguments; ++k, step *= std::size(specials)) {
    xg::Dense<double> x(xg::Shape{count});
    for (std::size_t i = 0; i < count; ++i) x.mutable_data()[i] = specials[i / step % std::size(specials)];
    made.push_back(xg::to_array(std::move(x)));
  }
  return made;
}

std::string text_of(const Arrays& in) {
  std::ostringstream text;
  for (std::size_t i = 0; i < in[0].size(); ++i) {
    text << i << ": ";
    for (const auto& x : in) text << x.storage()[i] << ' ';
    text << "; ";
  }
  return text.str();
}

template <class T>
void check_special(const OperationRow& row, const Arrays& in) {
  const std::vector<double> expected = row.reference(in);
  const xg::Variable<T> y = call(row, parameters<T>(in));
  CHECK(difference(y.dense(), expected.data(), expected.size(),
                   std::is_same_v<T, double> ? row.value_tolerance : row.float_tolerance) == "");
}

/// What eliminates: it meets NaN and infinities in an order of its own, not in that of a formula.
bool eliminates(const OperationRow& row) {
  constexpr std::string_view names[] = {"solve",  "inverse",  "determinant",
                                        "logdet", "cholesky", "solve_factored"};
  return std::find(std::begin(names), std::end(names), row.operation) != std::end(names);
}

/// What multiplies by an inverse: a NaN or an infinity anywhere in its matrix may be everywhere in the
/// result.
bool goes_by_inverse(const OperationRow& row) { return row.operation == "determinant_gradient"; }

bool is_nan_among(const std::vector<double>& numbers) {
  return std::any_of(numbers.begin(), numbers.end(), [](double x) { return std::isnan(x); });
}

template <class T>
std::vector<bool> places_of_nan(const T* elements, std::size_t count) {
  std::vector<bool> is_nan(count);
  std::transform(elements, elements + count, is_nan.begin(), [](T x) { return std::isnan(x); });
  return is_nan;
}

/// Losses of probabilities refuse what is none.
bool refuses(const OperationRow& row, const Arrays& in) {
  const bool is_of_probabilities = row.operation == "binary_cross_entropy" ||
                                   row.operation == "cross_entropy_of_probabilities" ||
                                   row.operation == "loss_gradient";
  if (!is_of_probabilities) return false;
  const auto& p = in[0].storage();
  if (std::none_of(p.begin(), p.end(), [](double x) { return x < 0 || x > 1; })) return false;
  try {
    row.apply(parameters<double>(in));
    return false;
  } catch (const xg::ValueError&) {
    return true;
  }
}

}  // namespace

TEST_CASE("NaN and infinities come out of elementwise operations where the reference has them") {
  for_each_row([](const OperationRow& row) {
    if (!row.elementwise) return;
    const Arrays in = combinations(row.arguments.size());
    INFO(text_of(in));
    check_special<double>(row, in);
    check_special<float>(row, in);
  });
}

TEST_CASE("NaN and infinities come out of structural operations where the reference has them") {
  for_each_row([](const OperationRow& row) {
    if (row.elementwise || eliminates(row) || goes_by_inverse(row)) return;
    for (std::uint64_t seed = 0; seed < 12; ++seed) {
      Arrays in = sample(row, own_shapes(row), seed);
      xg::Generator from(seed);
      for (auto& x : in)
        for (std::size_t times = x.size() == 0 ? 0 : seed % 3 + 1; times > 0; --times)
          x.storage()[from.below(x.size())] = specials[from.below(3)];
      INFO("seed " << seed << ", " << text_of(in));
      if (refuses(row, in)) continue;
      check_special<double>(row, in);
      check_special<float>(row, in);
    }
  });
}

TEST_CASE(
    "a NaN in a matrix that is solved, inverted or factored is in what depends on it and nowhere else") {
  for (const OperationRow& row : all_rows()) {
    INFO("row: " << name_of(row));
    for (std::uint64_t seed = 0; eliminates(row) && seed < 24; ++seed) {
      Arrays in = sample(row, own_shapes(row), seed);
      xg::Generator from(seed);
      auto& x = in[from.below(in.size())];
      x.storage()[from.below(x.size())] = specials[0];
      INFO("seed " << seed << ", " << text_of(in));
      const std::vector<double> expected = row.reference(in);
      const xg::Dense<double> got = row.apply(parameters<double>(in)).dense();
      CHECK(places_of_nan(got.data(), got.size()) == places_of_nan(expected.data(), expected.size()));
    }
  }
}

/// What a row gives where an element of its matrices is infinite, against the limits that its reference goes
/// to as the element grows. How many elements came out finite though they depend on it.
template <class T>
std::size_t check_against_limits(const OperationRow& row, const Arrays& infinite, const Arrays& huge,
                                 const std::vector<double>& with_nan) {
  const std::vector<double> limits = row.reference(huge);
  const double tolerance = std::is_same_v<T, double> ? row.value_tolerance : row.float_tolerance;
  const double far = row.operation == "logdet" ? 100 : 1e50;
  xg::Dense<T> got;
  try {
    got = call(row, parameters<T>(infinite)).dense();
  } catch (const xg::ValueError&) {
    CHECK(row.operation == "logdet");  // of a negative determinant
    CHECK(is_nan_among(limits));
    return 0;
  }
  std::size_t finite = 0;
  REQUIRE(got.size() == limits.size());
  for (std::size_t i = 0; i < got.size(); ++i) {
    const double element = static_cast<double>(got.data()[i]);
    const bool depends = std::isnan(with_nan[i]);
    if (depends && std::isnan(element)) continue;
    finite += depends && std::isfinite(element);
    INFO("element " << i << " is " << element << ", its limit " << limits[i]);
    if (std::isinf(element)) {
      CHECK(element * limits[i] > 0);
      CHECK(std::fabs(limits[i]) > far);
    } else {
      CHECK(std::fabs(element - limits[i]) <= tolerance * std::fmax(1, std::fabs(limits[i])));
    }
  }
  return finite;
}

TEST_CASE(
    "of an infinity in a matrix that is solved, inverted or factored comes the limit, or a NaN in what "
    "depends on it") {
  // Elimination subtracts what is infinite on its way, as LAPACK does under NumPy: a NaN is allowed for.
  std::map<std::string, std::size_t> finite;
  for (const OperationRow& row : all_rows()) {
    INFO("row: " << name_of(row));
    for (std::uint64_t seed = 0; eliminates(row) && seed < 48; ++seed) {
      const double sign = seed % 2 == 0 ? 1 : -1;
      Arrays infinite = as_floats(sample(row, own_shapes(row), seed));
      xg::Generator from(seed);
      const std::size_t k = from.below(infinite.size()), place = from.below(infinite[k].size());
      Arrays huge = infinite, with_nan = infinite;
      infinite[k].storage()[place] = sign * infinity;
      huge[k].storage()[place] = sign * 1e100;
      with_nan[k].storage()[place] = specials[0];
      INFO("seed " << seed << ", " << text_of(infinite));
      const std::vector<double> lost = row.reference(with_nan);
      finite[row.operation] += check_against_limits<double>(row, infinite, huge, lost);
      finite[row.operation] += check_against_limits<float>(row, infinite, huge, lost);
    }
  }
  // Where the infinity is a pivot, its row takes no part in the others.
  CHECK(finite["solve"] > 0);
  CHECK(finite["inverse"] > 0);
}

TEST_CASE("a gradient that is no NaN though an argument is infinite is its limit") {
  std::size_t no_limits = 0;
  for (const OperationRow& row : all_rows()) {
    if (!row.differentiable || row.elementwise) continue;
    INFO("row: " << name_of(row));
    for (std::uint64_t seed = 0; seed < 16; ++seed) {
      const Arrays in = sample(row, own_shapes(row), seed);
      xg::Generator from(seed);
      const std::size_t k = from.below(in.size());
      if (in[k].size() == 0) continue;
      const std::size_t place = from.below(in[k].size());
      const double sign = seed % 2 == 0 ? 1 : -1;
      const auto with = [&](double element) {
        Arrays planted = in;
        planted[k].storage()[place] = sign * element;
        return planted;
      };
      if (refuses(row, with(std::numeric_limits<double>::infinity()))) continue;
      const auto gradients_at = [&](double element) { return run(row, parameters<double>(with(element))); };
      // logdet refuses what has a negative determinant.
      if (row.operation == "logdet" && is_nan_among(row.reference(with(1e50)))) continue;
      const auto got = gradients_at(infinity), far = gradients_at(1e25), further = gradients_at(1e50);
      for (std::size_t x = 1; x < got.size(); ++x)
        for (std::size_t i = 0; i < got[x].size(); ++i) {
          const double g = got[x].data()[i], limit = further[x].data()[i];
          if (std::isnan(g)) continue;
          const bool grows = limit * g > 0 && std::fabs(limit) > 1.2 * std::fabs(far[x].data()[i]);
          const bool right =
              std::isinf(g) ? grows : std::fabs(g - limit) <= 1e-9 * std::fmax(1, std::fabs(limit));
          // A line of nothing but -inf has the gradient 0: docs/conventions.md.
          no_limits += !right && row.operation == "logsumexp";
          INFO("seed " << seed << ", " << sign * infinity << " at " << place << " of input " << k
                       << ", gradient " << i << " of input " << x - 1 << " is " << g << ", its limit "
                       << limit);
          CHECK((right || name_of(row) == "logsumexp (one element)"));
        }
    }
  }
  CHECK(no_limits > 0);
}

TEST_CASE("a gradient that depends on an element is a NaN where the element is one") {
  // A comparison chooses what the gradient is here, and a NaN chooses too: docs/conventions.md says how.
  const std::set<std::string> choices = {"clamp",
                                         "hardtanh",
                                         "leaky_relu",
                                         "max",
                                         "max_with_indices",
                                         "maximum",
                                         "min",
                                         "min_with_indices",
                                         "minimum",
                                         "max_pool2d",
                                         "relu",
                                         "sort",
                                         "topk",
                                         "where"};
  std::set<std::string> kept;
  for (const OperationRow& row : all_rows()) {
    INFO("row: " << name_of(row));
    for (std::uint64_t seed = 0; row.differentiable && seed < 12; ++seed) {
      const Arrays in = sample(row, own_shapes(row), seed),
                   elsewhere = sample(row, own_shapes(row), seed + 50);
      xg::Generator from(seed);
      const std::size_t k = from.below(in.size());
      if (in[k].size() == 0) continue;
      const std::size_t place = from.below(in[k].size());
      Arrays moved = in, bad = in;
      moved[k].storage()[place] = elsewhere[k].storage()[place];
      bad[k].storage()[place] = specials[0];
      const auto before = run(row, parameters<double>(in)), after = run(row, parameters<double>(moved));
      const auto got = run(row, parameters<double>(bad));
      for (std::size_t x = 1; x < got.size(); ++x)
        for (std::size_t i = 0; i < got[x].size(); ++i) {
          const double was = before[x].data()[i];
          const bool depends = std::fabs(was - after[x].data()[i]) > 1e-9 * std::fmax(1, std::fabs(was));
          if (!depends) continue;
          const bool is_nan = std::isnan(got[x].data()[i]);
          if (!is_nan) kept.insert(row.operation);
          INFO("seed " << seed << ", a NaN at " << place << " of input " << k << ", gradient " << i
                       << " of input " << x - 1 << " is " << got[x].data()[i]);
          CHECK((is_nan || choices.count(row.operation) > 0));
        }
    }
  }
  CHECK(kept == choices);
}

TEST_CASE("elementwise operations refuse shapes that do not broadcast, and name both") {
  for_each_row([](const OperationRow& row) {
    for (std::size_t k = 1; row.elementwise && k < row.arguments.size(); ++k) {
      Shapes shapes(row.arguments.size(), xg::Shape{2, 3});
      shapes[k] = {4};
      const Arrays in = sample(row, shapes, 1);
      const std::string message = message_of<xg::ShapeError>([&] { row.apply(parameters<double>(in)); });
      INFO(message);
      CHECK(message.find("[2, 3]") != std::string::npos);
      CHECK(message.find("[4]") != std::string::npos);
      CHECK(message.find(": ") != std::string::npos);
      CHECK(message_of<xg::ShapeError>([&] { row.apply_float(parameters<float>(in)); }) == message);
    }
  });
}
