// What the tests of lazy xtensor expressions build them of, and how they look at what was made.
#pragma once

#include <doctest/doctest.h>

#include <cmath>
#include <cstddef>
#include <xgrad/core/array/array.hpp>

namespace xgrad::testing::lazy {

inline const xt::xarray<double> p = {{1, 2}, {3, 4}, {5, 6}};
inline constexpr double row_sums[] = {3, 7, 11}, column_sums[] = {9, 12};

/// Whether `made` is a rows x columns Array of `right(row, column)`.
template <class F>
bool is(const Array<double>& made, std::size_t rows, std::size_t columns, F right) {
  if (!(made.shape() == Shape{rows, columns})) return false;
  for (std::size_t i = 0; i < rows; ++i)
    for (std::size_t j = 0; j < columns; ++j)
      if (!(std::fabs(made(i, j) - right(i, j)) < 1e-12)) return false;
  return true;
}

}  // namespace xgrad::testing::lazy

/// Whether the expression is right(i, j) at each of its elements, in three rows of two.
#define CHECK_3x2(expression, right) \
  CHECK(is(expression, 3, 2,         \
           [&]([[maybe_unused]] std::size_t i, [[maybe_unused]] std::size_t j) { return right; }))
