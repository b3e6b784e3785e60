#include "statistics.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <sstream>

#include "../core/broadcast.hpp"
#include "families.hpp"
#include "operators.hpp"
#include "shape.hpp"

namespace xgrad {
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

struct Var : Lines {
  static constexpr std::string_view name = "var";
  double divisor = 1;
  bool saves(std::size_t, const Wanted&) const { return true; }

  template <class T>
  Dense<T> forward(const Dense<T>& x) const {
    return (sum(square(centred(x, *this)), kept_axes) / divisor).with_shape(result);
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
  bool saves(std::size_t, const Wanted&) const { return true; }

  template <class T>
  Dense<T> forward(const Dense<T>& x) const {
    return sqrt(sum(square(centred(x, *this)), kept_axes) / divisor).with_shape(result);
  }
  template <class V>
  void vjp(Backward<V>& b) const {
    const V y = reshape(b.output(), kept), dy = reshape(b.gradient(), kept);
    b.give(0, centred(b.input(0), *this) * (select(y == 0, 0, dy) / (not_zero(y) * divisor)));
  }
};

/// Whether squares of such a sum may have been lost to overflow or underflow.
template <class T>
bool is_doubtful(T square_sum) {
  constexpr T lowest = std::numeric_limits<T>::min() / std::numeric_limits<T>::epsilon();
  return !(square_sum > lowest && square_sum <= std::numeric_limits<T>::max());
}

struct Norm : Lines {
  static constexpr std::string_view name = "norm";
  static constexpr bool saves_output = true;
  bool saves(std::size_t, const Wanted&) const { return true; }

  template <class T>
  Dense<T> forward(const Dense<T>& x) const {
    const Dense<T> squares = sum(square(x), kept_axes);
    const T *begin = squares.data(), *end = begin + squares.size();
    if (line_count == 0 || std::none_of(begin, end, is_doubtful<T>)) return sqrt(squares).with_shape(result);
    const Dense<T> largest = max(abs(x), kept_axes);
    const Dense<T> scale = select(largest - largest == 0, not_zero(largest), 1);
    return (scale * sqrt(sum(square(x / scale), kept_axes))).with_shape(result);
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
  return perform(std::move(op), x);
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
  if (options.p == 2) return perform(Norm{lines}, x);
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

#define XGRAD_INSTANTIATE(V)                        \
  template V var(const V&, const VarianceOptions&); \
  template V std(const V&, const VarianceOptions&); \
  template V norm(const V&, const NormOptions&);
XGRAD_INSTANTIATE(Dense<float>)
XGRAD_INSTANTIATE(Dense<double>)
XGRAD_INSTANTIATE(Variable<float>)
XGRAD_INSTANTIATE(Variable<double>)
#undef XGRAD_INSTANTIATE

std::vector<std::string_view> statistics_operation_names() {
  return names_of<kernels::List<Var, Std, Norm>>();
}

}  // namespace xgrad
