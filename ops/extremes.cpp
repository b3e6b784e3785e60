#include "extremes.hpp"

#include <algorithm>
#include <string>
#include <tuple>
#include <utility>

#include "../core/array/instantiate.hpp"
#include "../core/array/threads.hpp"
#include "../core/array/worth_a_thread.hpp"
#include "../core/graph/capture.hpp"
#include "../core/graph/record.hpp"
#include "indexing.hpp"
#include "shape.hpp"

namespace xgrad {
using namespace detail;

namespace {

/// The elements of axes `from` ... `to` - 1 together.
std::size_t extent_of(const Shape& shape, std::size_t from, std::size_t to) {
  std::size_t elements = 1;
  for (std::size_t axis = from; axis < to; ++axis) elements *= shape[axis];
  return elements;
}

/// The extreme of every line along an axis, which stays with extent 1, and where it stands.
template <bool largest>
struct ExtremeAndPlace {
  std::size_t axis = 0;
  void fields(auto& visit) const { visit("axis", axis); }

  static double flops(Shapes in, const Shape&) { return count_of(in[0]); }

  template <class T>
  std::tuple<Dense<T>, Dense<std::int64_t>> forward(const Dense<T>& x) const {
    Shape shape = x.shape;
    shape[axis] = 1;
    Dense<T> values(shape);
    Dense<std::int64_t> places = Dense<std::int64_t>::filled(shape, 0);
    const std::size_t extent = x.shape[axis], inner = extent_of(x.shape, axis + 1, x.dim());
    if (values.size() == 0) return {std::move(values), std::move(places)};
    const T* const in = x.data();
    T* const out = values.mutable_data();
    std::int64_t* const found = places.mutable_data();
    parallel_for(values.size() / inner, worth_a_thread::computed_elements / (extent * inner) + 1,
                 [=](std::size_t begin, std::size_t end) {
                   for (std::size_t k = begin; k < end; ++k)
                     search(in + k * extent * inner, extent, inner, out + k * inner, found + k * inner);
                 });
    return {std::move(values), std::move(places)};
  }
  template <class V>
  void vjp(Backward<V>& b) const {
    b.give(0, scatter_to_places(b.gradient(), b.template output<std::int64_t>(1), axis, b.shape(0)));
  }

 private:
  /// `inner` lines side by side; places are 0.
  template <class T>
  static void search(const T* in, std::size_t extent, std::size_t inner, T* out, std::int64_t* found) {
    std::copy_n(in, inner, out);
    for (std::size_t c = 1; c < extent; ++c)
      for (std::size_t i = 0; i < inner; ++i) {
        const T x = in[c * inner + i], best = out[i];
        // A NaN beats every number, and nothing beats a NaN.
        if ((largest ? x > best : x < best) || (x != x && best == best)) {
          out[i] = x;
          found[i] = static_cast<std::int64_t>(c);
        }
      }
  }
};

struct MaxWithIndices : ExtremeAndPlace<true> {
  static constexpr std::string_view name = "max_with_indices";
};
struct MinWithIndices : ExtremeAndPlace<false> {
  static constexpr std::string_view name = "min_with_indices";
};

template <class Op, class T>
Extremes<T> extremes(const Variable<T>& x, std::ptrdiff_t axis, bool keep_dims) {
  check_stays(Op::name, x.node());
  const std::size_t along = normalize_axis(Op::name, axis, x.shape());
  if (x.shape()[along] == 0)
    throw ValueError(std::string(Op::name) + ": axis " + std::to_string(along) + " of shape " +
                     to_string(x.shape()) +
                     " is empty, and there is no extreme of no elements; give at least one");
  auto [values, places] = apply_all(Op{{along}}, x);
  if (keep_dims) return {std::move(values), to_array(places.dense())};
  Shape shape = x.shape();
  shape.erase(along);
  return {reshape(values, shape), to_array(Dense<std::int64_t>(places.dense()).with_shape(shape))};
}

}  // namespace

template <class T>
Extremes<T> max_with_indices(const Variable<T>& x, Integer axis, const ExtremesOptions& options) {
  return extremes<MaxWithIndices>(x, axis, options.keep_dims);
}
template <class T>
Extremes<T> min_with_indices(const Variable<T>& x, Integer axis, const ExtremesOptions& options) {
  return extremes<MinWithIndices>(x, axis, options.keep_dims);
}

[[gnu::used]] constexpr auto instances = instantiate::for_numbers(
    []<class T>() { return std::make_tuple(max_with_indices<T>, min_with_indices<T>); });

}  // namespace xgrad
