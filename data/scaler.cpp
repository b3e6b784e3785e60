#include "scaler.hpp"

#include <algorithm>
#include <cmath>

#include "../core/array/error.hpp"

namespace xgrad::data {
namespace {

struct Column {
  double mean, deviation;
};

/// Of `rows` elements, `stride` apart.
template <class T>
Column column_of(const T* from, std::size_t rows, std::size_t stride) {
  const auto count = static_cast<double>(rows);
  double mean = 0;
  bool all_equal = true;  // asked of the elements: a rounded mean would leave a deviation
  for (std::size_t r = 0; r < rows; ++r) {
    mean += static_cast<double>(from[r * stride]) / count;
    all_equal = all_equal && from[r * stride] == from[0];
  }
  if (all_equal) return {static_cast<double>(from[0]), 1};
  double variance = 0;
  for (std::size_t r = 0; r < rows; ++r) {
    const double centred = static_cast<double>(from[r * stride]) - mean;
    variance += centred * centred / count;
  }
  // Differences too small to be squared leave none.
  return {mean, variance > 0 || std::isnan(variance) ? std::sqrt(variance) : 1};
}

const Array<double>& find(const std::vector<std::pair<std::string, Array<double>>>& state, const char* name) {
  const auto found =
      std::find_if(state.begin(), state.end(), [&](const auto& named) { return named.first == name; });
  if (found == state.end())
    throw ValueError(std::string("StandardScaler: there is no '") + name +
                     "' in the state; give what state() gave");
  return found->second;
}

}  // namespace

template <class T>
StandardScaler<T>::StandardScaler(const Array<T>& samples) {
  const Dense<T> in = to_dense(samples);
  if (in.dim() == 0)
    throw ShapeError("StandardScaler: a value of shape [] has no first axis; give samples [N, ...]");
  const std::size_t rows = in.shape[0];
  if (rows == 0)
    throw ValueError("StandardScaler: samples " + to_string(in.shape) +
                     " are none; give at least one to learn from");
  const Shape columns(in.shape.begin() + 1, in.shape.end());
  Dense<double> mean(columns), deviation(columns);
  double *const means = mean.mutable_data(), *const deviations = deviation.mutable_data();
  for (std::size_t i = 0, count = element_count(columns); i < count; ++i) {
    const Column column = column_of(in.data() + i, rows, count);
    means[i] = column.mean;
    deviations[i] = column.deviation;
  }
  mean_ = to_array(std::move(mean));
  deviation_ = to_array(std::move(deviation));
}

template <class T>
StandardScaler<T>::StandardScaler(const std::vector<NamedArray>& state)
    : mean_(find(state, "mean")), deviation_(find(state, "deviation")) {
  if (std::any_of(deviation_.cbegin(), deviation_.cend(), [](double d) { return d <= 0; }))
    throw ValueError("StandardScaler: a deviation of the state is not above 0; give what state() gave");
  if (!(mean_.shape() == deviation_.shape()))
    throw ShapeError("StandardScaler: mean " + to_string(mean_.shape()) + " and deviation " +
                     to_string(deviation_.shape()) + " of the state differ in shape; give what state() gave");
}

template <class T>
template <class F>
Array<T> StandardScaler<T>::each(const char* operation, const Array<T>& samples, const F& f) const {
  const Dense<T> in = to_dense(samples);
  const Shape column(mean_.shape());
  const bool is_one = in.shape == column;
  if (!is_one && (in.dim() == 0 || !(Shape(in.shape.begin() + 1, in.shape.end()) == column)))
    throw ShapeError(std::string("StandardScaler: ") + operation + " of " + to_string(in.shape) +
                     ", and it was made from samples of shape " + to_string(column) +
                     "; give [N, ...] of such samples");
  Dense<T> result(in.shape);
  const T* const from = in.data();
  T* const to = result.mutable_data();
  const double *const means = mean_.data(), *const deviations = deviation_.data();
  const std::size_t columns = element_count(column);
  for (std::size_t i = 0, n = in.size(); i < n; ++i)
    to[i] = static_cast<T>(f(static_cast<double>(from[i]), means[i % columns], deviations[i % columns]));
  return to_array(std::move(result));
}

template <class T>
Array<T> StandardScaler<T>::transform(const Array<T>& samples) const {
  return each("transform", samples,
              [](double x, double mean, double deviation) { return x == mean ? 0 : (x - mean) / deviation; });
}

template <class T>
Array<T> StandardScaler<T>::inverse_transform(const Array<T>& scaled) const {
  return each("inverse_transform", scaled,
              [](double x, double mean, double deviation) { return x * deviation + mean; });
}

template class StandardScaler<float>;
template class StandardScaler<double>;

}  // namespace xgrad::data
