// How far a training is: a bar redrawn in place on a terminal, a line now and then elsewhere.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdio>
#include <string>

namespace terminal {

/// Whether this stream is a terminal that can redraw a line.
bool is_terminal(std::FILE* stream);

/// Means over the samples of one epoch.
struct EpochMeans {
  double loss = 0;
  double accuracy = 0;  ///< between 0 and 1
  double samples_per_second = 0;
};

/// Counts the batches of a training, and shows epoch, loss, accuracy, samples a second and the time left.
class Progress {
 public:
  Progress(std::FILE* out, bool is_terminal, std::size_t epochs, std::size_t samples_per_epoch);
  Progress(const Progress&) = delete;
  Progress& operator=(const Progress&) = delete;
  ~Progress();

  /// A batch is done: its mean loss, and how many of its samples were classified correctly.
  void batch(std::size_t samples, double loss, std::size_t right);

  /// Call when the last batch of an epoch is done, before the test.
  EpochMeans end_of_epoch();

  /// The accuracy on the test set is known, the epoch over. A stream that is no terminal gets a line for
  /// every tenth part of the epochs.
  void tested(double accuracy);

 private:
  using Clock = std::chrono::steady_clock;

  void draw();
  std::string bar(std::size_t width) const;
  std::string figures(const EpochMeans& means) const;
  EpochMeans means() const;
  double seconds_left() const;

  std::FILE* out_;
  bool is_terminal_;
  std::size_t epochs_, samples_per_epoch_;
  std::size_t epochs_done_ = 0, samples_ = 0, right_ = 0;
  double loss_sum_ = 0;
  EpochMeans finished_{};
  bool line_is_open_ = false;
  Clock::time_point start_, epoch_start_, last_drawn_{};
};

}  // namespace terminal
