#include "rmsprop.hpp"

#include "elementwise_optimizer_definitions.hpp"
#include "rmsprop_kernels.hpp"

namespace xgrad::optim {

void RMSpropRule::check(const Options& options, const OptionCheck& check) {
  check.fraction("alpha", options.alpha);
  check.at_least_zero("epsilon", options.epsilon);
  check.at_least_zero("weight_decay", options.weight_decay);
  check.fraction("momentum", options.momentum);
}

bool RMSpropRule::uses(const Options& options, std::size_t slot) {
  const bool used[] = {true, options.centered, options.momentum > 0};
  return used[slot];
}

RMSpropRule::Step RMSpropRule::step(const Options& options, double learning_rate, std::uint64_t) {
  return {learning_rate,        options.alpha,    options.epsilon,
          options.weight_decay, options.momentum, options.centered};
}

template class ElementwiseOptimizer<float, RMSpropRule>;
template class ElementwiseOptimizer<double, RMSpropRule>;

}  // namespace xgrad::optim
