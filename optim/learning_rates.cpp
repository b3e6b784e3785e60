#include "learning_rates.hpp"

#include <algorithm>
#include <cmath>
#include <sstream>

#include "../core/array/error.hpp"

namespace xgrad::optim {

void OptionCheck::operator()(bool holds, const char* option, double value, const char* rule) const {
  if (holds) return;
  std::ostringstream text;
  text << owner << ": " << option << " is " << value << "; it must be " << rule;
  throw ValueError(text.str());
}

void OptionCheck::at_least_zero(const char* option, double value) const {
  (*this)(std::isfinite(value) && value >= 0, option, value, "finite and at least 0");
}

void OptionCheck::at_least_zero(const char* option, const Count& value) const {
  at_least_zero(option, static_cast<double>(value.number()));
}

void OptionCheck::at_least_one(const char* option, const Count& value) const {
  (*this)(value.number() >= 1, option, static_cast<double>(value.number()), "at least 1");
}

void OptionCheck::fraction(const char* option, double value) const {
  (*this)(value >= 0 && value < 1, option, value, "at least 0 and below 1");
}

namespace {

/// The number whose product with `factor` is `product`, to the bit where there is one.
double quotient(double product, double factor) {
  const double near = product / factor, up = std::nextafter(near, HUGE_VAL), down = std::nextafter(near, 0);
  if (near * factor == product) return near;
  return up * factor == product ? up : down * factor == product ? down : near;
}

}  // namespace

detail::GroupRates::GroupRates(std::string owner, std::vector<double> own)
    : owner_(std::move(owner)), own_(std::move(own)), in_force_(checked(own_, {})) {}

double detail::GroupRates::factor_of(const std::vector<Schedule>& schedules, std::size_t group) noexcept {
  double factor = 1;
  for (const Schedule& schedule : schedules) factor *= schedule.factors[group];
  return factor;
}

std::vector<double> detail::GroupRates::checked(const std::vector<double>& own,
                                                const std::vector<Schedule>& schedules) const {
  const OptionCheck check{owner_};
  std::vector<double> in_force;
  for (std::size_t group = 0; group < own.size(); ++group) {
    check.at_least_zero("learning_rate", own[group]);
    in_force.push_back(own[group] * factor_of(schedules, group));
    check.at_least_zero("learning_rate", in_force.back());
  }
  return in_force;
}

void detail::GroupRates::set_own(std::vector<double> own) {
  in_force_ = checked(own, schedules_);
  own_ = std::move(own);
}

std::vector<double> detail::GroupRates::own_for(const std::vector<double>& in_force) const {
  std::vector<double> own = own_;
  for (std::size_t group = 0; group < own.size(); ++group) {
    if (in_force[group] == in_force_[group]) continue;
    const double factor = factor_of(schedules_, group);
    if (factor == 0)
      throw ValueError(owner_ + ": the schedules' factor of group " + std::to_string(group) +
                       " is 0, and so is its learning rate for now, whatever its own; call "
                       "set_own_learning_rate, which counts once the factor is another");
    own[group] = quotient(in_force[group], factor);
  }
  return own;
}

void detail::GroupRates::set_factors(const void* schedule, std::vector<double> factors) {
  std::vector<Schedule> schedules = schedules_;
  const auto known = std::find_if(schedules.begin(), schedules.end(),
                                  [&](const Schedule& one) { return one.id == schedule; });
  if (known == schedules.end())
    schedules.push_back({schedule, std::move(factors)});
  else
    known->factors = std::move(factors);
  in_force_ = checked(own_, schedules);
  schedules_ = std::move(schedules);
}

void detail::GroupRates::settle(const void* schedule) noexcept {
  const auto known = std::find_if(schedules_.begin(), schedules_.end(),
                                  [&](const Schedule& one) { return one.id == schedule; });
  if (known == schedules_.end()) return;
  for (std::size_t group = 0; group < own_.size(); ++group) own_[group] *= known->factors[group];
  schedules_.erase(known);
  for (std::size_t group = 0; group < own_.size(); ++group)
    in_force_[group] = own_[group] * factor_of(schedules_, group);
}

LearningRates::LearningRates(std::string name, std::vector<double> rates)
    : rates_(std::make_shared<detail::GroupRates>(std::move(name), std::move(rates))) {}

void LearningRates::check_rate(double rate) const { check().at_least_zero("learning_rate", rate); }

void LearningRates::check_group(std::size_t group) const {
  if (group >= group_count())
    throw ValueError(name() + ": there is no group " + std::to_string(group) + "; the optimizer has " +
                     std::to_string(group_count()) + ", counted from 0");
}

void LearningRates::check_count(std::size_t rates) const {
  if (rates != group_count())
    throw ValueError(name() + ": " + std::to_string(rates) + " learning rates for " +
                     std::to_string(group_count()) + " groups; give one for each");
}

double LearningRates::learning_rate(std::size_t group) const {
  check_group(group);
  return rates_->in_force()[group];
}

double LearningRates::own_learning_rate(std::size_t group) const {
  check_group(group);
  return rates_->own()[group];
}

void LearningRates::set_learning_rate(double rate) {
  set_learning_rates(std::vector<double>(group_count(), rate));
}

void LearningRates::set_learning_rate(double rate, std::size_t group) {
  check_group(group);
  std::vector<double> rates = rates_->in_force();
  rates[group] = rate;
  set_learning_rates(rates);
}

void LearningRates::set_learning_rates(const std::vector<double>& rates) {
  check_count(rates.size());
  for (double rate : rates) check_rate(rate);
  rates_->set_own(rates_->own_for(rates));
}

void LearningRates::set_own_learning_rate(double rate) {
  set_own_learning_rates(std::vector<double>(group_count(), rate));
}

void LearningRates::set_own_learning_rate(double rate, std::size_t group) {
  check_group(group);
  std::vector<double> rates = rates_->own();
  rates[group] = rate;
  set_own_learning_rates(std::move(rates));
}

void LearningRates::set_own_learning_rates(std::vector<double> rates) {
  check_count(rates.size());
  rates_->set_own(std::move(rates));
}

}  // namespace xgrad::optim
