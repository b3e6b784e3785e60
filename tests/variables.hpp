// Variables that a test draws, differentiates and compares.
#pragma once

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <initializer_list>
#include <numeric>
#include <random>
#include <utility>
#include <vector>
#include <xgrad/core/kernels/random.hpp>
#include <xgrad/derivatives/grad.hpp>

namespace xgrad::testing {

/// A parameter of numbers between low and high.
template <class T>
Variable<T> random_variable(const Shape& shape, std::mt19937_64& random, double low = -3, double high = 3) {
  std::uniform_real_distribution<double> number(low, high);
  Dense<T> x(shape);
  std::generate_n(x.mutable_data(), x.size(), [&] { return static_cast<T>(number(random)); });
  return parameter_from(std::move(x));
}

/// A parameter of numbers between -1 and 1.
template <class T = double>
Variable<T> random_variable(const Shape& shape, Generator& from) {
  return parameter(random_uniform<T>(shape, -1, 1, from));
}

/// The same for the same seed.
template <class T = double>
Variable<T> random_variable(const Shape& shape, std::uint64_t seed) {
  Generator from(seed);
  return random_variable<T>(shape, from);
}

/// 0, 1, 2 ... as a parameter.
inline Variable<double> counted(const Shape& shape) {
  Dense<double> x(shape);
  std::iota(x.mutable_data(), x.mutable_data() + x.size(), 0.0);
  return parameter_from(std::move(x));
}

template <class T>
std::vector<double> as_doubles(const Variable<T>& x) {
  return std::vector<double>(x.dense().data(), x.dense().data() + x.size());
}

/// The gradient of the sum of y's elements.
inline Array<double> gradient_of(const Variable<double>& y, const Variable<double>& x) {
  return grad(y, {x}, {.grad_output = to_array(Dense<double>::filled(y.shape(), 1))})[0].value();
}

inline Indices labels_of(std::initializer_list<std::int64_t> labels) {
  Dense<std::int64_t> result(Shape{labels.size()});
  std::copy(labels.begin(), labels.end(), result.mutable_data());
  return to_array(std::move(result));
}

inline Indices random_labels(std::size_t rows, std::size_t classes, std::mt19937_64& random) {
  Dense<std::int64_t> labels(Shape{rows});
  std::generate_n(labels.mutable_data(), rows, [&] { return static_cast<std::int64_t>(random() % classes); });
  return to_array(std::move(labels));
}

/// Indices from -extent to extent - 1.
inline Indices random_indices(const Shape& shape, std::size_t extent, Generator& from) {
  Dense<std::int64_t> drawn(shape);
  const auto lowest = -static_cast<std::int64_t>(extent);
  std::generate_n(drawn.mutable_data(), drawn.size(),
                  [&] { return static_cast<std::int64_t>(from.below(2 * extent)) + lowest; });
  return to_array(std::move(drawn));
}

/// Rows with a 1 at each label, written without the library's one_hot.
inline Array<double> rows_of_labels(const Indices& labels, std::size_t classes) {
  Dense<double> rows = Dense<double>::filled(Shape{labels.size(), classes}, 0);
  for (std::size_t r = 0; r < labels.size(); ++r)
    rows.mutable_data()[r * classes + static_cast<std::size_t>(labels.storage()[r])] = 1;
  return to_array(std::move(rows));
}

/// The largest distance between elements at the same place; infinite where one is NaN.
template <class T, class U>
double largest_difference(const T* a, const U* b, std::size_t count) {
  double most = 0;
  for (std::size_t i = 0; i < count; ++i) {
    const double difference = std::fabs(static_cast<double>(a[i]) - static_cast<double>(b[i]));
    most = std::fmax(most, std::isnan(difference) ? INFINITY : difference);
  }
  return most;
}

inline double largest_difference(const Array<double>& a, const Array<double>& b) {
  REQUIRE(a.shape() == b.shape());
  return largest_difference(a.storage().data(), b.storage().data(), a.size());
}

template <class T>
double largest_difference(const Variable<T>& got, const std::vector<double>& expected) {
  REQUIRE(got.size() == expected.size());
  return largest_difference(got.dense().data(), expected.data(), expected.size());
}

/// The largest error, relative where the expected value is above 1; infinite unless there are as many.
template <class T>
double distance(const Dense<T>& got, const std::vector<double>& expected) {
  if (got.size() != expected.size()) return INFINITY;
  double most = 0;
  for (std::size_t i = 0; i < expected.size(); ++i) {
    const double error = std::fabs(static_cast<double>(got.data()[i]) - expected[i]);
    most = std::fmax(most, std::isnan(error) ? INFINITY : error / std::fmax(1, std::fabs(expected[i])));
  }
  return most;
}

template <class T>
double distance(const Variable<T>& got, const std::vector<double>& expected) {
  return distance(got.dense(), expected);
}

}  // namespace xgrad::testing
