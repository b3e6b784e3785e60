// The formulas of the elementwise losses, and what the kernel file of the losses and the library share.
#pragma once

#include <cstdint>

#include "../core/formula/formula.hpp"

namespace xgrad {

namespace formulas {

struct SquaredError {
  static constexpr std::string_view name = "squared_error";
  static constexpr double operations = 3;  ///< an element, and the sum over elements
  template <class V>
  static V value(const V& prediction, const V& target) {
    const V error = prediction - target;
    return error * error;
  }
  template <class V>
  static std::array<V, 2> gradient(const V& prediction, const V& target, unused, const V& dy) {
    return {dy * 2 * (prediction - target), dy * 2 * (target - prediction)};
  }
};

/// -(t log p + (1 - t) log(1 - p)), with p and 1 - p no less than epsilon: beyond, the slope stays what it is
/// there, so that a prediction that is surely wrong is still drawn back. NaN where p is no probability.
struct BinaryCrossEntropy {
  static constexpr std::string_view name = "binary_cross_entropy";
  static constexpr double operations = 5;  ///< an element, and the sum over elements
  template <class V>
  static V value(const V& p, const V& t, const V& epsilon) {
    return -(t * log(kept(p, epsilon)) + (1 - t) * log(kept(1 - p, epsilon)));
  }
  template <class V>
  static std::array<V, 3> gradient(const V& p, const V& t, const V& epsilon, unused, const V& dy) {
    const V yes = maximum(p, epsilon), no = maximum(1 - p, epsilon);
    return {dy * ((1 - t) / no - t / yes), dy * (log(no) - log(yes)), V(0)};
  }

 private:
  /// The larger of the two, as many instructions, but for what is below 0: its logarithm is NaN.
  template <class V>
  static V kept(const V& p, const V& epsilon) {
    return select(p <= epsilon, select(p < 0, p, epsilon), p);
  }
};

/// The same of p = sigmoid(z): max(z, 0) - z t + log(1 + exp(-|z|)); the gradient in z is p - t. Both by what
/// is wrong with the prediction, 1 - t where z is above 0 and -t below, so that an infinite z that is right
/// costs 0, and a slope of nearly 0 is not a difference of ones.
struct BinaryCrossEntropyWithLogits {
  static constexpr std::string_view name = "binary_cross_entropy_with_logits";
  static constexpr double operations = 5;  ///< an element, and the sum over elements
  template <class V>
  static V value(const V& z, const V& t) {
    const V wrong = select(z < 0, -t, 1 - t);
    return select(wrong == 0, 0, wrong * z) + log1p(exp(-abs(z)));
  }
  template <class V>
  static std::array<V, 2> gradient(const V& z, const V& t, unused, const V& dy) {
    // A choice under the exponential rather than |z|, which has no derivative at 0.
    const V e = exp(select(z < 0, z, -z));
    const V slope = e / (1 + e);
    return {dy * (select(z < 0, slope, -slope) + select(z < 0, -t, 1 - t)), -dy * z};
  }
};

/// -t log p, and 0 where t is 0, whatever p is. NaN where p is no probability, more than rounding makes of 1.
struct ProbabilityCrossEntropy {
  static constexpr std::string_view name = "cross_entropy_of_probabilities";
  static constexpr double operations = 5;  ///< an element, and the sum over elements
  static constexpr double most = 1 + 1e-6;
  template <class V>
  static V value(const V& p, const V& t) {
    return -t * log(select(t == 0, 1, select(p > most, -1, p)));
  }
  template <class V>
  static std::array<V, 2> gradient(const V& p, const V& t, unused, const V& dy) {
    return {-dy * t / select(t == 0, 1, p), -dy * log(p)};
  }
};

/// |prediction - target|; the gradient where they are equal is 0.
struct AbsoluteError {
  static constexpr std::string_view name = "l1_loss";
  static constexpr double operations = 3;  ///< an element, and the sum over elements
  template <class V>
  static V value(const V& prediction, const V& target) {
    return abs(prediction - target);
  }
  template <class V>
  static std::array<V, 2> gradient(const V& prediction, const V& target, unused, const V& dy) {
    return {dy * sign(prediction - target), dy * sign(target - prediction)};
  }
};

/// e^2 / 2 up to |e| = delta, which is a constant of the call, and from there on a line of the slope reached.
struct Huber {
  static constexpr std::string_view name = "huber_loss";
  static constexpr double operations = 5;  ///< an element, and the sum over elements
  template <class V>
  static V value(const V& prediction, const V& target, const V& delta) {
    const V error = abs(prediction - target);
    return select(error > delta, delta * (error - 0.5 * delta), 0.5 * error * error);
  }
  template <class V>
  static std::array<V, 3> gradient(const V& prediction, const V& target, const V& delta, unused,
                                   const V& dy) {
    const V error = prediction - target;
    const V slope = select(error > delta, delta, select(error < -delta, -delta, error));
    return {dy * slope, -dy * slope, V(0)};
  }
};

/// t (log t - q), and 0 where t is 0, whatever q is.
struct KlDivergence {
  static constexpr std::string_view name = "kl_div";
  static constexpr double operations = 5;  ///< an element, and the sum over elements
  template <class V>
  static V value(const V& q, const V& t) {
    return select(t == 0, 0, t * (log(select(t == 0, 1, t)) - q));
  }
  template <class V>
  static std::array<V, 2> gradient(const V& q, const V& t, unused, const V& dy) {
    return {-dy * t, select(t == 0, 0, dy * (log(select(t == 0, 1, t)) + 1 - q))};
  }
};

struct Loss {
  using list = kernels::List<SquaredError, BinaryCrossEntropy, BinaryCrossEntropyWithLogits,
                             ProbabilityCrossEntropy, AbsoluteError, Huber, KlDivergence>;
  /// Defined in loss.cpp, for the formulas of the list.
  template <class Formula>
  static const detail::Elementwise& operation();
};

}  // namespace formulas

namespace kernels {

/// The sum of a formula over `count` elements; c is its third input, if it has one.
using LossSum = double (*)(const void* a, const void* b, double c, std::size_t count);

/// Rows of softmax cross entropy, against labels or, where there are none, against rows of targets.
struct CrossEntropyRows {
  const void* logits;
  const std::int64_t* labels;
  const void* targets;
  std::size_t rows, columns;
  /// A row's shift, the reciprocal of its sum of shifted exponentials, and the sum of its targets: written by
  /// the value, read by the gradient.
  void* row_data;
  double* losses;  ///< one a row, written by the value

  // For the gradient: that of every row's loss, `dy_step` apart, and a factor.
  const void* dy;
  std::size_t dy_step;
  double factor;
  void* out;
};
inline constexpr std::size_t row_data_size = 3;

/// [0] is float, [1] is double.
struct LossKernels {
  LossSum sum[formulas::Loss::list::size][2];  ///< in the order of the family's list
  void (*cross_entropy[2])(const CrossEntropyRows&);
  void (*cross_entropy_gradient[2])(const CrossEntropyRows&);
};
template <class Isa>
const LossKernels* loss_kernels();

}  // namespace kernels
}  // namespace xgrad
