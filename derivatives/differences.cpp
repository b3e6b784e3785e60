#include "differences.hpp"

#include <algorithm>
#include <array>
#include <limits>
#include <string>

#include "../core/kernels/random.hpp"

namespace xgrad::detail {
namespace {

constexpr double epsilon = std::numeric_limits<double>::epsilon();
constexpr double infinity = std::numeric_limits<double>::infinity();
constexpr double factor = 8;  // between the steps of neighbouring levels
constexpr int lowest = -6, highest = 5;

}  // namespace

std::optional<BadElement> find_bad_element(const Values& values) {
  for (std::size_t k = 0; k < values.size(); ++k) {
    const double* data = values[k].data();
    for (std::size_t i = 0, n = values[k].size(); i < n; ++i)
      if (!std::isfinite(data[i])) return BadElement{k, i, data[i]};
  }
  return std::nullopt;
}

Values random_weights(const Values& like, std::uint64_t seed) {
  Generator generator(seed);
  Values weights;
  for (const Dense<double>& value : like) {
    Dense<double> weight(value.shape);
    double* to = weight.mutable_data();
    for (std::size_t i = 0, n = value.size(); i < n; ++i) {
      const double u = 2 * generator.uniform() - 1;
      to[i] = n == 1 ? 1 : u + (u < 0 ? -0.5 : 0.5);
    }
    weights.push_back(std::move(weight));
  }
  return weights;
}

/// From the base to where the leaves are now.
struct Differences::Change {
  double amount = 0;  ///< of the weighed sum
  double size = 0;    ///< the weighed sizes of the values that changed: rounding is relative to it
  std::optional<BadElement> bad;
};

/// What one step to either side shows.
struct Differences::Level {
  double right = 0, left = 0;  ///< how far the element went
  double right_change = 0, left_change = 0;
  double noise = 0;  ///< the rounding error to expect of a slope
  std::optional<BadElement> bad;
  bool usable = false;

  double slope() const { return (right_change - left_change) / (right - left); }
  double right_slope() const { return right_change / right; }
  double left_slope() const { return left_change / left; }
  /// Of a smooth function the second derivative times the step; at a corner the difference of its sides.
  double bend() const { return right_slope() - left_slope(); }
};

/// Steps of growing length, filled in as they are asked for.
struct Differences::Ladder {
  std::array<std::optional<Level>, highest - lowest + 1> levels;
  std::optional<Level>& at(int k) { return levels[static_cast<std::size_t>(k - lowest)]; }
  /// Level k and the next longer one, if both are there and usable.
  bool has_pair(int k) {
    if (k < lowest || k >= highest) return false;
    return at(k) && at(k)->usable && at(k + 1) && at(k + 1)->usable;
  }

  /// What the pair says of a smooth function.
  Estimate extrapolate(int k) {
    const Level& inner = *at(k);
    const Level& outer = *at(k + 1);
    const double ratio = (outer.right - outer.left) / (inner.right - inner.left);
    const double correction = (inner.slope() - outer.slope()) / (ratio * ratio - 1);
    Estimate estimate;
    estimate.value = inner.slope() + correction;
    estimate.error =
        std::fabs(correction) + std::fabs(outer.bend() / ratio - inner.bend()) / 2 + 2 * inner.noise;
    return estimate;
  }

  Estimate best() {
    Estimate best;
    best.error = infinity;
    for (int k = lowest; k < highest; ++k) {
      if (!has_pair(k)) continue;
      const Estimate now = extrapolate(k);
      if (now.error < best.error) best = now;
    }
    return best;
  }

  /// The two sides of a corner, where the bend does not shrink with the step, or a jump, where the slope
  /// grows without end. They are taken between two points on the same side, so that a jump at the element
  /// itself does not count as slope.
  std::optional<Estimate> corner() {
    for (const int k : {-2, -3, -1, -4, 0, -5, 1}) {
      if (!has_pair(k)) continue;
      const Level& inner = *at(k);
      const Level& outer = *at(k + 1);
      const bool bends = std::fabs(inner.bend()) > std::fmax(20 * inner.noise, 0.3 * std::fabs(outer.bend()));
      const bool jumps = std::fabs(inner.slope()) > std::fmax(20 * inner.noise, 2 * std::fabs(outer.slope()));
      if (!bends && !jumps) continue;
      Estimate estimate;
      estimate.corner = true;
      estimate.left = (outer.left_change - inner.left_change) / (outer.left - inner.left) + 0.0;  // no -0
      estimate.right = (outer.right_change - inner.right_change) / (outer.right - inner.right) + 0.0;
      estimate.value = (estimate.left + estimate.right) / 2;
      estimate.error = 2 * inner.noise;
      return estimate;
    }
    return std::nullopt;
  }
};

Differences::Differences(std::function<Values()> function, Values weights, const Settings& settings)
    : function_(std::move(function)), weights_(std::move(weights)), base_(function_()), settings_(settings) {}

Differences::Change Differences::change() const {
  const Values now = function_();
  Change change;
  double unchanged = 0;  // the largest value that may have changed by less than rounding shows
  for (std::size_t k = 0; k < base_.size(); ++k) {
    if (!(now[k].shape == base_[k].shape))
      throw ValueError("gradcheck: the output's shape changed from " + to_string(base_[k].shape) + " to " +
                       to_string(now[k].shape) +
                       " with a small step in an input; it must depend on the inputs' shapes alone");
    const double* a = base_[k].data();
    const double* b = now[k].data();
    const double* weight = weights_[k].data();
    for (std::size_t i = 0, n = base_[k].size(); i < n; ++i) {
      const double size = std::fabs(weight[i]) * std::fmax(std::fabs(a[i]), std::fabs(b[i]));
      if (a[i] == b[i]) {
        unchanged = std::fmax(unchanged, size);
        continue;
      }
      change.amount += weight[i] * (b[i] - a[i]);
      change.size += size;
    }
  }
  change.size += unchanged;
  if (!std::isfinite(change.amount)) change.bad = find_bad_element(now);
  return change;
}

Differences::Level Differences::measure(LeafProbe& leaf, std::size_t i, double step) const {
  Level level;
  level.right = leaf.move(i, step);
  const Change right = change();
  level.left = leaf.move(i, -step);
  const Change left = change();
  leaf.put_back(i);
  level.right_change = right.amount;
  level.left_change = left.amount;
  level.noise = epsilon * std::fmax(right.size, left.size) / step;
  level.bad = right.bad ? right.bad : left.bad;
  level.usable = std::isfinite(right.amount) && std::isfinite(left.amount) && level.right > 0 &&
                 level.left < 0 && std::isfinite(level.right - level.left);
  return level;
}

double Differences::allowed(double derivative) const noexcept {
  return settings_.absolute_tolerance + settings_.relative_tolerance * std::fabs(derivative);
}

bool Differences::confirms(const Level& level, double expected) const {
  if (!level.usable) return false;
  const double slopes = std::fmax(std::fabs(level.left_slope()), std::fabs(level.right_slope()));
  // A smooth function bends by step f'' only. A smaller corner than this is within what is compared below.
  if (std::fabs(level.bend()) > 1e-3 * slopes + 100 * settings_.absolute_tolerance + 8 * level.noise)
    return false;
  return std::fabs(level.slope() - expected) <= allowed(expected);
}

Estimate Differences::derivative(LeafProbe& leaf, std::size_t i, double expected) const {
  const double step = step_at(leaf.original(i), settings_.step);
  Ladder ladder;
  Estimate best;
  for (const int k : {0, 1, -1, 2, -2, 3, -3, 4, -4, 5, -5, -6}) {
    ladder.at(k) = measure(leaf, i, step * std::pow(factor, k));
    const Level& level = *ladder.at(k);
    if (k == 0 && confirms(level, expected)) {
      best.value = level.slope();
      best.error = 2 * level.noise;
      return best;
    }
    best = ladder.best();
    if (best.error <= 0.1 * allowed(best.value)) return best;
  }
  if (best.error <= allowed(best.value)) return best;
  if (std::optional<Estimate> corner = ladder.corner()) {
    // So close beside the element that only short steps, of much noise, avoid it: what they tell still
    // counts.
    if (4 * best.error < 0.1 * std::fabs(corner->right - corner->left)) {
      corner->left = best.value - 4 * best.error;
      corner->right = best.value + 4 * best.error;
    }
    return *corner;
  }
  if (best.error == infinity) {
    best.bad = ladder.at(0)->bad;
    best.bad_step = step;
  }
  return best;
}

}  // namespace xgrad::detail
