#include "creation.hpp"

#include <algorithm>
#include <cmath>
#include <sstream>

#include "../core/array/instantiate.hpp"

namespace xgrad {
using namespace detail;

namespace {

constexpr auto limit = static_cast<double>(element_limit);

template <class N>
[[noreturn]] void fail_arange(N start, N stop, N step, std::string_view fault) {
  std::ostringstream text;
  text << "arange: start is " << start << ", stop " << stop << " and step " << step << "; " << fault;
  throw ValueError(text.str());
}

constexpr std::string_view too_many = "a value has less than 2^60 elements, take larger steps";
constexpr std::string_view no_step = "a step of 0 leads nowhere, give another";

/// How many of start + i step lie before stop.
std::size_t count_steps(double start, double stop, double step) {
  if (!std::isfinite(start) || !std::isfinite(stop) || !std::isfinite(step))
    fail_arange(start, stop, step, "give finite numbers");
  if (step == 0) fail_arange(start, stop, step, no_step);
  const double count = std::ceil((stop - start) / step);
  if (!(count < limit)) fail_arange(start, stop, step, too_many);
  return count > 0 ? static_cast<std::size_t>(count) : 0;
}

/// The same of integers, whose distance may be larger than the largest of them.
std::size_t count_steps(std::int64_t start, std::int64_t stop, std::int64_t step) {
  if (step == 0) fail_arange(start, stop, step, no_step);
  if (step > 0 ? stop <= start : stop >= start) return 0;
  const auto unsigned_of = [](std::int64_t number) { return static_cast<std::uint64_t>(number); };
  const std::uint64_t way =
      step > 0 ? unsigned_of(stop) - unsigned_of(start) : unsigned_of(start) - unsigned_of(stop);
  const std::uint64_t length = step > 0 ? unsigned_of(step) : 0 - unsigned_of(step);
  const std::uint64_t count = (way - 1) / length + 1;
  if (count >= element_limit) fail_arange(start, stop, step, too_many);
  return count;
}

}  // namespace

template <class T>
Array<T> detail::identity(std::size_t rows, std::size_t columns) {
  const Shape shape{rows, columns};
  check_possible("eye", shape);
  Dense<T> result = Dense<T>::filled(shape, T(0));
  T* out = result.mutable_data();
  for (std::size_t i = 0, n = std::min(rows, columns); i < n; ++i) out[i * columns + i] = T(1);
  return to_array(std::move(result));
}

template <class T>
Array<T> arange(bound_of<T> first, bound_of<T> last, bound_of<T> by) {
  using N = std::conditional_t<std::is_floating_point_v<T>, double, std::int64_t>;
  // Of integers modulo 2^64, in which i step may be more than the elements are.
  using Wide = std::conditional_t<std::is_floating_point_v<T>, double, std::uint64_t>;
  const N start = first, stop = last, step = by;
  const std::size_t count = count_steps(start, stop, step);
  Dense<T> result(Shape{count});
  T* out = result.mutable_data();
  for (std::size_t i = 0; i < count; ++i)
    out[i] = static_cast<T>(static_cast<Wide>(start) + static_cast<Wide>(i) * static_cast<Wide>(step));
  return to_array(std::move(result));
}

template <class T>
Array<T> detail::at_equal_distances(double start, double stop, Count number) {
  const std::size_t count = number.checked("linspace", "count");
  const double distance = stop - start;
  if (!std::isfinite(distance)) {
    std::ostringstream text;
    text << "linspace: start is " << start << " and stop " << stop
         << "; give numbers a finite distance apart";
    throw ValueError(text.str());
  }
  check_possible("linspace", Shape{count});
  Dense<T> result(Shape{count});
  T* out = result.mutable_data();
  const double step = count > 1 ? distance / static_cast<double>(count - 1) : 0;
  for (std::size_t i = 0; i < count; ++i) out[i] = static_cast<T>(start + static_cast<double>(i) * step);
  if (count > 1) out[count - 1] = static_cast<T>(stop);
  return to_array(std::move(result));
}

Indices randint(Integer low, Integer high, const Extents& extents, Generator& from) {
  const std::int64_t first = low, end = high;
  if (first >= end)
    throw ValueError("randint: low is " + std::to_string(first) + " and high " + std::to_string(end) +
                     "; low must be below high, which is not among the numbers");
  Dense<std::int64_t> result(extents.checked("randint"));
  const std::uint64_t count = static_cast<std::uint64_t>(end) - static_cast<std::uint64_t>(first);
  std::int64_t* out = result.mutable_data();
  for (std::size_t i = 0, n = result.size(); i < n; ++i)
    out[i] = static_cast<std::int64_t>(static_cast<std::uint64_t>(first) + from.below(count));
  return to_array(std::move(result));
}

Indices randperm(Count number, Generator& from) {
  const std::size_t count = number.checked("randperm", "the count");
  check_possible("randperm", Shape{count});
  return array<std::int64_t>(permutation(count, from));
}

[[gnu::used]] constexpr auto element_instances =
    instantiate::for_types<float, double, std::int64_t, bool>([]<class T>() { return identity<T>; });
[[gnu::used]] constexpr auto range_instances =
    instantiate::for_types<float, double, std::int64_t>([]<class T>() {
      return instantiate::overload<Array<T>(bound_of<T>, bound_of<T>, bound_of<T>)>(arange<T>);
    });
[[gnu::used]] constexpr auto number_instances =
    instantiate::for_numbers([]<class T>() { return at_equal_distances<T>; });

}  // namespace xgrad
