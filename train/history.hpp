// What became of a training, epoch by epoch.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <vector>

namespace xgrad::train {

/// One epoch. Losses and metrics are means over its samples, those of the training data taken while the
/// parameters change.
struct EpochRecord {
  std::size_t epoch = 0;  ///< from 1
  double loss = 0;
  std::vector<double> metrics;             ///< in the order of History::metric_names
  std::optional<double> validation_loss;   ///< none without validation
  std::vector<double> validation_metrics;  ///< empty without validation
  double learning_rate = 0;                ///< of the first group after the epoch's last batch
  double seconds = 0;                      ///< training and validation together
};

/// Every epoch of a training, also those before it was resumed, and how it ended.
struct History {
  std::vector<std::string> metric_names;
  std::vector<EpochRecord> epochs;
  /// A signal came while it trained; see FitOptions::stop_on_signals.
  bool interrupted = false;
  /// There was no better epoch for as long as EarlyStopping bears.
  bool stopped_early = false;
  /// From 1, of the epoch that EarlyStopping or BestModel found best; 0 if there was none.
  std::size_t best_epoch = 0;

  /// "epoch", "loss", the metrics, "validation_loss" and "validation_" before each metric if there was
  /// validation, "learning_rate", "seconds".
  std::vector<std::string> columns() const;
  /// A line of the columns' names and one for each epoch; numbers are written so that they read back bit for
  /// bit.
  std::string to_csv() const;
  /// {"interrupted": ..., "stopped_early": ..., "best_epoch": ..., "epochs": [{"epoch": 1, "loss": ...},
  /// ...]} with the columns as keys; null stands for what is not finite.
  std::string to_json() const;
  /// Writes a file, whole or not at all; the ending chooses .csv or .json. IoError for another ending, or if
  /// that fails.
  void save(const std::string& path) const;
};

namespace detail {

/// History::columns().
std::vector<std::string> column_names(const std::vector<std::string>& metric_names, bool has_validation);
/// What stands in a record under those names, but for the epoch's number, which is the first.
std::vector<double> row_of(const EpochRecord& record);
/// The record of such a row.
EpochRecord record_of(std::size_t epoch, const std::vector<double>& row, std::size_t metrics,
                      bool has_validation);

}  // namespace detail

}  // namespace xgrad::train
