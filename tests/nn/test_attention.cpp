#include <algorithm>
#include <cmath>
#include <string>

#include <doctest/doctest.h>
#include <xgrad/nn/attention.hpp>
#include <xgrad/nn/sequential.hpp>
#include <xgrad/ops/operators.hpp>
#include <xgrad/ops/shape.hpp>

#include "../message_of.hpp"
#include "layer_checks.hpp"

namespace {

using xgrad::Mask;
using xgrad::Shape;
using xgrad::ShapeError;
using xgrad::ValueError;
using xgrad::Variable;
using xgrad::nn::AttentionMask;
using xgrad::nn::MultiheadAttention;
using namespace xgrad::testing;

constexpr std::size_t samples = 2, features = 6, heads = 3, queries = 4, keys = 5;

/// What may not be seen: sample, head, query, key.
using Forbids = bool (*)(std::size_t n, std::size_t h, std::size_t i, std::size_t j);
bool nothing(std::size_t, std::size_t, std::size_t, std::size_t) { return false; }
bool later(std::size_t, std::size_t, std::size_t i, std::size_t j) { return j > i; }
bool padded(std::size_t n, std::size_t, std::size_t, std::size_t j) { return n == 1 && j >= 3; }
bool either(std::size_t n, std::size_t h, std::size_t i, std::size_t j) {
  return later(n, h, i, j) || padded(n, h, i, j);
}
bool everything_for_one(std::size_t, std::size_t h, std::size_t i, std::size_t) { return h == 1 && i == 2; }

struct Numbers {
  std::vector<double> in_weight, in_bias, out_weight, out_bias;
};

template <class T>
Numbers numbers_of(const MultiheadAttention<T>& layer) {
  Numbers all;
  for (const auto& [name, value] : layer.named_parameters()) {
    if (name == "in_proj_weight") all.in_weight = as_doubles(value);
    if (name == "in_proj_bias") all.in_bias = as_doubles(value);
    if (name == "out_proj.weight") all.out_weight = as_doubles(value);
    if (name == "out_proj.bias") all.out_bias = as_doubles(value);
  }
  return all;
}

/// One row times the columns from `first` on, and the bias.
std::vector<double> product(const double* row, const std::vector<double>& weight,
                            const std::vector<double>& bias, std::size_t first) {
  const std::size_t width = weight.size() / features;
  std::vector<double> y(features);
  for (std::size_t o = 0; o < features; ++o) {
    y[o] = bias.empty() ? 0 : bias[first + o];
    for (std::size_t i = 0; i < features; ++i) y[o] += row[i] * weight[i * width + first + o];
  }
  return y;
}

/// Attention by plain loops; everything is [time, sample, features].
std::vector<double> by_loops(const Numbers& p, const std::vector<double>& q, const std::vector<double>& k,
                             const std::vector<double>& v, Forbids forbids) {
  const std::size_t Tq = q.size() / (samples * features), Tk = k.size() / (samples * features);
  const std::size_t d = features / heads;
  std::vector<double> y(q.size());
  const auto row = [](const std::vector<double>& x, std::size_t t, std::size_t n) {
    return x.data() + (t * samples + n) * features;
  };
  for (std::size_t n = 0; n < samples; ++n)
    for (std::size_t i = 0; i < Tq; ++i) {
      const auto query = product(row(q, i, n), p.in_weight, p.in_bias, 0);
      std::vector<double> joined(features, 0);
      for (std::size_t h = 0; h < heads; ++h) {
        std::vector<double> weight(Tk, 0);
        double total = 0;
        for (std::size_t j = 0; j < Tk; ++j) {
          if (forbids(n, h, i, j)) continue;
          const auto key = product(row(k, j, n), p.in_weight, p.in_bias, features);
          double score = 0;
          for (std::size_t e = h * d; e < (h + 1) * d; ++e) score += query[e] * key[e];
          total += weight[j] = std::exp(score / std::sqrt(static_cast<double>(d)));
        }
        for (std::size_t j = 0; j < Tk; ++j) {
          if (weight[j] == 0) continue;
          const auto value = product(row(v, j, n), p.in_weight, p.in_bias, 2 * features);
          for (std::size_t e = h * d; e < (h + 1) * d; ++e) joined[e] += weight[j] / total * value[e];
        }
      }
      const auto out = product(joined.data(), p.out_weight, p.out_bias, 0);
      std::copy(out.begin(), out.end(), y.data() + (i * samples + n) * features);
    }
  return y;
}

/// Biases that are not zero, so that a wrong one is seen.
template <class T>
void draw_biases(MultiheadAttention<T>& layer) {
  for (auto& [name, value] : layer.named_parameters())
    if (value.dim() == 1) value.set_value(sample<T>(value.shape(), 20).value());
}

template <class T>
void check_mask(const AttentionMask& mask, Forbids forbids) {
  const auto q = sample<T>({queries, samples, features}, 1), k = sample<T>({keys, samples, features}, 2),
             v = sample<T>({keys, samples, features}, 3);
  MultiheadAttention<T> time_first(features, heads), samples_first(features, heads, {.batch_first = true}),
      plain(features, heads, {.bias = false});
  draw_biases(time_first);
  copy_parameters(time_first, samples_first);
  const auto turned = [](const Variable<T>& x) { return swap_axes(x, 0, 1); };
  const auto expected =
      by_loops(numbers_of(time_first), as_doubles(q), as_doubles(k), as_doubles(v), forbids);
  CHECK(time_first(q, k, v, mask).shape() == q.shape());
  CHECK(distance(time_first(q, k, v, mask), expected) < rounding<T>);
  CHECK(distance(turned(samples_first(turned(q), turned(k), turned(v), mask)), expected) < rounding<T>);
  CHECK(distance(plain(q, k, v, mask), by_loops(numbers_of(plain), as_doubles(q), as_doubles(k),
                                                as_doubles(v), forbids)) < rounding<T>);
}

Mask padding() {
  Mask mask = xt::zeros<bool>({samples, std::size_t{1}, std::size_t{1}, keys});
  for (std::size_t j = 3; j < keys; ++j) mask(1, 0, 0, j) = true;
  return mask;
}

}  // namespace

TEST_CASE_TEMPLATE("attention of several heads is what plain loops make it, under every mask", T, float,
                   double) {
  check_mask<T>({}, nothing);
  check_mask<T>({.causal = true}, later);
  check_mask<T>({.forbidden = padding()}, padded);
  check_mask<T>({.forbidden = padding(), .causal = true}, either);
  Mask one = xt::zeros<bool>({heads, queries, std::size_t{1}});
  one(1, 2, 0) = true;
  check_mask<T>({.forbidden = one}, everything_for_one);
}

TEST_CASE_TEMPLATE("self-attention is attention whose query, key and value are one", T, float, double) {
  const auto x = sample<T>({keys, samples, features}, 4);
  MultiheadAttention<T> layer(features, heads);
  draw_biases(layer);
  const auto numbers = as_doubles(x);
  CHECK(distance(layer(x), by_loops(numbers_of(layer), numbers, numbers, numbers, nothing)) < rounding<T>);
  CHECK(distance(layer(x, {.causal = true}), by_loops(numbers_of(layer), numbers, numbers, numbers, later)) <
        rounding<T>);
  CHECK(distance(layer(x), as_doubles(layer(x, x, x))) < rounding<T>);
}

TEST_CASE("attention has right gradients, at both orders, with and without masks") {
  MultiheadAttention<double> layer(4, 2), plain(4, 2, {.bias = false, .batch_first = true});
  check_gradients(layer, sample<double>({3, 2, 4}, 5));
  check_gradients(plain, sample<double>({2, 3, 4}, 6));
  Mask last = xt::zeros<bool>({2, 3});
  last(0, 2) = true;
  last(1, 0) = last(1, 1) = last(1, 2) = true;
  for (const AttentionMask& mask : {AttentionMask{}, AttentionMask{.forbidden = last, .causal = true}}) {
    const auto report = xgrad::gradcheck(
        [&](const std::vector<Variable<double>>& in) { return layer(in[0], in[1], in[2], mask); },
        {sample<double>({2, 2, 4}, 7), sample<double>({3, 2, 4}, 8), sample<double>({3, 2, 4}, 9)},
        {.second_order = true});
    INFO(report);
    CHECK(report.ok());
  }
}

TEST_CASE("attention drops weights in training alone") {
  MultiheadAttention<double> layer(features, heads, {.dropout = 0.5}), sure(features, heads);
  copy_parameters(layer, sure);
  const auto x = sample<double>({keys, samples, features}, 10);
  xgrad::manual_seed(3);
  const auto first = layer(x);
  CHECK(first.value() != layer(x).value());
  CHECK(distance(first, as_doubles(sure(x))) > 1e-3);
  xgrad::manual_seed(3);
  CHECK(layer(x).value() == first.value());
  const auto report = xgrad::gradcheck(
      [&](const Variable<double>& in) {
        xgrad::manual_seed(3);
        return layer(in);
      },
      {x});
  INFO(report);
  CHECK(report.ok());
  layer.eval();
  CHECK(layer(x).value() == sure(x).value());
  xgrad::manual_seed(0);
}

TEST_CASE("attention starts as PyTorch's does, under its names") {
  MultiheadAttention<float> layer(120, 4);
  std::vector<std::string> names;
  for (const auto& [name, value] : layer.named_parameters()) names.push_back(name + to_string(value.shape()));
  CHECK(names == std::vector<std::string>{"in_proj_weight[120, 360]", "in_proj_bias[360]",
                                          "out_proj.weight[120, 120]", "out_proj.bias[120]"});
  const auto weight = as_doubles(layer.parameters()[0]);
  const double bound = std::sqrt(6.0 / 480);
  const auto [least, greatest] = std::minmax_element(weight.begin(), weight.end());
  CHECK(*least >= -bound);
  CHECK(*least < -0.99 * bound);
  CHECK(*greatest <= bound);
  CHECK(*greatest > 0.99 * bound);
  CHECK(layer.parameters()[1].value() == xt::zeros<float>({360}));
  CHECK(layer.parameters()[3].value() == xt::zeros<float>({120}));
  CHECK(MultiheadAttention<float>(8, 2, {.bias = false}).parameters().size() == 2);
  CHECK(layer.heads() == 4);
  CHECK(layer.features() == 120);
  CHECK(layer.summary({7, 2, 120}).find("MultiheadAttention: input [7, 2, 120], output [7, 2, 120]") == 0);
}

TEST_CASE("attention refuses heads, inputs and masks that do not fit") {
  CHECK(message_of<ValueError>([] { MultiheadAttention<float>(6, 4); }) ==
        "MultiheadAttention: 4 heads of 6 features; the heads must divide the features, and both be at least "
        "1");
  CHECK_THROWS_AS(MultiheadAttention<float>(0, 1), ValueError);
  CHECK_THROWS_AS(MultiheadAttention<float>(4, 0), ValueError);
  CHECK_THROWS_AS(MultiheadAttention<float>(4, 2, {.dropout = 1.5}), ValueError);
  MultiheadAttention<double> layer(features, heads);
  const auto q = sample<double>({queries, samples, features}, 1),
             k = sample<double>({keys, samples, features}, 2);
  CHECK(message_of<ShapeError>([&] { layer(q, k, q); }) ==
        "MultiheadAttention: query [4, 2, 6], key [5, 2, 6] and value [4, 2, 6] are not [time steps, "
        "samples, 6] "
        "with as many samples each, and as many time steps of key and value");
  CHECK_THROWS_AS(layer(sample<double>({4, 6}, 1)), ShapeError);
  CHECK_THROWS_AS(layer(sample<double>({4, 2, 5}, 1)), ShapeError);
  CHECK_THROWS_AS(layer(q, sample<double>({5, 3, 6}, 1), sample<double>({5, 3, 6}, 1)), ShapeError);
  CHECK(message_of<ShapeError>([&] {
          layer(q, k, k, {.forbidden = Mask(xt::zeros<bool>({5, 4}))});
        }) ==
        "MultiheadAttention: the mask [5, 4] does not broadcast to [2, 3, 4, 5], [samples, heads, queries, "
        "keys]; "
        "give [queries, keys], or [samples, 1, 1, keys]");
}
