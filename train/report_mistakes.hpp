// What a classifier gets wrong: counts of what it takes for what, and its worst samples with their pictures.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include "../core/array/dense.hpp"
#include "../core/array/shape.hpp"

namespace xgrad::train::detail {

/// How a sample of such inputs is a picture: {channels, height, width} of 1 or 3 channels; none if it is
/// none. `wanted` is what the options say, {} for the shape of the inputs alone.
std::optional<Shape> picture_shape(const Shape& inputs, const Shape& wanted);

/// Grey, or red, green and blue, of each pixel in turn, two hexadecimal digits each, from the darkest to the
/// brightest number of the sample; large ones are made smaller.
struct Picture {
  std::size_t channels = 0, height = 0, width = 0;
  std::string pixels;
};
template <class T>
Picture picture_of(const T* sample, const Shape& shape);

/// Of one pass over the validation set.
class Mistakes {
 public:
  struct Worst {
    std::size_t number = 0;  ///< in the pass, from 0
    std::size_t truth = 0, predicted = 0;
    double loss = 0;  ///< -log of the probability of the truth
    double probability_of_truth = 0, probability = 0;
    Picture picture = {};
  };
  struct Confusion {
    std::size_t truth = 0, predicted = 0, count = 0;
  };

  /// A batch: predictions [N, C], logits, logarithms of probabilities, or probabilities; N labels, of which
  /// those that are no class are passed over, as are predictions with a NaN, which say nothing; its inputs,
  /// of N rows, for their pictures.
  template <class T>
  void add(const Dense<T>& predictions, const std::int64_t* labels, const Dense<T>& inputs,
           const Shape& image);

  std::size_t classes() const noexcept { return classes_; }
  std::size_t samples() const noexcept { return samples_; }
  /// How many more have a class, and a NaN among their predictions.
  std::size_t not_numbers() const noexcept { return not_numbers_; }
  /// By truth, then by prediction.
  std::vector<Confusion> confusions() const;
  /// The greatest losses first.
  std::vector<Worst> worst() const;

 private:
  static constexpr std::size_t most_samples = 24;

  double least_kept() const noexcept;
  void keep(Worst&& sample);

  std::size_t classes_ = 0, samples_ = 0, not_numbers_ = 0, passed_ = 0;
  std::unordered_map<std::uint64_t, std::size_t> counts_;  ///< by truth * classes + prediction
  std::vector<Worst> worst_;                               ///< a heap, whose first has the smallest loss
};

}  // namespace xgrad::train::detail
