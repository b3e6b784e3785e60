// Lower learning rates when a metric has stopped improving.
#pragma once

#include <cstdint>
#include <limits>
#include <vector>

#include "learning_rates.hpp"
#include "state.hpp"

namespace xgrad::optim {

/// Whether a smaller or a larger metric is better.
enum class PlateauMode { min, max };
/// Whether a metric must beat the best one by a part of its size or by an amount.
enum class ThresholdMode { rel, abs };

/// What ReduceLROnPlateau takes.
struct ReduceLROnPlateauOptions {
  PlateauMode mode = PlateauMode::min;
  /// What the groups' own rates are multiplied by: above 0 and below 1.
  double factor = 0.1;
  /// How many calls in a row without a better metric are borne; the next one lowers the rates.
  Count patience = 10;
  /// By how much a metric must beat the best one: at least 0.
  double threshold = 1e-4;
  ThresholdMode threshold_mode = ThresholdMode::rel;
  /// How many calls after a reduction are not counted against patience.
  Count cooldown = 0;
  /// The groups' own rates do not fall below it.
  double min_lr = 0;
  /// An own rate that would fall by no more than this stays.
  double eps = 1e-8;
};

/// Multiplies every group's own learning rate by `factor` when a metric, such as the loss on data kept aside,
/// has not got better for more than `patience` calls: PyTorch's rule, but that a part of a negative best
/// counts by its size. Schedules of the same optimizer go on multiplying what is left. The optimizer must
/// outlive it.
class ReduceLROnPlateau {
 public:
  explicit ReduceLROnPlateau(LearningRates& optimizer, const ReduceLROnPlateauOptions& options = {});
  ReduceLROnPlateau(const ReduceLROnPlateau&) = delete;
  ReduceLROnPlateau& operator=(const ReduceLROnPlateau&) = delete;

  /// Once an epoch, say; whether the rates fell. A NaN is no better than anything.
  bool step(double metric);

  /// Whether it is this optimizer's rates that it lowers.
  bool drives(const LearningRates& optimizer) const noexcept { return &optimizer == &optimizer_; }

  /// The best metric so far; infinite, on the bad side, before the first.
  double best() const noexcept { return progress_.best; }

  /// What the next steps depend on beside the options and the groups' own rates.
  std::vector<NamedArray<double>> state() const;
  /// Goes on where the one was that gave `state`; the rates are in the optimizer's state. ValueError for a
  /// name that is missing, given twice or unknown here; nothing has changed then.
  void load_state(const std::vector<NamedArray<double>>& state);

 private:
  struct Progress {
    double best;
    std::uint64_t bad_steps = 0;
    std::uint64_t cooldown = 0;
  };

  bool is_better(double metric) const;
  bool reduce();

  ReduceLROnPlateauOptions options_;
  LearningRates& optimizer_;
  Progress progress_;
};

}  // namespace xgrad::optim
