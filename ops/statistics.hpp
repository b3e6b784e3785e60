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

/// As ReduceOptions, with the order of the norm: 1, 2 or infinity.
struct NormOptions {
  Axes axes = {};
  Flag keep_dims = false;
  double p = 2;
};

// An axis out of range or named twice is a ShapeError.

/// The mean square distance from the mean, in two passes: first the mean, then the squares, in double. As in
/// NumPy, where there are as many elements as `ddof` or fewer, the sum of squares is divided by 0: infinity,
/// or NaN if they are all equal. NaN of no elements.
template <detail::Tensor V>
V var(const V& x, const VarianceOptions& options = {});

/// The square root of var. Its gradient where it is 0 is 0, as PyTorch's is. Outside this namespace it goes
/// by its full name, for an unqualified `std` is the standard library's namespace.
template <detail::Tensor V>
V std(const V& x, const VarianceOptions& options = {});

/// The length of the vector of all elements that are reduced, a matrix's too: sqrt(sum(x^2)) for p = 2, with
/// nothing that overflows or vanishes on the way, sum(|x|) for 1, max(|x|) for infinity. The gradient where
/// it is 0 is 0. ValueError for another p, and for p = infinity of no elements; for 1 and 2 these have norm
/// 0.
template <detail::Tensor V>
V norm(const V& x, const NormOptions& options = {});

}  // namespace xgrad
