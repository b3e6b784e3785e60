// Attention of several heads.
#pragma once

#include <optional>

#include "../core/graph/index_input.hpp"
#include "linear.hpp"

namespace xgrad::nn {

struct MultiheadAttentionOptions {
  double dropout = 0;        ///< the share of the weights of attention that is dropped in training
  Flag bias = true;          ///< of all four projections
  Flag batch_first = false;  ///< inputs and outputs are [N, T, features] rather than [T, N, features]
};

/// Where queries may not look; nothing is forbidden unless said. Both may be given.
struct AttentionMask {
  /// True forbids, as in PyTorch's layer. Broadcasts to [N, heads, queries, keys]: [queries, keys] for all
  /// alike, [N, 1, 1, keys] for samples that are padded.
  std::optional<MaskInput> forbidden = std::nullopt;
  Flag causal = false;  ///< query i sees keys 0 ... i
};

/// For every head h, softmax(q_h k_h' / sqrt(d)) v_h with d = features / heads, and then a projection of all
/// heads together; q, k and v are projections of the query, the key and the value. A query that may look
/// nowhere gets zeros from its heads. A. Vaswani et al., "Attention is all you need", 2017.
///
/// Parameters are named as PyTorch's: "in_proj_weight" [features, 3 features], the columns being those of
/// query, key and value in turn, starts as xavier_uniform has it, "in_proj_bias" and "out_proj.bias" as
/// zeros, "out_proj.weight" as Linear's.
template <class T = float>
class MultiheadAttention : public Module<T> {
 public:
  /// ValueError unless `heads` divides `features` and both are at least 1, and dropout is from 0 to 1.
  MultiheadAttention(Count features, Count heads, const MultiheadAttentionOptions& options = {});

  using Module<T>::operator();
  /// Of query [Tq, N, features], key and value [Tk, N, features]: [Tq, N, features]; samples first with
  /// batch_first. ShapeError if a shape does not fit, the mask's among them.
  Variable<T> operator()(const Variable<T>& query, const Variable<T>& key, const Variable<T>& value,
                         const AttentionMask& mask = {});
  /// Self-attention: x is query, key and value, projected by one product.
  Variable<T> operator()(const Variable<T>& x, const AttentionMask& mask);
  Variable<T> forward(const Variable<T>& x) override;

  std::size_t features() const { return in_weight_.shape()[0]; }
  std::size_t heads() const noexcept { return heads_; }
  const MultiheadAttentionOptions& options() const noexcept { return options_; }

 protected:
  std::unique_ptr<Module<T>> make_another() const override {
    return std::make_unique<MultiheadAttention>(features(), heads_, options_);
  }

 private:
  Variable<T> attend_to_itself(const Variable<T>& x, const AttentionMask& mask);
  Variable<T> projected(const Variable<T>& x, std::size_t part) const;
  Variable<T> heads_of(const Variable<T>& x) const;
  Variable<T> attend(const Variable<T>& query, const Variable<T>& key, const Variable<T>& value,
                     const AttentionMask& mask);

  std::size_t heads_;
  MultiheadAttentionOptions options_;
  Variable<T> in_weight_, in_bias_;
  Linear<T>& out_;
};

extern template class MultiheadAttention<float>;
extern template class MultiheadAttention<double>;

}  // namespace xgrad::nn
