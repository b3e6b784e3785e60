// Reductions over axes, and where their extremes lie.
#pragma once

#include "../core/graph/tensor.hpp"
#include "axes.hpp"

namespace xgrad {

// Axes are given as axes.hpp says, or all of them are meant. An axis out of range or named twice is a
// ShapeError.
// Work is split by the shape alone, so a result does not depend on the number of threads.

/// The sum, accumulated in double; of no elements, 0.
template <detail::Tensor V>
V sum(const V& x, const ReduceOptions& options = {});
template <detail::Tensor V, class A>
V sum(const V& x, const A& axes, const AfterAxes& options = {}) {
  return xgrad::sum(x, detail::over_axes(axes, options));
}
template <detail::Tensor V, detail::ListedAxis A>
V sum(const V& x, std::initializer_list<A> axes, const AfterAxes& options = {}) {
  return xgrad::sum(x, detail::over_axes(axes, options));
}
template <detail::Tensor V, std::size_t N>
requires(N > 1) V sum(const V& x, const Integer (&axes)[N], const AfterAxes& options = {}) {
  return xgrad::sum(x, detail::over_axes(axes, options));
}

/// The mean, accumulated in double; of no elements, NaN.
template <detail::Tensor V>
V mean(const V& x, const ReduceOptions& options = {});
template <detail::Tensor V, class A>
V mean(const V& x, const A& axes, const AfterAxes& options = {}) {
  return xgrad::mean(x, detail::over_axes(axes, options));
}
template <detail::Tensor V, detail::ListedAxis A>
V mean(const V& x, std::initializer_list<A> axes, const AfterAxes& options = {}) {
  return xgrad::mean(x, detail::over_axes(axes, options));
}
template <detail::Tensor V, std::size_t N>
requires(N > 1) V mean(const V& x, const Integer (&axes)[N], const AfterAxes& options = {}) {
  return xgrad::mean(x, detail::over_axes(axes, options));
}

/// The largest element, NaN if any is NaN; ValueError where there are no elements. Elements that tie share
/// the gradient evenly; where the result is NaN there is none.
template <detail::Tensor V>
V max(const V& x, const ReduceOptions& options = {});
template <detail::Tensor V, class A>
V max(const V& x, const A& axes, const AfterAxes& options = {}) {
  return xgrad::max(x, detail::over_axes(axes, options));
}
template <detail::Tensor V, detail::ListedAxis A>
V max(const V& x, std::initializer_list<A> axes, const AfterAxes& options = {}) {
  return xgrad::max(x, detail::over_axes(axes, options));
}
template <detail::Tensor V, std::size_t N>
requires(N > 1) V max(const V& x, const Integer (&axes)[N], const AfterAxes& options = {}) {
  return xgrad::max(x, detail::over_axes(axes, options));
}

/// The smallest element; otherwise as max.
template <detail::Tensor V>
V min(const V& x, const ReduceOptions& options = {});
template <detail::Tensor V, class A>
V min(const V& x, const A& axes, const AfterAxes& options = {}) {
  return xgrad::min(x, detail::over_axes(axes, options));
}
template <detail::Tensor V, detail::ListedAxis A>
V min(const V& x, std::initializer_list<A> axes, const AfterAxes& options = {}) {
  return xgrad::min(x, detail::over_axes(axes, options));
}
template <detail::Tensor V, std::size_t N>
requires(N > 1) V min(const V& x, const Integer (&axes)[N], const AfterAxes& options = {}) {
  return xgrad::min(x, detail::over_axes(axes, options));
}

/// log(sum(exp(x))), with the largest element taken out first, so that nothing overflows; of no elements, or
/// where all are -inf, -inf with gradient 0. The gradient is softmax(x).
template <detail::Tensor V>
V logsumexp(const V& x, const ReduceOptions& options = {});
template <detail::Tensor V, class A>
V logsumexp(const V& x, const A& axes, const AfterAxes& options = {}) {
  return xgrad::logsumexp(x, detail::over_axes(axes, options));
}
template <detail::Tensor V, detail::ListedAxis A>
V logsumexp(const V& x, std::initializer_list<A> axes, const AfterAxes& options = {}) {
  return xgrad::logsumexp(x, detail::over_axes(axes, options));
}
template <detail::Tensor V, std::size_t N>
requires(N > 1) V logsumexp(const V& x, const Integer (&axes)[N], const AfterAxes& options = {}) {
  return xgrad::logsumexp(x, detail::over_axes(axes, options));
}

/// Where the largest element of every line along the axis stands: the first of several, the first NaN if
/// there is one. The result lacks the axis. ValueError where there are no elements.
template <class T>
Indices argmax(const Variable<T>& x, Integer axis);
/// The same over all elements, counted row by row; the result has no axes.
template <class T>
Indices argmax(const Variable<T>& x);

/// Where the smallest element stands; otherwise as argmax.
template <class T>
Indices argmin(const Variable<T>& x, Integer axis);
template <class T>
Indices argmin(const Variable<T>& x);

}  // namespace xgrad
