// Adagrad: each element's rate falls with the squares of the gradients that it has seen.
#pragma once

#include "elementwise_optimizer.hpp"

namespace xgrad::kernels {
struct AdagradStep;
}

namespace xgrad::optim {

/// What Adagrad takes.
struct AdagradOptions {
  double learning_rate = 0.01;
  /// The rate of step t, counted from 1, is learning_rate / (1 + (t - 1) * learning_rate_decay).
  double learning_rate_decay = 0;
  /// Adds weight_decay * parameter to each gradient.
  double weight_decay = 0;
  /// What the sum of squares holds at first.
  double initial_accumulator_value = 0;
  /// Keeps the division sound where every gradient was 0.
  double epsilon = 1e-10;
};

/// Adagrad's update, as ElementwiseOptimizer wants it.
struct AdagradRule {
  using Options = AdagradOptions;
  using Step = kernels::AdagradStep;
  static constexpr const char* name = "Adagrad";
  static constexpr std::array<const char*, 1> slots = {"sum"};
  static void check(const Options& options, const OptionCheck& check);
  static bool uses(const Options& options, std::size_t slot);
  static double initial(const Options& options);
  static Step step(const Options& options, double learning_rate, std::uint64_t count);
};

/// Adagrad of Duchi, Hazan and Singer, "Adaptive subgradient methods for online learning and stochastic
/// optimization", JMLR 12, 2011, with diagonal scaling. For a parameter p with gradient g, sum of squares s
/// and the step's rate r (see learning_rate_decay) a step is, as in PyTorch,
///
///   g <- g + weight_decay * p
///   s <- s + g^2
///   p <- p - r * g / (sqrt(s) + epsilon)
template <class T>
class Adagrad final : public ElementwiseOptimizer<T, AdagradRule> {
 public:
  using ElementwiseOptimizer<T, AdagradRule>::ElementwiseOptimizer;
};

// The element type is that of the parameters.
template <class T>
Adagrad(std::vector<Variable<T>>, const AdagradRule::Options& = {}) -> Adagrad<T>;
template <class T>
Adagrad(std::initializer_list<Variable<T>>, const AdagradRule::Options& = {}) -> Adagrad<T>;
template <class T>
Adagrad(std::vector<ParameterGroup<T, AdagradRule::Options>>) -> Adagrad<T>;
Adagrad(std::initializer_list<ParameterGroup<float, AdagradRule::Options>>)->Adagrad<float>;
Adagrad(std::initializer_list<ParameterGroup<double, AdagradRule::Options>>)->Adagrad<double>;
template <class T, xgrad::detail::Real N>
Adagrad(std::vector<Variable<T>>, N) -> Adagrad<T>;  // For the library: the constructor refuses it

extern template class ElementwiseOptimizer<float, AdagradRule>;
extern template class ElementwiseOptimizer<double, AdagradRule>;

}  // namespace xgrad::optim
