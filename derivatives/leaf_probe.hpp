// Moving elements of a leaf, for differences.
#pragma once

#include <cmath>

#include "../core/graph/variable.hpp"

namespace xgrad::detail {

/// Writes elements of a leaf while it lives, and puts the leaf's value back at its end: the very
/// buffer that the leaf had.
class LeafProbe {
 public:
  explicit LeafProbe(const Variable<double>& leaf) : leaf_(leaf), before_(leaf.dense()) {}
  ~LeafProbe() { leaf_.exchange_value(std::move(before_)); }
  LeafProbe(const LeafProbe&) = delete;
  LeafProbe& operator=(const LeafProbe&) = delete;

  std::size_t size() const noexcept { return before_.size(); }
  const Shape& shape() const noexcept { return before_.shape; }
  double original(std::size_t i) const noexcept { return before_.data()[i]; }

  /// Moves element i by about `distance`; returns how far it went after rounding.
  double move(std::size_t i, double distance) {
    const double x = original(i);
    const double there = x + distance;
    leaf_.mutable_data()[i] = there;
    return there - x;
  }
  /// Moves all elements: to their original values plus `distance` times those of `direction`.
  void move_along(const Dense<double>& direction, double distance) {
    double* elements = leaf_.mutable_data();
    for (std::size_t i = 0; i < size(); ++i) elements[i] = original(i) + distance * direction.data()[i];
  }
  void put_back(std::size_t i) { leaf_.mutable_data()[i] = original(i); }

 private:
  Variable<double> leaf_;
  Dense<double> before_;
};

/// A step relative to the size of x, but not below `step` itself.
inline double step_at(double x, double step) { return step * std::fmax(1.0, std::fabs(x)); }

}  // namespace xgrad::detail
