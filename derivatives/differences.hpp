// Derivatives from values alone, with an estimate of their error; notices corners.
#pragma once

#include <functional>
#include <optional>
#include <vector>

#include "leaf_probe.hpp"

namespace xgrad::detail {

/// Several values, of any shapes.
using Values = std::vector<Dense<double>>;

/// Where a value is NaN or infinite.
struct BadElement {
  std::size_t value, element;
  double found;
};
std::optional<BadElement> find_bad_element(const Values& values);

/// Numbers of either sign with sizes from 0.5 to 1.5, one for each element; just 1 if there is a single one.
Values random_weights(const Values& like, std::uint64_t seed);

/// What differences say about a derivative.
struct Estimate {
  double value = 0;               ///< the derivative, unless there is a corner
  double error = 0;               ///< how far `value` may be off, from rounding and from the steps' lengths
  bool corner = false;            ///< the function has a corner or a jump here, or too close to tell
  double left = 0, right = 0;     ///< the derivatives on its two sides, or as near as they can be told apart
  std::optional<BadElement> bad;  ///< no step of any length gave finite values; one that did not
  double bad_step = 0;
};

/// Derivatives of sum over k of weights_k values_k, where `values` is a function of leaves. Differences are
/// taken value by value and then weighed, so that values that do not change add no rounding.
class Differences {
 public:
  struct Settings {
    double step, relative_tolerance, absolute_tolerance;
  };

  Differences(std::function<Values()> function, Values weights, const Settings& settings);

  /// The derivative in element i of a leaf. If the central difference with the given step confirms
  /// `expected`, and no corner shows, that is all. Otherwise steps from 8^-6 to 8^5 times as long are tried,
  /// in pairs: two central differences are extrapolated to step 0 (Richardson), with an error estimated from
  /// what that changes, from how far the second differences are from those of a smooth function, and from the
  /// rounding of the values; the pair of the least error counts. Where no pair is smooth and the second
  /// difference stays as the step shrinks, there is a corner.
  Estimate derivative(LeafProbe& leaf, std::size_t i, double expected) const;

  /// The values where the leaves were at first.
  const Values& base() const noexcept { return base_; }

 private:
  struct Change;
  struct Level;
  struct Ladder;
  Change change() const;
  Level measure(LeafProbe& leaf, std::size_t i, double step) const;
  bool confirms(const Level& level, double expected) const;
  double allowed(double derivative) const noexcept;

  std::function<Values()> function_;
  Values weights_;
  Values base_;
  Settings settings_;
};

}  // namespace xgrad::detail
