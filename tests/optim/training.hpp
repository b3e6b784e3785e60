// What tests of optimizers train: functions with known minima, and worked examples beside a rule spelt out.
#pragma once

#include <cmath>
#include <cstdint>
#include <cstring>
#include <string>
#include <vector>

#include <doctest/doctest.h>
#include <xgrad/core/kernels/random.hpp>
#include <xgrad/ops/operators.hpp>
#include <xgrad/optim/optimizer.hpp>
#include <xgrad/optim/sgd.hpp>

namespace xgrad::testing {

template <class T>
using OptimizerState = std::vector<optim::NamedArray<T>>;

template <class T>
bool same_bits(const Array<T>& a, const Array<T>& b) {
  return a.shape() == b.shape() &&
         std::memcmp(a.storage().data(), b.storage().data(), a.size() * sizeof(T)) == 0;
}

template <class T>
bool same_bits(const OptimizerState<T>& a, const OptimizerState<T>& b) {
  if (a.size() != b.size()) return false;
  for (std::size_t i = 0; i < a.size(); ++i)
    if (a[i].first != b[i].first || !same_bits(a[i].second, b[i].second)) return false;
  return true;
}

template <class T>
std::vector<std::string> names_of(const OptimizerState<T>& state) {
  std::vector<std::string> names;
  for (const auto& [name, array] : state) names.push_back(name);
  return names;
}

/// One parameter, and a rate.
inline optim::SGD<double> sgd_of_rate(double rate) {
  return optim::SGD<double>({parameter(1.0)}, {.learning_rate = rate});
}

/// `count` normal numbers that depend on the seed alone.
template <class T>
Dense<T> normal_numbers(std::size_t count, std::uint64_t seed) {
  Generator generator(seed);
  Dense<T> numbers(Shape{count});
  T* const out = numbers.mutable_data();
  for (std::size_t i = 0; i < count; ++i) out[i] = static_cast<T>(generator.normal());
  return numbers;
}

/// Ten steps on sum (0.01 x^3) from six numbers of different size, some negative; `Reference` is the rule for
/// one element, made of the options and the first value, with a `step(gradient)` and a `parameter`.
template <class Optimizer, class Reference>
void check_ten_steps(const typename Optimizer::Options& options) {
  const xt::xarray<double> start = {{1, -2, 0.5}, {1e-3, 40, -7}};
  Variable<double> x = parameter(start);
  Optimizer optimizer({x}, options);
  std::vector<Reference> expected;
  for (double element : start) expected.push_back(Reference{options, element});
  for (int step = 0; step < 10; ++step) {
    (square(x) * x).backward({.grad_output = Array<double>(0.01 * xt::ones<double>({2, 3}))});
    optimizer.step();
    optimizer.zero_grad();
    for (std::size_t i = 0; i < expected.size(); ++i) {
      CAPTURE(step);
      CAPTURE(i);
      const double p = expected[i].parameter;
      expected[i].step(0.03 * p * p);
      const double size = std::fmax(std::abs(p), std::abs(expected[i].parameter));
      CHECK(std::abs(x.dense().data()[i] - expected[i].parameter) <= 1e-12 * size);
    }
  }
}

/// Rosenbrock's function from (-1.2, 1): a curved valley whose minimum is at (1, 1).
class Rosenbrock {
 public:
  std::vector<Variable<double>> parameters() const { return {x_, y_}; }
  Variable<double> loss() const { return square(1 - x_) + 100 * square(y_ - square(x_)); }
  double distance() const { return std::hypot(x_.item() - 1, y_.item() - 1); }

 private:
  Variable<double> x_ = parameter(-1.2), y_ = parameter(1.0);
};

/// (u^2 + 10^4 v^2) / 2 of u and v that are x and y turned by an angle, from (1, 1): the condition number is
/// 10^4, and unless the angle is 0 no axis is the valley's. The minimum is at (0, 0).
class IllConditioned {
 public:
  explicit IllConditioned(double angle = 0.5) : angle_(angle) {}
  std::vector<Variable<double>> parameters() const { return {x_, y_}; }
  Variable<double> loss() const {
    const double c = std::cos(angle_), s = std::sin(angle_);
    return 0.5 * (square(c * x_ + s * y_) + 1e4 * square(c * y_ - s * x_));
  }
  double distance() const { return std::hypot(x_.item(), y_.item()); }

 private:
  double angle_;
  Variable<double> x_ = parameter(1.0), y_ = parameter(1.0);
};

/// The distance from the minimum after `steps` steps; `each` is called with the step's number before it.
template <class Problem, class Optimizer, class Each>
double distance_after(int steps, const Problem& problem, Optimizer& optimizer, Each each) {
  for (int step = 0; step < steps; ++step) {
    each(step);
    optimizer.zero_grad();
    problem.loss().backward();
    optimizer.step();
  }
  return problem.distance();
}

template <class Problem, class Optimizer>
double distance_after(int steps, const Problem& problem, Optimizer& optimizer) {
  return distance_after(steps, problem, optimizer, [](int) {});
}

}  // namespace xgrad::testing
