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
  return constant(random_normal<T>(shape, 0, 1, from));
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
