// How far a training is: a bar redrawn in place on a terminal, a line now and then elsewhere.
#pragma once

#include <chrono>
#include <cstddef>
#include <functional>
#include <iosfwd>
#include <span>
#include <string>
#include <vector>

#include "history.hpp"

namespace xgrad::train::detail {

/// How many columns a terminal that can redraw a line has at the moment; an empty function for what is none.
using Columns = std::function<std::size_t()>;

/// Of std::cout, std::cerr and std::clog if they are such a terminal; any other stream is none.
Columns columns_of(const std::ostream& out);

/// Shows epoch, mean loss and metrics, samples a second and the time left.
class Progress {
 public:
  /// `done` epochs are behind it already, and of the next one `done_batches`, of so many samples.
  Progress(std::ostream& out, Columns columns, std::size_t epochs, std::size_t done, std::size_t batches,
           std::vector<std::string> metric_names, std::size_t done_batches = 0, double done_samples = 0);
  Progress(const Progress&) = delete;
  Progress& operator=(const Progress&) = delete;
  ~Progress();

  /// So many batches of the present epoch are done, with these means over so many samples. Redraws the line,
  /// at most ten times a second: as many figures as fit, and a bar where ten columns are left for it.
  void batch(std::size_t batch, double samples, double loss, std::span<const double> metrics);
  /// The epoch is over, and gets a line: on a terminal if the last one is a tenth of a second old, elsewhere
  /// for every tenth part of the epochs; the first and the last always.
  void epoch(const EpochRecord& record);

 private:
  using Clock = std::chrono::steady_clock;

  std::string figures(std::size_t epoch, double loss, std::span<const double> metrics) const;
  void draw(const std::string& text, double part_done);
  bool is_worth_a_line(Clock::time_point now) const;
  double seconds_left(double epochs_done) const;

  std::ostream& out_;
  Columns columns_;
  std::size_t epochs_, done_before_, done_, batches_;
  double part_before_;     ///< of epochs, when this run began
  double samples_before_;  ///< of the present epoch, when this run began
  std::vector<std::string> metric_names_;
  bool line_is_open_ = false;
  Clock::time_point start_, epoch_start_, last_drawn_{}, last_line_{};
};

}  // namespace xgrad::train::detail
