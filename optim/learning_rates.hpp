// The learning rates of an optimizer's groups: what a scheduler sees of any optimizer, whatever its element
// type.
#pragma once

#include <cstddef>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "../core/array/number.hpp"

namespace xgrad::optim {

/// Refuses a bad option: ValueError that names the owner, the option, its value and the rule, unless it
/// holds.
struct OptionCheck {
  std::string_view owner;
  void operator()(bool holds, const char* option, double value, const char* rule) const;
  /// Finite and at least 0.
  void at_least_zero(const char* option, double value) const;
  void at_least_zero(const char* option, const Count& value) const;
  void at_least_one(const char* option, const Count& value) const;
  /// At least 0 and below 1.
  void fraction(const char* option, double value) const;
};

namespace detail {

/// The rates of an optimizer's groups, which it shares with its schedules. A group has a rate of its own, and
/// of each schedule one factor; the rate in force is the product of all.
class GroupRates {
 public:
  /// `owner` is the optimizer's name, for messages.
  GroupRates(std::string owner, std::vector<double> own);

  const std::string& owner() const noexcept { return owner_; }
  const std::vector<double>& own() const noexcept { return own_; }
  const std::vector<double>& in_force() const noexcept { return in_force_; }

  /// One for each group. ValueError, and all stays, for a rate that is not finite and at least 0.
  void set_own(std::vector<double> own);
  /// The own rates that make these the rates in force; ValueError where a factor of 0 allows none.
  std::vector<double> own_for(const std::vector<double>& in_force) const;
  /// A schedule's factors, one for each group, in place of those that it gave before. Errors as above.
  void set_factors(const void* schedule, std::vector<double> factors);
  /// The schedule is no more: its factors become part of the groups' own rates.
  void settle(const void* schedule) noexcept;

 private:
  struct Schedule {
    const void* id;
    std::vector<double> factors;
  };
  static double factor_of(const std::vector<Schedule>& schedules, std::size_t group) noexcept;
  std::vector<double> checked(const std::vector<double>& own, const std::vector<Schedule>& schedules) const;

  std::string owner_;
  std::vector<double> own_, in_force_;
  std::vector<Schedule> schedules_;  ///< in the order in which they were made
};

}  // namespace detail

/// The learning rates of groups of parameters. A group has a rate of its own, which the constructor, a hand
/// and ReduceLROnPlateau set; each Scheduler has a factor for it. The rate in force is its own times the
/// factors: what step() uses, and what learning_rate() and set_learning_rate() mean. Without schedules the
/// two are one. It stays where it is made, so that others may keep a reference to it.
class LearningRates {
 public:
  LearningRates(const LearningRates&) = delete;
  LearningRates& operator=(const LearningRates&) = delete;

  std::size_t group_count() const noexcept { return rates_->own().size(); }
  /// The rate in force of one group; ValueError if there is no such group.
  double learning_rate(std::size_t group = 0) const;
  /// The group's own rate, which the schedules' factors multiply.
  double own_learning_rate(std::size_t group = 0) const;

  /// The rate in force of every group from now on: the own rate becomes `rate` divided by the schedules'
  /// factors of this moment, so that learning_rate() is `rate` now, and schedules go on from there. A group
  /// whose rate it is already stays as it is. ValueError unless it is finite and at least 0, or where a
  /// schedule's factor is 0 at the moment; nothing has changed then.
  void set_learning_rate(double rate);
  /// Of one group.
  void set_learning_rate(double rate, std::size_t group);
  /// One for each group, in their order; ValueError as well if there are more or fewer.
  void set_learning_rates(const std::vector<double>& rates);

  /// The own rate of every group: schedules multiply it as they did the one before. ValueError unless it, and
  /// the rate in force that it leads to, are finite and at least 0.
  void set_own_learning_rate(double rate);
  /// Of one group.
  void set_own_learning_rate(double rate, std::size_t group);
  /// One for each group, in their order; ValueError as well if there are more or fewer.
  void set_own_learning_rates(std::vector<double> rates);

 protected:
  /// `name` is the optimizer's, for messages. ValueError for a rate that set_learning_rate would refuse.
  LearningRates(std::string name, std::vector<double> rates);
  ~LearningRates() = default;

  const std::string& name() const noexcept { return rates_->owner(); }
  OptionCheck check() const noexcept { return {name()}; }
  void check_rate(double rate) const;
  void check_group(std::size_t group) const;

 private:
  friend class Scheduler;
  void check_count(std::size_t rates) const;

  std::shared_ptr<detail::GroupRates> rates_;  ///< a schedule may outlive the optimizer, and end in peace
};

}  // namespace xgrad::optim
