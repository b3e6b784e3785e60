// Stochastic gradient descent: plain, with momentum, with Nesterov's momentum, with weight decay.
#pragma once

#include "optimizer.hpp"

namespace xgrad::optim {

struct SGDOptions {
  double learning_rate = 0.01;
  /// How much of the last step's velocity is kept: at least 0 and below 1.
  double momentum = 0;
  /// Steps along the gradient as it will be after the momentum's own move; needs a momentum above 0.
  bool nesterov = false;
  /// Adds weight_decay * parameter to each gradient: the gradient of weight_decay / 2 * (sum of squares).
  double weight_decay = 0;
};

/// Gradient descent. For a parameter p with gradient g, velocity v (0 at first) and learning rate r a step is
///
///   g <- g + weight_decay * p
///   v <- momentum * v + g
///   p <- p - r * v                       or, with nesterov,   p <- p - r * (g + momentum * v)
///
/// which is PyTorch's rule without dampening. The rate multiplies the velocity when it is used, so that a
/// change of rate is felt at once; Sutskever et al., "On the importance of initialization and momentum in
/// deep learning", ICML 2013, multiply the gradient as it enters v.
template <class T>
class SGD final : public Optimizer<T> {
 public:
  /// Any leaves that require a gradient will do: a module's parameters(), or Variables of one's own. A bad
  /// option is a ValueError; for what is refused as a parameter see Optimizer.
  explicit SGD(std::vector<Variable<T>> parameters, const SGDOptions& options = {});

  void step() override;

  /// As they are now, set_learning_rate() included.
  SGDOptions options() const;
  /// For every later step. Velocities are kept unless the new momentum is 0. ValueError for a bad option.
  void set_options(const SGDOptions& options);

 private:
  void check(const SGDOptions& options) const;

  SGDOptions options_;
  std::vector<Dense<T>> velocities_;  ///< one a parameter; undefined until its first step with momentum
};

extern template class SGD<float>;
extern template class SGD<double>;

}  // namespace xgrad::optim
