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

LearningRates::LearningRates(std::string name, std::vector<double> rates)
    : name_(std::move(name)), rates_(std::move(rates)) {
  for (double rate : rates_) check_rate(rate);
}

void LearningRates::check_rate(double rate) const {
  check()(std::isfinite(rate) && rate >= 0, "learning_rate", rate, "finite and at least 0");
}

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

}  // namespace xgrad::optim
