#include <string>

#include <doctest/doctest.h>
#include <xgrad/nn/transformer.hpp>
#include <xgrad/ops/shape.hpp>

#include "layer_checks.hpp"

namespace {

using xgrad::Shape;
using xgrad::Variable;
using xgrad::nn::Linear;
using xgrad::nn::Module;
using xgrad::nn::MultiheadAttention;
using xgrad::nn::TransformerActivation;
using xgrad::nn::TransformerEncoderLayer;
using xgrad::nn::TransformerEncoderLayerOptions;
using namespace xgrad::testing;

constexpr std::size_t steps = 4, samples = 2, features = 6, heads = 2, units = 5;

using Rows = std::vector<double>;

Rows numbers(const Module<double>& module, const std::string& wanted) {
  for (const auto& [name, value] : module.named_parameters())
    if (name == wanted) return as_doubles(value);
  return {};
}

Rows normalised(const Rows& x, const Rows& weight, const Rows& bias, double epsilon) {
  Rows y(x.size());
  for (std::size_t r = 0; r < x.size(); r += features) {
    double mean = 0, variance = 0;
    for (std::size_t i = 0; i < features; ++i) mean += x[r + i] / features;
    for (std::size_t i = 0; i < features; ++i) variance += (x[r + i] - mean) * (x[r + i] - mean) / features;
    for (std::size_t i = 0; i < features; ++i)
      y[r + i] = (x[r + i] - mean) / std::sqrt(variance + epsilon) * weight[i] + bias[i];
  }
  return y;
}

Rows product(const Rows& x, const Rows& weight, const Rows& bias) {
  const std::size_t out = bias.size(), in = weight.size() / out;
  Rows y(x.size() / in * out);
  for (std::size_t r = 0; r < x.size() / in; ++r)
    for (std::size_t o = 0; o < out; ++o) {
      y[r * out + o] = bias[o];
      for (std::size_t i = 0; i < in; ++i) y[r * out + o] += x[r * in + i] * weight[i * out + o];
    }
  return y;
}

Rows sum(const Rows& a, const Rows& b) {
  Rows y(a);
  for (std::size_t i = 0; i < a.size(); ++i) y[i] += b[i];
  return y;
}

double gelu_of(double x) { return x / 2 * (1 + std::erf(x / std::sqrt(2.0))); }

/// The layer by plain loops, but for the attention, which has tests of its own: a layer with the same
/// parameters computes it.
Rows by_loops(const TransformerEncoderLayer<double>& layer, MultiheadAttention<double>& attention,
              const Variable<double>& x, bool causal) {
  const auto& options = layer.options();
  const auto attend = [&](const Rows& rows) {
    xgrad::Dense<double> in(x.shape());
    std::copy(rows.begin(), rows.end(), in.mutable_data());
    return as_doubles(attention(Variable<double>(std::move(in)), {.causal = causal}));
  };
  const auto norm = [&](const Rows& rows, const std::string& which) {
    return normalised(rows, numbers(layer, which + ".weight"), numbers(layer, which + ".bias"),
                      options.epsilon);
  };
  const auto feed_forward = [&](const Rows& rows) {
    Rows z = product(rows, numbers(layer, "linear1.weight"), numbers(layer, "linear1.bias"));
    for (double& value : z)
      value = options.activation == TransformerActivation::relu ? std::fmax(value, 0) : gelu_of(value);
    return product(z, numbers(layer, "linear2.weight"), numbers(layer, "linear2.bias"));
  };
  const Rows rows = as_doubles(x);
  if (options.norm_first) {
    const Rows attended = sum(rows, attend(norm(rows, "norm1")));
    return sum(attended, feed_forward(norm(attended, "norm2")));
  }
  const Rows attended = norm(sum(rows, attend(rows)), "norm1");
  return norm(sum(attended, feed_forward(attended)), "norm2");
}

/// Parameters that no part could do without, the normalisations' among them.
void draw_parameters(Module<double>& module) {
  std::uint64_t seed = 40;
  for (auto& [name, value] : module.named_parameters())
    value.set_value(sample<double>(value.shape(), ++seed).value());
}

const TransformerEncoderLayerOptions all_options[] = {
    {.feedforward = units, .dropout = 0},
    {.feedforward = units, .dropout = 0, .norm_first = true},
    {.feedforward = units, .dropout = 0, .activation = TransformerActivation::gelu, .epsilon = 0.1}};

}  // namespace

TEST_CASE("the encoder's layer is its parts around an attention, normalised before or after") {
  const auto x = sample<double>({steps, samples, features}, 1);
  for (TransformerEncoderLayerOptions options : all_options) {
    TransformerEncoderLayer<double> layer(features, heads, options);
    draw_parameters(layer);
    MultiheadAttention<double> attention(features, heads);
    std::vector<Module<double>::NamedArray> state;
    for (const auto& [name, array] : layer.state())
      if (name.find("self_attn.") == 0) state.emplace_back(name.substr(10), array);
    attention.load_state(state);
    CHECK(distance(layer(x), by_loops(layer, attention, x, false)) < 1e-13);
    CHECK(distance(layer(x, {.causal = true}), by_loops(layer, attention, x, true)) < 1e-13);
    CHECK(layer(x).shape() == x.shape());

    options.batch_first = true;
    TransformerEncoderLayer<double> turned(features, heads, options);
    copy_parameters(layer, turned);
    CHECK(distance(swap_axes(turned(swap_axes(x, 0, 1)), 0, 1), as_doubles(layer(x))) < 1e-13);
  }
}

TEST_CASE("the encoder's layer has right gradients, in training and in evaluation") {
  for (TransformerEncoderLayerOptions options : all_options) {
    options.feedforward = 3;
    options.dropout = 0.2;
    TransformerEncoderLayer<double> layer(4, 2, options);
    const auto x = sample<double>({3, 2, 4}, 2);
    const auto report = xgrad::gradcheck(
        [&](const Variable<double>& in) {
          xgrad::manual_seed(6);
          return layer(in);
        },
        {x});
    INFO(report);
    CHECK(report.ok());
    layer.eval();
    check_gradients(layer, x);
  }
  xgrad::manual_seed(0);
}

TEST_CASE("in float the encoder's layer gives what it gives in double") {
  TransformerEncoderLayer<double> exact(features, heads, all_options[0]);
  TransformerEncoderLayer<float> single(features, heads, all_options[0]);
  std::vector<Module<float>::NamedArray> state;
  for (const auto& [name, array] : exact.state()) state.emplace_back(name, xt::cast<float>(array));
  single.load_state(state);
  const auto x = sample<double>({steps, samples, features}, 3);
  const Variable<float> rounded = xgrad::constant(xt::xarray<float>(xt::cast<float>(x.value())));
  CHECK(distance(single(rounded), as_doubles(exact(x))) < 1e-5);
}

TEST_CASE("the encoder's layer names its parts as PyTorch does, and drops in training alone") {
  TransformerEncoderLayer<float> layer(8, 2, {.feedforward = 16});
  CHECK(layer.summary({5, 3, 8}) ==
        "TransformerEncoderLayer: input [5, 3, 8], output [5, 3, 8]\n"
        "\n"
        "layer               type                     output      bytes  FLOPs  parameters\n"
        "itself              TransformerEncoderLayer  [5, 3, 8]    1920    480           0\n"
        "self_attn           MultiheadAttention       [5, 3, 8]    5280   9270         216\n"
        "self_attn.out_proj  Linear                   [5, 3, 8]     480   2040          72\n"
        "linear1             Linear                   [5, 3, 16]    960   4080         144\n"
        "dropout             Dropout                  [5, 3, 16]      0      0           0\n"
        "linear2             Linear                   [5, 3, 8]     480   3960         136\n"
        "norm1               LayerNorm                [5, 3, 8]     480    960          16\n"
        "norm2               LayerNorm                [5, 3, 8]     480    960          16\n"
        "dropout1            Dropout                  [5, 3, 8]       0      0           0\n"
        "dropout2            Dropout                  [5, 3, 8]       0      0           0\n"
        "total                                                    10080  21750         600\n");
  const auto x = sample<float>({5, 3, 8}, 4);
  CHECK(layer(x).value() != layer(x).value());
  layer.eval();
  CHECK(layer(x).value() == layer(x).value());
}

TEST_CASE("the encoder's layer passes on what its parts refuse") {
  CHECK_THROWS_AS(TransformerEncoderLayer<float>(6, 4), xgrad::ValueError);
  CHECK_THROWS_AS(TransformerEncoderLayer<float>(6, 2, {.feedforward = 0}), xgrad::ValueError);
  CHECK_THROWS_AS(TransformerEncoderLayer<float>(6, 2, {.dropout = -0.1}), xgrad::ValueError);
  TransformerEncoderLayer<float> layer(6, 2, {.feedforward = 4});
  CHECK_THROWS_AS(layer(sample<float>({3, 2, 5}, 1)), xgrad::ShapeError);
}
