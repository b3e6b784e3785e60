// Attention as its tests run it: with what comes back, against the loops.
#pragma once

#include <doctest/doctest.h>

#include <algorithm>
#include <vector>
#include <xgrad/ops/attention.hpp>

#include "../variables.hpp"
#include "attention_reference.hpp"

namespace xgrad::testing {

template <class T>
std::vector<Variable<T>> inputs(const Shape& q, const Shape& k, const Shape& v, std::uint64_t seed) {
  Generator from(seed);
  std::vector<Variable<T>> all;
  for (const Shape& shape : {q, k, v}) all.push_back(parameter(random_normal<T>(shape, 0, 1, from)));
  return all;
}

template <class T>
Variable<T> attention(const std::vector<Variable<T>>& in, const AttentionOptions& options = {}) {
  return scaled_dot_product_attention(in[0], in[1], in[2], options);
}

/// The value, and what comes back of numbers drawn for it.
template <class T>
struct Run {
  Variable<T> y;
  Array<T> dy;
  std::vector<Variable<T>> back;

  Run(const std::vector<Variable<T>>& in, const AttentionOptions& options, bool create_graph = false)
      : y(attention(in, options)) {
    Generator from(5);
    dy = random_normal<T>(y.shape(), 0, 1, from);
    back = grad(y, in, {.create_graph = create_graph, .grad_output = dy});
  }
  std::vector<const Dense<T>*> results() const {
    return {&y.dense(), &back[0].dense(), &back[1].dense(), &back[2].dense()};
  }
};

template <class T>
bool same_bits(const Run<T>& a, const Run<T>& b) {
  bool same = true;
  for (std::size_t i = 0; i < 4; ++i) {
    const Dense<T>&x = *a.results()[i], &y = *b.results()[i];
    same = same && x.shape == y.shape && std::equal(x.data(), x.data() + x.size(), y.data());
  }
  return same;
}

template <class T>
constexpr double attention_rounding = sizeof(T) == 4 ? 3e-5 : 1e-12;

template <class T>
void check_against_loops(const Shape& q, const Shape& k, const Shape& v, const AttentionOptions& options,
                         const Forbids& forbids, std::uint64_t seed = 1) {
  INFO("q " << q << ", k " << k << ", v " << v << ", causal " << bool(options.causal) << ", bytes "
            << sizeof(T));
  if (options.forbidden) INFO("mask " << options.forbidden->shape());
  const auto in = inputs<T>(q, k, v, seed);
  manual_seed(3);
  const Run<T> got(in, options);
  AttentionReference expected(q, k, v);
  expected.forbids = forbids;
  expected.p = options.dropout;
  expected.seed = 3;
  if (options.scale) expected.scale = *options.scale;
  const auto a = as_doubles(in[0]), b = as_doubles(in[1]), c = as_doubles(in[2]);
  const std::vector<double> dy(got.dy.cbegin(), got.dy.cend());
  expected.run(a.data(), b.data(), c.data());
  CHECK(distance(got.y, expected.y) < attention_rounding<T>);
  const auto back = expected.back(a.data(), b.data(), c.data(), dy.data());
  for (std::size_t i = 0; i < 3; ++i) {
    INFO("gradient of input " << i);
    CHECK(got.back[i].shape() == in[i].shape());
    CHECK(distance(got.back[i], back[i]) < attention_rounding<T>);
  }
  manual_seed(0);
}

}  // namespace xgrad::testing
