// Data sets that are drawn rather than loaded.
#pragma once

#include <cstdint>

#include "../core/array/array.hpp"

namespace xgrad::data {

/// Points in the plane, or in more dimensions, and the class of each.
template <class T>
struct Points {
  Array<T> points;  ///< [n, 2]; of blobs, [n, features]
  Indices labels;   ///< [n]
};

/// Spiral arms, one class an arm, one arm after the other: point i of `points_per_arm` on arm k lies at
/// radius r = i / (points_per_arm - 1) and angle t = 4 (k + r) + noise * (a normal number), which is (r sin
/// t, r cos t). From the course notes of CS231n, "Putting it together: minimal neural network case study";
/// there are 3 arms of 100 points and the noise is 0.2. ValueError if there are no arms, fewer than two
/// points on one, or the noise is negative or not finite. T is float or double.
template <class T>
Points<T> make_spiral(Count points_per_arm = 100, Count arms = 3, double noise = 0.2, std::uint64_t seed = 0);

/// Two half circles of radius 1 that reach into each other: `samples` / 2 points (cos t, sin t) of class 0,
/// then the others, (1 - cos t, 1/2 - sin t), of class 1, t evenly from 0 to pi; to each coordinate comes
/// noise * (a normal number). As scikit-learn's make_moons with shuffle=False. ValueError for fewer than two
/// samples, or a noise that is negative or not finite. T is float or double.
template <class T>
Points<T> make_moons(Count samples = 100, double noise = 0, std::uint64_t seed = 0);

/// Two circles around 0: `samples` / 2 points of class 0 on that of radius 1, then the others, of class 1, on
/// that of radius `factor`, evenly from (radius, 0) on; to each coordinate comes noise * (a normal number).
/// As scikit-learn's make_circles with shuffle=False. ValueError as for make_moons, or if the factor is not
/// in [0, 1). T is float or double.
template <class T>
Points<T> make_circles(Count samples = 100, double noise = 0, double factor = 0.8, std::uint64_t seed = 0);

/// Clouds of normally distributed points, one class a cloud, one cloud after the other: their centers are
/// uniform in [-10, 10) in each of `features` dimensions, `deviation` is every coordinate's. Each has
/// `samples` / `centers` points, the first ones one more if that leaves a rest. As scikit-learn's make_blobs
/// with shuffle=False. ValueError if there are no samples, features or centers, or the deviation is negative
/// or not finite. T is float or double.
template <class T>
Points<T> make_blobs(Count samples = 100, Count features = 2, Count centers = 3, double deviation = 1,
                     std::uint64_t seed = 0);

}  // namespace xgrad::data
