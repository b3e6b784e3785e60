// The cofactors of square matrices, which are the gradient of the determinant: found without dividing by what
// is 0 in a singular matrix, and differentiable to every order there, too.
#pragma once

#include "../core/graph/tensor.hpp"

namespace xgrad::detail {

/// For stacks [..., n, n]: element i, j of a matrix is what element i, j of `a` is multiplied by in its
/// determinant, the transpose of the adjugate. NaN and infinities give NaN.
template <Tensor V>
V cofactors(const V& a);

/// For each matrix of a stack, whether its cofactors by way of the inverse lose no more than three digits in
/// their derivatives.
template <class T>
std::vector<bool> inverse_serves(const Dense<T>& a);

}  // namespace xgrad::detail
