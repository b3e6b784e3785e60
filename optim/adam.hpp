// Adam and AdamW: running means of the gradient and of its square, with the bias of their start taken out.
#pragma once

#include "elementwise_optimizer.hpp"

namespace xgrad::kernels {
struct AdamStep;
}

namespace xgrad::optim {

/// What weight_decay does: Adam adds weight_decay * parameter to each gradient, which is scaled with it;
/// AdamW shrinks each parameter by the factor 1 - learning_rate * weight_decay before the step.
enum class WeightDecay { in_gradient, of_parameter };

/// What Adam and AdamW take; they differ in what weight_decay does, and in its default.
template <WeightDecay decay>
struct AdamOptionsOf {
  double learning_rate = 0.001;
  /// How much of the running mean of the gradient is kept at each step: at least 0 and below 1.
  double beta1 = 0.9;
  /// The same, of the running mean of its square.
  double beta2 = 0.999;
  /// Keeps the division sound where every gradient was 0.
  double epsilon = 1e-8;
  /// See WeightDecay.
  double weight_decay = decay == WeightDecay::of_parameter ? 0.01 : 0;
  /// Divides by the largest mean square so far, so that rates never grow.
  Flag amsgrad = false;
};

/// What Adam takes.
using AdamOptions = AdamOptionsOf<WeightDecay::in_gradient>;
/// What AdamW takes.
using AdamWOptions = AdamOptionsOf<WeightDecay::of_parameter>;

/// The update of Adam and AdamW, as ElementwiseOptimizer wants it.
template <WeightDecay decay>
struct AdamRuleOf {
  using Options = AdamOptionsOf<decay>;
  using Step = kernels::AdamStep;
  static constexpr const char* name = decay == WeightDecay::of_parameter ? "AdamW" : "Adam";
  static constexpr std::array<const char*, 3> slots = {"exp_avg", "exp_avg_sq", "max_exp_avg_sq"};
  static void check(const Options& options, const OptionCheck& check);
  static bool uses(const Options& options, std::size_t slot);
  static Step step(const Options& options, double learning_rate, std::uint64_t count);
};

/// Adam's update.
using AdamRule = AdamRuleOf<WeightDecay::in_gradient>;
/// AdamW's update.
using AdamWRule = AdamRuleOf<WeightDecay::of_parameter>;

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

// The element type is that of the parameters.
template <class T>
Adam(std::vector<Variable<T>>, const AdamRule::Options& = {}) -> Adam<T>;
template <class T>
Adam(std::initializer_list<Variable<T>>, const AdamRule::Options& = {}) -> Adam<T>;
template <class T>
Adam(std::vector<ParameterGroup<T, AdamRule::Options>>) -> Adam<T>;
Adam(std::initializer_list<ParameterGroup<float, AdamRule::Options>>)->Adam<float>;
Adam(std::initializer_list<ParameterGroup<double, AdamRule::Options>>)->Adam<double>;
template <class T, xgrad::detail::Real N>
Adam(std::vector<Variable<T>>, N) -> Adam<T>;  // For the library: the constructor refuses it
template <class T>
AdamW(std::vector<Variable<T>>, const AdamWRule::Options& = {}) -> AdamW<T>;
template <class T>
AdamW(std::initializer_list<Variable<T>>, const AdamWRule::Options& = {}) -> AdamW<T>;
template <class T>
AdamW(std::vector<ParameterGroup<T, AdamWRule::Options>>) -> AdamW<T>;
AdamW(std::initializer_list<ParameterGroup<float, AdamWRule::Options>>)->AdamW<float>;
AdamW(std::initializer_list<ParameterGroup<double, AdamWRule::Options>>)->AdamW<double>;
template <class T, xgrad::detail::Real N>
AdamW(std::vector<Variable<T>>, N) -> AdamW<T>;  // For the library: the constructor refuses it

extern template class ElementwiseOptimizer<float, AdamRule>;
extern template class ElementwiseOptimizer<double, AdamRule>;
extern template class ElementwiseOptimizer<float, AdamWRule>;
extern template class ElementwiseOptimizer<double, AdamWRule>;

}  // namespace xgrad::optim
