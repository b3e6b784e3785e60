#include "adam.hpp"

#include <cmath>

#include "adam_kernels.hpp"
#include "elementwise_optimizer_definitions.hpp"

namespace xgrad::optim {

template <WeightDecay decay>
void AdamRuleOf<decay>::check(const Options& options, const OptionCheck& check) {
  check.fraction("beta1", options.beta1);
  check.fraction("beta2", options.beta2);
  check.at_least_zero("epsilon", options.epsilon);
  check.at_least_zero("weight_decay", options.weight_decay);
}

template <WeightDecay decay>
bool AdamRuleOf<decay>::uses(const Options& options, std::size_t slot) {
  return slot < 2 || options.amsgrad;
}

template <WeightDecay decay>
kernels::AdamStep AdamRuleOf<decay>::step(const Options& options, double learning_rate, std::uint64_t count) {
  constexpr bool in_gradient = decay == WeightDecay::in_gradient;
  const double t = static_cast<double>(count);
  return {.rate = learning_rate / (1 - std::pow(options.beta1, t)),
          .beta1 = options.beta1,
          .beta2 = options.beta2,
          .root_factor = 1 / std::sqrt(1 - std::pow(options.beta2, t)),
          .epsilon = options.epsilon,
          .gradient_decay = in_gradient ? options.weight_decay : 0,
          .parameter_factor = in_gradient ? 1 : 1 - learning_rate * options.weight_decay,
          .amsgrad = options.amsgrad};
}

template class ElementwiseOptimizer<float, AdamRule>;
template class ElementwiseOptimizer<double, AdamRule>;
template class ElementwiseOptimizer<float, AdamWRule>;
template class ElementwiseOptimizer<double, AdamWRule>;

}  // namespace xgrad::optim
