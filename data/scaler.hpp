// Mean 0 and deviation 1: learnt from some samples, applied to others.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "../core/array/array.hpp"

namespace xgrad::data {

/// Each column's mean and deviation over the first axis of training samples, to be applied to those of a test
/// or of later use: what the model was trained on decides. scikit-learn's StandardScaler: the deviation
/// divides by the number of samples, and is 1 for a column whose elements are all equal. Computed in double.
///
/// ```cpp
/// const xg::data::StandardScaler scaler(train.inputs);
/// const auto inputs = scaler.transform(train.inputs), test_inputs = scaler.transform(test.inputs);
/// ```
template <class T>
class StandardScaler {
 public:
  using NamedArray = std::pair<std::string, Array<double>>;

  /// Of samples [N, ...]. ShapeError without a first axis, ValueError without a sample.
  explicit StandardScaler(const Array<T>& samples);
  /// The one that gave state(). ValueError unless "mean" and "deviation" are there, and no deviation is 0 or
  /// less; ShapeError if their shapes differ.
  explicit StandardScaler(const std::vector<NamedArray>& state);

  /// (x - mean) / deviation, of samples [M, ...] or of a single one [...]; ShapeError if a sample has not the
  /// shape of those that it was made from.
  Array<T> transform(const Array<T>& samples) const;
  /// x * deviation + mean: back to the samples' units. Errors as above.
  Array<T> inverse_transform(const Array<T>& scaled) const;

  /// In the samples' units, of one sample's shape.
  const Array<double>& mean() const noexcept { return mean_; }
  const Array<double>& deviation() const noexcept { return deviation_; }
  /// "mean" and "deviation", for io::save_arrays.
  std::vector<NamedArray> state() const { return {{"mean", mean_}, {"deviation", deviation_}}; }

 private:
  template <class F>
  Array<T> each(const char* operation, const Array<T>& samples, const F& f) const;

  Array<double> mean_, deviation_;
};

extern template class StandardScaler<float>;
extern template class StandardScaler<double>;

}  // namespace xgrad::data
