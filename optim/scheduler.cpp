#include "scheduler.hpp"

#include <algorithm>
#include <cmath>
#include <numbers>

namespace xgrad::optim {
namespace {

const std::string then_prefix = "then.";

std::vector<double> rates_of(const LearningRates& optimizer) {
  std::vector<double> rates;
  for (std::size_t group = 0; group < optimizer.group_count(); ++group)
    rates.push_back(optimizer.learning_rate(group));
  return rates;
}

void check_count(const OptionCheck& check, const char* option, std::uint64_t value, std::uint64_t least) {
  check(value >= least, option, static_cast<double>(value),
        least == 1 ? "at least 1" : "at least 2, a first and a last");
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
    : name_(std::move(name)), optimizer_(optimizer), progress_{rates_of(optimizer), 0} {}

void Scheduler::set_rates(const Progress& progress) const {
  std::vector<double> rates;
  for (double base : progress.bases) rates.push_back(rate(base, progress.steps));
  optimizer_.set_learning_rates(std::move(rates));
}

void Scheduler::start() { set_rates(progress_); }

void Scheduler::step() {
  Progress next = progress_;
  ++next.steps;
  set_rates(next);
  assign(std::move(next));
}

std::vector<NamedArray<double>> Scheduler::state() const {
  const std::vector<double>& bases = progress_.bases;
  Dense<double> array(Shape{bases.size()});
  std::copy(bases.begin(), bases.end(), array.mutable_data());
  std::vector<NamedArray<double>> state;
  state.emplace_back("steps", number_array<double>(static_cast<double>(progress_.steps)));
  state.emplace_back("base_learning_rates", to_array(std::move(array)));
  return state;
}

Scheduler::Progress Scheduler::read(const std::vector<NamedArray<double>>& state) const {
  StateReader<double> reader(name_, state);
  Progress progress;
  progress.steps = reader.count("steps");
  const std::size_t groups = progress_.bases.size();
  const Dense<double> bases = reader.array("base_learning_rates", Shape{groups});
  reader.finish();
  progress.bases.assign(bases.data(), bases.data() + groups);
  for (double base : progress.bases) check().at_least_zero("base_learning_rates", base);
  return progress;
}

void Scheduler::load_state(const std::vector<NamedArray<double>>& state) {
  Progress progress = read(state);
  set_rates(progress);
  assign(std::move(progress));
}

StepLR::StepLR(LearningRates& optimizer, const StepLROptions& options)
    : Scheduler("StepLR", optimizer), options_(options) {
  check_count(check(), "step_size", options.step_size, 1);
  check_gamma(check(), options.gamma);
  start();
}

double StepLR::rate(double base, std::uint64_t t) const {
  return base * std::pow(options_.gamma, static_cast<double>(t / options_.step_size));
}

ExponentialLR::ExponentialLR(LearningRates& optimizer, const ExponentialLROptions& options)
    : Scheduler("ExponentialLR", optimizer), options_(options) {
  check_gamma(check(), options.gamma);
  start();
}

double ExponentialLR::rate(double base, std::uint64_t t) const {
  return base * std::pow(options_.gamma, static_cast<double>(t));
}

CosineAnnealingLR::CosineAnnealingLR(LearningRates& optimizer, const CosineAnnealingLROptions& options)
    : Scheduler("CosineAnnealingLR", optimizer), options_(options) {
  check_count(check(), "t_max", options.t_max, 1);
  check().at_least_zero("eta_min", options.eta_min);
  start();
}

double CosineAnnealingLR::rate(double base, std::uint64_t t) const {
  return along_cosine(base, options_.eta_min, static_cast<double>(t) / static_cast<double>(options_.t_max));
}

OneCycleLR::OneCycleLR(LearningRates& optimizer, const OneCycleLROptions& options)
    : Scheduler("OneCycleLR", optimizer), options_(options) {
  check_count(check(), "total_steps", options.total_steps, 2);
  check()(options.pct_start > 0 && options.pct_start < 1, "pct_start", options.pct_start,
          "above 0 and below 1");
  const auto check_divisor = [&](const char* option, double value) {
    check()(std::isfinite(value) && value >= 1, option, value, "finite and at least 1");
  };
  check_divisor("div_factor", options.div_factor);
  check_divisor("final_div_factor", options.final_div_factor);
  start();
}

double OneCycleLR::rate(double base, std::uint64_t t) const {
  const double now = static_cast<double>(t), end = static_cast<double>(options_.total_steps - 1);
  const double top = options_.pct_start * static_cast<double>(options_.total_steps) - 1;
  const double first = base / options_.div_factor, last = first / options_.final_div_factor;
  if (now < top) return along_cosine(first, base, now / top);
  return along_cosine(base, last, std::min((now - top) / (end - top), 1.0));
}

LinearWarmup::LinearWarmup(LearningRates& optimizer, const LinearWarmupOptions& options)
    : Scheduler("LinearWarmup", optimizer), options_(options) {
  check_count(check(), "total_steps", options.total_steps, 1);
  check()(options.start_factor > 0 && options.start_factor <= 1, "start_factor", options.start_factor,
          "above 0 and at most 1");
  start();
}

LinearWarmup::LinearWarmup(LearningRates& optimizer, const LinearWarmupOptions& options, Scheduler& then)
    : LinearWarmup(optimizer, options) {
  then_ = &then;
}

double LinearWarmup::rate(double base, std::uint64_t t) const {
  if (t >= options_.total_steps) return base;
  const double part = static_cast<double>(t) / static_cast<double>(options_.total_steps);
  return base * (options_.start_factor + (1 - options_.start_factor) * part);
}

void LinearWarmup::step() {
  if (then_ == nullptr || steps() < options_.total_steps) return Scheduler::step();
  then_->step();
  count_step();
}

std::vector<NamedArray<double>> LinearWarmup::state() const {
  std::vector<NamedArray<double>> state = Scheduler::state();
  if (then_ != nullptr)
    for (auto& [name, array] : then_->state()) state.emplace_back(then_prefix + name, std::move(array));
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
  if (progress.steps <= options_.total_steps) set_rates(progress);
  assign(std::move(progress));
}

}  // namespace xgrad::optim
