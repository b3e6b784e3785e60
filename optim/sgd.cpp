#include "sgd.hpp"

#include <cmath>

#include "update_kernels.hpp"

namespace xgrad::optim {

void SGDRule::check(const Options& options, const OptionCheck& check) {
  check(options.momentum >= 0 && options.momentum < 1, "momentum", options.momentum,
        "at least 0 and below 1");
  check(!options.nesterov || options.momentum > 0, "momentum", options.momentum,
        "above 0 for nesterov = true");
  check(std::isfinite(options.weight_decay) && options.weight_decay >= 0, "weight_decay",
        options.weight_decay, "finite and at least 0");
}

bool SGDRule::uses(const Options& options, std::size_t) { return options.momentum > 0; }

double SGDRule::initial(const Options&, std::size_t) { return 0; }

SGDRule::Step SGDRule::step(const Options& options, double learning_rate, std::uint64_t) {
  return {learning_rate, options.momentum, options.nesterov, options.weight_decay};
}

}  // namespace xgrad::optim
