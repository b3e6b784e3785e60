#include "learning_rates.hpp"

#include <algorithm>
#include <cmath>
#include <sstream>

#include "../core/error.hpp"

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

void OptionCheck::fraction(const char* option, double value) const {
  (*this)(value >= 0 && value < 1, option, value, "at least 0 and below 1");
}

LearningRates::LearningRates(std::string name, std::vector<double> rates)
    : name_(std::move(name)), rates_(std::move(rates)) {
  for (double rate : rates_) check_rate(rate);
}

void LearningRates::check_rate(double rate) const { check().at_least_zero("learning_rate", rate); }

void LearningRates::check_group(std::size_t group) const {
  if (group >= rates_.size())
    throw ValueError(name_ + ": there is no group " + std::to_string(group) + "; the optimizer has " +
                     std::to_string(rates_.size()) + ", counted from 0");
}

double LearningRates::learning_rate(std::size_t group) const {
  check_group(group);
  return rates_[group];
}

void LearningRates::set_learning_rate(double rate) {
  check_rate(rate);
  std::fill(rates_.begin(), rates_.end(), rate);
}

void LearningRates::set_learning_rate(double rate, std::size_t group) {
  check_group(group);
  check_rate(rate);
  rates_[group] = rate;
}

void LearningRates::set_learning_rates(std::vector<double> rates) {
  if (rates.size() != rates_.size())
    throw ValueError(name_ + ": " + std::to_string(rates.size()) + " learning rates for " +
                     std::to_string(rates_.size()) + " groups; give one for each");
  for (double rate : rates) check_rate(rate);
  rates_ = std::move(rates);
}

}  // namespace xgrad::optim
