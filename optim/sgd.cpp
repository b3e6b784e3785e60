#include "sgd.hpp"

#include "elementwise_optimizer_definitions.hpp"
#include "sgd_kernels.hpp"

namespace xgrad::optim {

void SGDRule::check(const Options& options, const OptionCheck& check) {
  check.fraction("momentum", options.momentum);
  check(!options.nesterov || options.momentum > 0, "momentum", options.momentum,
        "above 0 for nesterov = true");
  check.at_least_zero("weight_decay", options.weight_decay);
}

bool SGDRule::uses(const Options& options, std::size_t) { return options.momentum > 0; }

SGDRule::Step SGDRule::step(const Options& options, double learning_rate, std::uint64_t) {
  return {learning_rate, options.momentum, options.nesterov, options.weight_decay};
}

template class ElementwiseOptimizer<float, SGDRule>;
template class ElementwiseOptimizer<double, SGDRule>;

}  // namespace xgrad::optim
