#include "synthetic.hpp"

#include <cmath>
#include <string>

#include "../core/random.hpp"

namespace xgrad::data {

template <class T>
Points<T> make_spiral(std::size_t points_per_arm, std::size_t arms, double noise, std::uint64_t seed) {
  if (points_per_arm < 2 || arms == 0)
    throw ValueError("make_spiral: " + std::to_string(arms) + " arms of " + std::to_string(points_per_arm) +
                     " points; give one arm or more, of two points or more");
  if (!std::isfinite(noise) || noise < 0)
    throw ValueError("make_spiral: the noise is " + std::to_string(noise) +
                     "; give a finite deviation, 0 or more");
  Dense<T> points(Shape{arms * points_per_arm, 2});
  Dense<std::int64_t> labels(Shape{arms * points_per_arm});
  T* point = points.mutable_data();
  std::int64_t* label = labels.mutable_data();
  Generator random(seed);
  for (std::size_t arm = 0; arm < arms; ++arm) {
    for (std::size_t i = 0; i < points_per_arm; ++i) {
      const double radius = static_cast<double>(i) / static_cast<double>(points_per_arm - 1);
      const double angle = 4 * (static_cast<double>(arm) + radius) + noise * random.normal();
      *point++ = static_cast<T>(radius * std::sin(angle));
      *point++ = static_cast<T>(radius * std::cos(angle));
      *label++ = static_cast<std::int64_t>(arm);
    }
  }
  return {to_array(std::move(points)), to_array(std::move(labels))};
}

template Points<float> make_spiral(std::size_t, std::size_t, double, std::uint64_t);
template Points<double> make_spiral(std::size_t, std::size_t, double, std::uint64_t);

}  // namespace xgrad::data
