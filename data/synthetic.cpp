#include "synthetic.hpp"

#include <cmath>
#include <numbers>
#include <string>
#include <vector>

#include "../core/array/instantiate.hpp"
#include "../core/kernels/random.hpp"

namespace xgrad::data {
using namespace xgrad::detail;

namespace {

void check_deviation(const char* operation, const char* what, double deviation) {
  if (!std::isfinite(deviation) || deviation < 0)
    throw ValueError(std::string(operation) + ": the " + what + " is " + std::to_string(deviation) +
                     "; give a finite deviation, 0 or more");
}

void check_two_classes(const char* operation, std::size_t samples) {
  if (samples < 2)
    throw ValueError(std::string(operation) + ": " + std::to_string(samples) +
                     " samples for two classes; give 2 or more");
}

/// Fills points and labels one after the other.
template <class T>
class Drawing {
 public:
  Drawing(const char* operation, std::size_t samples, std::size_t features, std::uint64_t seed)
      : points_(checked(operation, Shape{samples, features})),
        labels_(Shape{samples}),
        coordinate_(points_.mutable_data()),
        label_(labels_.mutable_data()),
        random_(seed) {}

  Generator& random() { return random_; }
  void coordinate(double exact) { *coordinate_++ = static_cast<T>(exact); }
  void coordinate(double exact, double deviation) { coordinate(exact + deviation * random_.normal()); }
  void label(std::size_t label) { *label_++ = static_cast<std::int64_t>(label); }
  Points<T> points() && { return {to_array(std::move(points_)), to_array(std::move(labels_))}; }

 private:
  static const Shape& checked(const char* operation, const Shape& shape) {
    check_possible(operation, shape);
    return shape;
  }

  Dense<T> points_;
  Dense<std::int64_t> labels_;
  T* coordinate_;
  std::int64_t* label_;
  Generator random_;
};

}  // namespace

template <class T>
Points<T> make_spiral(Count points, Count number, double noise, std::uint64_t seed) {
  const std::size_t points_per_arm = points.checked("make_spiral", "points_per_arm");
  const std::size_t arms = number.checked("make_spiral", "arms");
  if (points_per_arm < 2 || arms == 0)
    throw ValueError("make_spiral: " + std::to_string(arms) + " arms of " + std::to_string(points_per_arm) +
                     " points; give one arm or more, of two points or more");
  check_deviation("make_spiral", "noise", noise);
  Drawing<T> drawing("make_spiral", checked_product(arms, points_per_arm), 2, seed);
  for (std::size_t arm = 0; arm < arms; ++arm) {
    for (std::size_t i = 0; i < points_per_arm; ++i) {
      const double radius = static_cast<double>(i) / static_cast<double>(points_per_arm - 1);
      const double angle = 4 * (static_cast<double>(arm) + radius) + noise * drawing.random().normal();
      drawing.coordinate(radius * std::sin(angle));
      drawing.coordinate(radius * std::cos(angle));
      drawing.label(arm);
    }
  }
  return std::move(drawing).points();
}

template <class T>
Points<T> make_moons(Count number, double noise, std::uint64_t seed) {
  const std::size_t samples = number.checked("make_moons", "samples");
  check_two_classes("make_moons", samples);
  check_deviation("make_moons", "noise", noise);
  Drawing<T> drawing("make_moons", samples, 2, seed);
  const std::size_t outer = samples / 2;
  for (std::size_t i = 0; i < samples; ++i) {
    const bool inner = i >= outer;
    const std::size_t at = inner ? i - outer : i, count = inner ? samples - outer : outer;
    const double t =
        count == 1 ? 0 : std::numbers::pi * static_cast<double>(at) / static_cast<double>(count - 1);
    drawing.coordinate(inner ? 1 - std::cos(t) : std::cos(t), noise);
    drawing.coordinate(inner ? 0.5 - std::sin(t) : std::sin(t), noise);
    drawing.label(inner ? 1 : 0);
  }
  return std::move(drawing).points();
}

template <class T>
Points<T> make_circles(Count number, double noise, double factor, std::uint64_t seed) {
  const std::size_t samples = number.checked("make_circles", "samples");
  check_two_classes("make_circles", samples);
  check_deviation("make_circles", "noise", noise);
  if (!(factor >= 0 && factor < 1))
    throw ValueError("make_circles: the factor is " + std::to_string(factor) +
                     "; give the inner circle's radius, at least 0 and below 1");
  Drawing<T> drawing("make_circles", samples, 2, seed);
  const std::size_t outer = samples / 2;
  for (std::size_t i = 0; i < samples; ++i) {
    const bool inner = i >= outer;
    const std::size_t at = inner ? i - outer : i, count = inner ? samples - outer : outer;
    const double t = 2 * std::numbers::pi * static_cast<double>(at) / static_cast<double>(count);
    drawing.coordinate((inner ? factor : 1) * std::cos(t), noise);
    drawing.coordinate((inner ? factor : 1) * std::sin(t), noise);
    drawing.label(inner ? 1 : 0);
  }
  return std::move(drawing).points();
}

template <class T>
Points<T> make_blobs(Count number, Count dimension, Count clouds, double deviation, std::uint64_t seed) {
  const std::size_t samples = number.checked("make_blobs", "samples");
  const std::size_t features = dimension.checked("make_blobs", "features");
  const std::size_t centers = clouds.checked("make_blobs", "centers");
  if (samples == 0 || features == 0 || centers == 0)
    throw ValueError("make_blobs: " + std::to_string(samples) + " samples of " + std::to_string(features) +
                     " features around " + std::to_string(centers) + " centers; give 1 or more of each");
  check_deviation("make_blobs", "deviation", deviation);
  check_possible("make_blobs", Shape{centers, features});
  Drawing<T> drawing("make_blobs", samples, features, seed);
  std::vector<double> center(centers * features);
  for (double& coordinate : center) coordinate = -10 + 20 * drawing.random().uniform();
  for (std::size_t c = 0; c < centers; ++c) {
    const std::size_t count = samples / centers + (c < samples % centers ? 1 : 0);
    for (std::size_t i = 0; i < count; ++i) {
      for (std::size_t f = 0; f < features; ++f) drawing.coordinate(center[c * features + f], deviation);
      drawing.label(c);
    }
  }
  return std::move(drawing).points();
}

[[gnu::used]] constexpr auto instances = instantiate::for_numbers(
    []<class T>() { return std::make_tuple(make_spiral<T>, make_moons<T>, make_circles<T>, make_blobs<T>); });

}  // namespace xgrad::data
