#include "adam.hpp"

#include <cmath>

#include "update_kernels.hpp"

namespace xgrad::optim {
namespace {

template <class Options>
void check_options(const Options& options, const OptionCheck& check) {
  check.fraction("beta1", options.beta1);
  check.fraction("beta2", options.beta2);
  check.at_least_zero("epsilon", options.epsilon);
  check.at_least_zero("weight_decay", options.weight_decay);
}

/// Without weight decay.
template <class Options>
kernels::AdamStep step_of(const Options& options, double learning_rate, std::uint64_t count) {
  const double t = static_cast<double>(count);
  return {.rate = learning_rate / (1 - std::pow(options.beta1, t)),
          .beta1 = options.beta1,
          .beta2 = options.beta2,
          .root_factor = 1 / std::sqrt(1 - std::pow(options.beta2, t)),
          .epsilon = options.epsilon,
          .gradient_decay = 0,
          .parameter_factor = 1,
          .amsgrad = options.amsgrad};
}

}  // namespace

void AdamRule::check(const Options& options, const OptionCheck& check) { check_options(options, check); }
void AdamWRule::check(const Options& options, const OptionCheck& check) { check_options(options, check); }

bool AdamRule::uses(const Options& options, std::size_t slot) { return slot < 2 || options.amsgrad; }
bool AdamWRule::uses(const Options& options, std::size_t slot) { return slot < 2 || options.amsgrad; }

AdamRule::Step AdamRule::step(const Options& options, double learning_rate, std::uint64_t count) {
  Step step = step_of(options, learning_rate, count);
  step.gradient_decay = options.weight_decay;
  return step;
}

AdamWRule::Step AdamWRule::step(const Options& options, double learning_rate, std::uint64_t count) {
  Step step = step_of(options, learning_rate, count);
  step.parameter_factor = 1 - learning_rate * options.weight_decay;
  return step;
}

}  // namespace xgrad::optim
