// RMSprop: each element's gradient over the root of a running mean of its squares.
#pragma once

#include "elementwise_optimizer.hpp"

namespace xgrad::kernels {
struct RmspropStep;
}

namespace xgrad::optim {

/// What RMSprop takes.
struct RMSpropOptions {
  double learning_rate = 0.01;
  /// How much of the running means is kept at each step: at least 0 and below 1.
  double alpha = 0.99;
  /// Keeps the division sound where every gradient was 0.
  double epsilon = 1e-8;
  /// Adds weight_decay * parameter to each gradient.
  double weight_decay = 0;
  /// How much of the last step's velocity is kept: at least 0 and below 1.
  double momentum = 0;
  /// Divides by the root of the variance of the gradient, rather than of its mean square.
  Flag centered = false;
};

/// RMSprop's update, as ElementwiseOptimizer wants it.
struct RMSpropRule {
  using Options = RMSpropOptions;
  using Step = kernels::RmspropStep;
  static constexpr const char* name = "RMSprop";
  static constexpr std::array<const char*, 3> slots = {"square_avg", "grad_avg", "momentum_buffer"};
  static void check(const Options& options, const OptionCheck& check);
  static bool uses(const Options& options, std::size_t slot);
  static Step step(const Options& options, double learning_rate, std::uint64_t count);
};

/// RMSprop of Tieleman and Hinton, "Neural networks for machine learning", lecture 6.5, 2012; centered as in
/// Graves, "Generating sequences with recurrent neural networks", arXiv 1308.0850, 2013. For a parameter p
/// with gradient g, mean square s, mean m and velocity v (all 0 at first) and rate r a step is, as in
/// PyTorch,
///
///   g <- g + weight_decay * p
///   s <- alpha * s + (1 - alpha) * g^2
///   m <- alpha * m + (1 - alpha) * g                         centered only; m = 0 otherwise
///   v <- momentum * v + g / (sqrt(s - m^2) + epsilon)
///   p <- p - r * v
///
/// A variance s - m^2 that rounding has made negative counts as 0. In state() s is "square_avg", m "grad_avg"
/// and v "momentum_buffer".
template <class T>
class RMSprop final : public ElementwiseOptimizer<T, RMSpropRule> {
 public:
  using ElementwiseOptimizer<T, RMSpropRule>::ElementwiseOptimizer;
};

// The element type is that of the parameters.
template <class T>
RMSprop(std::vector<Variable<T>>, const RMSpropRule::Options& = {}) -> RMSprop<T>;
template <class T>
RMSprop(std::initializer_list<Variable<T>>, const RMSpropRule::Options& = {}) -> RMSprop<T>;
template <class T>
RMSprop(std::vector<ParameterGroup<T, RMSpropRule::Options>>) -> RMSprop<T>;
RMSprop(std::initializer_list<ParameterGroup<float, RMSpropRule::Options>>)->RMSprop<float>;
RMSprop(std::initializer_list<ParameterGroup<double, RMSpropRule::Options>>)->RMSprop<double>;
template <class T, xgrad::detail::Real N>
RMSprop(std::vector<Variable<T>>, N) -> RMSprop<T>;  // For the library: the constructor refuses it

extern template class ElementwiseOptimizer<float, RMSpropRule>;
extern template class ElementwiseOptimizer<double, RMSpropRule>;

}  // namespace xgrad::optim
