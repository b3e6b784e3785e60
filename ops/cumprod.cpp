#include "cumprod.hpp"

#include <algorithm>
#include <string>
#include <tuple>
#include <vector>

#include "../core/array/instantiate.hpp"
#include "../core/array/threads.hpp"
#include "../core/array/worth_a_thread.hpp"
#include "../core/graph/record.hpp"
#include "arrange.hpp"
#include "operators.hpp"
#include "shape.hpp"
#include "slice.hpp"

namespace xgrad {
using namespace detail;

namespace {

using detail::shape_of;

/// The elements of axes `from` ... `to` - 1 together.
std::size_t extent_of(const Shape& shape, std::size_t from, std::size_t to) {
  std::size_t elements = 1;
  for (std::size_t axis = from; axis < to; ++axis) elements *= shape[axis];
  return elements;
}

/// Calls line(where its first element stands, step to the next) for every line along an axis.
template <class Line>
void for_each_line(const Shape& shape, std::size_t axis, const Line& line) {
  const std::size_t count = shape[axis], inner = extent_of(shape, axis + 1, shape.size());
  const std::size_t lines = extent_of(shape, 0, axis) * inner;
  if (lines == 0 || count == 0) return;
  parallel_for(lines, worth_a_thread::costly_elements / count + 1, [=](std::size_t begin, std::size_t end) {
    for (std::size_t k = begin; k < end; ++k) line(k / inner * count * inner + k % inner, inner);
  });
}

/// x moved on by one place along an axis, with `first` in front; the last element is gone.
template <class V>
V moved_on(const V& x, std::size_t axis, double first) {
  const std::size_t extent = shape_of(x)[axis];
  std::vector<SliceItem> items(axis, all);
  items.push_back(range(0, static_cast<std::ptrdiff_t>(extent) - 1));
  std::vector<PadWidth> widths(shape_of(x).size());
  widths[axis] = {1, 0};
  return pad(slice(x, items), widths, first);
}

/// Of a and b; see linear_recurrence.
struct LinearRecurrence {
  static constexpr std::string_view name = "linear_recurrence";
  static constexpr bool saves_output = true;
  std::size_t axis = 0;
  bool from_the_end = false;
  void fields(auto& visit) const {
    visit("axis", axis);
    visit("from_the_end", from_the_end);
  }
  bool saves(std::size_t input, const Wanted&) const { return input == 0; }

  template <class T>
  Dense<T> forward(const Dense<T>& a, const Dense<T>& b) const {
    Dense<T> result(b.shape);
    const T *const factors = a.data(), *const terms = b.data();
    T* const out = result.mutable_data();
    const std::size_t count = b.shape[axis];
    for_each_line(b.shape, axis, [=, this](std::size_t first, std::size_t step) {
      double sum = 0;
      for (std::size_t k = 0; k < count; ++k) {
        const std::size_t at = first + (from_the_end ? count - 1 - k : k) * step;
        const std::size_t factor = from_the_end ? at + step : at;
        const double term = static_cast<double>(terms[at]);
        sum = k == 0 ? term : term + static_cast<double>(factors[factor]) * sum;
        out[at] = static_cast<T>(sum);
      }
    });
    return result;
  }
  /// s = b + A s, where A is zero but beside its diagonal: h = (1 - A)^-T dy is what b is given, and each
  /// factor the product of the two that it joins.
  template <class V>
  void vjp(Backward<V>& b) const {
    if (b.shape(1)[axis] == 0) {
      for (std::size_t k : {0u, 1u})
        if (b.wants(k)) b.give(k, b.gradient());
      return;
    }
    const V h = apply(LinearRecurrence{axis, !from_the_end}, b.input(0), b.gradient());
    if (b.wants(1)) b.give(1, h);
    if (b.wants(0))
      b.give(0, from_the_end ? moved_on(h, axis, 0) * b.output() : h * moved_on(b.output(), axis, 0));
  }
};

struct Cumprod {
  static constexpr std::string_view name = "cumprod";
  static constexpr bool saves_output = true;
  std::size_t axis = 0;
  void fields(auto& visit) const { visit("axis", axis); }
  bool saves(std::size_t, const Wanted&) const { return true; }

  template <class T>
  Dense<T> forward(const Dense<T>& x) const {
    Dense<T> result(x.shape);
    const T* const in = x.data();
    T* const out = result.mutable_data();
    const std::size_t count = x.shape[axis];
    for_each_line(x.shape, axis, [=](std::size_t first, std::size_t step) {
      double running = 1;
      for (std::size_t k = 0; k < count; ++k) {
        const std::size_t at = first + k * step;
        out[at] = static_cast<T>(running *= static_cast<double>(in[at]));
      }
    });
    return result;
  }
  /// An element is in its own product and in all later ones: what stands before it, times the sum over later
  /// products of dy and what stands between.
  template <class V>
  void vjp(Backward<V>& b) const {
    if (b.shape(0)[axis] == 0) return b.give(0, b.gradient());
    const V later = apply(LinearRecurrence{axis, true}, b.input(0), b.gradient());
    b.give(0, moved_on(b.output(), axis, 1) * later);
  }
};

}  // namespace

template <Tensor V>
V cumprod(const V& x, Integer axis) {
  return apply(Cumprod{normalize_axis("cumprod", axis, shape_of(x))}, x);
}

template <Tensor V>
V cumprod(const V& x) {
  return apply(Cumprod{}, flatten(x));
}

template <Tensor V>
V detail::linear_recurrence(const V& a, const V& b, Integer axis, bool from_the_end) {
  const std::size_t along = normalize_axis(LinearRecurrence::name, axis, shape_of(b));
  if (shape_of(a) != shape_of(b))
    throw ShapeError("linear_recurrence: factors " + to_string(shape_of(a)) + " and terms " +
                     to_string(shape_of(b)) + " differ in shape; give one factor a term");
  return apply(LinearRecurrence{along, from_the_end}, a, b);
}

[[gnu::used]] constexpr auto instances = instantiate::for_tensors([]<class V>() {
  return std::make_tuple(instantiate::overload<V(const V&, Integer)>(cumprod),
                         instantiate::overload<V(const V&)>(cumprod), linear_recurrence<V>);
});

}  // namespace xgrad
