// Data sets that are drawn rather than loaded.
#pragma once

#include <cstdint>

#include "../core/array.hpp"

namespace xgrad::data {

/// Points in the plane, and the class of each.
template <class T>
struct Points {
  Array<T> points;  ///< [n, 2]
  Indices labels;   ///< [n]
};

/// Spiral arms, one class an arm, one arm after the other: point i of `points_per_arm` on arm k lies at
/// radius r = i / (points_per_arm - 1) and angle t = 4 (k + r) + noise * (a normal number), which is (r sin
/// t, r cos t). From the course notes of CS231n, "Putting it together: minimal neural network case study";
/// there are 3 arms of 100 points and the noise is 0.2. ValueError if there are no arms, fewer than two
/// points on one, or the noise is negative or not finite. T is float or double.
template <class T>
Points<T> make_spiral(std::size_t points_per_arm = 100, std::size_t arms = 3, double noise = 0.2,
                      std::uint64_t seed = 0);

extern template Points<float> make_spiral(std::size_t, std::size_t, double, std::uint64_t);
extern template Points<double> make_spiral(std::size_t, std::size_t, double, std::uint64_t);

}  // namespace xgrad::data
