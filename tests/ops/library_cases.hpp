// Calls with the answers that another library gives, for the tests of edges.
#pragma once

#include <doctest/doctest.h>

#include <cmath>
#include <functional>
#include <vector>
#include <xgrad/core/graph/variable.hpp>

namespace xgrad::testing {

/// A call, the shape and the elements of its result.
struct LibraryCase {
  std::function<Variable<double>()> call;
  Shape shape;
  std::vector<double> elements;
};

/// All agree to a rounding or two, a NaN with a NaN.
inline void check(const std::vector<LibraryCase>& cases) {
  for (std::size_t number = 0; number < cases.size(); ++number) {
    INFO("case " << number);
    const Variable<double> y = cases[number].call();
    INFO(y);
    CHECK(y.shape() == cases[number].shape);
    REQUIRE(y.size() == cases[number].elements.size());
    for (std::size_t k = 0; k < y.size(); ++k) {
      const double got = y.dense().data()[k], expected = cases[number].elements[k];
      INFO("element " << k << " should be " << expected);
      const bool both_nan = std::isnan(got) && std::isnan(expected);
      CHECK((got == expected || both_nan || std::fabs(got - expected) <= 1e-14 * std::fabs(expected)));
    }
  }
}

/// Whole numbers from -5 to 5 in no order.
inline Variable<double> numbers(const Shape& shape) {
  Dense<double> x(shape);
  for (std::size_t i = 0; i < x.size(); ++i) x.mutable_data()[i] = static_cast<double>(i * 7 % 11) - 5;
  return parameter_from(std::move(x));
}

}  // namespace xgrad::testing
