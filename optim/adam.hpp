// Adam and AdamW: running means of the gradient and of its square, with the bias of their start taken out.
#pragma once

#include "elementwise_optimizer.hpp"

namespace xgrad::kernels {
struct AdamStep;
}

namespace xgrad::optim {

struct AdamOptions {
  double learning_rate = 0.001;
  /// How much of the running mean of the gradient is kept at each step: at least 0 and below 1.
  double beta1 = 0.9;
  /// The same, of the running mean of its square.
  double beta2 = 0.999;
  /// Keeps the division sound where every gradient was 0.
  double epsilon = 1e-8;
  /// Adds weight_decay * parameter to each gradient; see AdamW for the decay that is not scaled with it.
  double weight_decay = 0;
  /// Divides by the largest mean square so far, so that rates never grow.
  Flag amsgrad = false;
};

/// As AdamOptions, but for what weight_decay does.
struct AdamWOptions {
  double learning_rate = 0.001;
  double beta1 = 0.9;
  double beta2 = 0.999;
  double epsilon = 1e-8;
  /// Shrinks each parameter by the factor 1 - learning_rate * weight_decay before the step.
  double weight_decay = 0.01;
  Flag amsgrad = false;
};

struct AdamRule {
  using Options = AdamOptions;
  using Step = kernels::AdamStep;
  static constexpr const char* name = "Adam";
  static constexpr std::array<const char*, 3> slots = {"exp_avg", "exp_avg_sq", "max_exp_avg_sq"};
  static void check(const Options& options, const OptionCheck& check);
  static bool uses(const Options& options, std::size_t slot);
  static Step step(const Options& options, double learning_rate, std::uint64_t count);
};

struct AdamWRule {
  using Options = AdamWOptions;
  using Step = kernels::AdamStep;
  static constexpr const char* name = "AdamW";
  static constexpr std::array<const char*, 3> slots = AdamRule::slots;
  static void check(const Options& options, const OptionCheck& check);
  static bool uses(const Options& options, std::size_t slot);
  static Step step(const Options& options, double learning_rate, std::uint64_t count);
};

/// Adam of Kingma and Ba, "Adam: a method for stochastic optimization", ICLR 2015, algorithm 1; amsgrad as in
/// Reddi, Kale and Kumar, "On the convergence of Adam and beyond", ICLR 2018. For a parameter p with gradient
/// g, means m of g and v of its square (0 at first) and rate r the step of number t, counted from 1, is, as
/// in PyTorch,
///
///   g <- g + weight_decay * p
///   m <- beta1 * m + (1 - beta1) * g
///   v <- beta2 * v + (1 - beta2) * g^2
///   w <- v, or with amsgrad max(w, v)
///   p <- p - r * (m / (1 - beta1^t)) / (sqrt(w / (1 - beta2^t)) + epsilon)
///
/// In state() m is "exp_avg", v "exp_avg_sq" and w, kept with amsgrad only, "max_exp_avg_sq".
template <class T>
class Adam final : public ElementwiseOptimizer<T, AdamRule> {
 public:
  using ElementwiseOptimizer<T, AdamRule>::ElementwiseOptimizer;
};

/// Adam with the weight decay of Loshchilov and Hutter, "Decoupled weight decay regularization", ICLR 2019,
/// scaled by the learning rate as in PyTorch: in place of the first line above,
///
///   p <- p * (1 - r * weight_decay)
template <class T>
class AdamW final : public ElementwiseOptimizer<T, AdamWRule> {
 public:
  using ElementwiseOptimizer<T, AdamWRule>::ElementwiseOptimizer;
};

extern template class ElementwiseOptimizer<float, AdamRule>;
extern template class ElementwiseOptimizer<double, AdamRule>;
extern template class ElementwiseOptimizer<float, AdamWRule>;
extern template class ElementwiseOptimizer<double, AdamWRule>;

}  // namespace xgrad::optim
