// Limited-memory BFGS once more, from the book alone and in plain loops over std::vector: what LBFGS is
// compared with, step by step.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <deque>
#include <functional>
#include <utility>
#include <vector>

namespace xgrad::testing {

/// Nocedal and Wright, "Numerical optimization", second edition, 2006: algorithms 7.4 (the recursion of two
/// loops), 7.5 (the iteration), 3.5 and 3.6 (the line search), equation 7.20 (the first matrix) and 3.59 (the
/// cubic). What the book leaves to its reader is chosen as PyTorch does: a trial beyond the last lies between
/// a hundredth of the last interval past it and ten times as far; one inside keeps a tenth of the interval
/// from both ends; a pair whose s . y is at most 1e-10 is not learnt.
class PlainLbfgs {
 public:
  using Vector = std::vector<double>;
  /// Gives the loss at a place, and writes its gradient.
  using Function = std::function<double(const Vector& place, Vector& gradient)>;

  PlainLbfgs(Function function, Vector start, double learning_rate, std::size_t history_size)
      : function_(std::move(function)),
        place_(std::move(start)),
        learning_rate_(learning_rate),
        history_size_(history_size) {
    gradient_.resize(place_.size());
    loss_ = evaluate(place_, gradient_);
  }

  const Vector& place() const { return place_; }
  /// Of the function, the one at the start included.
  int evaluations() const { return evaluations_; }

  /// One round of algorithm 7.5's loop.
  void iterate() {
    const Vector direction = two_loops();
    double alpha = learning_rate_;
    if (pairs_.empty()) {
      double sum = 0;
      for (double g : gradient_) sum += std::abs(g);
      alpha *= std::min(1.0, 1 / sum);
    }
    const Trial accepted = line_search(direction, alpha);
    Vector s(place_.size()), y(place_.size());
    for (std::size_t i = 0; i < s.size(); ++i) {
      s[i] = accepted.alpha * direction[i];
      y[i] = accepted.gradient[i] - gradient_[i];
      place_[i] += s[i];
    }
    gradient_ = accepted.gradient;
    loss_ = accepted.phi;
    if (dot(s, y) <= 1e-10) return;
    if (pairs_.size() == history_size_) pairs_.pop_front();
    pairs_.emplace_back(std::move(s), std::move(y));
  }

 private:
  /// phi(alpha), its derivative, and the gradient there.
  struct Trial {
    double alpha, phi, slope;
    Vector gradient;
  };

  static double dot(const Vector& a, const Vector& b) {
    double sum = 0;
    for (std::size_t i = 0; i < a.size(); ++i) sum += a[i] * b[i];
    return sum;
  }

  double evaluate(const Vector& place, Vector& gradient) {
    ++evaluations_;
    return function_(place, gradient);
  }

  /// -H gradient: algorithm 7.4.
  Vector two_loops() const {
    Vector r = gradient_;
    std::vector<double> a(pairs_.size());
    for (std::size_t i = pairs_.size(); i-- > 0;) {
      const auto& [s, y] = pairs_[i];
      a[i] = dot(s, r) / dot(y, s);
      for (std::size_t k = 0; k < r.size(); ++k) r[k] -= a[i] * y[k];
    }
    if (!pairs_.empty()) {
      const auto& [s, y] = pairs_.back();
      const double gamma = dot(s, y) / dot(y, y);
      for (double& element : r) element *= gamma;
    }
    for (std::size_t i = 0; i < pairs_.size(); ++i) {
      const auto& [s, y] = pairs_[i];
      const double b = dot(y, r) / dot(y, s);
      for (std::size_t k = 0; k < r.size(); ++k) r[k] += s[k] * (a[i] - b);
    }
    for (double& element : r) element = -element;
    return r;
  }

  Trial trial(const Vector& direction, double alpha) {
    Vector there = place_;
    for (std::size_t i = 0; i < there.size(); ++i) there[i] += alpha * direction[i];
    Trial result{alpha, 0, 0, Vector(there.size())};
    result.phi = evaluate(there, result.gradient);
    result.slope = dot(direction, result.gradient);
    return result;
  }

  /// Equation 3.59, kept between two ends.
  static double cubic(const Trial& before, const Trial& last, double least, double most) {
    const double d1 = before.slope + last.slope - 3 * (before.phi - last.phi) / (before.alpha - last.alpha);
    const double sign = last.alpha > before.alpha ? 1 : -1;
    const double d2 = sign * std::sqrt(d1 * d1 - before.slope * last.slope);
    const double alpha = last.alpha - (last.alpha - before.alpha) * (last.slope + d2 - d1) /
                                          (last.slope - before.slope + 2 * d2);
    if (std::isnan(alpha)) return (least + most) / 2;
    return std::max(least, std::min(most, alpha));
  }

  /// Algorithm 3.5, with c1 = 1e-4 and c2 = 0.9.
  Trial line_search(const Vector& direction, double alpha) {
    const Trial zero{0, loss_, dot(direction, gradient_), gradient_};
    Trial previous = zero;
    for (int i = 1;; ++i) {
      Trial now = trial(direction, alpha);
      if (now.phi > zero.phi + 1e-4 * now.alpha * zero.slope || (i > 1 && now.phi >= previous.phi))
        return zoom(direction, zero, previous, now);
      if (std::abs(now.slope) <= -0.9 * zero.slope) return now;
      if (now.slope >= 0) return zoom(direction, zero, now, previous);
      alpha = cubic(previous, now, now.alpha + 0.01 * (now.alpha - previous.alpha), 10 * now.alpha);
      previous = now;
    }
  }

  /// Algorithm 3.6.
  Trial zoom(const Vector& direction, const Trial& zero, Trial low, Trial high) {
    for (;;) {
      const double left = std::min(low.alpha, high.alpha), right = std::max(low.alpha, high.alpha);
      const double margin = 0.1 * (right - left);
      Trial now = trial(direction, cubic(low, high, left + margin, right - margin));
      if (now.phi > zero.phi + 1e-4 * now.alpha * zero.slope || now.phi >= low.phi) {
        high = now;
        continue;
      }
      if (std::abs(now.slope) <= -0.9 * zero.slope) return now;
      if (now.slope * (high.alpha - low.alpha) >= 0) high = low;
      low = now;
    }
  }

  Function function_;
  Vector place_;
  double learning_rate_;
  std::size_t history_size_;
  Vector gradient_;
  double loss_ = 0;
  int evaluations_ = 0;
  std::deque<std::pair<Vector, Vector>> pairs_;  ///< s and y, the oldest first
};

}  // namespace xgrad::testing
