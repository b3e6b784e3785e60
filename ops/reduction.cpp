#include "reduction.hpp"

#include <algorithm>
#include <string>

#include "../core/array/instantiate.hpp"
#include "../core/array/threads.hpp"
#include "../core/array/worth_a_thread.hpp"
#include "../core/formula/broadcast_loop.hpp"
#include "../core/graph/broadcast.hpp"
#include "../core/graph/capture.hpp"
#include "../core/graph/record.hpp"
#include "../core/kernels/dispatch.hpp"
#include "../core/kernels/reduction.hpp"
#include "operators.hpp"
#include "over.hpp"
#include "reduction_kernels.hpp"
#include "row_reduction.hpp"
#include "shape.hpp"
#include "whole_sum.hpp"

namespace xgrad {
using namespace detail;

namespace {

const kernels::ReductionKernels& chosen() {
  const kernels::ReductionKernels& kernels =
      chosen_kernels([]<class I>() { return kernels::reduction_kernels<I>(); });
  return kernels;
}

struct Sum : Over {
  static constexpr std::string_view name = "sum";
  static constexpr bool is_linear = true;
  static double flops(Shapes in, const Shape&) { return count_of(in[0]); }

  template <class T>
  Dense<T> forward(const Dense<T>& x) const {
    return shaped(sum_axes(x, axes), x.shape);
  }
  Sum over_directions(const Shape&) const { return {behind_directions()}; }
  template <class V>
  void vjp(Backward<V>& b) const {
    b.give_repeated(0, reshape(b.gradient(), kept(b.shape(0))));
  }
};

struct Mean : Over {
  static constexpr std::string_view name = "mean";
  static constexpr bool is_linear = true;
  static double flops(Shapes in, const Shape&) { return count_of(in[0]); }

  template <class T>
  Dense<T> forward(const Dense<T>& x) const {
    return shaped(sum_axes(x, axes, static_cast<double>(count(x.shape))), x.shape);
  }
  Mean over_directions(const Shape&) const { return {behind_directions()}; }
  template <class V>
  void vjp(Backward<V>& b) const {
    const V share = b.gradient() / static_cast<double>(count(b.shape(0)));
    b.give_repeated(0, reshape(share, kept(b.shape(0))));
  }
};

template <class Self>
struct Extreme : Over {
  static constexpr bool saves_output = true;
  bool saves(std::size_t, const Wanted&) const { return true; }

  static double flops(Shapes in, const Shape&) { return count_of(in[0]); }

  template <class T>
  Dense<T> forward(const Dense<T>& x) const {
    return shaped(reduce_axes(Self::kernels(), x, axes), x.shape);
  }
  /// Elements that tie share evenly. A line with a NaN has no element that equals its result.
  template <class V>
  void vjp(Backward<V>& b) const {
    const Shape shape = kept(b.shape(0));
    const V equal = b.input(0) == reshape(b.output(), shape);
    const V ties = maximum(apply(Sum{{axes, true}}, equal), 1);
    b.give(0, equal * (reshape(b.gradient(), shape) / ties));
  }
};

struct Max : Extreme<Max> {
  static constexpr std::string_view name = "max";
  static const kernels::Reduction& kernels() { return chosen().max; }
};

struct Min : Extreme<Min> {
  static constexpr std::string_view name = "min";
  static const kernels::Reduction& kernels() { return chosen().min; }
};

template <class Op, class V>
Op over(const V& x, const ReduceOptions& options) {
  Op op;
  op.axes = reduced_axes(Op::name, options.axes, detail::shape_of(x));
  op.keep_dims = options.keep_dims;
  return op;
}

/// An extreme of nothing is an error that names the empty axis.
void check_not_empty(std::string_view operation, const Shape& shape, const AxisList<bool>& axes) {
  for (std::size_t axis = 0; axis < shape.size(); ++axis)
    if (axes[axis] && shape[axis] == 0)
      throw ValueError(std::string(operation) + ": axis " + std::to_string(axis) + " of shape " +
                       to_string(shape) + " is empty, and no elements have no " + std::string(operation) +
                       "; give at least one");
}

template <class Op, class V>
V extreme(const V& x, const ReduceOptions& options) {
  Op op = over<Op>(x, options);
  check_not_empty(Op::name, detail::shape_of(x), op.axes);
  return apply(std::move(op), x);
}

/// Whether `x` is what was sought; a NaN is sought by a NaN.
template <class T>
bool is_at(T x, T sought) {
  return x == sought || (x != x && sought != sought);
}

/// The first element of every line along `count` that is the line's extreme.
template <class T>
void first_places(const T* x, const T* extreme, const ReductionStep& step, std::int64_t* out) {
  const std::size_t outer = step.outer, count = step.count, inner = step.inner;
  const std::size_t grain =
      std::max<std::size_t>(1, worth_a_thread::computed_elements / std::max<std::size_t>(1, count * inner));
  parallel_for(outer, grain, [=](std::size_t begin, std::size_t end) {
    for (std::size_t o = begin; o < end; ++o) {
      const T* from = x + o * count * inner;
      if (inner == 1) {
        out[o] = std::find_if(from, from + count, [=](T y) { return is_at(y, extreme[o]); }) - from;
        continue;
      }
      // From the last to the first, row by row, so that the first one stays.
      for (std::size_t c = count; c-- > 0;)
        for (std::size_t i = 0; i < inner; ++i)
          if (is_at(from[c * inner + i], extreme[o * inner + i]))
            out[o * inner + i] = static_cast<std::int64_t>(c);
    }
  });
}

template <class T>
Indices places(const kernels::Reduction& kernels, const Dense<T>& x, const AxisList<bool>& axes) {
  const Dense<T> extreme = reduce_axes(kernels, x, axes);
  const ReductionSteps steps = reduction_steps(x.shape, axes);
  Dense<std::int64_t> found(reduced_shape(x.shape, axes, false));
  std::int64_t* out = found.mutable_data();
  if (steps.count == 0 || found.size() == 0) {
    std::fill_n(out, found.size(), 0);
  } else {
    first_places(x.data(), extreme.data(), steps.steps[0], out);
  }
  return to_array(std::move(found));
}

template <class T>
Indices place(std::string_view operation, const kernels::Reduction& kernels, const Variable<T>& x,
              const Axes& axes) {
  check_stays(operation, x.node());
  const AxisList<bool> reduced = reduced_axes(operation, axes, x.shape());
  check_not_empty(operation, x.shape(), reduced);
  return places(kernels, x.dense(), reduced);
}

}  // namespace

namespace {

/// A node's operation, if it is this one.
template <class Op>
const Op* made_by(const Node& node) {
  const Description made_by = node.description();
  return made_by.type == &type_of<Op> ? static_cast<const Op*>(made_by.operation) : nullptr;
}

/// The only run of axes that is reduced, if nothing but leading axes stays.
std::optional<ReductionStep> trailing_axes(const Node& node, const Over& over) {
  const ReductionSteps passes = reduction_steps(node.inputs()[0]->value().shape, over.axes);
  if (passes.count != 1 || passes.steps[0].inner != 1) return {};
  return passes.steps[0];
}

}  // namespace

std::optional<double> detail::divisor_of_whole_sum(const Node& node) {
  const Sum* const sum = made_by<Sum>(node);
  const Mean* const mean = made_by<Mean>(node);
  if (sum == nullptr && mean == nullptr) return {};
  const auto axes = sum != nullptr ? trailing_axes(node, *sum) : trailing_axes(node, *mean);
  if (!axes || axes->outer != 1) return {};
  return sum != nullptr ? 1 : static_cast<double>(axes->count);
}

std::optional<RowReduction> detail::row_reduction_of(const Node& node) {
  using Kind = RowReduction::Kind;
  std::optional<RowReduction> found;
  const auto look = [&](const auto* op, Kind kind, const auto& kernel) {
    if (op == nullptr) return;
    if (const auto axes = trailing_axes(node, *op); axes && axes->outer > 1)
      found = {kind, kernel(), axes->outer, axes->count};
  };
  const bool type = node.is_double();
  const auto sums = [type] { return sum_of_rows(type); };
  look(made_by<Sum>(node), Kind::sum, sums);
  look(made_by<Mean>(node), Kind::mean, sums);
  look(made_by<Max>(node), Kind::extreme, [type] { return chosen().max.run[type][type]; });
  look(made_by<Min>(node), Kind::extreme, [type] { return chosen().min.run[type][type]; });
  return found;
}

kernels::AxisKernel detail::sum_of_rows(bool is_double) {
  return chosen_kernels([]<class I>() { return kernels::sum_kernels<I>(); }).run[is_double][is_double];
}

template <Tensor V>
V sum(const V& x, const ReduceOptions& options) {
  return apply(over<Sum>(x, options), x);
}
template <Tensor V>
V mean(const V& x, const ReduceOptions& options) {
  return apply(over<Mean>(x, options), x);
}
template <Tensor V>
V max(const V& x, const ReduceOptions& options) {
  return extreme<Max>(x, options);
}
template <Tensor V>
V min(const V& x, const ReduceOptions& options) {
  return extreme<Min>(x, options);
}

template <class T>
Indices argmax(const Variable<T>& x, Integer axis) {
  return place("argmax", chosen().max, x, {axis});
}
template <class T>
Indices argmax(const Variable<T>& x) {
  return place("argmax", chosen().max, x, {});
}
template <class T>
Indices argmin(const Variable<T>& x, Integer axis) {
  return place("argmin", chosen().min, x, {axis});
}
template <class T>
Indices argmin(const Variable<T>& x) {
  return place("argmin", chosen().min, x, {});
}

[[gnu::used]] constexpr auto tensor_instances = instantiate::for_tensors([]<class V>() {
  using Reduce = V(const V&, const ReduceOptions&);
  return std::make_tuple(instantiate::overload<Reduce>(sum), instantiate::overload<Reduce>(mean),
                         instantiate::overload<Reduce>(max), instantiate::overload<Reduce>(min));
});
[[gnu::used]] constexpr auto variable_instances = instantiate::for_variables([]<class V>() {
  return std::make_tuple(instantiate::overload<Indices(const V&, Integer)>(argmax),
                         instantiate::overload<Indices(const V&)>(argmax),
                         instantiate::overload<Indices(const V&, Integer)>(argmin),
                         instantiate::overload<Indices(const V&)>(argmin));
});

}  // namespace xgrad
