// Variance, deviation and norms over axes.
#pragma once

#include "reduction.hpp"

namespace xgrad {

/// As ReduceOptions; `ddof` is NumPy's: the sum of squares is divided by the number of elements less `ddof`.
/// NumPy's 0 is the default; PyTorch's default is 1, by the name of correction.
struct VarianceOptions {
  Axes axes = {};
  Flag keep_dims = false;
  double ddof = 0;
};

/// What var and std take behind their axes.
struct VarianceAfterAxes {
  Flag keep_dims = false;
  double ddof = 0;
};

namespace detail {
template <class A>
VarianceOptions over_axes(const A& axes, const VarianceAfterAxes& options) {
  return {axes_of(axes), options.keep_dims, options.ddof};
}
}  // namespace detail

/// As ReduceOptions, with the order of the norm: 1, 2 or infinity.
struct NormOptions {
  Axes axes = {};
  Flag keep_dims = false;
  double p = 2;
};

// Axes are given as axes.hpp says, those of norm by name alone: elsewhere its second argument is p. An axis
// out of range or named twice is a ShapeError.

/// The mean square distance from the mean, in two passes: first the mean, then the squares, in double. As in
/// NumPy, where there are as many elements as `ddof` or fewer, the sum of squares is divided by 0: infinity,
/// or NaN if they are all equal. NaN of no elements.
template <detail::Tensor V>
V var(const V& x, const VarianceOptions& options = {});
template <detail::Tensor V, class A>
V var(const V& x, const A& axes, const VarianceAfterAxes& options = {}) {
  return xgrad::var(x, detail::over_axes(axes, options));
}
template <detail::Tensor V, detail::ListedAxis A>
V var(const V& x, std::initializer_list<A> axes, const VarianceAfterAxes& options = {}) {
  return xgrad::var(x, detail::over_axes(axes, options));
}
template <detail::Tensor V, std::size_t N>
requires(N > 1) V var(const V& x, const Integer (&axes)[N], const VarianceAfterAxes& options = {}) {
  return xgrad::var(x, detail::over_axes(axes, options));
}

/// The square root of var. Its gradient where it is 0 is 0, as PyTorch's is. Outside this namespace it goes
/// by its full name, for an unqualified `std` is the standard library's namespace.
template <detail::Tensor V>
V std(const V& x, const VarianceOptions& options = {});
template <detail::Tensor V, class A>
V std(const V& x, const A& axes, const VarianceAfterAxes& options = {}) {
  return xgrad::std(x, detail::over_axes(axes, options));
}
template <detail::Tensor V, detail::ListedAxis A>
V std(const V& x, std::initializer_list<A> axes, const VarianceAfterAxes& options = {}) {
  return xgrad::std(x, detail::over_axes(axes, options));
}
template <detail::Tensor V, std::size_t N>
requires(N > 1) V std(const V& x, const Integer (&axes)[N], const VarianceAfterAxes& options = {}) {
  return xgrad::std(x, detail::over_axes(axes, options));
}

// No templates, so that g++ 12 prefers them: of {.axes = {0}, .ddof = 1} it could make the list {0, 1}, too.
inline Variable<float> var(const Variable<float>& x, const VarianceOptions& options) {
  return var<Variable<float>>(x, options);
}
inline Variable<double> var(const Variable<double>& x, const VarianceOptions& options) {
  return var<Variable<double>>(x, options);
}
inline Variable<float> std(const Variable<float>& x, const VarianceOptions& options) {
  return xgrad::std<Variable<float>>(x, options);
}
inline Variable<double> std(const Variable<double>& x, const VarianceOptions& options) {
  return xgrad::std<Variable<double>>(x, options);
}

/// The length of the vector of all elements that are reduced, a matrix's too: sqrt(sum(x^2)) for p = 2, with
/// nothing that overflows or vanishes on the way, sum(|x|) for 1, max(|x|) for infinity. The gradient where
/// it is 0 is 0. ValueError for another p, and for p = infinity of no elements; for 1 and 2 these have norm
/// 0.
template <detail::Tensor V>
V norm(const V& x, const NormOptions& options = {});
template <detail::Tensor V, class N>
V norm(const V& x, const N&) {
  static_assert(!detail::Tensor<V>,
                "norm takes its axes and p by their names, norm(x, {.axes = {0}, .p = 1})");
  return x;
}

}  // namespace xgrad
