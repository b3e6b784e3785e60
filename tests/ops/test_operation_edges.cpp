// What every row of the table promises away from its domain: NaN and infinities, and arguments that do not
// fit.
#include <doctest/doctest.h>

#include <algorithm>
#include <iterator>
#include <limits>

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

bool is_reduction(const OperationRow& row) {
  constexpr std::string_view names[] = {"sum", "mean", "max",    "min",  "logsumexp", "var",
                                        "std", "norm", "cumsum", "prod", "softmax",   "log_softmax"};
  return std::find(std::begin(names), std::end(names), row.operation) != std::end(names);
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

TEST_CASE("NaN and infinities come out of reductions where the reference has them") {
  for_each_row([](const OperationRow& row) {
    if (!is_reduction(row)) return;
    for (std::uint64_t seed = 0; seed < 12; ++seed) {
      Arrays in = sample(row, own_shapes(row), seed);
      xg::Generator from(seed);
      for (auto& x : in)
        for (std::size_t times = seed % 3 + 1; times > 0; --times)
          if (x.size() > 0) x.storage()[from.below(x.size())] = specials[from.below(3)];
      INFO("seed " << seed << ", " << text_of(in));
      check_special<double>(row, in);
      check_special<float>(row, in);
    }
  });
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
