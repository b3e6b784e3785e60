// What the tests of every layer ask.
#pragma once

#include <cmath>
#include <vector>

#include <doctest/doctest.h>
#include <xgrad/core/kernels/random.hpp>
#include <xgrad/derivatives/gradcheck.hpp>
#include <xgrad/nn/module.hpp>

#include "../variables.hpp"

namespace xgrad::testing {

/// A constant of normally distributed numbers.
template <class T>
Variable<T> sample(const Shape& shape, std::uint64_t seed) {
  Generator from(seed);
  return Variable<T>(random_normal<T>(shape, 0, 1, from));
}

/// The largest error, relative where the expected value is above 1; infinite unless there are as many.
template <class T>
double distance(const Variable<T>& got, const std::vector<double>& expected) {
  if (got.size() != expected.size()) return INFINITY;
  double most = 0;
  for (std::size_t i = 0; i < expected.size(); ++i) {
    const double error = std::fabs(static_cast<double>(got.dense().data()[i]) - expected[i]);
    most = std::fmax(most, std::isnan(error) ? INFINITY : error / std::fmax(1, std::fabs(expected[i])));
  }
  return most;
}

/// What distance() may be for sums of some hundreds of terms.
template <class T>
constexpr double rounding = sizeof(T) == 4 ? 2e-5 : 1e-13;

/// The module's gradient in its input and in all of its parameters.
inline void check_gradients(nn::Module<double>& module, const Variable<double>& x) {
  const auto in_input = gradcheck([&](const Variable<double>& in) { return module(in); }, {x});
  INFO(in_input);
  CHECK(in_input.ok());
  if (module.parameters().empty()) return;
  const auto in_parameters =
      gradcheck([&] { return module(x); }, module.parameters(), {.second_order = true});
  INFO(in_parameters);
  CHECK(in_parameters.ok());
}

}  // namespace xgrad::testing
