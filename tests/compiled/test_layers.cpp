// Every layer as a program: in training and in evaluation, value, gradients, buffers and random numbers.
#include <doctest/doctest.h>

#include "beside_eager.hpp"

namespace xg = xgrad;
namespace nn = xgrad::nn;
using namespace xgrad::testing;
using Float = xg::Variable<float>;

namespace {

Float drawn(const xg::Shape& shape, std::uint64_t seed) {
  xg::Generator from(seed);
  return xg::constant(xg::random_normal<float>(shape, 0, 1, from));
}

/// `net` captured, beside another one of the same state, on inputs that `call` is given.
template <class Net, class Call>
void check_layer(Net& net, const Call& call) {
  auto other = xg::nn::clone(net);
  const auto f = xg::compile([&](const Float& x) { return xg::mean(xg::square(call(net, x))); });
  xg::manual_seed(11);
  for (const bool trains : {true, false, true, false}) {
    if (trains) {
      net.train();
      other.train();
    } else {
      net.eval();
      other.eval();
    }
    for (std::uint64_t seed = 1; seed < 4; ++seed) {
      auto x = drawn({6, 4, 8, 8}, seed);
      const auto random = xg::generator().state();
      const Float got = f(x);
      const auto after = xg::generator().state();
      xg::generator().set_state(random);
      const Float expected = xg::mean(xg::square(call(other, x)));
      CHECK(xg::generator().state() == after);
      check_same(got, expected);
      if (!got.requires_grad()) continue;
      const auto gradients = gradients_after(got, net.parameters());
      const auto others = gradients_after(expected, other.parameters());
      for (std::size_t i = 0; i < gradients.size(); ++i) CHECK(same_bits<float>(gradients[i], others[i]));
    }
    const auto buffers = net.named_buffers(), of_other = other.named_buffers();
    for (std::size_t i = 0; i < buffers.size(); ++i) check_same(buffers[i].second, of_other[i].second);
  }
  CHECK(f.programs() <= 2);
}

Float rows(const Float& x) { return xg::reshape(x, {24, 64}); }
Float lines(const Float& x) { return xg::reshape(x, {6, 4, 64}); }

}  // namespace

TEST_CASE("dense layers") {
  xg::manual_seed(1);
  nn::Sequential<float> net(nn::Linear<float>(64, 16), nn::ReLU<float>(), nn::BatchNorm1d<float>(16),
                            nn::Dropout<float>(0.3), nn::LayerNorm<float>(xg::Shape{16}),
                            nn::Linear<float>(16, 3), nn::Tanh<float>());
  check_layer(net, [](auto& layer, const Float& x) { return layer(rows(x)); });
}

TEST_CASE("convolutions, pooling, group norm") {
  xg::manual_seed(2);
  nn::Sequential<float> net(nn::Conv2d<float>(4, 6, 3, {.padding = 1}), nn::BatchNorm2d<float>(6),
                            nn::ReLU<float>(), nn::MaxPool2d<float>(2), nn::GroupNorm<float>(2, 6),
                            nn::AvgPool2d<float>(2), nn::Flatten<float>(), nn::Dropout<float>(0.5));
  check_layer(net, [](auto& layer, const Float& x) { return layer(x); });
  nn::Conv1d<float> line(4, 5, 3);
  check_layer(line, [](auto& layer, const Float& x) { return layer(lines(x)); });
}

TEST_CASE("recurrent layers") {
  xg::manual_seed(3);
  nn::RNN<float> rnn(64, 5);
  check_layer(rnn, [](auto& layer, const Float& x) { return layer(lines(x)); });
  nn::LSTM<float> lstm(64, 5);
  check_layer(lstm, [](auto& layer, const Float& x) { return layer(lines(x)); });
  nn::GRU<float> gru(64, 5);
  check_layer(gru, [](auto& layer, const Float& x) { return layer(lines(x)); });
}

TEST_CASE("attention and transformers") {
  xg::manual_seed(4);
  nn::MultiheadAttention<float> attention(64, 4, {.dropout = 0.2});
  check_layer(attention, [](auto& layer, const Float& x) { return layer(lines(x), {.causal = true}); });
  nn::TransformerEncoderLayer<float> encoder(64, 4, {.feedforward = 32});
  check_layer(encoder, [](auto& layer, const Float& x) { return layer(lines(x)); });
}

TEST_CASE("embeddings, and a mask of attention, as arguments") {
  xg::manual_seed(5);
  nn::Embedding<float> embedding(10, 8);
  nn::MultiheadAttention<float> attention(8, 2);
  const auto function = [&](const xg::Indices& words, const xg::Mask& forbidden) {
    return xg::mean(xg::square(attention(embedding(words), {.forbidden = forbidden})));
  };
  const auto f = xg::compile(function);
  auto leaves = embedding.parameters();
  for (const auto& leaf : attention.parameters()) leaves.push_back(leaf);
  for (int k = 0; k < 4; ++k) {
    const xg::Indices words = xg::randint(0, 10, {2, 3});
    const xg::Mask forbidden{{false, k % 2 == 0}, {k > 1, false}};
    check_beside<float>(
        leaves, [&] { return f(words, forbidden); }, [&] { return function(words, forbidden); });
  }
  CHECK(f.programs() == 1);
}
