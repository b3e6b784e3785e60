// Attention of queries to keys, in blocks: no matrix of weights is ever whole. Beside a Variable an Array or
// xtensor expression stands for any other operand.
//
// ```cpp
// auto q = xg::constant(xg::randn({2, 4, 128, 64})), k = xg::constant(xg::randn({2, 4, 100, 64})),
//      v = xg::constant(xg::randn({2, 4, 100, 32}));
// auto y = xg::scaled_dot_product_attention(q, k, v);                       // [2, 4, 128, 32]
// auto next = xg::scaled_dot_product_attention(q, q, q, {.causal = true});  // nobody sees what comes later
// ```
#pragma once

#include <optional>
#include <utility>

#include "../core/graph/index_input.hpp"
#include "../core/graph/tensor.hpp"
#include "operands.hpp"

namespace xgrad {

struct AttentionOptions {
  /// Where it is true, a query may not look at a key; broadcasts to [..., queries, keys]. PyTorch's function
  /// takes the opposite, where it may.
  std::optional<MaskInput> forbidden = std::nullopt;
  Flag causal = false;                         ///< query i sees keys 0 ... i; both may be given
  double dropout = 0;                          ///< the share of the weights to drop
  std::optional<double> scale = std::nullopt;  ///< of the products of queries and keys; else 1 / sqrt(d)
};

/// softmax(scale q k') v for every matrix of the stacks: of q [..., queries, d], k [..., keys, d] and v [...,
/// keys, e] it makes [..., queries, e]. What memory it needs beside grows with the queries and the keys, and
/// not with their product beyond 2^21 numbers; above that, a gradient computes the weights of more than 128
/// of either again. A query that may look at no key gets zeros.
/// Weights are dropped as dropout() would, by this thread's random numbers, whenever dropout is not 0.
///
/// A. Vaswani et al., "Attention is all you need", 2017; in blocks, T. Dao et al., "FlashAttention", 2022.
/// ShapeError unless all three have the same axes before the last two and their extents fit, or if the mask
/// does not; ValueError if dropout is not from 0 to 1, or scale not finite.
template <detail::Tensor V>
V scaled_dot_product_attention(const V& q, const V& k, const V& v, const AttentionOptions& options = {});
template <class Q, class K, class W>
requires detail::are_mixed<Q, K, W>
auto scaled_dot_product_attention(Q&& q, K&& k, W&& v, const AttentionOptions& options = {}) {
  return detail::with_operands(
      [&](const auto&... in) { return xgrad::scaled_dot_product_attention(in..., options); },
      std::forward<Q>(q), std::forward<K>(k), std::forward<W>(v));
}

namespace detail {

/// The weights, [..., queries, keys], whole and without dropout: what the gradient's own gradient is made of.
template <Tensor V>
V attention_weights(const V& q, const V& k, const AttentionOptions& options = {});

}  // namespace detail

}  // namespace xgrad
