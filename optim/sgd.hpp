// Stochastic gradient descent: plain, with momentum, with Nesterov's momentum, with weight decay.
#pragma once

#include "elementwise_optimizer.hpp"

namespace xgrad::kernels {
struct SgdStep;
}

namespace xgrad::optim {

/// What SGD takes.
struct SGDOptions {
  double learning_rate = 0.01;
  /// How much of the last step's velocity is kept: at least 0 and below 1.
  double momentum = 0;
  /// Steps along the gradient as it will be after the momentum's own move; needs a momentum above 0.
  Flag nesterov = false;
  /// Adds weight_decay * parameter to each gradient: the gradient of weight_decay / 2 * (sum of squares).
  double weight_decay = 0;
};

/// SGD's update, as ElementwiseOptimizer wants it.
struct SGDRule {
  using Options = SGDOptions;
  using Step = kernels::SgdStep;
  static constexpr const char* name = "SGD";
  static constexpr std::array<const char*, 1> slots = {"momentum_buffer"};
  static void check(const Options& options, const OptionCheck& check);
  static bool uses(const Options& options, std::size_t slot);
  static Step step(const Options& options, double learning_rate, std::uint64_t count);
};

/// Gradient descent. For a parameter p with gradient g, velocity v (0 at first) and learning rate r a step is
///
///   g <- g + weight_decay * p
///   v <- momentum * v + g
///   p <- p - r * v                       or, with nesterov,   p <- p - r * (g + momentum * v)
///
/// which is PyTorch's rule without dampening. The rate multiplies the velocity when it is used, so that a
/// change of rate is felt at once; Sutskever et al., "On the importance of initialization and momentum in
/// deep learning", ICML 2013, multiply the gradient as it enters v. In state() v is "momentum_buffer".
template <class T>
class SGD final : public ElementwiseOptimizer<T, SGDRule> {
 public:
  using ElementwiseOptimizer<T, SGDRule>::ElementwiseOptimizer;
};

// The element type is that of the parameters.
template <class T>
SGD(std::vector<Variable<T>>, const SGDRule::Options& = {}) -> SGD<T>;
template <class T>
SGD(std::initializer_list<Variable<T>>, const SGDRule::Options& = {}) -> SGD<T>;
template <class T>
SGD(std::vector<ParameterGroup<T, SGDRule::Options>>) -> SGD<T>;
SGD(std::initializer_list<ParameterGroup<float, SGDRule::Options>>)->SGD<float>;
SGD(std::initializer_list<ParameterGroup<double, SGDRule::Options>>)->SGD<double>;
template <class T, xgrad::detail::Real N>
SGD(std::vector<Variable<T>>, N) -> SGD<T>;  // For the library: the constructor refuses it

extern template class ElementwiseOptimizer<float, SGDRule>;
extern template class ElementwiseOptimizer<double, SGDRule>;

}  // namespace xgrad::optim
