#include "reduce_on_plateau.hpp"

#include <algorithm>
#include <cmath>

namespace xgrad::optim {
namespace {

const char* const name = "ReduceLROnPlateau";

}  // namespace

ReduceLROnPlateau::ReduceLROnPlateau(LearningRates& optimizer, const ReduceLROnPlateauOptions& options)
    : options_(options), optimizer_(optimizer) {
  const OptionCheck check{name};
  check(options.factor > 0 && options.factor < 1, "factor", options.factor, "above 0 and below 1");
  check.at_least_zero("threshold", options.threshold);
  check.at_least_zero("min_lr", options.min_lr);
  check.at_least_zero("eps", options.eps);
  check.at_least_zero("patience", options.patience);
  check.at_least_zero("cooldown", options.cooldown);
  const double infinity = std::numeric_limits<double>::infinity();
  progress_.best = options.mode == PlateauMode::min ? infinity : -infinity;
}

bool ReduceLROnPlateau::is_better(double metric) const {
  const double best = progress_.best;
  // Anything is better than the infinite best of the start, of which a part would be infinite as well.
  const bool relative = options_.threshold_mode == ThresholdMode::rel && std::isfinite(best);
  const double margin = options_.threshold * (relative ? std::abs(best) : 1);
  return options_.mode == PlateauMode::min ? metric < best - margin : metric > best + margin;
}

bool ReduceLROnPlateau::reduce() {
  std::vector<double> rates;
  bool falls = false;
  for (std::size_t group = 0; group < optimizer_.group_count(); ++group) {
    const double before = optimizer_.own_learning_rate(group);
    const double after = std::max(before * options_.factor, options_.min_lr);
    const bool changes = before - after > options_.eps;
    rates.push_back(changes ? after : before);
    falls = falls || changes;
  }
  optimizer_.set_own_learning_rates(std::move(rates));
  return falls;
}

bool ReduceLROnPlateau::step(double metric) {
  Progress next = progress_;
  if (is_better(metric)) {
    next.best = metric;
    next.bad_steps = 0;
  } else {
    ++next.bad_steps;
  }
  if (next.cooldown > 0) {
    --next.cooldown;
    next.bad_steps = 0;
  }
  bool falls = false;
  if (next.bad_steps > options_.patience) {
    falls = reduce();
    next.cooldown = options_.cooldown;
    next.bad_steps = 0;
  }
  progress_ = next;
  return falls;
}

std::vector<NamedArray<double>> ReduceLROnPlateau::state() const {
  std::vector<NamedArray<double>> state;
  state.emplace_back("best", number_array<double>(progress_.best));
  state.emplace_back("bad_steps", number_array<double>(static_cast<double>(progress_.bad_steps)));
  state.emplace_back("cooldown", number_array<double>(static_cast<double>(progress_.cooldown)));
  return state;
}

void ReduceLROnPlateau::load_state(const std::vector<NamedArray<double>>& state) {
  StateReader<double> reader(name, state);
  const Progress loaded{reader.number("best"), reader.count("bad_steps"), reader.count("cooldown")};
  reader.finish();
  progress_ = loaded;
}

}  // namespace xgrad::optim
