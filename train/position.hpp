// Where a training is, and the file that keeps it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "../core/kernels/random.hpp"
#include "../nn/module.hpp"
#include "../optim/optimizer.hpp"
#include "../optim/reduce_on_plateau.hpp"
#include "../optim/scheduler.hpp"
#include "history.hpp"

namespace xgrad::train::detail {

/// Sums over samples, for means.
struct Sums {
  double samples = 0;
  double loss = 0;
  std::vector<double> metrics;

  explicit Sums(std::size_t metric_count = 0) : metrics(metric_count) {}
  void add(std::size_t count, double mean_loss, const std::vector<double>& mean_metrics);
  double mean_loss() const noexcept { return loss / samples; }
  std::vector<double> mean_metrics() const;
};

/// How far a training is, beside the state of what is trained.
template <class T>
struct Position {
  std::size_t epoch = 0;                        ///< how many are done
  std::size_t batch = 0;                        ///< how many are done in the next one
  std::size_t batches = 0;                      ///< how many there are in one
  Sums sums;                                    ///< over these batches
  double seconds = 0;                           ///< spent on these batches
  std::uint64_t pass = 0, validation_pass = 0;  ///< of the epoch in which `batch` counts
  /// By which the loaders shuffle, and, of a beginning, whether another one may take the place of it.
  std::uint64_t seed = 0, validation_seed = 0;
  bool drew_seed = false, drew_validation_seed = false;
  GeneratorState random;
  History history;
  double best = 0;             ///< the monitored figure after history.best_epoch
  std::size_t bad_epochs = 0;  ///< in a row without a better one
  std::vector<std::pair<std::string, Array<T>>> best_model;  ///< empty if there is no best epoch
};

/// What has a state that training changes; null where there is none.
template <class T>
struct Trained {
  nn::Module<T>& model;
  optim::Optimizer<T>& optimizer;
  optim::Scheduler* scheduler;
  optim::ReduceLROnPlateau* plateau;
};

/// Writes both into one file, bit for bit; errors as for io::save_arrays.
template <class T>
void write_checkpoint(const std::string& path, const Trained<T>& trained, const Position<T>& position);

/// Reads both, for a training that begins at `beginning`. An error changes nothing; it is an IoError or
/// ShapeError that names the file.
template <class T>
Position<T> read_checkpoint(const std::string& path, const Trained<T>& trained, const Position<T>& beginning,
                            bool has_validation);

}  // namespace xgrad::train::detail
