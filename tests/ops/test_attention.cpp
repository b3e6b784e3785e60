// scaled_dot_product_attention: values and gradients against loops around the sizes of its blocks, masks of
// every shape, dropout, memory, and what it says of wrong arguments.
#include <doctest/doctest.h>

#include <cmath>
#include <limits>
#include <string>
#include <vector>
#include <xgrad/core/graph/attribute.hpp>
#include <xgrad/derivatives/gradcheck.hpp>
#include <xgrad/io/dot.hpp>
#include <xgrad/ops/dropout.hpp>
#include <xgrad/ops/linear_algebra.hpp>
#include <xgrad/ops/operators.hpp>
#include <xgrad/ops/reduction.hpp>
#include <xgrad/ops/softmax.hpp>

#include "../message_of.hpp"
#include "../threads.hpp"
#include "attention_runs.hpp"

namespace xg = xgrad;
using namespace xgrad::testing;
using xg::AttentionOptions;
using xg::Dense;
using xg::Shape;

namespace {

/// A mask of this shape, in which about a third is forbidden.
xg::Mask some_forbidden(const Shape& shape, std::uint64_t seed) {
  xg::Generator from(seed);
  Dense<bool> mask(shape);
  for (std::size_t i = 0; i < mask.size(); ++i) mask.mutable_data()[i] = from.below(3) == 0;
  return xg::to_array(std::move(mask));
}

/// What a mask says of the weights [samples, heads, queries, keys], or of [queries, keys].
Forbids forbids_by(const xg::Mask& mask, const Shape& weights) {
  const Shape own = mask.shape();
  const std::vector<bool> bits(mask.cbegin(), mask.cend());
  return [=](std::size_t h, std::size_t i, std::size_t j) {
    std::vector<std::size_t> at;
    if (weights.size() == 4) at = {h / weights[1], h % weights[1]};
    at.insert(at.end(), {i, j});
    std::size_t place = 0;
    for (std::size_t axis = 0; axis < own.size(); ++axis) {
      const std::size_t index = at[at.size() - own.size() + axis];
      place = place * own[axis] + (own[axis] == 1 ? 0 : index);
    }
    return bits[place];
  };
}

Forbids later(const Forbids& other = {}) {
  return [=](std::size_t h, std::size_t i, std::size_t j) { return j > i || (other && other(h, i, j)); };
}

}  // namespace

TEST_CASE_TEMPLATE("attention is what loops make it, around the sizes of its blocks", T, float, double) {
  for (const std::size_t queries : {0u, 1u, 2u, 17u, 127u, 128u, 129u})
    for (const std::size_t keys : {0u, 1u, 3u, 16u, 127u, 128u, 129u, 257u})
      for (const bool causal : {false, true})
        check_against_loops<T>({2, queries, 3}, {2, keys, 3}, {2, keys, 5}, {.causal = causal},
                               causal ? later() : Forbids());
  check_against_loops<T>({300, 17}, {270, 17}, {270, 1}, {.causal = true}, later());
  check_against_loops<T>({1, 1, 1, 5, 0}, {1, 1, 1, 6, 0}, {1, 1, 1, 6, 2}, {}, {});
  check_against_loops<T>({2, 5, 4}, {2, 6, 4}, {2, 6, 0}, {}, {});
  check_against_loops<T>({0, 5, 4}, {0, 6, 4}, {0, 6, 3}, {}, {});
}

TEST_CASE_TEMPLATE("attention of one head, whose keys are shared out, is what loops make it", T, float,
                   double) {
  for (const bool causal : {false, true}) {
    check_against_loops<T>({300, 40}, {600, 40}, {600, 40}, {.causal = causal}, causal ? later() : Forbids());
    check_against_loops<T>({600, 40}, {300, 40}, {300, 40}, {.causal = causal}, causal ? later() : Forbids());
  }
}

TEST_CASE_TEMPLATE("rows of scores that are made whole are what loops make, with a gradient and without", T,
                   float, double) {
  for (const std::size_t keys : {130u, 300u, 1024u, 1025u}) {
    CAPTURE(keys);
    check_against_loops<T>({2, 150, 8}, {2, keys, 8}, {2, keys, 5}, {}, {});
    const auto in = inputs<T>({2, 150, 8}, {2, keys, 8}, {2, keys, 5}, 4);
    const auto recorded = attention(in).value();
    const xg::NoGrad off;
    CHECK(attention(in).value() == recorded);
  }
}

TEST_CASE_TEMPLATE("a mask of any shape that broadcasts forbids what it says", T, float, double) {
  for (const std::size_t keys : {5u, 140u}) {
    const Shape q{2, 3, 7, 4}, k{2, 3, keys, 4}, v{2, 3, keys, 6}, weights{2, 3, 7, keys};
    const std::vector<Shape> masks = {{},           {keys},          {7, keys},       {7, 1},      {1, keys},
                                      {3, 1, keys}, {2, 1, 1, keys}, {2, 3, 7, keys}, {1, 3, 7, 1}};
    for (std::size_t i = 0; i < masks.size(); ++i)
      for (const bool causal : {false, true}) {
        const xg::Mask mask = some_forbidden(masks[i], 40 + i);
        const Forbids forbids = forbids_by(mask, weights);
        check_against_loops<T>(q, k, v, {.forbidden = mask, .causal = causal},
                               causal ? later(forbids) : forbids);
      }
  }
  const xg::Mask mask = some_forbidden({130, 150}, 7);
  check_against_loops<T>({130, 4}, {150, 4}, {150, 3}, {.forbidden = mask}, forbids_by(mask, {130, 150}));
}

TEST_CASE("the products are multiplied by any finite scale") {
  for (const double scale : {1.0, -2.0, 0.0, 0.125})
    check_against_loops<double>({2, 5, 3}, {2, 4, 3}, {2, 4, 2}, {.scale = scale}, {});
  const auto in = inputs<double>({4, 2}, {3, 2}, {3, 2}, 1);
  CHECK(largest_difference(attention(in, {.scale = 0}).value()(2, 1), xg::mean(in[2], 0).value()(1)) < 1e-15);
}

TEST_CASE("a query that may look nowhere gets zeros, gives nothing back, and is no NaN to any order") {
  xg::Mask mask = xt::zeros<bool>({4, 3});
  for (std::size_t j = 0; j < 3; ++j) mask(2, j) = true;
  const auto in = inputs<double>({4, 2}, {3, 2}, {3, 5}, 2);
  const Run<double> got(in, {.forbidden = mask}, true);
  for (std::size_t e = 0; e < 5; ++e) CHECK(got.y.value()(2, e) == 0);
  for (std::size_t c = 0; c < 2; ++c) CHECK(got.back[0].value()(2, c) == 0);
  const auto second = xg::grad(xg::sum(got.back[0] * got.back[0]) + xg::sum(got.back[1]), in);
  for (const auto& each : second)
    for (const double x : as_doubles(each)) CHECK(std::isfinite(x));
  // Without a mask, scores that are all -inf are a mistake, and a NaN.
  const auto k = xg::constant({{-1.0}, {-2.0}}), v = xg::constant({{1.0}, {2.0}});
  const auto y = xg::scaled_dot_product_attention(xg::constant({{INFINITY}, {0.0}}), k, v);
  CHECK(std::isnan(y.value()(0, 0)));
  CHECK(y.value()(1, 0) == 1.5);
}

TEST_CASE("a NaN among values is seen by every query, also where it is forbidden and blocks are left out") {
  auto in = inputs<double>({300, 2}, {300, 2}, {300, 2}, 2);
  xg::Array<double> v = in[2].value();
  v(299, 1) = std::numeric_limits<double>::quiet_NaN();
  in[2] = xg::parameter(v);
  const auto y = attention(in, {.causal = true}).value();
  for (std::size_t i = 0; i < 300; ++i) {
    CHECK(std::isfinite(y(i, 0)));
    CHECK(std::isnan(y(i, 1)));
  }
}

TEST_CASE("attention's gradients in float keep their digits where scores are 10000 and -10000") {
  // Of exact scores: products of numbers of a few bits.
  for (const std::size_t keys : {6u, 200u}) {
    CAPTURE(keys);
    const std::size_t queries = 4;
    const auto q = [](std::size_t i) { return i % 2 == 0 ? 100.0L : -100.0L; };
    const auto k = [](std::size_t j) { return 100 + static_cast<long double>(j % 6) / 64; };
    const auto v = [](std::size_t j) { return static_cast<long double>(j % 7) - 2.5L; };
    const auto dy = [](std::size_t i) { return 1 + static_cast<long double>(i) / 4; };
    xt::xarray<float> a = xt::zeros<float>({queries, std::size_t{1}}),
                      b = xt::zeros<float>({keys, std::size_t{1}}), c = b, g = a;
    for (std::size_t i = 0; i < queries; ++i)
      a(i, 0) = static_cast<float>(q(i)), g(i, 0) = static_cast<float>(dy(i));
    for (std::size_t j = 0; j < keys; ++j)
      b(j, 0) = static_cast<float>(k(j)), c(j, 0) = static_cast<float>(v(j));
    const std::vector<xg::Variable<float>> in{xg::parameter(a), xg::parameter(b), xg::parameter(c)};
    const auto y = attention(in, {.scale = 1});
    std::vector<double> dk(keys), dv(keys);
    for (std::size_t i = 0; i < queries; ++i) {
      long double total = 0, mean = 0;
      std::vector<long double> w(keys);
      for (std::size_t j = 0; j < keys; ++j)
        total += w[j] = std::exp(q(i) * k(j) - q(i) * k(i % 2 == 0 ? 5 : 0));
      for (std::size_t j = 0; j < keys; ++j) mean += w[j] / total * v(j);
      for (std::size_t j = 0; j < keys; ++j) {
        dv[j] += static_cast<double>(w[j] / total * dy(i));
        dk[j] += static_cast<double>(w[j] / total * (v(j) - mean) * dy(i) * q(i));
      }
    }
    for (const bool create_graph : {false, true}) {
      const auto back =
          xg::grad(y, in, {.create_graph = create_graph, .retain_graph = true, .grad_output = g});
      CHECK(distance(back[2], dv) < 2e-6);
      CHECK(distance(back[1], dk) < 2e-5);
    }
  }
}

TEST_CASE_TEMPLATE("blocks that a mask hides whole are left out, and the rest is what loops make it", T,
                   float, double) {
  // Two sentences in one row of 300 tokens: neither sees the other; and a head that sees nothing.
  xg::Mask apart = xt::zeros<bool>({2, 300, 300});
  for (std::size_t i = 0; i < 300; ++i)
    for (std::size_t j = 0; j < 300; ++j) {
      apart(0, i, j) = (i < 128) != (j < 128);
      apart(1, i, j) = true;
    }
  const Forbids forbids = [&](std::size_t h, std::size_t i, std::size_t j) { return bool(apart(h, i, j)); };
  for (const bool causal : {false, true})
    check_against_loops<T>({2, 300, 3}, {2, 300, 3}, {2, 300, 5}, {.forbidden = apart, .causal = causal},
                           causal ? later(forbids) : forbids);
  // A key that is read would make NaNs of what its queries are given back.
  xg::Mask end = xt::zeros<bool>({300});
  for (std::size_t j = 256; j < 300; ++j) end(j) = true;
  auto in = inputs<T>({300, 2}, {300, 2}, {300, 2}, 2);
  xg::Array<T> k = in[1].value();
  for (std::size_t j = 256; j < 300; ++j) k(j, 0) = std::numeric_limits<T>::quiet_NaN();
  in[1] = xg::parameter(k);
  const Run<T> got(in, {.forbidden = end});
  for (const auto* each : got.results())
    CHECK(std::all_of(each->data(), each->data() + each->size(), [](T x) { return std::isfinite(x); }));
}

TEST_CASE("a NaN among values of a block that a mask hides whole is still seen by every query") {
  auto in = inputs<double>({300, 2}, {300, 2}, {300, 2}, 2);
  xg::Array<double> v = in[2].value();
  v(299, 1) = std::numeric_limits<double>::quiet_NaN();
  in[2] = xg::parameter(v);
  xg::Mask end = xt::zeros<bool>({300});
  for (std::size_t j = 256; j < 300; ++j) end(j) = true;
  const auto y = attention(in, {.forbidden = end}).value();
  for (std::size_t i = 0; i < 300; ++i) CHECK((std::isfinite(y(i, 0)) && std::isnan(y(i, 1))));
}

TEST_CASE_TEMPLATE("what is kept of whole rows gives the same bits on one thread and on two, recorded or not",
                   T, float, double) {
  const auto in = inputs<T>({3, 2, 140, 24}, {3, 2, 300, 24}, {3, 2, 300, 24}, 4);
  const Threads one(1);
  const Run<T> alone(in, {});
  CHECK(same_bits(alone, Run<T>(in, {}, true)));
  Threads two(2);
  CHECK(same_bits(alone, Run<T>(in, {})));
  CHECK(two.shared_a_loop());
}

TEST_CASE_TEMPLATE("gradients have the same bits whether recorded or not, on one thread and on two", T, float,
                   double) {
  for (const Shape& q : {Shape{3, 2, 140, 24}, Shape{300, 40}})
    for (const double dropout : {0.0, 0.25})
      for (const bool causal : {false, true}) {
        const auto in = inputs<T>(q, q, q, 4);
        const Shape mask{q[q.size() - 2], q[q.size() - 2]};
        const AttentionOptions options{
            .forbidden = some_forbidden(mask, 3), .causal = causal, .dropout = dropout};
        const auto run = [&](bool create_graph) {
          xg::manual_seed(6);
          return Run<T>(in, options, create_graph);
        };
        const Threads one(1);
        const Run<T> alone = run(false);
        CHECK(same_bits(alone, run(true)));
        Threads two(2);
        CHECK(same_bits(alone, run(false)));
        CHECK(two.shared_a_loop());
      }
  xg::manual_seed(0);
}

namespace {

/// The same in operations on the whole matrix.
xg::Variable<double> composed(const std::vector<xg::Variable<double>>& in, const xg::Variable<double>& added,
                              double dropout) {
  const double scale = 1 / std::sqrt(static_cast<double>(in[0].shape().back()));
  const auto weights = xg::softmax(xg::matmul(in[0] * scale, in[1], {.transpose_b = true}) + added);
  return xg::matmul(dropout > 0 ? xg::dropout(weights, dropout) : weights, in[2]);
}

}  // namespace

TEST_CASE("second and third orders are those of the composed operations") {
  const auto in = inputs<double>({2, 6, 3}, {2, 5, 3}, {2, 5, 4}, 8);
  const xg::Mask mask = some_forbidden({6, 5}, 9);
  const auto added = xg::constant(xt::eval(xt::where(mask, -INFINITY, 0.0)));
  for (const double dropout : {0.0, 0.4}) {
    const auto orders = [&](const auto& f) {
      xg::manual_seed(12);
      auto all = std::vector<xg::Variable<double>>{f()};
      xg::Variable<double> last = xg::sum(xg::square(all[0]));
      for (int order = 0; order < 3; ++order) {
        const auto next = xg::grad(last, in, {.create_graph = true});
        last = xg::sum(xg::square(next[0])) + xg::sum(next[1] * next[1]) + xg::sum(xg::square(next[2]));
        all.insert(all.end(), next.begin(), next.end());
      }
      return all;
    };
    const auto got = orders([&] { return attention(in, {.forbidden = mask, .dropout = dropout}); });
    const auto expected = orders([&] { return composed(in, added, dropout); });
    for (std::size_t i = 0; i < got.size(); ++i) {
      CAPTURE(i);
      CHECK(distance(got[i], as_doubles(expected[i])) < 1e-9);
    }
  }
  xg::manual_seed(0);
}

TEST_CASE("attention's gradients agree with differences, at two orders and both ways") {
  const xg::Mask mask = some_forbidden({5, 4}, 3);
  for (const AttentionOptions& options :
       {AttentionOptions{}, AttentionOptions{.causal = true}, AttentionOptions{.forbidden = mask},
        AttentionOptions{.forbidden = mask, .causal = true, .dropout = 0.3}}) {
    const auto report = xg::gradcheck(
        [&](const std::vector<xg::Variable<double>>& in) {
          xg::manual_seed(2);
          return attention(in, options);
        },
        inputs<double>({2, 5, 3}, {2, 4, 3}, {2, 4, 2}, 6), {.second_order = true, .forward_mode = true});
    INFO(report);
    CHECK(report.ok());
  }
  xg::manual_seed(0);
}

TEST_CASE("attention is performed again on other inputs and masks, and checks them") {
  const auto in = inputs<double>({4, 2}, {5, 2}, {5, 3}, 1),
             others = inputs<double>({4, 2}, {5, 2}, {5, 3}, 2);
  const xg::Mask mask = some_forbidden({4, 5}, 1), other = some_forbidden({5}, 6);
  const auto y = attention(in, {.forbidden = mask});
  const std::vector<xg::detail::Value> values{others[0].dense(), others[1].dense(), others[2].dense(),
                                              xg::to_dense(other)};
  const Dense<double> again(y.node().perform_again(values)[0]);
  CHECK(xg::to_array(again) == attention(others, {.forbidden = other}).value());
  const std::vector<xg::detail::Value> wrong{in[0].dense(), in[1].dense(), in[2].dense(),
                                             xg::to_dense(some_forbidden({5, 4}, 1))};
  CHECK_THROWS_AS(y.node().perform_again(wrong), xg::ShapeError);
}

TEST_CASE("attention says what it was told and how much it computes") {
  const auto in = inputs<float>({2, 4, 3}, {2, 6, 3}, {2, 6, 2}, 1);
  const auto describe = [&](const AttentionOptions& options) {
    return xg::detail::to_string(attention(in, options).node().description().attributes());
  };
  CHECK(describe({.causal = true, .scale = 0.5}) == "scale = 0.5, causal = true, is_recorded = true");
  xg::manual_seed(7);
  CHECK(describe({.dropout = 0.25, .scale = 2}) ==
        "scale = 2, causal = false, key = 7, first_block = 0, p = 0.25, is_recorded = true");
  xg::manual_seed(0);
  const auto flops = [&](const auto& y) {
    std::vector<const Shape*> shapes;
    for (const xg::detail::Node* input : y.node().inputs()) shapes.push_back(&input->value().shape);
    return y.node().description().flops(xg::detail::Shapes(std::span<const Shape* const>(shapes)), y.shape());
  };
  // A pair of a query and a key: 2 (3 + 2) in the products, and 5 on the way.
  CHECK(flops(attention(in)) == 2 * 4 * 6 * 15);
  CHECK(flops(attention(in, {.causal = true})) == 2 * (1 + 2 + 3 + 4) * 15);
  // And of its gradient: 6 for each of the 3 of q and k, 4 for each of the 2 of v, and 6.
  const auto slope = xg::grad(xg::sum(attention(in)), {in[0]}, {.create_graph = true})[0];
  CHECK(slope.operation() == "scaled_dot_product_attention_gradient");
  CHECK(flops(slope) == 2 * 4 * 6 * (6 * 3 + 4 * 2 + 6));
  const auto more = inputs<float>({7, 3}, {5, 3}, {5, 2}, 1);
  CHECK(flops(attention(more, {.causal = true})) == (1 + 2 + 3 + 4 + 5 + 5 + 5) * 15);
  CHECK(xg::io::to_dot(attention(in)).find("scaled_dot_product_attention") != std::string::npos);
}

TEST_CASE("attention needs memory that grows with the length, and not with its square") {
  const auto peak_of = [](std::size_t length) {
    const auto in = inputs<float>({length, 16}, {length, 16}, {length, 16}, 1);
    const std::size_t before = xg::memory_stats().live_bytes;
    xg::reset_peak_memory();
    const Run<float> run(in, {.causal = true});
    return xg::memory_stats().peak_bytes - before;
  };
  const Threads two(2);
  const std::size_t half = peak_of(2048), whole = peak_of(4096);
  CAPTURE(half);
  CAPTURE(whole);
  // One such value is 256 KB, all weights together would be 64 MB.
  CHECK(whole < 5'000'000);
  CHECK(static_cast<double>(whole) < 2.1 * static_cast<double>(half));
}

TEST_CASE("attention keeps weights of all queries and keys while they are two million at most") {
  const auto kept = [](std::size_t heads, std::size_t queries, std::size_t keys) {
    const auto in = inputs<float>({heads, queries, 1}, {heads, keys, 1}, {heads, keys, 1}, 1);
    const std::size_t before = xg::memory_stats().live_bytes;
    const auto y = attention(in);
    return xg::memory_stats().live_bytes - before;
  };
  CHECK(kept(2, 1024, 1024) >= std::size_t{8} << 20);
  CHECK(kept(2, 1024, 1024) < std::size_t{11} << 20);
  CHECK(kept(2, 1025, 1024) < std::size_t{1} << 20);
  CHECK(kept(1, 128, 1025) < std::size_t{1} << 20);
}

TEST_CASE("attention takes Arrays beside a Variable, and a comparison for a mask") {
  const auto in = inputs<double>({3, 2}, {4, 2}, {4, 2}, 1);
  CHECK(xg::scaled_dot_product_attention(in[0], in[1].value(), in[2].value()).value() ==
        attention(in).value());
  const auto scores = xg::constant({{1.0, 0.0, 1.0, 0.0}});
  const xg::Mask mask{{true, false, true, false}};
  CHECK(attention(in, {.forbidden = scores > 0.5}).value() == attention(in, {.forbidden = mask}).value());
}

TEST_CASE("attention refuses options that do not fit, and draws nothing then") {
  const auto in = inputs<double>({2, 3, 4, 2}, {2, 3, 5, 2}, {2, 3, 5, 2}, 1);
  const auto before = xg::generator().state();
  CHECK(message_of<xg::ValueError>([&] { attention(in, {.dropout = 1.5}); }) ==
        "scaled_dot_product_attention: dropout is 1.5; give the share of weights to drop, from 0 to 1");
  CHECK(message_of<xg::ValueError>([&] { attention(in, {.scale = std::nan("")}); }) ==
        "scaled_dot_product_attention: scale is nan; give a finite number");
  CHECK(message_of<xg::ShapeError>([&] {
          attention(in, {.forbidden = xg::Mask(xt::zeros<bool>({5, 4})), .dropout = 0.5});
        }) ==
        "scaled_dot_product_attention: the mask [5, 4] does not broadcast to [2, 3, 4, 5], [..., queries, "
        "keys]; give its last axes, or extents of 1");
  CHECK_THROWS_AS(attention(in, {.forbidden = xg::Mask(xt::zeros<bool>({1, 2, 3, 4, 5}))}), xg::ShapeError);
  CHECK(
      message_of<xg::ShapeError>([&] { xg::scaled_dot_product_attention(in[0], in[2], in[0]); }) ==
      "scaled_dot_product_attention: there is not a value for each key, 4 vs 5: q [2, 3, 4, 2], k [2, 3, 5, "
      "2], v [2, 3, 4, 2]; give [..., queries, d], [..., keys, d] and [..., keys, e], with the same axes in "
      "front");
  CHECK(xg::generator().state() == before);
}
