// The page that shows a training while it runs, and afterwards; see FitOptions::report.
#pragma once

#include <chrono>
#include <cstddef>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "batches.hpp"
#include "fit.hpp"
#include "position.hpp"
#include "report_content.hpp"

namespace xgrad::train::detail {

/// ValueError for bad options, IoError for a page that cannot be written.
void check_report(const LoopOptions& options);

/// What the loop tells, and when. Nothing of the training depends on it, except that before the first step
/// options that do not fit the data come through as a ValueError.
template <class T>
class Report {
 public:
  /// `position` goes on with the training. IoError if the first page cannot be written; a later one that
  /// cannot is left out.
  Report(const LoopOptions& options, const Trained<T>& trained, Batches<T>& training, Batches<T>* validation,
         const Position<T>& position);
  ~Report();

  void before_batch();
  /// The first batch's loss, before anything is differentiated: its graph is there.
  void see(const Variable<T>& predictions, const Variable<T>& loss);
  /// The gradients of an epoch's last step are there, as they were before they were clipped.
  void note_gradients();
  void after_batch();
  void begin_validation();
  /// A batch of it.
  void note_validation(const Variable<T>& predictions);
  /// An epoch is in the history.
  void note_epoch();
  /// All that is more than a page is done with it.
  void write_epoch();
  /// The loop is over; `has_more` if epochs are left.
  void finish(bool has_more);
  /// From where an exception was caught that ends the training.
  void fail() noexcept;

 private:
  using Clock = std::chrono::steady_clock;

  void check_against(const Variable<T>& predictions) const;
  void summarise();
  void draw_graph(const Variable<T>& loss);
  void begin_profile();
  void end_profile();
  void note_norms();
  bool is_due() const;
  void write();
  void write_again();
  void tell_unwritten();
  void write_end(const char* state, const std::string& sentence);

  const LoopOptions& options_;
  const Trained<T>& trained_;
  Batches<T>& training_;
  Batches<T>* validation_;
  const Position<T>& position_;
  std::unique_ptr<ReportContent> content_;
  std::size_t batch_ = 0, batches_;  ///< of this run: how many are done, and how many there are to be
  std::vector<std::optional<double>> gradient_norms_;  ///< as of named_parameters(), at an epoch's last step
  std::optional<Profile> profile_;
  std::optional<Mistakes> mistakes_;
  std::size_t written_ = 0;
  Clock::time_point last_written_{};
  std::string unwritten_;  ///< why a page was left out
  bool is_told_ = false;
  Clock::duration writing_{};  ///< how long the last time took
};

}  // namespace xgrad::train::detail
