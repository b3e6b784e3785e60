#include "adagrad.hpp"

#include "adagrad_kernels.hpp"
#include "elementwise_optimizer_definitions.hpp"

namespace xgrad::optim {

void AdagradRule::check(const Options& options, const OptionCheck& check) {
  check.at_least_zero("learning_rate_decay", options.learning_rate_decay);
  check.at_least_zero("weight_decay", options.weight_decay);
  check.at_least_zero("initial_accumulator_value", options.initial_accumulator_value);
  check.at_least_zero("epsilon", options.epsilon);
}

bool AdagradRule::uses(const Options&, std::size_t) { return true; }

double AdagradRule::initial(const Options& options) { return options.initial_accumulator_value; }

AdagradRule::Step AdagradRule::step(const Options& options, double learning_rate, std::uint64_t count) {
  const double earlier = static_cast<double>(count - 1);
  return {learning_rate / (1 + earlier * options.learning_rate_decay), options.epsilon, options.weight_decay};
}

template class ElementwiseOptimizer<float, AdagradRule>;
template class ElementwiseOptimizer<double, AdagradRule>;

}  // namespace xgrad::optim
