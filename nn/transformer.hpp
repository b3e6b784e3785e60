// The encoder's layer of a transformer.
#pragma once

#include "attention.hpp"
#include "dropout.hpp"
#include "normalization.hpp"

namespace xgrad::nn {

/// What stands between the two linear layers of the feed-forward part.
enum class TransformerActivation { relu, gelu };

/// What TransformerEncoderLayer takes.
struct TransformerEncoderLayerOptions {
  Count feedforward = 2048;  ///< units between the two linear layers
  double dropout = 0.1;      ///< in the attention, in the feed-forward part, and behind either
  TransformerActivation activation = TransformerActivation::relu;
  double epsilon = 1e-5;     ///< of the normalisations
  Flag norm_first = false;   ///< normalises the input of either part rather than their sum
  Flag batch_first = false;  ///< inputs and outputs are [N, T, features] rather than [T, N, features]
};

/// Self-attention a and a feed-forward part f(x) = linear2(activation(linear1(x))), each with a way around
/// it: x = norm1(x + a(x)), y = norm2(x + f(x)); with norm_first x = x + a(norm1(x)), y = x + f(norm2(x)).
/// The modules are named as PyTorch's: "self_attn", "linear1", "linear2", "norm1", "norm2", and the dropouts.
/// A. Vaswani et al., "Attention is all you need", 2017; R. Xiong et al., "On layer normalization in the
/// transformer architecture", 2020, for norm_first.
template <class T = float>
class TransformerEncoderLayer : public Module<T> {
 public:
  /// Errors as those of the layers inside.
  TransformerEncoderLayer(Count features, Count heads, const TransformerEncoderLayerOptions& options = {});

  using Module<T>::operator();
  /// [T, N, features] from the same. ShapeError if a shape does not fit.
  Variable<T> operator()(const Variable<T>& x, const AttentionMask& mask);
  Variable<T> forward(const Variable<T>& x) override;

  const TransformerEncoderLayerOptions& options() const noexcept { return options_; }

 protected:
  std::unique_ptr<Module<T>> make_another() const override {
    return std::make_unique<TransformerEncoderLayer>(self_attn_.features(), self_attn_.heads(), options_);
  }

 private:
  Variable<T> encode(const Variable<T>& x, const AttentionMask& mask);
  Variable<T> attend(const Variable<T>& x, const AttentionMask& mask);
  Variable<T> feed_forward(const Variable<T>& x);

  TransformerEncoderLayerOptions options_;
  MultiheadAttention<T>& self_attn_;
  Linear<T>& linear1_;
  Dropout<T>& dropout_;
  Linear<T>& linear2_;
  LayerNorm<T>& norm1_;
  LayerNorm<T>& norm2_;
  Dropout<T>& dropout1_;
  Dropout<T>& dropout2_;
};

extern template class TransformerEncoderLayer<float>;
extern template class TransformerEncoderLayer<double>;

}  // namespace xgrad::nn
