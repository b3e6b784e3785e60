// How the tests of every row draw arguments, call the row's operation and compare what comes out.
#pragma once

#include <doctest/doctest.h>

#include <cmath>
#include <cstring>
#include <sstream>
#include <string>
#include <type_traits>
#include <vector>
#include <xgrad/core/kernels/random.hpp>
#include <xgrad/derivatives/grad.hpp>

#include "operation_row.hpp"

namespace xgrad::testing {

template <class T>
using Variables = std::vector<Variable<T>>;
using Arrays = std::vector<Array<double>>;
using Shapes = std::vector<Shape>;

/// The shapes that the row states for its arguments.
Shapes own_shapes(const OperationRow& row);

/// Arguments of these shapes from the row's domains; the same seed draws the same.
Arrays sample(const OperationRow& row, const Shapes& shapes, std::uint64_t seed);

/// The numbers that parameters<float>() holds, so that its rounding is no error of the operation.
Arrays as_floats(const Arrays& values);

/// A shape of up to four axes for each argument; they broadcast with each other. Axes may be empty.
Shapes broadcastable_shapes(std::size_t count, Generator& from);

/// "[3, 4] [4]": for messages.
std::string text_of(const Shapes& shapes);

template <class T>
Variables<T> parameters(const Arrays& values) {
  Variables<T> made;
  for (const Array<double>& value : values) made.push_back(parameter(xt::cast<T>(value)));
  return made;
}

template <class T>
Variable<T> call(const OperationRow& row, const Variables<T>& in) {
  if constexpr (std::is_same_v<T, double>) {
    return row.apply(in);
  } else {
    return row.apply_float(in);
  }
}

/// Weights of either sign, so that no error of a gradient hides in a sum.
template <class T>
Array<T> weights(const Shape& shape, std::uint64_t seed = 99) {
  Generator from(seed);
  Dense<T> drawn(shape);
  T* out = drawn.mutable_data();
  for (std::size_t i = 0; i < drawn.size(); ++i)
    out[i] = static_cast<T>((from.uniform() < 0.5 ? -1 : 1) * (0.5 + from.uniform()));
  return to_array(std::move(drawn));
}

/// The value, and the gradient in each input.
template <class T>
std::vector<Dense<T>> run(const OperationRow& row, const Variables<T>& in) {
  const Variable<T> y = call(row, in);
  std::vector<Dense<T>> all{y.dense()};
  if (!y.requires_grad()) return all;
  for (const auto& gradient : grad(y, in, {.grad_output = weights<T>(y.shape())}))
    all.push_back(gradient.dense());
  return all;
}

template <class T>
bool same_bits(const Dense<T>& a, const Dense<T>& b) {
  return a.shape == b.shape && (a.size() == 0 || std::memcmp(a.data(), b.data(), a.size() * sizeof(T)) == 0);
}

template <class T>
bool same_bits(const std::vector<Dense<T>>& a, const std::vector<Dense<T>>& b) {
  bool same = a.size() == b.size();
  for (std::size_t i = 0; same && i < a.size(); ++i) same = same_bits(a[i], b[i]);
  return same;
}

/// Empty if all is within tolerance * max(1, |expected|), a NaN where one is expected; otherwise the first
/// element that is not.
template <class T, class U>
std::string difference(const Dense<T>& got, const U* expected, std::size_t count, double tolerance) {
  std::ostringstream text;
  text.precision(17);
  if (got.size() != count) {
    text << got.size() << " elements instead of " << count;
    return text.str();
  }
  for (std::size_t i = 0; i < count; ++i) {
    const double g = static_cast<double>(got.data()[i]), e = static_cast<double>(expected[i]);
    if (g == e || (std::isnan(g) && std::isnan(e)) ||
        std::fabs(g - e) <= tolerance * std::fmax(1, std::fabs(e)))
      continue;
    text << "element " << i << " is " << g << " instead of " << e;
    return text.str();
  }
  return "";
}

template <class Check>
void for_each_row(const Check& check) {
  for (const OperationRow& row : all_rows_and_what_follows()) {
    INFO("row: " << name_of(row));
    check(row);
  }
}

}  // namespace xgrad::testing
