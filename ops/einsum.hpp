// Einstein's notation for sums of products: einsum("bij,bjk->bik", {a, b}).
#pragma once

#include <initializer_list>
#include <string_view>
#include <vector>

#include "../core/graph/tensor.hpp"
#include "operands.hpp"

namespace xgrad {

/// NumPy's einsum: a term of letters for each operand, one letter an axis; axes of one letter go together,
/// and what the result has no letter for is summed. "ij,jk->ik" is a matrix product, "ij->ji" a transpose,
/// "ii->i" a diagonal, "ii->" a trace, "bi,bj->bij" an outer product for each b. Without "->" the result has
/// the letters that occur once, in alphabetical order, capitals first. Spaces mean nothing; "..." is not
/// taken.
///
/// Made of permute, reshape, slice, sum, matmul and multiply, and differentiated through them. Letters that
/// stand in one term alone are summed first; then the operands are joined from left to right, two at a time.
/// ValueError for subscripts that cannot be read; ShapeError if a term does not fit its operand, or the
/// extents of a letter differ (extent 1 does not broadcast). A list in braces may hold Arrays and xtensor
/// expressions beside a Variable.
template <detail::Tensor V>
V einsum(std::string_view subscripts, const std::vector<V>& operands);
template <detail::Tensor V>
V einsum(std::string_view subscripts, std::initializer_list<V> operands) {
  return einsum(subscripts, std::vector<V>(operands));
}
inline Variable<float> einsum(std::string_view subscripts,
                              std::initializer_list<detail::Operand<float>> operands) {
  return einsum(subscripts, detail::variables_of(operands));
}
inline Variable<double> einsum(std::string_view subscripts,
                               std::initializer_list<detail::Operand<double>> operands) {
  return einsum(subscripts, detail::variables_of(operands));
}

}  // namespace xgrad
