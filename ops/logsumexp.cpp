#include <algorithm>
#include <cmath>
#include <limits>
#include <tuple>

#include "../core/array/instantiate.hpp"
#include "../core/array/threads.hpp"
#include "../core/array/worth_a_thread.hpp"
#include "../core/formula/add_multiply.hpp"
#include "../core/formula/broadcast_loop.hpp"
#include "../core/formula/elementwise.hpp"
#include "../core/graph/broadcast.hpp"
#include "../core/graph/record.hpp"
#include "../core/kernels/dispatch.hpp"
#include "exponential.hpp"
#include "logsumexp_kernels.hpp"
#include "operators.hpp"
#include "over.hpp"
#include "reduction.hpp"
#include "reduction_kernels.hpp"
#include "shape.hpp"

namespace xgrad {
using namespace detail;

namespace {

const kernels::LogSumExpKernels& chosen() {
  const kernels::LogSumExpKernels& kernels =
      chosen_kernels([]<class I>() { return kernels::logsumexp_kernels<I>(); });
  return kernels;
}
const kernels::Reduction& largest() {
  return chosen_kernels([]<class I>() { return kernels::reduction_kernels<I>(); }).max;
}

template <class T>
constexpr std::size_t which = std::is_same_v<T, double>;

constexpr std::size_t piece = worth_a_thread::computed_elements;
std::size_t worth_a_piece(std::size_t size) {
  return std::max<std::size_t>(1, piece / std::max<std::size_t>(1, size));
}

/// Lines along one run of axes. How they are split depends on the shape alone, as in reduce_axes().
template <class T>
struct Lines {
  const T* x;
  T* exponentials;  ///< none where they are not wanted
  T* anchors;
  bool is_anchored;
  ReductionStep step;

  /// `outers` times `rows` rows and `columns` columns that start at a place; their totals go to `totals`.
  void run(std::size_t outer, std::size_t outers, std::size_t row, std::size_t rows, std::size_t column,
           std::size_t columns, double* totals) const {
    const std::size_t at = (outer * step.count + row) * step.inner + column;
    chosen().lines[which<T>]({x + at, exponentials == nullptr ? nullptr : exponentials + at,
                              anchors + outer * step.inner + column, is_anchored, totals, outers, rows,
                              columns, step.inner});
  }
  void by_outer_rows(double* totals) const {
    parallel_for(step.outer, worth_a_piece(step.count * step.inner), [&](std::size_t begin, std::size_t end) {
      run(begin, end - begin, 0, step.count, 0, step.inner, totals + begin * step.inner);
    });
  }
  void by_columns(double* totals) const {
    const std::size_t grain = std::max<std::size_t>(256, worth_a_piece(step.count) / 64 * 64);
    for (std::size_t o = 0; o < step.outer; ++o)
      parallel_for(step.inner, grain, [&](std::size_t begin, std::size_t end) {
        run(o, 1, 0, step.count, begin, end - begin, totals + o * step.inner + begin);
      });
  }
  /// `rows` rows at a time, whose totals are added up: [outer, 1, inner].
  Dense<double> by_pieces(std::size_t rows) const {
    const std::size_t pieces = (step.count + rows - 1) / rows;
    Dense<double> totals(Shape{step.outer, pieces, step.inner});
    double* const to = totals.mutable_data();
    parallel_for(
        step.outer * pieces, worth_a_piece(rows * step.inner), [&](std::size_t begin, std::size_t end) {
          for (std::size_t p = begin; p < end; ++p) {
            const std::size_t first = p % pieces * rows;
            run(p / pieces, 1, first, std::min(rows, step.count - first), 0, step.inner, to + p * step.inner);
          }
        });
    return sum_axes(totals, {false, true, false});
  }
};

/// The exponentials of x, without the anchors of its lines, and what they come to; the anchors and totals
/// keep the axes.
template <class T>
struct Exponentials {
  Dense<T> anchors, each;  ///< `each` only where it is wanted
  Dense<double> totals;

  Exponentials(const Dense<T>& x, const Over& over, bool wanted)
      : anchors(over.kept(x.shape)), totals(anchors.shape) {
    if (wanted) each = Dense<T>(x.shape);
    if (x.size() == 0) {
      anchors = Dense<T>::filled(anchors.shape, T(0));
      totals = Dense<double>::filled(anchors.shape, 0);
      return;
    }
    const ReductionSteps steps = reduction_steps(x.shape, over.axes);
    if (steps.count > 1)
      in_steps(x, over, steps.steps[0]);
    else
      in_one_step(x, over, steps);
  }

 private:
  Lines<T> lines(const Dense<T>& x, const ReductionStep& step, bool is_anchored) {
    return {x.data(), each.defined() ? each.mutable_data() : nullptr, anchors.mutable_data(), is_anchored,
            step};
  }
  void in_one_step(const Dense<T>& x, const Over& over, const ReductionSteps& steps) {
    const ReductionStep step = steps.count == 0 ? ReductionStep{1, 1, x.size()} : steps.steps[0];
    constexpr std::size_t many_rows = 16;
    const std::size_t rows = std::max<std::size_t>(64, piece / step.inner);
    if (step.count * step.inner <= 2 * piece || step.outer >= many_rows)
      lines(x, step, false).by_outer_rows(totals.mutable_data());
    else if (step.count <= rows)
      lines(x, step, false).by_columns(totals.mutable_data());
    else
      in_pieces(x, over, step, rows);
  }
  void find_anchors(const Dense<T>& x, const Over& over) {
    anchors = reduce_axes(largest(), x, over.axes);
    T* const of = anchors.mutable_data();
    std::replace_if(
        of, of + anchors.size(), [](T most) { return !std::isfinite(most); }, T(0));
  }
  void in_pieces(const Dense<T>& x, const Over& over, const ReductionStep& step, std::size_t rows) {
    find_anchors(x, over);
    totals = lines(x, step, true).by_pieces(rows).with_shape(anchors.shape);
  }
  /// Along the last run of axes, each line with the anchor of all, and then the totals along the others.
  void in_steps(const Dense<T>& x, const Over& over, const ReductionStep& last) {
    find_anchors(x, over);
    AxisList<bool> others = over.axes;
    Shape between = x.shape;
    std::size_t run = 1;
    for (std::size_t axis = x.dim(); axis-- > 0 && (run == 1 || over.axes[axis]);)
      if (over.axes[axis]) {
        run *= between[axis];
        between[axis] = 1;
        others[axis] = false;
      }
    Dense<T> all = anchors;
    std::swap(all, anchors);
    anchors = broadcast_to(all, between);
    Dense<double> sums(between);
    const std::size_t rows = std::max<std::size_t>(64, piece / last.inner);
    if (last.count <= rows)
      lines(x, last, true).by_outer_rows(sums.mutable_data());
    else
      sums = lines(x, last, true).by_pieces(rows).with_shape(between);
    totals = sum_axes(sums, others);
    anchors = std::move(all);
  }
};

/// The further output is softmax(x), of which the gradient is made. Sums that come with its own derivative
/// are of these shares, and so no larger than what they are sums of.
struct LogSumExp : Over {
  static constexpr std::string_view name = "logsumexp";
  bool is_recorded = true;  ///< whether there will be a gradient
  void fields(auto& visit) const {
    Over::fields(visit);
    visit("is_recorded", is_recorded);
  }

  static double flops(Shapes in, const Shape&) { return 5 * count_of(in[0]); }

  template <class T>
  std::tuple<Dense<T>, Dense<T>> forward(const Dense<T>& x) const {
    Exponentials<T> all(x, *this, is_recorded);
    Dense<T> y(all.anchors.shape), inverse;
    if (is_recorded) inverse = Dense<T>(y.shape);
    chosen().finish[which<T>]({all.anchors.data(), all.totals.data(), y.size(), y.mutable_data(),
                               is_recorded ? inverse.mutable_data() : nullptr});
    if (is_recorded) divide(x, y, inverse, all.each);
    return {shaped(std::move(y), x.shape), std::move(all.each)};
  }
  template <class V>
  void vjp(Backward<V>& b) const {
    const Shape lines = kept(b.shape(0));
    const V shares = b.output(1);
    V dx = shares * reshape(b.take_gradient(), lines);
    if (b.has_gradient(1)) {
      const V& g = b.gradient(1);
      dx = dx + shares * (g - sum_to(shares * g, lines));
    }
    b.give(0, std::move(dx));
  }

 private:
  /// Makes shares of exponentials. An infinite result belongs to the elements that equal it.
  template <class T>
  static void divide(const Dense<T>& x, const Dense<T>& y, const Dense<T>& inverse, Dense<T>& each) {
    constexpr T infinity = std::numeric_limits<T>::infinity();
    const Source operands[] = {{each.data(), &each.shape}, {inverse.data(), &inverse.shape}};
    run_broadcast(operation<formulas::Multiply, formulas::Core>().kernels()->value[which<T>], sizeof(T),
                  each.mutable_data(), each.shape, operands);
    if (std::find(y.data(), y.data() + y.size(), infinity) != y.data() + y.size())
      each = select(y == infinity, x == infinity, each);
  }
};

}  // namespace

template <Tensor V>
V logsumexp(const V& x, const ReduceOptions& options) {
  LogSumExp op;
  op.axes = reduced_axes(LogSumExp::name, options.axes, shape_of(x));
  op.keep_dims = options.keep_dims;
  op.is_recorded = has_gradient(thread_mode(), x);
  return apply(op, x);
}

[[gnu::used]] constexpr auto instances = instantiate::for_tensors(
    []<class V>() { return instantiate::overload<V(const V&, const ReduceOptions&)>(logsumexp); });

}  // namespace xgrad
