// The line search of LBFGS: along a direction of descent to a point that satisfies the strong Wolfe
// conditions.
#pragma once

#include <algorithm>
#include <cmath>
#include <utility>

#include "../core/array/dense.hpp"

namespace xgrad::optim {

/// A point on the line.
template <class T>
struct SearchPoint {
  double t;  ///< how many times the direction it is from the start
  double loss;
  double slope;  ///< the loss's derivative in t
  Dense<T> gradient;
};

/// Where the cubic that has the losses and slopes of both points is least (equation 3.59 of Nocedal and
/// Wright), moved into [least, most]; their middle if there is no such place.
template <class T>
double cubic_minimum(const SearchPoint<T>& a, const SearchPoint<T>& b, double least, double most) {
  const double d1 = a.slope + b.slope - 3 * (a.loss - b.loss) / (a.t - b.t);
  const double d2 = std::copysign(std::sqrt(d1 * d1 - a.slope * b.slope), b.t - a.t);
  const double t = b.t - (b.t - a.t) * (b.slope + d2 - d1) / (b.slope - a.slope + 2 * d2);
  return std::isfinite(t) ? std::clamp(t, least, most) : (least + most) / 2;
}

/// Algorithms 3.5 and 3.6 of Nocedal and Wright, "Numerical optimization", second edition, 2006: from
/// `start`, whose slope is negative, first at t = `first`. evaluate(t) gives the point at t. A loss that is
/// not finite is one that is too large. When an interval shorter than `resolution` or 25 evaluations have not
/// brought such a point, the best one with a sufficient decrease, or else the start.
template <class T, class Evaluate>
SearchPoint<T> wolfe_search(const SearchPoint<T>& start, double first, double resolution,
                            const Evaluate& evaluate) {
  constexpr double c1 = 1e-4, c2 = 0.9;
  int left = 25;
  const auto is_low = [&](const SearchPoint<T>& p) { return p.loss <= start.loss + c1 * p.t * start.slope; };
  const auto is_flat = [&](const SearchPoint<T>& p) { return std::abs(p.slope) <= -c2 * start.slope; };

  // Widen until the points `low` and `high` have what is sought between them.
  SearchPoint<T> low = start, high = evaluate(first);
  --left;
  while (is_low(high) && high.loss < low.loss && high.slope < 0) {
    if (is_flat(high) || left == 0) return high;
    const double nearest = high.t + 0.01 * (high.t - low.t), farthest = 10 * high.t;
    SearchPoint<T> next = evaluate(cubic_minimum(low, high, nearest, farthest));
    --left;
    low = std::exchange(high, std::move(next));
  }
  if (is_low(high) && high.loss < low.loss) {
    if (is_flat(high)) return high;
    std::swap(low, high);  // past the minimum
  }

  // Narrow; `low` has the least loss so far.
  while (left-- > 0 && std::abs(high.t - low.t) > resolution) {
    const double margin = 0.1 * std::abs(high.t - low.t);
    const auto [least, most] = std::minmax(low.t, high.t);
    SearchPoint<T> middle = evaluate(cubic_minimum(low, high, least + margin, most - margin));
    if (!is_low(middle) || !(middle.loss < low.loss)) {
      high = std::move(middle);
      continue;
    }
    if (is_flat(middle)) return middle;
    if (middle.slope * (high.t - low.t) >= 0) high = std::move(low);
    low = std::move(middle);
  }
  return low;
}

}  // namespace xgrad::optim
