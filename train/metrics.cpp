#include "metrics.hpp"

#include "../core/array/instantiate.hpp"

#include <algorithm>
#include <string>

namespace xgrad::train {

template <class T>
double accuracy(const Variable<T>& predictions, const Indices& labels) {
  const Shape& shape = predictions.shape();
  if (shape.size() != 2 || shape[1] == 0 || labels.dimension() != 1 || labels.size() != shape[0])
    throw ShapeError("accuracy: predictions " + to_string(shape) + " and labels " +
                     to_string(labels.shape()) + " do not fit; give [n, classes] and [n]");
  const T* row = predictions.dense().data();
  std::size_t right = 0;
  for (std::size_t i = 0; i < shape[0]; ++i, row += shape[1])
    right += std::max_element(row, row + shape[1]) - row == labels(i) ? 1 : 0;
  return shape[0] == 0 ? 0 : static_cast<double>(right) / static_cast<double>(shape[0]);
}

[[gnu::used]] constexpr auto instances = instantiate::for_numbers([]<class T>() { return accuracy<T>; });

}  // namespace xgrad::train
