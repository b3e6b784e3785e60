#include "normalise.hpp"

#include "../core/array/instantiate.hpp"

#include <cmath>
#include <string>

#include "scaler.hpp"

namespace xgrad::data {

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
  if (x.dimension() == 0) throw ShapeError("normalise: a value of shape [] has no first axis; give it one");
  return x.size() == 0 ? x : StandardScaler<T>(x).transform(x);
}

[[gnu::used]] constexpr auto instances = instantiate::for_numbers([]<class T>() {
  return std::make_tuple(instantiate::overload<Array<T>(const Array<T>&, double, double)>(normalise),
                         instantiate::overload<Array<T>(const Array<T>&)>(normalise));
});

}  // namespace xgrad::data
