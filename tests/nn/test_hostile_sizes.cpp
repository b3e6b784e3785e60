// Layers of sizes that no parameter can have: refused before anything is allocated, where the products of
// such sizes wrapped around.
#include <cstdint>
#include <limits>
#include <xgrad/nn/attention.hpp>
#include <xgrad/nn/convolution.hpp>
#include <xgrad/nn/embedding.hpp>
#include <xgrad/nn/linear.hpp>
#include <xgrad/nn/normalization.hpp>
#include <xgrad/nn/recurrent.hpp>
#include <xgrad/nn/transformer.hpp>
#include <xgrad/nn/two_layer_net.hpp>

#include "../hostile.hpp"

namespace nn = xgrad::nn;
using xgrad::Shape;
using xgrad::testing::check_refused;

TEST_CASE("no layer has a parameter that no value can be") {
  constexpr std::size_t K32 = std::size_t{1} << 32, K62 = std::size_t{1} << 62;
  constexpr std::size_t all_ones = std::numeric_limits<std::size_t>::max();
  check_refused({
      {"Linear: shape [4294967296, 4294967296] is too large, and a value has less than 2^60 elements; make "
       "it smaller",
       [] { nn::Linear<float>(K32, K32); }},
      {"Linear: shape [2^63 - 1 or more, 1] is too large, and a value has less than 2^60 elements; make it "
       "smaller",
       [] { nn::Linear<double>(all_ones, 1); }},
      {"Linear: shape [2, 4611686018427387904] is too large, and a value has less than 2^60 elements; make "
       "it smaller",
       [] { nn::TwoLayerNet<double>(2, K62, 1); }},
      {"Embedding: shape [4294967296, 4294967296] is too large, and a value has less than 2^60 elements; "
       "make it smaller",
       [] { nn::Embedding<float>(K32, K32); }},
      {"Conv2d: shape [8, 1, 4294967296, 4294967296] is too large, and a value has less than 2^60 elements; "
       "make it smaller",
       [] {
         nn::Conv2d<float>(1, 8, {K32, K32});
       }},
      {"Conv1d: shape [4294967296, 4294967296, 3] is too large, and a value has less than 2^60 elements; "
       "make it smaller",
       [] { nn::Conv1d<float>(K32, K32, 3); }},
      {"LSTM: shape [1, 4611686018427387904, 2^64 - 1 or more] is too large, and a value has less than 2^60 "
       "elements; make it smaller",
       [] { nn::LSTM<float>(1, K62); }},
      {"GRU: shape [2^63 - 1 or more, 2, 6] is too large, and a value has less than 2^60 elements; make it "
       "smaller",
       [] { nn::GRU<float>(1, 2, {.layers = all_ones}); }},
      {"RNN: shape [1, 4294967296, 4294967296] is too large, and a value has less than 2^60 elements; make "
       "it smaller",
       [] { nn::RNN<double>(1, K32); }},
      {"LayerNorm: shape [4294967296, 4294967296] is too large, and a value has less than 2^60 elements; "
       "make it smaller",
       [] {
         nn::LayerNorm<float>(Shape{K32, K32});
       }},
      {"BatchNorm: shape [4611686018427387904] is too large, and a value has less than 2^60 elements; make "
       "it smaller",
       [] { nn::BatchNorm1d<float> layer(K62); }},
      {"MultiheadAttention: shape [2^63 - 1 or more, 2^64 - 1 or more] is too large, and a value has less "
       "than 2^60 elements; make it smaller",
       [] { nn::MultiheadAttention<float>(2 * K62, 1); }},
      {"Linear: shape [2, 4611686018427387904] is too large, and a value has less than 2^60 elements; make "
       "it smaller",
       [] { nn::TransformerEncoderLayer<float>(2, 1, {.feedforward = K62}); }},
  });
}
