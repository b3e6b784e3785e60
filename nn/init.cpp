#include "init.hpp"

#include "../core/array/instantiate.hpp"

#include <algorithm>
#include <cmath>
#include <sstream>
#include <string>
#include <utility>

namespace xgrad::nn::init {
namespace {

Fans fans_for(const char* operation, const Shape& weight) {
  if (weight.size() < 2)
    throw ShapeError(std::string(operation) + ": a parameter of shape " + to_string(weight) +
                     " has no inputs and outputs to count; use constant, uniform or normal for it");
  if (weight.size() == 2) return {weight[0], weight[1]};
  std::size_t extents = 1;
  for (std::size_t axis = 2; axis < weight.size(); ++axis) extents *= weight[axis];
  return {weight[1] * extents, weight[0] * extents};
}

void check(bool right, const char* operation, const char* option, double number, const char* advice) {
  if (right) return;
  std::ostringstream text;
  text << operation << ": " << option << " is " << number << "; give " << advice;
  throw ValueError(text.str());
}

/// As random_uniform and random_normal refuse them, in the name of the function that was called.
template <class T>
void check_bounds(const char* operation, double low, double high) {
  if (std::isfinite(static_cast<T>(low)) && std::isfinite(static_cast<T>(high - low)) && low <= high) return;
  std::ostringstream text;
  text << operation << ": low is " << low << " and high " << high
       << "; give bounds in order, a finite distance apart";
  throw ValueError(text.str());
}
void check_normal(const char* operation, double mean, double deviation) {
  if (std::isfinite(mean) && std::isfinite(deviation) && deviation >= 0) return;
  std::ostringstream text;
  text << operation << ": mean is " << mean << " and deviation " << deviation
       << "; give finite numbers, the deviation 0 or more";
  throw ValueError(text.str());
}

double he_deviation(const char* operation, const Shape& weight, double negative_slope) {
  const Fans fan = fans_for(operation, weight);
  check(std::isfinite(negative_slope), operation, "negative_slope", negative_slope, "a finite number");
  return std::sqrt(2 / ((1 + negative_slope * negative_slope) * static_cast<double>(fan.in)));
}

double xavier_deviation(const char* operation, const Shape& weight, double gain) {
  const Fans fan = fans_for(operation, weight);
  check(std::isfinite(gain) && gain >= 0, operation, "gain", gain, "a finite number of at least 0");
  return gain * std::sqrt(2 / static_cast<double>(fan.in + fan.out));
}

/// Half the width of the uniform distribution of that deviation.
double bound(double deviation) { return std::sqrt(3.0) * deviation; }

/// Makes the rows of a normally distributed matrix orthonormal, one after the other. What is subtracted is
/// subtracted twice: after one pass, rounding leaves rows that nearly depended on each other askew (Giraud,
/// Langou and Rozloznik, "The loss of orthogonality in the Gram-Schmidt orthogonalization process", 2005).
void orthonormalise_rows(double* rows, std::size_t count, std::size_t length) {
  const auto product = [=](const double* a, const double* b) {
    double sum = 0;
    for (std::size_t i = 0; i < length; ++i) sum += a[i] * b[i];
    return sum;
  };
  for (std::size_t r = 0; r < count; ++r) {
    double* const row = rows + r * length;
    for (int pass = 0; pass < 2; ++pass)
      for (std::size_t other = 0; other < r; ++other) {
        const double* const done = rows + other * length;
        const double share = product(row, done);
        for (std::size_t i = 0; i < length; ++i) row[i] -= share * done[i];
      }
    const double norm = std::sqrt(product(row, row));
    for (std::size_t i = 0; i < length; ++i) row[i] /= norm;
  }
}

}  // namespace

Fans fans(const Shape& weight) { return fans_for("fans", weight); }

template <class T>
void constant(Variable<T> parameter, double value) {
  parameter.set_value(to_array(Dense<T>::filled(parameter.shape(), static_cast<T>(value))));
}

template <class T>
void uniform(Variable<T> parameter, double low, double high, Generator& from) {
  check_bounds<T>("uniform", low, high);
  parameter.set_value(random_uniform<T>(parameter.shape(), low, high, from));
}

template <class T>
void normal(Variable<T> parameter, double mean, double deviation, Generator& from) {
  check_normal("normal", mean, deviation);
  parameter.set_value(random_normal<T>(parameter.shape(), mean, deviation, from));
}

template <class T>
void xavier_uniform(Variable<T> weight, double gain, Generator& from) {
  const double half = bound(xavier_deviation("xavier_uniform", weight.shape(), gain));
  uniform(weight, -half, half, from);
}

template <class T>
void xavier_normal(Variable<T> weight, double gain, Generator& from) {
  normal(weight, 0, xavier_deviation("xavier_normal", weight.shape(), gain), from);
}

template <class T>
void he_uniform(Variable<T> weight, double negative_slope, Generator& from) {
  const double half = bound(he_deviation("he_uniform", weight.shape(), negative_slope));
  uniform(weight, -half, half, from);
}

template <class T>
void he_normal(Variable<T> weight, double negative_slope, Generator& from) {
  normal(weight, 0, he_deviation("he_normal", weight.shape(), negative_slope), from);
}

template <class T>
void orthogonal(Variable<T> weight, double gain, Generator& from) {
  const Shape& shape = weight.shape();
  (void)fans_for("orthogonal", shape);
  check(std::isfinite(gain), "orthogonal", "gain", gain, "a finite number");
  Dense<T> result = Dense<T>::filled(shape, T(0));
  const std::size_t size = result.size(), rows = shape[0], columns = size == 0 ? 0 : size / rows;
  const std::size_t count = std::min(rows, columns), length = std::max(rows, columns);
  Dense<double> basis = to_dense(random_normal<double>({count, length}, 0, 1, from));
  orthonormalise_rows(basis.mutable_data(), count, length);
  T* const out = result.mutable_data();
  for (std::size_t i = 0; i < size; ++i) {
    const std::size_t row = i / columns, column = i % columns;
    const std::size_t at = rows <= columns ? i : column * length + row;
    out[i] = static_cast<T>(gain * basis.data()[at]);
  }
  weight.set_value(to_array(std::move(result)));
}

[[gnu::used]] constexpr auto instances = instantiate::for_numbers([]<class T>() {
  return std::make_tuple(constant<T>, uniform<T>, normal<T>, xavier_uniform<T>, xavier_normal<T>,
                         he_uniform<T>, he_normal<T>, orthogonal<T>);
});

}  // namespace xgrad::nn::init
