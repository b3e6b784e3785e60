// How learning rates change while training goes on.
#pragma once

#include <concepts>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <type_traits>
#include <vector>

#include "learning_rates.hpp"
#include "state.hpp"

namespace xgrad::optim {

/// Multiplies the own learning rate of each group of an optimizer by a factor that is a function of the
/// number t of calls of step() since it was made: the rate in force is the group's own times the factors of
/// all schedules that the optimizer has; see LearningRates. Making one gives the factors for t = 0. Call
/// step() after the optimizer's, once a batch or once an epoch, as the schedule counts. A rate that a hand or
/// a plateau has changed stays changed, for factors multiply it and undo nothing. When a schedule is
/// destroyed the rates in force stay, as the groups' own.
class Scheduler {
 public:
  virtual ~Scheduler();
  Scheduler(const Scheduler&) = delete;
  Scheduler& operator=(const Scheduler&) = delete;

  /// Moves on to t + 1. ValueError, and t stays, if a rate is not finite there.
  virtual void step();
  /// t
  std::uint64_t steps() const noexcept { return progress_.steps; }

  /// Whether it is this optimizer's rates that it multiplies.
  bool drives(const LearningRates& optimizer) const noexcept { return rates_ == optimizer.rates_; }

  /// t, and the groups' own rates when the schedule was made: what its factors depend on beside the options.
  /// The own rates of now are in the optimizer's state.
  virtual std::vector<NamedArray<double>> state() const;
  /// Goes on where the scheduler was that gave `state`: the factors are those of its t, to the bit.
  /// ValueError for a name that is missing, given twice or unknown here, or for a bad rate; ShapeError for
  /// another number of groups. Nothing has changed then. A state that has "base_learning_rates" is of a
  /// format in which the optimizer's state held rates that were multiplied already, and is a ValueError.
  virtual void load_state(const std::vector<NamedArray<double>>& state);

 protected:
  /// `name` is the schedule's, for messages. A derived class calls start() once its options are known to be
  /// good; see Schedule.
  Scheduler(std::string name, LearningRates& optimizer);
  /// Gives the factors for t = 0.
  void start();

  /// The factor at t for a group whose own rate was `base` when the schedule was made.
  virtual double factor(double base, std::uint64_t t) const = 0;

  OptionCheck check() const noexcept { return {name_}; }

  /// How far a schedule is.
  struct Progress {
    std::vector<double> bases;  ///< the groups' own rates when it was made
    std::uint64_t steps = 0;
  };
  /// Checked as load_state says.
  Progress read(const std::vector<NamedArray<double>>& state) const;
  void set_factors(const Progress& progress) const;
  void assign(Progress progress) noexcept { progress_ = std::move(progress); }
  /// Counts a step that changes no factor of this schedule.
  void count_step() noexcept { ++progress_.steps; }

 private:
  std::string name_;
  std::shared_ptr<detail::GroupRates> rates_;
  Progress progress_;
};

/// A schedule whose factor is one formula of its options and of t. The options are all that it is, a struct
/// with
///
///   schedule   its name, for messages
///   check      throws for bad options
///   factor     at t, for a group whose own rate was `base` when the schedule was made
template <class Options>
class Schedule : public Scheduler {
 public:
  /// ValueError for a bad option, or a rate that is not finite with the factor for t = 0.
  Schedule(LearningRates& optimizer, const Options& options)
      : Scheduler(Options::schedule, optimizer), options_(options) {
    options_.check(check());
    start();
  }
  Schedule(LearningRates&, ...) = delete;  // options go by name: StepLR(sgd, {.step_size = 10})

 protected:
  const Options& options() const noexcept { return options_; }

 private:
  double factor(double base, std::uint64_t t) const final { return options_.factor(base, t); }
  Options options_;
};

/// What StepLR takes.
struct StepLROptions {
  /// At least 1.
  Count step_size = 0;
  /// Above 0.
  double gamma = 0.1;

  static constexpr const char* schedule = "StepLR";
  void check(const OptionCheck& check) const;
  double factor(double base, std::uint64_t t) const;
};

/// The factor is gamma^floor(t / step_size), as in PyTorch.
using StepLR = Schedule<StepLROptions>;

/// What MultiStepLR takes.
struct MultiStepLROptions {
  /// At least one, each at least 0, in any order; one that stands here twice counts twice.
  std::vector<Count> milestones = {};
  /// Above 0.
  double gamma = 0.1;

  static constexpr const char* schedule = "MultiStepLR";
  void check(const OptionCheck& check) const;
  double factor(double base, std::uint64_t t) const;
};

/// The factor is gamma^k, where k is the number of milestones that t has reached, as in PyTorch.
using MultiStepLR = Schedule<MultiStepLROptions>;

/// What ExponentialLR takes.
struct ExponentialLROptions {
  /// Above 0.
  double gamma = 0;

  static constexpr const char* schedule = "ExponentialLR";
  void check(const OptionCheck& check) const;
  double factor(double base, std::uint64_t t) const;
};

/// The factor is gamma^t, as in PyTorch.
using ExponentialLR = Schedule<ExponentialLROptions>;

/// A function of the number of steps that gives the factor. The number comes as a double, so that 1 / (1 + t)
/// is no integer division; a function that gives an integer does not compile for the same reason.
class RateFunction {
 public:
  RateFunction() = default;
  template <class F>
  requires(!std::same_as<std::remove_cvref_t<F>, RateFunction> && std::invocable<F&, double>)
      RateFunction(F&& f)
      : f_(std::forward<F>(f)) {
    static_assert(
        std::floating_point<std::invoke_result_t<F&, double>>,
        "LambdaLR: lr_lambda gives an integer or no number, and 1 / (1 + t) of integers is 0; make it "
        "return a double");
  }
  explicit operator bool() const noexcept { return static_cast<bool>(f_); }
  double operator()(double t) const { return f_(t); }

 private:
  std::function<double(double)> f_;
};

/// What LambdaLR takes.
struct LambdaLROptions {
  /// The factor at t, for every group; finite and at least 0. It should depend on t alone: the state has t,
  /// and no function.
  RateFunction lr_lambda = {};

  static constexpr const char* schedule = "LambdaLR";
  void check(const OptionCheck& check) const;
  double factor(double base, std::uint64_t t) const;
};

/// The factor is a function of one's own, as in PyTorch:
///
/// ```cpp
/// LambdaLR schedule(adam, {.lr_lambda = [](double t) { return 1 / std::sqrt(1 + t); }});
/// ```
///
/// A schedule with options of its own is a struct as those here, and `Schedule` of it.
using LambdaLR = Schedule<LambdaLROptions>;

/// What CosineAnnealingLR takes.
struct CosineAnnealingLROptions {
  /// The number of steps from the group's own rate to eta_min; at least 1.
  Count t_max = 0;
  /// The least rate of a group that keeps the own rate that it had when the schedule was made.
  double eta_min = 0;

  static constexpr const char* schedule = "CosineAnnealingLR";
  void check(const OptionCheck& check) const;
  double factor(double base, std::uint64_t t) const;
};

/// The rate is eta_min + (base - eta_min) * (1 + cos(pi * t / t_max)) / 2, where base is the group's own rate
/// when the schedule was made, and the factor what that is to base: equation 5 of Loshchilov and Hutter,
/// "SGDR: stochastic gradient descent with warm restarts", ICLR 2017, without restarts. Another own rate
/// scales the whole curve, eta_min with it. Beyond t_max the rate rises again, as in PyTorch.
using CosineAnnealingLR = Schedule<CosineAnnealingLROptions>;

/// What OneCycleLR takes.
struct OneCycleLROptions {
  /// At least 2.
  Count total_steps = 0;
  /// The part of the steps in which the rate rises: above 0 and below 1.
  double pct_start = 0.3;
  /// The first factor is 1 / div_factor, and the last 1 / div_factor / final_div_factor; both divisors are at
  /// least 1.
  double div_factor = 25;
  double final_div_factor = 1e4;

  static constexpr const char* schedule = "OneCycleLR";
  void check(const OptionCheck& check) const;
  double factor(double base, std::uint64_t t) const;
};

/// One rise and one longer fall, both along half a cosine: Smith and Topin, "Super-convergence: very fast
/// training of neural networks using large learning rates", arXiv 1708.07120, 2017, as PyTorch has it with
/// two phases. The group's own rate is the highest, reached at t = pct_start * total_steps - 1, between two
/// steps perhaps; the lowest is reached at total_steps - 1 and stays. Momentum is left alone.
using OneCycleLR = Schedule<OneCycleLROptions>;

/// What LinearWarmup takes.
struct LinearWarmupOptions {
  /// At least 1.
  Count total_steps = 0;
  /// The first factor: above 0 and at most 1.
  double start_factor = 1.0 / 3;

  static constexpr const char* schedule = "LinearWarmup";
  void check(const OptionCheck& check) const;
  double factor(double base, std::uint64_t t) const;
};

/// The factor is start_factor + (1 - start_factor) * t / total_steps up to total_steps, and 1 from there: the
/// gradual warmup of Goyal et al., "Accurate, large minibatch SGD: training ImageNet in 1 hour", arXiv
/// 1706.02677, 2017. A schedule to follow it, of the same optimizer (ValueError otherwise), is stepped by
/// every step() from then on, and its state is part of this one's under "then."; it must outlive this one.
class LinearWarmup final : public Schedule<LinearWarmupOptions> {
 public:
  using Schedule::Schedule;
  LinearWarmup(LearningRates& optimizer, const LinearWarmupOptions& options, Scheduler& then);

  void step() override;
  std::vector<NamedArray<double>> state() const override;
  void load_state(const std::vector<NamedArray<double>>& state) override;

 private:
  Scheduler* then_ = nullptr;
};

}  // namespace xgrad::optim
