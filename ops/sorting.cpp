#include "sorting.hpp"

#include <algorithm>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

#include "../core/array/instantiate.hpp"
#include "../core/array/threads.hpp"
#include "../core/array/worth_a_thread.hpp"
#include "../core/graph/capture.hpp"
#include "../core/graph/record.hpp"
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

/// The first `count` elements of every line along an axis in order, and where they stood.
struct InOrder {
  std::size_t axis = 0, count = 0;
  bool descending = false;

  static double flops(Shapes, const Shape&) noexcept { return 0; }

  template <class T>
  std::tuple<Dense<T>, Dense<std::int64_t>> forward(const Dense<T>& x) const {
    std::size_t inner = 1;
    for (std::size_t k = axis + 1; k < x.dim(); ++k) inner *= x.shape[k];
    const std::size_t extent = x.shape[axis];
    Shape shape = x.shape;
    shape[axis] = count;
    Dense<T> values(shape);
    Dense<std::int64_t> places(shape);
    if (places.size() == 0) return {std::move(values), std::move(places)};
    const T* in = x.data();
    T* out = values.mutable_data();
    std::int64_t* found = places.mutable_data();
    parallel_for(x.size() / extent, sorted_elements / extent + 1,
                 [=, this](std::size_t begin, std::size_t end) {
                   std::vector<Entry<T>> line(extent);
                   for (std::size_t k = begin; k < end; ++k) {
                     const std::size_t outer = k / inner, column = k % inner;
                     put_in_order(in + outer * extent * inner + column, inner, line);
                     for (std::size_t c = 0; c < count; ++c) {
                       const std::size_t to = (outer * count + c) * inner + column;
                       out[to] = line[c].value;
                       found[to] = line[c].place;
                     }
                   }
                 });
    return {std::move(values), std::move(places)};
  }
  template <class V>
  void vjp(Backward<V>& b) const {
    b.give(0, scatter_to_places(b.gradient(), b.template output<std::int64_t>(1), axis, b.shape(0)));
  }
  void fields(auto& visit) const {
    visit("axis", axis);
    visit("count", count);
    visit("descending", descending);
  }

 private:
  template <class T>
  void put_in_order(const T* in, std::size_t step, std::vector<Entry<T>>& line) const {
    const auto numbers = line.begin() + static_cast<std::ptrdiff_t>(read_line(in, step, line));
    const auto last = std::min(line.begin() + static_cast<std::ptrdiff_t>(count), numbers);
    if (last != numbers) std::nth_element(line.begin(), last, numbers, Precedes<T>{descending});
    std::sort(line.begin(), last, Precedes<T>{descending});
  }
};

struct Sort : InOrder {
  static constexpr std::string_view name = "sort";
};

struct TopKInOrder : InOrder {
  static constexpr std::string_view name = "topk";
};

/// Of whole lines.
Sort sort_along(std::string_view operation, const Shape& shape, std::ptrdiff_t axis, bool descending) {
  const std::size_t along = normalize_axis(operation, axis, shape);
  return {{along, shape[along], descending}};
}

}  // namespace

template <class T>
Indices argsort(const Variable<T>& x, Integer axis, const SortOptions& options) {
  check_stays("argsort", x.node());
  const Sort sort = sort_along("argsort", x.shape(), axis, options.descending);
  return to_array(std::get<1>(sort.forward(x.dense())));
}

template <class T>
Variable<T> sort(const Variable<T>& x, Integer axis, const SortOptions& options) {
  return apply(sort_along("sort", x.shape(), axis, options.descending), x);
}

template <class T>
TopK<T> topk(const Variable<T>& x, Count number, Integer axis, const TopKOptions& options) {
  check_stays("topk", x.node());
  const std::size_t k = number.checked("topk", "k");
  const std::size_t along = normalize_axis("topk", axis, x.shape());
  if (k > x.shape()[along])
    throw ValueError("topk: " + std::to_string(k) + " elements are wanted of axis " + std::to_string(along) +
                     " of shape " + to_string(x.shape()) + ", which has " + std::to_string(x.shape()[along]) +
                     "; ask for fewer");
  auto [values, places] = apply_all(TopKInOrder{{along, k, options.largest}}, x);
  return {std::move(values), to_array(places.dense())};
}

[[gnu::used]] constexpr auto instances =
    instantiate::for_numbers([]<class T>() { return std::make_tuple(argsort<T>, sort<T>, topk<T>); });

}  // namespace xgrad
