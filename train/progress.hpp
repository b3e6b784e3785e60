// How far a training is: a bar redrawn in place on a terminal, a line now and then elsewhere.
#pragma once

#include <chrono>
#include <cstddef>
#include <iosfwd>
#include <span>
#include <string>
#include <vector>

#include "history.hpp"

namespace xgrad::train::detail {

/// Shows epoch, mean loss and metrics, samples a second and the time left.
class Progress {
 public:
  /// `done` epochs are behind it already.
  Progress(std::ostream& out, std::size_t epochs, std::size_t done, std::size_t batches,
           std::vector<std::string> metric_names);
  Progress(const Progress&) = delete;
  Progress& operator=(const Progress&) = delete;
  ~Progress();

  /// So many batches of the present epoch are done, with these means over so many samples.
  void batch(std::size_t batch, double samples, double loss, std::span<const double> metrics);
  /// The epoch is over. What is no terminal gets a line for every tenth part of the epochs.
  void epoch(const EpochRecord& record);

 private:
  using Clock = std::chrono::steady_clock;

  std::string figures(std::size_t epoch, double loss, std::span<const double> metrics) const;
  void draw(const std::string& text, double part_done);
  double seconds_left(double epochs_done) const;

  std::ostream& out_;
  int terminal_;  ///< its file descriptor, or -1
  std::size_t epochs_, done_before_, done_, batches_;
  std::vector<std::string> metric_names_;
  bool line_is_open_ = false;
  Clock::time_point start_, epoch_start_, last_drawn_{};
};

}  // namespace xgrad::train::detail
