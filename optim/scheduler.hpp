// How learning rates change while training goes on.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "learning_rates.hpp"
#include "state.hpp"

namespace xgrad::optim {

/// Sets the learning rate of each group of an optimizer as a function of the group's own rate, which is what
/// it was when the scheduler was made, and of the number t of calls of step() since then. Making it sets the
/// rates for t = 0. Call step() after the optimizer's, once a batch or once an epoch, as the schedule counts.
/// Rates that are set by hand hold until the next step(). The optimizer must outlive the scheduler.
class Scheduler {
 public:
  virtual ~Scheduler() = default;
  Scheduler(const Scheduler&) = delete;
  Scheduler& operator=(const Scheduler&) = delete;

  /// Moves on to t + 1. ValueError, and t stays, if a rate is not finite there.
  virtual void step();
  /// t
  std::uint64_t steps() const noexcept { return progress_.steps; }

  /// t and the groups' own rates: what training needs to go on bit for bit, beside the options.
  virtual std::vector<NamedArray<double>> state() const;
  /// Goes on where the scheduler was that gave `state`, and sets the optimizer's rates for its t. ValueError
  /// for a name that is missing, given twice or unknown here, or for a bad rate; ShapeError for another
  /// number of groups. Nothing has changed then.
  virtual void load_state(const std::vector<NamedArray<double>>& state);

 protected:
  /// `name` is the schedule's, for messages. A derived class checks its options and then calls start().
  Scheduler(std::string name, LearningRates& optimizer);
  /// Sets the rates for t = 0.
  void start();

  /// The rate at t of a group whose own rate is `base`.
  virtual double rate(double base, std::uint64_t t) const = 0;

  OptionCheck check() const noexcept { return {name_}; }

  /// How far a schedule is.
  struct Progress {
    std::vector<double> bases;  ///< the groups' own rates
    std::uint64_t steps = 0;
  };
  /// Checked as load_state says.
  Progress read(const std::vector<NamedArray<double>>& state) const;
  void set_rates(const Progress& progress) const;
  void assign(Progress progress) noexcept { progress_ = std::move(progress); }
  /// Counts a step whose rates another schedule sets.
  void count_step() noexcept { ++progress_.steps; }

 private:
  std::string name_;
  LearningRates& optimizer_;
  Progress progress_;
};

struct StepLROptions {
  /// At least 1.
  std::uint64_t step_size = 0;
  /// Above 0.
  double gamma = 0.1;
};

/// base * gamma^floor(t / step_size), as in PyTorch.
class StepLR final : public Scheduler {
 public:
  StepLR(LearningRates& optimizer, const StepLROptions& options);

 private:
  double rate(double base, std::uint64_t t) const override;
  StepLROptions options_;
};

struct ExponentialLROptions {
  /// Above 0.
  double gamma = 0;
};

/// base * gamma^t, as in PyTorch.
class ExponentialLR final : public Scheduler {
 public:
  ExponentialLR(LearningRates& optimizer, const ExponentialLROptions& options);

 private:
  double rate(double base, std::uint64_t t) const override;
  ExponentialLROptions options_;
};

struct CosineAnnealingLROptions {
  /// The number of steps from the group's own rate to eta_min; at least 1.
  std::uint64_t t_max = 0;
  /// The least rate.
  double eta_min = 0;
};

/// eta_min + (base - eta_min) * (1 + cos(pi * t / t_max)) / 2: equation 5 of Loshchilov and Hutter, "SGDR:
/// stochastic gradient descent with warm restarts", ICLR 2017, without restarts. Beyond t_max the rate rises
/// again, as in PyTorch.
class CosineAnnealingLR final : public Scheduler {
 public:
  CosineAnnealingLR(LearningRates& optimizer, const CosineAnnealingLROptions& options);

 private:
  double rate(double base, std::uint64_t t) const override;
  CosineAnnealingLROptions options_;
};

struct OneCycleLROptions {
  /// At least 2.
  std::uint64_t total_steps = 0;
  /// The part of the steps in which the rate rises: above 0 and below 1.
  double pct_start = 0.3;
  /// The first rate is base / div_factor, and the last base / div_factor / final_div_factor; both are at
  /// least 1.
  double div_factor = 25;
  double final_div_factor = 1e4;
};

/// One rise and one longer fall, both along half a cosine: Smith and Topin, "Super-convergence: very fast
/// training of neural networks using large learning rates", arXiv 1708.07120, 2017, as PyTorch has it with
/// two phases. The group's own rate is the highest, reached at t = pct_start * total_steps - 1, between two
/// steps perhaps; the lowest is reached at total_steps - 1 and stays. Momentum is left alone.
class OneCycleLR final : public Scheduler {
 public:
  OneCycleLR(LearningRates& optimizer, const OneCycleLROptions& options);

 private:
  double rate(double base, std::uint64_t t) const override;
  OneCycleLROptions options_;
};

struct LinearWarmupOptions {
  /// At least 1.
  std::uint64_t total_steps = 0;
  /// The first rate is base * start_factor: above 0 and at most 1.
  double start_factor = 1.0 / 3;
};

/// base * (start_factor + (1 - start_factor) * t / total_steps) up to total_steps, and base from there: the
/// gradual warmup of Goyal et al., "Accurate, large minibatch SGD: training ImageNet in 1 hour", arXiv
/// 1706.02677, 2017. A schedule to follow it, made first on the same optimizer, is stepped by every step()
/// from then on, and its state is part of this one's under "then."; it must outlive this one.
class LinearWarmup final : public Scheduler {
 public:
  LinearWarmup(LearningRates& optimizer, const LinearWarmupOptions& options);
  LinearWarmup(LearningRates& optimizer, const LinearWarmupOptions& options, Scheduler& then);

  void step() override;
  std::vector<NamedArray<double>> state() const override;
  void load_state(const std::vector<NamedArray<double>>& state) override;

 private:
  double rate(double base, std::uint64_t t) const override;
  LinearWarmupOptions options_;
  Scheduler* then_ = nullptr;
};

}  // namespace xgrad::optim
