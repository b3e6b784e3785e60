// Variables that a test draws, differentiates and compares.
#pragma once

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <initializer_list>
#include <random>
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

/// A parameter of numbers between -1 and 1, the same for the same seed.
template <class T = double>
Variable<T> random_variable(const Shape& shape, std::uint64_t seed) {
  Generator from(seed);
  return parameter_from(random_uniform<T>(shape, -1, 1, from));
}

template <class T>
std::vector<double> as_doubles(const Variable<T>& x) {
  return std::vector<double>(x.dense().data(), x.dense().data() + x.size());
}

/// The gradient of the sum of y's elements.
inline Array<double> gradient_of(const Variable<double>& y, const Variable<double>& x) {
  return grad(y, {x}, {.grad_output = xt::ones<double>(y.shape())})[0].value();
}

inline Indices labels_of(std::initializer_list<std::int64_t> labels) {
  Indices result = xt::zeros<std::int64_t>({labels.size()});
  std::copy(labels.begin(), labels.end(), result.begin());
  return result;
}

inline Indices random_labels(std::size_t rows, std::size_t classes, std::mt19937_64& random) {
  Indices labels = xt::zeros<std::int64_t>({rows});
  for (std::size_t r = 0; r < rows; ++r) labels(r) = static_cast<std::int64_t>(random() % classes);
  return labels;
}

/// Rows with a 1 at each label, written without the library's one_hot.
inline Array<double> rows_of_labels(const Indices& labels, std::size_t classes) {
  Array<double> rows = xt::zeros<double>({labels.size(), classes});
  for (std::size_t r = 0; r < labels.size(); ++r) rows(r, static_cast<std::size_t>(labels(r))) = 1;
  return rows;
}

/// The largest distance between elements at the same place.
inline double largest_difference(const Array<double>& a, const Array<double>& b) {
  REQUIRE(a.shape() == b.shape());
  double worst = 0;
  for (std::size_t i = 0; i < a.size(); ++i)
    worst = std::max(worst, std::fabs(a.storage()[i] - b.storage()[i]));
  return worst;
}

}  // namespace xgrad::testing
