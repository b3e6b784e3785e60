#include "sorting.hpp"

#include <algorithm>
#include <string>
#include <vector>

#include "../core/array/instantiate.hpp"
#include "../core/array/threads.hpp"
#include "../core/array/worth_a_thread.hpp"
#include "indexing.hpp"

namespace xgrad {
using namespace detail;

namespace {

using worth_a_thread::sorted_elements;

template <class T>
struct Entry {
  T value;
  std::int64_t place;
};

/// Numbers in order, equal ones by their place; every two differ, so that any sort is stable.
template <class T>
struct Precedes {
  bool descending;
  bool operator()(const Entry<T>& a, const Entry<T>& b) const {
    if (a.value == b.value) return a.place < b.place;
    return descending ? b.value < a.value : a.value < b.value;
  }
};

/// Reads a line, numbers first and then NaNs; returns how many are numbers.
template <class T>
std::size_t read_line(const T* in, std::size_t step, std::vector<Entry<T>>& line) {
  std::size_t numbers = 0;
  for (std::size_t c = 0; c < line.size(); ++c) {
    const T value = in[c * step];
    if (value == value) line[numbers++] = {value, static_cast<std::int64_t>(c)};
  }
  for (std::size_t c = 0, next = numbers; next < line.size(); ++c)
    if (const T value = in[c * step]; value != value) line[next++] = {value, static_cast<std::int64_t>(c)};
  return numbers;
}

/// The places of the first `count` elements of every line in order.
template <class T>
Dense<std::int64_t> first_in_order(const Dense<T>& x, std::size_t axis, std::size_t count, bool descending) {
  std::size_t inner = 1;
  for (std::size_t k = axis + 1; k < x.dim(); ++k) inner *= x.shape[k];
  const std::size_t extent = x.shape[axis];
  Shape shape = x.shape;
  shape[axis] = count;
  Dense<std::int64_t> places(shape);
  if (places.size() == 0) return places;
  const T* in = x.data();
  std::int64_t* out = places.mutable_data();
  parallel_for(x.size() / extent, sorted_elements / extent + 1, [=](std::size_t begin, std::size_t end) {
    std::vector<Entry<T>> line(extent);
    for (std::size_t k = begin; k < end; ++k) {
      const std::size_t outer = k / inner, column = k % inner;
      const auto numbers = line.begin() + static_cast<std::ptrdiff_t>(
                                              read_line(in + outer * extent * inner + column, inner, line));
      const auto last = std::min(line.begin() + static_cast<std::ptrdiff_t>(count), numbers);
      if (last != numbers) std::nth_element(line.begin(), last, numbers, Precedes<T>{descending});
      std::sort(line.begin(), last, Precedes<T>{descending});
      for (std::size_t c = 0; c < count; ++c) out[(outer * count + c) * inner + column] = line[c].place;
    }
  });
  return places;
}

template <class T>
Indices order(std::string_view operation, const Variable<T>& x, std::ptrdiff_t axis, bool descending) {
  const std::size_t along = normalize_axis(operation, axis, x.shape());
  return to_array(first_in_order(x.dense(), along, x.shape()[along], descending));
}

}  // namespace

template <class T>
Indices argsort(const Variable<T>& x, Integer axis, const SortOptions& options) {
  return order("argsort", x, axis, options.descending);
}

template <class T>
Variable<T> sort(const Variable<T>& x, Integer axis, const SortOptions& options) {
  return take_along_axis(x, order("sort", x, axis, options.descending), axis);
}

template <class T>
TopK<T> topk(const Variable<T>& x, Count number, Integer axis, const TopKOptions& options) {
  const std::size_t k = number.checked("topk", "k");
  const std::size_t along = normalize_axis("topk", axis, x.shape());
  if (k > x.shape()[along])
    throw ValueError("topk: " + std::to_string(k) + " elements are wanted of axis " + std::to_string(along) +
                     " of shape " + to_string(x.shape()) + ", which has " + std::to_string(x.shape()[along]) +
                     "; ask for fewer");
  Indices places = to_array(first_in_order(x.dense(), along, k, options.largest));
  return {take_along_axis(x, places, axis), std::move(places)};
}

[[gnu::used]] constexpr auto instances =
    instantiate::for_numbers([]<class T>() { return std::make_tuple(argsort<T>, sort<T>, topk<T>); });

}  // namespace xgrad
