#include "scheduler.hpp"

#include <algorithm>
#include <cmath>
#include <numbers>
#include <string_view>

namespace xgrad::optim {
namespace {

constexpr std::string_view then_prefix = "then.";
const char* const own_rates = "own_learning_rates";

std::vector<double> own_rates_of(const LearningRates& optimizer) {
  std::vector<double> rates;
  for (std::size_t group = 0; group < optimizer.group_count(); ++group)
    rates.push_back(optimizer.own_learning_rate(group));
  return rates;
}

void check_gamma(const OptionCheck& check, double gamma) {
  check(std::isfinite(gamma) && gamma > 0, "gamma", gamma, "finite and above 0");
}

/// From `start` at part 0 to `end` at part 1, along half a cosine.
double along_cosine(double start, double end, double part) {
  return end + (start - end) * (1 + std::cos(std::numbers::pi * part)) / 2;
}

}  // namespace

Scheduler::Scheduler(std::string name, LearningRates& optimizer)
    : name_(std::move(name)), rates_(optimizer.rates_), progress_{own_rates_of(optimizer), 0} {}

Scheduler::~Scheduler() { rates_->settle(this); }

void Scheduler::set_factors(const Progress& progress) const {
  std::vector<double> factors;
  for (double base : progress.bases) factors.push_back(factor(base, progress.steps));
  rates_->set_factors(this, std::move(factors));
}

void Scheduler::start() { set_factors(progress_); }

void Scheduler::step() {
  Progress next = progress_;
  ++next.steps;
  set_factors(next);
  assign(std::move(next));
}

std::vector<NamedArray<double>> Scheduler::state() const {
  const std::vector<double>& bases = progress_.bases;
  Dense<double> array(Shape{bases.size()});
  std::copy(bases.begin(), bases.end(), array.mutable_data());
  std::vector<NamedArray<double>> state;
  state.emplace_back("steps", number_array<double>(static_cast<double>(progress_.steps)));
  state.emplace_back(own_rates, to_array(std::move(array)));
  return state;
}

Scheduler::Progress Scheduler::read(const std::vector<NamedArray<double>>& state) const {
  for (const auto& named : state)
    if (named.first == "base_learning_rates")
      throw ValueError(name_ +
                       ": the state is of an earlier format, in which the optimizer's learning rates "
                       "were saved times the schedule's factor; give the optimizer its own rates, and step "
                       "the schedule to where it was");
  StateReader<double> reader(name_, state);
  Progress progress;
  progress.steps = reader.count("steps");
  const std::size_t groups = progress_.bases.size();
  const Dense<double> bases = reader.array(own_rates, Shape{groups});
  reader.finish();
  progress.bases.assign(bases.data(), bases.data() + groups);
  for (double base : progress.bases) check().at_least_zero(own_rates, base);
  return progress;
}

void Scheduler::load_state(const std::vector<NamedArray<double>>& state) {
  Progress progress = read(state);
  set_factors(progress);
  assign(std::move(progress));
}

void StepLROptions::check(const OptionCheck& check) const {
  check.at_least_one("step_size", step_size);
  check_gamma(check, gamma);
}

double StepLROptions::factor(double, std::uint64_t t) const {
  const auto falls = t / step_size;  // whole ones
  return std::pow(gamma, static_cast<double>(falls));
}

void MultiStepLROptions::check(const OptionCheck& check) const {
  if (milestones.empty())
    throw ValueError(
        "MultiStepLR: there are no milestones; give the numbers of steps at which the rate falls");
  for (const Count& milestone : milestones) check.at_least_zero("a milestone", milestone);
  check_gamma(check, gamma);
}

double MultiStepLROptions::factor(double, std::uint64_t t) const {
  const auto reached = std::count_if(milestones.begin(), milestones.end(), [&](const Count& milestone) {
    return static_cast<std::uint64_t>(milestone.number()) <= t;
  });
  return std::pow(gamma, static_cast<double>(reached));
}

void LambdaLROptions::check(const OptionCheck&) const {
  if (!lr_lambda) throw ValueError("LambdaLR: there is no lr_lambda; give a function of the number of steps");
}

double LambdaLROptions::factor(double, std::uint64_t t) const {
  const double factor = lr_lambda(static_cast<double>(t));
  if (!std::isfinite(factor) || factor < 0)
    throw ValueError("LambdaLR: lr_lambda gives " + std::to_string(factor) + " at step " + std::to_string(t) +
                     "; a factor must be finite and at least 0");
  return factor;
}

void ExponentialLROptions::check(const OptionCheck& check) const { check_gamma(check, gamma); }

double ExponentialLROptions::factor(double, std::uint64_t t) const {
  return std::pow(gamma, static_cast<double>(t));
}

void CosineAnnealingLROptions::check(const OptionCheck& check) const {
  check.at_least_one("t_max", t_max);
  check.at_least_zero("eta_min", eta_min);
}

double CosineAnnealingLROptions::factor(double base, std::uint64_t t) const {
  const double floor = base > 0 ? eta_min / base : 0;
  return along_cosine(1, floor, static_cast<double>(t) / static_cast<double>(t_max));
}

void OneCycleLROptions::check(const OptionCheck& check) const {
  check(total_steps.number() >= 2, "total_steps", static_cast<double>(total_steps.number()),
        "at least 2, a first and a last");
  check(pct_start > 0 && pct_start < 1, "pct_start", pct_start, "above 0 and below 1");
  const auto check_divisor = [&](const char* option, double value) {
    check(std::isfinite(value) && value >= 1, option, value, "finite and at least 1");
  };
  check_divisor("div_factor", div_factor);
  check_divisor("final_div_factor", final_div_factor);
}

double OneCycleLROptions::factor(double, std::uint64_t t) const {
  const double now = static_cast<double>(t), end = static_cast<double>(total_steps - 1);
  const double top = pct_start * static_cast<double>(total_steps) - 1;
  const double first = 1 / div_factor, last = first / final_div_factor;
  if (now < top) return along_cosine(first, 1, now / top);
  return along_cosine(1, last, std::min((now - top) / (end - top), 1.0));
}

void LinearWarmupOptions::check(const OptionCheck& check) const {
  check.at_least_one("total_steps", total_steps);
  check(start_factor > 0 && start_factor <= 1, "start_factor", start_factor, "above 0 and at most 1");
}

double LinearWarmupOptions::factor(double, std::uint64_t t) const {
  if (t >= total_steps) return 1;
  const double part = static_cast<double>(t) / static_cast<double>(total_steps);
  return start_factor + (1 - start_factor) * part;
}

namespace {

/// The options, once all is known to be good: a schedule that was begun and then refused would have moved the
/// rates.
const LinearWarmupOptions& to_be_followed(const LinearWarmupOptions& options, const LearningRates& optimizer,
                                          const Scheduler& then) {
  options.check({LinearWarmupOptions::schedule});
  if (!then.drives(optimizer))
    throw ValueError("LinearWarmup: the schedule to follow drives another optimizer; make both of one");
  return options;
}

}  // namespace

LinearWarmup::LinearWarmup(LearningRates& optimizer, const LinearWarmupOptions& options, Scheduler& then)
    : Schedule(optimizer, to_be_followed(options, optimizer, then)), then_(&then) {}

void LinearWarmup::step() {
  if (then_ == nullptr || steps() < options().total_steps) return Scheduler::step();
  then_->step();
  count_step();
}

std::vector<NamedArray<double>> LinearWarmup::state() const {
  std::vector<NamedArray<double>> state = Scheduler::state();
  if (then_ != nullptr)
    for (auto& [name, array] : then_->state())
      state.emplace_back(std::string(then_prefix) + name, std::move(array));
  return state;
}

void LinearWarmup::load_state(const std::vector<NamedArray<double>>& state) {
  if (then_ == nullptr) return Scheduler::load_state(state);
  std::vector<NamedArray<double>> own, followers;
  for (const auto& [name, array] : state) {
    if (name.starts_with(then_prefix))
      followers.emplace_back(name.substr(then_prefix.size()), array);
    else
      own.emplace_back(name, array);
  }
  Progress progress = read(own);
  then_->load_state(followers);
  set_factors(progress);
  assign(std::move(progress));
}

}  // namespace xgrad::optim
