#include "dataset.hpp"

#include <algorithm>
#include <string>

#include "../core/array/instantiate.hpp"
#include "../core/kernels/random.hpp"

namespace xgrad::data {

namespace {

Dense<std::int64_t> dense_of(const IndexInput& labels) { return labels.dense(); }
template <class T>
Dense<T> dense_of(Array<T>&& targets) {
  return to_dense(std::move(targets));
}

}  // namespace

template <class X>
Dense<X> detail::gather_rows(const Dense<X>& from, std::span<const std::size_t> rows) {
  Shape shape = from.shape;
  const std::size_t row_size = shape[0] == 0 ? 0 : from.size() / shape[0];
  shape[0] = rows.size();
  Dense<X> result(shape);
  X* out = result.mutable_data();
  for (std::size_t row : rows) out = std::copy_n(from.data() + row * row_size, row_size, out);
  return result;
}

void detail::check_same_rows(const Shape& first, const Shape& input, std::size_t k) {
  const std::string what = "TensorDataset: input " + std::to_string(k) + " is " + to_string(input);
  if (input.empty()) throw ShapeError(what + "; it needs a first axis, one row a sample");
  if (input[0] != first[0])
    throw ShapeError(what + " and input 0 " + to_string(first) + ", which differ in axis 0 (" +
                     std::to_string(input[0]) + " vs " + std::to_string(first[0]) +
                     "); give one row a sample");
}

void detail::check_rows(const char* operation, std::span<const std::size_t> rows, std::size_t size) {
  for (std::size_t row : rows)
    if (row >= size)
      throw ValueError(std::string(operation) + ": row " + std::to_string(row) + " of a data set of " +
                       std::to_string(size) + "; rows count from 0 and must be below its size");
}

std::vector<std::vector<std::size_t>> detail::random_parts(std::size_t size,
                                                           std::span<const std::size_t> sizes,
                                                           std::uint64_t seed) {
  std::string parts;
  std::size_t total = 0;
  bool fits = true;
  for (std::size_t part : sizes) {
    parts += (parts.empty() ? "" : " + ") + std::to_string(part);
    fits = fits && part <= size - total;
    if (fits) total += part;
  }
  if (!fits || total != size)
    throw ValueError("random_split: parts of " + parts + " rows for a data set of " + std::to_string(size) +
                     "; their sizes must add up to it");
  Generator random(seed);
  const std::vector<std::size_t> order = permutation(size, random);
  std::vector<std::vector<std::size_t>> result;
  auto begin = order.begin();
  for (std::size_t part : sizes) {
    const auto end = begin + static_cast<std::ptrdiff_t>(part);
    result.emplace_back(begin, end);
    begin = end;
  }
  return result;
}

template <class T, class Y>
TensorDataset<T, Y>::TensorDataset(std::type_identity_t<Array<T>> inputs, GivenTargets targets)
    : inputs_(to_dense(std::move(inputs))), targets_(dense_of(std::move(targets))) {
  const Shape &x = inputs_.shape, &y = targets_.shape;
  if (x.empty() || y.empty())
    throw ShapeError("TensorDataset: inputs " + to_string(x) + " and targets " + to_string(y) +
                     "; both need a first axis, one row a sample");
  if (x[0] != y[0])
    throw ShapeError("TensorDataset: inputs " + to_string(x) + " and targets " + to_string(y) +
                     " differ in axis 0 (" + std::to_string(x[0]) + " vs " + std::to_string(y[0]) +
                     "); give one target a sample");
}

template <class T, class Y>
typename TensorDataset<T, Y>::Batch TensorDataset<T, Y>::batch(std::span<const std::size_t> rows) const {
  detail::check_rows("TensorDataset", rows, size());
  Variable<T> inputs(detail::gather_rows(inputs_, rows));
  if constexpr (std::is_same_v<Y, std::int64_t>) {
    return {std::move(inputs), to_array(detail::gather_rows(targets_, rows))};
  } else {
    return {std::move(inputs), Variable<T>(detail::gather_rows(targets_, rows))};
  }
}

[[gnu::used]] constexpr auto instances =
    instantiate::for_numbers([]<class T>() { return detail::gather_rows<T>; });
template class TensorDataset<float, std::int64_t>;
template class TensorDataset<double, std::int64_t>;
template class TensorDataset<float, float>;
template class TensorDataset<double, double>;

}  // namespace xgrad::data
