#include "normalise.hpp"

#include "../core/array/instantiate.hpp"

#include <cmath>
#include <string>

namespace xgrad::data {
namespace {

/// `rows` elements, `stride` apart.
template <class T>
void normalise_column(const T* from, T* to, std::size_t rows, std::size_t stride) {
  const auto count = static_cast<double>(rows);
  double mean = 0;
  bool all_equal = true;  // asked of the elements: a rounded mean would leave a deviation
  for (std::size_t r = 0; r < rows; ++r) {
    mean += static_cast<double>(from[r * stride]) / count;
    all_equal = all_equal && from[r * stride] == from[0];
  }
  double variance = 0;
  for (std::size_t r = 0; r < rows; ++r) {
    const double centred = static_cast<double>(from[r * stride]) - mean;
    variance += centred * centred / count;
  }
  const double deviation = std::sqrt(variance);
  for (std::size_t r = 0; r < rows; ++r)
    to[r * stride] =
        all_equal ? T(0) : static_cast<T>((static_cast<double>(from[r * stride]) - mean) / deviation);
}

}  // namespace

template <class T>
Array<T> normalise(const Array<T>& x, double mean, double deviation) {
  if (!std::isfinite(mean) || !std::isfinite(deviation) || deviation <= 0)
    throw ValueError("normalise: mean is " + std::to_string(mean) + " and deviation " +
                     std::to_string(deviation) + "; give finite numbers, the deviation above 0");
  const Dense<T> in = to_dense(x);
  Dense<T> result(in.shape);
  const T* from = in.data();
  T* to = result.mutable_data();
  for (std::size_t i = 0, n = in.size(); i < n; ++i)
    to[i] = static_cast<T>((static_cast<double>(from[i]) - mean) / deviation);
  return to_array(std::move(result));
}

template <class T>
Array<T> normalise(const Array<T>& x) {
  const Dense<T> in = to_dense(x);
  if (in.dim() == 0) throw ShapeError("normalise: a value of shape [] has no first axis; give it one");
  Dense<T> result(in.shape);
  const std::size_t rows = in.shape[0];
  if (in.size() == 0) return to_array(std::move(result));
  const std::size_t columns = in.size() / rows;
  T* out = result.mutable_data();
  for (std::size_t column = 0; column < columns; ++column)
    normalise_column(in.data() + column, out + column, rows, columns);
  return to_array(std::move(result));
}

[[gnu::used]] constexpr auto instances = instantiate::for_numbers([]<class T>() {
  return std::make_tuple(instantiate::overload<Array<T>(const Array<T>&, double, double)>(normalise),
                         instantiate::overload<Array<T>(const Array<T>&)>(normalise));
});

}  // namespace xgrad::data
