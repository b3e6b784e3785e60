// The figures of a classifier: how its training went, what it confuses, what it says to some samples.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "drawing.hpp"

namespace plot {

/// How the training stood after an epoch, and how long that took. Losses are cross entropies in nats,
/// accuracies between 0 and 1.
struct EpochRecord {
  std::size_t epoch = 0;
  double train_loss = 0, test_loss = 0;
  double train_accuracy = 0, test_accuracy = 0;
  double seconds = 0;
};

/// training.csv, and a picture of both curves: loss and accuracy by epoch. `target` is the accuracy to reach.
void training_curves(Drawing& drawing, const std::string& title, const std::vector<EpochRecord>& epochs,
                     double target);

/// confusion.csv and its picture: counts[truth][predicted], for classes 0, 1, 2 ...
void confusion_matrix(Drawing& drawing, const std::string& title,
                      const std::vector<std::vector<std::size_t>>& counts);

/// An image, what it shows, and what the network says.
struct Sample {
  std::vector<float> pixels;  ///< row by row, 0 is white and 1 black; a square
  std::size_t truth = 0, predicted = 0;
};

/// samples.csv, and a picture of all samples with what the network says, `columns` in a row.
void sample_predictions(Drawing& drawing, const std::string& title, const std::vector<Sample>& samples,
                        std::size_t columns);

}  // namespace plot
