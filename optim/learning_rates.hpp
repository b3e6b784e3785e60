// The learning rates of an optimizer's groups: what a scheduler sees of any optimizer, whatever its element
// type.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace xgrad::optim {

/// Refuses a bad option: ValueError that names the owner, the option, its value and the rule, unless it
/// holds.
struct OptionCheck {
  std::string_view owner;
  void operator()(bool holds, const char* option, double value, const char* rule) const;
  /// Finite and at least 0.
  void at_least_zero(const char* option, double value) const;
  /// At least 0 and below 1.
  void fraction(const char* option, double value) const;
};

/// One learning rate for each group of parameters. It stays where it is made, so that a scheduler may keep a
/// reference to it.
class LearningRates {
 public:
  LearningRates(const LearningRates&) = delete;
  LearningRates& operator=(const LearningRates&) = delete;

  std::size_t group_count() const noexcept { return rates_.size(); }
  /// Of one group; ValueError if there is no such group.
  double learning_rate(std::size_t group = 0) const;
  /// Of every group, for every later step; ValueError unless it is finite and at least 0.
  void set_learning_rate(double rate);
  /// Of one group.
  void set_learning_rate(double rate, std::size_t group);
  /// One for each group, in their order; ValueError as well if there are more or fewer.
  void set_learning_rates(std::vector<double> rates);

 protected:
  /// `name` is the optimizer's, for messages. ValueError for a rate that set_learning_rate would refuse.
  LearningRates(std::string name, std::vector<double> rates);
  ~LearningRates() = default;

  const std::string& name() const noexcept { return name_; }
  OptionCheck check() const noexcept { return {name_}; }
  void check_rate(double rate) const;
  void check_group(std::size_t group) const;

 private:
  std::string name_;
  std::vector<double> rates_;
};

}  // namespace xgrad::optim
