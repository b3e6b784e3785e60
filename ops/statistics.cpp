#include "statistics.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <sstream>

#include "../core/array/instantiate.hpp"
#include "../core/graph/broadcast.hpp"
#include "../core/graph/record.hpp"
#include "../core/kernels/dispatch.hpp"
#include "operators.hpp"
#include "shape.hpp"
#include "square_sum.hpp"
#include "square_sum_kernels.hpp"

namespace xgrad {
using namespace detail;

namespace {

/// The lines that an operation of this file makes of its input.
struct Lines {
  ReduceOptions kept_axes;     ///< with keep_dims, so that what it gives broadcasts with the input
  Shape kept, result;          ///< the result's shape with extents of 1, and as the caller wants it
  std::size_t line_count = 0;  ///< elements in a line

  Lines() = default;
  Lines(std::string_view operation, const Shape& shape, const Axes& axes, bool keep_dims)
      : kept_axes{axes, true}, line_count(1) {
    const AxisList<bool> reduced = reduced_axes(operation, axes, shape);
    kept = reduced_shape(shape, reduced, true);
    result = reduced_shape(shape, reduced, keep_dims);
    for (std::size_t axis = 0; axis < shape.size(); ++axis) line_count *= reduced[axis] ? shape[axis] : 1;
  }
  void fields(auto& visit) const {
    visit("axes", kept_axes.axes);
    visit("shape", result);
  }
};

/// The second round takes out what the first mean lacked by rounding, so that equal elements give 0.
template <class V>
V centred(const V& x, const Lines& lines) {
  const V once = x - mean(x, lines.kept_axes);
  return once - mean(once, lines.kept_axes);
}

/// 1 where y is 0, for a division whose result is 0 there anyway.
template <class V>
V not_zero(const V& y) {
  return select(y == 0, 1, y);
}

/// The sums over lines of squares of x / unit, where a unit other than 1 is for a line whose squares would be
/// lost.
template <class T>
struct SquareSum {
  Dense<T> sum, unit;  ///< without units if all are 1

  SquareSum(const Dense<T>& x, const Lines& lines) : sum(of_squares(x, lines)) {
    unit = detail::units_of(x, sum, lines.kept_axes);
    if (unit.defined()) sum = of_squares(x / unit, lines);
  }
  /// `factor` in the units.
  Dense<T> times_unit(Dense<T> factor) const { return unit.defined() ? factor * unit : factor; }

 private:
  /// In one pass.
  static Dense<T> of_squares(const Dense<T>& x, const Lines& lines) {
    const AxisList<bool> axes = reduced_axes("sum", lines.kept_axes.axes, x.shape);
    if (reduction_steps(x.shape, axes).count == 0) return square(x);
    return reduce_axes(chosen_kernels([]<class I>() { return kernels::square_sum_kernels<I>(); }), x, axes);
  }
};

struct Var : Lines {
  static constexpr std::string_view name = "var";
  double divisor = 1;
  void fields(auto& visit) const {
    Lines::fields(visit);
    visit("divisor", divisor);
  }
  bool saves(std::size_t, const Wanted&) const { return true; }

  static double flops(Shapes in, const Shape&) { return 8 * count_of(in[0]); }

  template <class T>
  Dense<T> forward(const Dense<T>& x) const {
    const SquareSum<T> squares(centred(x, *this), *this);
    return squares.times_unit(squares.times_unit(squares.sum / divisor)).with_shape(result);
  }
  template <class V>
  void vjp(Backward<V>& b) const {
    b.give(0, centred(b.input(0), *this) * (reshape(b.gradient(), kept) * (2 / divisor)));
  }
};

struct Std : Lines {
  static constexpr std::string_view name = "std";
  static constexpr bool saves_output = true;
  double divisor = 1;
  void fields(auto& visit) const {
    Lines::fields(visit);
    visit("divisor", divisor);
  }
  bool saves(std::size_t, const Wanted&) const { return true; }

  static double flops(Shapes in, const Shape&) { return 8 * count_of(in[0]); }

  template <class T>
  Dense<T> forward(const Dense<T>& x) const {
    const SquareSum<T> squares(centred(x, *this), *this);
    return squares.times_unit(sqrt(squares.sum / divisor)).with_shape(result);
  }
  /// Divided by the deviation before the gradient comes in: dy / y alone may overflow.
  template <class V>
  void vjp(Backward<V>& b) const {
    const V y = reshape(b.output(), kept), dy = reshape(b.gradient(), kept);
    b.give(0, centred(b.input(0), *this) / not_zero(y) * (select(y == 0, 0, dy) / divisor));
  }
};

struct Norm : Lines {
  static constexpr std::string_view name = "norm";
  static constexpr bool saves_output = true;
  bool saves(std::size_t, const Wanted&) const { return true; }

  static double flops(Shapes in, const Shape&) { return 2 * count_of(in[0]); }

  template <class T>
  Dense<T> forward(const Dense<T>& x) const {
    const SquareSum<T> squares(x, *this);
    return squares.times_unit(sqrt(squares.sum)).with_shape(result);
  }
  /// Divided by the norm before the gradient comes in: dy / y alone may overflow.
  template <class V>
  void vjp(Backward<V>& b) const {
    const V y = reshape(b.output(), kept), dy = reshape(b.gradient(), kept);
    b.give(0, b.input(0) / not_zero(y) * select(y == 0, 0, dy));
  }
};

template <class Op, class V>
V spread(const V& x, const VarianceOptions& options) {
  Op op;
  static_cast<Lines&>(op) = Lines(Op::name, detail::shape_of(x), options.axes, options.keep_dims);
  op.divisor = std::max(static_cast<double>(op.line_count) - options.ddof, 0.0);
  return apply(std::move(op), x);
}

}  // namespace

template <Tensor V>
V var(const V& x, const VarianceOptions& options) {
  return spread<Var>(x, options);
}

template <Tensor V>
V std(const V& x, const VarianceOptions& options) {
  return spread<Std>(x, options);
}

template <Tensor V>
V norm(const V& x, const NormOptions& options) {
  const Lines lines("norm", detail::shape_of(x), options.axes, options.keep_dims);
  if (options.p == 2) return apply(Norm{lines}, x);
  const ReduceOptions over{options.axes, options.keep_dims};
  if (options.p == 1) return sum(abs(x), over);
  if (options.p != std::numeric_limits<double>::infinity()) {
    std::ostringstream text;
    text << "norm: p = " << options.p << " is not one of 1, 2 and infinity; for others write it out, "
         << "pow(sum(pow(abs(x), p)), 1 / p)";
    throw ValueError(text.str());
  }
  if (lines.line_count == 0)
    throw ValueError("norm: no elements of shape " + to_string(detail::shape_of(x)) +
                     " have no largest; give at least one, or p = 1 or 2");
  return max(abs(x), over);
}

// By template arguments: a function of var and std that is no template only calls these.
[[gnu::used]] constexpr auto instances = instantiate::for_tensors([]<class V>() {
  using Spread = V(const V&, const VarianceOptions&);
  return std::make_tuple(static_cast<Spread*>(var<V>), static_cast<Spread*>(xgrad::std<V>),
                         instantiate::overload<V(const V&, const NormOptions&)>(norm));
});

}  // namespace xgrad
