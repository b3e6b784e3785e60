#include "transformer.hpp"

#include "../ops/activation.hpp"
#include "../ops/operators.hpp"

namespace xgrad::nn {

template <class T>
TransformerEncoderLayer<T>::TransformerEncoderLayer(Count features, Count heads,
                                                    const TransformerEncoderLayerOptions& options)
    : options_(options),
      self_attn_(this->register_module(
          "self_attn",
          MultiheadAttention<T>(features, heads,
                                {.dropout = options.dropout, .batch_first = options.batch_first}))),
      linear1_(this->register_module("linear1", Linear<T>(features, options.feedforward))),
      dropout_(this->register_module("dropout", Dropout<T>(options.dropout))),
      linear2_(this->register_module("linear2", Linear<T>(options.feedforward, features))),
      norm1_(this->register_module("norm1", LayerNorm<T>(features.number(), {.epsilon = options.epsilon}))),
      norm2_(this->register_module("norm2", LayerNorm<T>(features.number(), {.epsilon = options.epsilon}))),
      dropout1_(this->register_module("dropout1", Dropout<T>(options.dropout))),
      dropout2_(this->register_module("dropout2", Dropout<T>(options.dropout))) {}

template <class T>
Variable<T> TransformerEncoderLayer<T>::forward(const Variable<T>& x) {
  return encode(x, {});
}

template <class T>
Variable<T> TransformerEncoderLayer<T>::operator()(const Variable<T>& x, const AttentionMask& mask) {
  return this->call([&] { return encode(x, mask); }, x);
}

template <class T>
Variable<T> TransformerEncoderLayer<T>::encode(const Variable<T>& x, const AttentionMask& mask) {
  if (options_.norm_first) {
    const Variable<T> attended = x + attend(norm1_(x), mask);
    return attended + feed_forward(norm2_(attended));
  }
  const Variable<T> attended = norm1_(x + attend(x, mask));
  return norm2_(attended + feed_forward(attended));
}

template <class T>
Variable<T> TransformerEncoderLayer<T>::attend(const Variable<T>& x, const AttentionMask& mask) {
  return dropout1_(self_attn_(x, mask));
}

template <class T>
Variable<T> TransformerEncoderLayer<T>::feed_forward(const Variable<T>& x) {
  const Variable<T> z = linear1_(x);
  return dropout2_(
      linear2_(dropout_(options_.activation == TransformerActivation::relu ? relu(z) : gelu(z))));
}

template class TransformerEncoderLayer<float>;
template class TransformerEncoderLayer<double>;

}  // namespace xgrad::nn
