// Products of matrices and vectors, and of stacks of them. Transposition is a flag of the product: nothing is
// transposed in memory, in no derivative of any order. Beside a Variable an Array or xtensor expression
// stands for any other operand.
#pragma once

#include "../core/graph/tensor.hpp"
#include "operands.hpp"

namespace xgrad {

/// What matmul takes: which of two factors enters transposed, its last two axes exchanged. A vector has no
/// transpose.
struct MatmulOptions {
  Flag transpose_a = false;
  Flag transpose_b = false;
};

/// a b, as NumPy's matmul: [m, k] times [k, n] is [m, n]; a vector [k] on the left is a row and on the right
/// a column, and its axis is not in the result, so that two vectors give their dot product, of shape [].
/// Axes before the last two count matrices; they broadcast: [5, 1, m, k] times [4, k, n] is [5, 4, m, n], and
/// a gradient is summed to its factor's shape. The left factor is kept for the right one's gradient alone,
/// and the other way round. ShapeError if the inner extents differ, if batch axes do not broadcast, and for a
/// value without axes.
template <detail::Tensor V>
V matmul(const V& a, const V& b, const MatmulOptions& options = {});
template <class A, class B>
requires detail::are_mixed<A, B>
auto matmul(A&& a, B&& b, const MatmulOptions& options = {}) {
  return detail::with_operands([&](const auto&... in) { return xgrad::matmul(in..., options); },
                               std::forward<A>(a), std::forward<B>(b));
}

/// As NumPy's dot: the sum over the last axis of a and the last but one of b, or the only one. Of matrices
/// and vectors, matmul; other axes do not broadcast but all stand in the result, those of a first. A value
/// without axes multiplies. ShapeError if the two extents differ.
template <detail::Tensor V>
V dot(const V& a, const V& b);
template <class A, class B>
requires detail::are_mixed<A, B>
auto dot(A&& a, B&& b) {
  return detail::with_operands([](const auto&... in) { return xgrad::dot(in...); }, std::forward<A>(a),
                               std::forward<B>(b));
}

/// Every element of a times every element of b: [a's size, b's size], whatever their shapes.
template <detail::Tensor V>
V outer(const V& a, const V& b);
template <class A, class B>
requires detail::are_mixed<A, B>
auto outer(A&& a, B&& b) {
  return detail::with_operands([](const auto&... in) { return xgrad::outer(in...); }, std::forward<A>(a),
                               std::forward<B>(b));
}

/// The sum of the elements whose place along axis2 is that along axis1 plus `offset`, as NumPy's trace; the
/// result lacks the two axes. ShapeError if there are no two different axes.
template <detail::Tensor V>
V trace(const V& x, Integer offset = 0, Integer axis1 = 0, Integer axis2 = 1);

/// x weight, over the last axis of x: [..., in] times [in, out] is [..., out]. ShapeError if x has no axes,
/// weight is no matrix, or the extents `in` differ.
template <detail::Tensor V>
V linear(const V& x, const V& weight);
template <class X, class Weight>
requires detail::are_mixed<X, Weight>
auto linear(X&& x, Weight&& weight) {
  return detail::with_operands([](const auto&... in) { return xgrad::linear(in...); }, std::forward<X>(x),
                               std::forward<Weight>(weight));
}

/// x weight + bias as one operation; bias is [out].
template <detail::Tensor V>
V linear(const V& x, const V& weight, const V& bias);
template <class X, class Weight, class Bias>
requires detail::are_mixed<X, Weight, Bias>
auto linear(X&& x, Weight&& weight, Bias&& bias) {
  return detail::with_operands([](const auto&... in) { return xgrad::linear(in...); }, std::forward<X>(x),
                               std::forward<Weight>(weight), std::forward<Bias>(bias));
}

namespace detail {
template <class V>
class Backward;

/// Gives input `i` the product of two matrices, in its own shape; it is added in place to what waits for the
/// input, which saves a result of that size and a pass over it.
template <Tensor V>
void give_product(Backward<V>& b, std::size_t i, const V& left, const V& right, const MatmulOptions& options);

/// matmul for factors of two axes or more, added up over the batch axes that `batch` lacks or has with extent
/// 1 alone: the gradient's way back to a factor that was broadcast. The caller has checked the shapes.
template <Tensor V>
V matmul_to(const Shape& batch, const V& a, const V& b, const MatmulOptions& options);
}  // namespace detail

}  // namespace xgrad
