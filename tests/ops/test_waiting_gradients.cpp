// A share of a gradient that is added to what waits for it by an operation of its own: a product, a slice. A
// plain sweep and a recorded one perform the same operations, so that their gradients agree to the bit.
#include <doctest/doctest.h>

#include <limits>
#include <vector>
#include <xgrad/xgrad.hpp>

#include "../message_of.hpp"
#include "row_runs.hpp"

namespace xg = xgrad;
using namespace xgrad::testing;

namespace {

using Var = xg::Variable<double>;
template <class T>
using Values = std::vector<xg::Dense<T>>;

template <class T>
xg::Variable<T> drawn(const xg::Shape& shape, std::uint64_t seed) {
  return xg::parameter(weights<T>(shape, seed));
}

template <class T>
Values<T> gradients(const xg::Variable<T>& y, const Variables<T>& x, bool recorded) {
  Values<T> all;
  for (const auto& each :
       xg::grad(y, x, {.create_graph = recorded, .retain_graph = true, .grad_output = weights<T>(y.shape())}))
    all.push_back(each.dense());
  return all;
}

/// Checks that the two sweeps give the same bits, whether anomalies are looked for or not; gives what they
/// do.
template <class T>
Values<T> on_one_path(const xg::Variable<T>& y, const Variables<T>& x) {
  const Values<T> plain = gradients(y, x, false);
  CHECK(same_bits(gradients(y, x, true), plain));
  const xg::DetectAnomaly on;
  CHECK(same_bits(gradients(y, x, false), plain));
  CHECK(same_bits(gradients(y, x, true), plain));
  return plain;
}

std::size_t count(const xg::detail::Node& node, std::string_view name) {
  std::size_t found = node.operation() == name ? 1 : 0;
  for (const xg::detail::Node* input : node.inputs()) found += count(*input, name);
  return found;
}

/// How often the recorded gradient in x performs an operation.
std::size_t count_in_gradient(const Var& y, const Var& x, std::string_view name) {
  const auto dy = xg::parameter(weights<double>(y.shape()));
  return count(xg::grad(y, {x}, {.create_graph = true, .grad_output = dy})[0].node(), name);
}

template <class T>
void check_products() {
  const auto x = drawn<T>({37, 29}, 1), a = drawn<T>({29, 41}, 2), b = drawn<T>({41, 29}, 3);
  const xg::MatmulOptions second{.transpose_b = true}, first{.transpose_a = true};
  on_one_path(xg::matmul(x, a) + xg::matmul(x, b, second), {x, a, b});
  on_one_path(xg::matmul(a, x, {.transpose_a = true, .transpose_b = true}) + xg::matmul(b, x, second),
              {x, a, b});
  on_one_path(xg::matmul(x, x, second), Variables<T>{x});
  on_one_path(xg::matmul(xg::matmul(x, x, first), x, second), Variables<T>{x});
  const auto v = drawn<T>({29}, 4), w = drawn<T>({41}, 5), rows = drawn<T>({2, 3, 37}, 6);
  on_one_path(xg::matmul(x, v) + xg::matmul(x, xg::matmul(w, b)), {x, v, w, b});
  on_one_path(xg::matmul(v, v) * xg::matmul(xg::matmul(w, b), v), {v, w, b});
  on_one_path(xg::linear(rows, x, v) * xg::linear(rows * 2, x, v), {rows, x, v});
  const auto stack = drawn<T>({5, 29, 37}, 7);
  on_one_path(xg::matmul(stack, x) +
                  xg::slice(xg::matmul(x, xg::slice(stack, {0})), {xg::range(0, 1), xg::range(0, 1)}),
              {stack, x});
}

template <class T>
void check_slices() {
  const auto x = drawn<T>({23, 17}, 1), w = drawn<T>({23, 5}, 2);
  const auto parts = [&] {
    return xg::slice(x, {xg::range(3, 15), 4}) * xg::slice(x, {xg::range(20, 8, -1), 4}) +
           xg::slice(x, {xg::range(0, std::nullopt, 2), -1}) + xg::slice(x, {2, xg::range(0, 12)});
  };
  on_one_path(parts(), Variables<T>{x});
  on_one_path(xg::matmul(xg::slice(x, {xg::all, xg::range(0, 5)}), w, {.transpose_b = true}) +
                  xg::slice(xg::matmul(x, x, {.transpose_b = true}), {0}),
              {x, w});
  const auto thirds = xg::split(xg::matmul(w, w, {.transpose_b = true}), 23, 1);
  on_one_path(thirds[0] * thirds[1] - thirds[22] * thirds[0], Variables<T>{w});
}

}  // namespace

TEST_CASE("gradients to which products are added are the same bits on a plain and on a recorded sweep") {
  check_products<double>();
  check_products<float>();
}

TEST_CASE("gradients to which slices are added are the same bits on a plain and on a recorded sweep") {
  check_slices<double>();
  check_slices<float>();
}

TEST_CASE(
    "where nothing waits there is a product, or zeros with a slice; then there is one operation a share") {
  const auto x = drawn<double>({4, 3}, 1), a = drawn<double>({3, 5}, 2);
  const Var twice = xg::matmul(x, a) + xg::matmul(x, a * 2) + xg::matmul(x, a * 3);
  CHECK(count_in_gradient(twice, x, "add_product") == 2);
  CHECK(count_in_gradient(twice, x, "add") == 0);
  const Var parts = xg::slice(x, {0}) * 2 + xg::slice(x, {1}) * 3 + xg::slice(x, {1});
  CHECK(count_in_gradient(parts, x, "add_slice") == 2);
  CHECK(count_in_gradient(parts, x, "slice_scatter") == 1);
  CHECK(count_in_gradient(parts, x, "add") == 0);
}

TEST_CASE("derivatives of gradients with several shares are the same bits on both sweeps") {
  const auto x = drawn<double>({6, 5}, 1), w = drawn<double>({5, 5}, 2);
  const auto net = [&] {
    const Var h = xg::tanh(xg::matmul(xg::tanh(xg::matmul(x, w)), w));
    return xg::sum(xg::square(xg::slice(h, {xg::range(0, 4)}) - xg::slice(h, {xg::range(2, 6)})));
  };
  const auto first = xg::grad(net(), {x, w}, {.create_graph = true});
  const Var moved =
      xg::sum(first[0] * weights<double>({6, 5}, 3)) + xg::sum(first[1] * weights<double>({5, 5}, 4));
  on_one_path(moved, {x, w});
  const auto second = xg::grad(moved, {x, w}, {.create_graph = true});
  on_one_path(xg::sum(second[0]) * xg::sum(second[1]), {x, w});
}

TEST_CASE("a waiting gradient that others hold stays as it is") {
  // The sum's gradient waits for x as it is, and is what the products get, too.
  const auto x = xg::parameter(xt::xarray<double>{{1, 2}, {3, 4}});
  const auto a = xg::constant(xt::xarray<double>{{1, 2}, {0, 1}}),
             dy = xg::constant(xt::xarray<double>{{1, 3}, {5, 7}});
  Var sum = xg::matmul(x, a) + xg::matmul(x, a) + x;
  sum.retain_grad();
  sum.backward({.retain_graph = true, .grad_output = dy.value()});
  CHECK(x.grad() == xt::xarray<double>{{1 + 14, 3 + 6}, {5 + 38, 7 + 14}});
  CHECK(sum.grad() == dy.value());
  on_one_path(sum, {x});
  Var parts = xg::concatenate({xg::slice(x, {0}), xg::slice(x, {0}), xg::slice(x, {1})}) + xg::sum(x) * 0;
  on_one_path(parts, {x});
  const Var whole = x + xg::slice(x, {0}) * xg::constant(xt::xarray<double>{1, 1});
  CHECK(xg::grad(whole, {x}, {.retain_graph = true, .grad_output = dy})[0].value() ==
        xt::xarray<double>{{1 + 6, 3 + 10}, {5, 7}});
  CHECK(dy.value() == xt::xarray<double>{{1, 3}, {5, 7}});
  on_one_path(whole, {x});
}

TEST_CASE("a waiting gradient of one number that stands for all is written out first") {
  const auto x = drawn<double>({6, 5}, 1), a = drawn<double>({5, 4}, 2);
  const auto last = [&](const Var& share) { return share + xg::mean(x); };
  on_one_path(last(xg::sum(xg::matmul(x, a) * 3)), {x, a});
  on_one_path(last(xg::sum(xg::square(xg::slice(x, {2})))), {x});
  on_one_path(last(xg::sum(xg::square(xg::sum(x, {.axes = {0}})))), {x});
  on_one_path(last(xg::sum(x * 2)), {x});
  const auto shared = xg::sum(xg::square(xg::mean(x, {.axes = {1}}))) + xg::sum(x * x) + xg::sum(x);
  on_one_path(shared, {x});
}

TEST_CASE("a share that makes a waiting gradient infinite is found") {
  const double large = 0.75 * std::numeric_limits<double>::max();
  const Var a(xg::Dense<double>::filled({1, 1}, large));
  const Var in = drawn<double>({2, 1}, 1) * 0;
  const Var twice = xg::matmul(in, a) + xg::matmul(in, a);
  const Var parts = xg::slice(in, {0}) * large + xg::slice(in, {0}) * large;
  const xg::DetectAnomaly on;
  CHECK(message_of<xg::AnomalyError>([&] {
          xg::grad(xg::sum(twice), {in}, {.retain_graph = true});
        }).find("matmul") != std::string::npos);
  CHECK_THROWS_AS(xg::grad(xg::sum(twice), {in}, {.create_graph = true}), xg::AnomalyError);
  CHECK(message_of<xg::AnomalyError>([&] {
          xg::grad(xg::sum(parts), {in}, {.retain_graph = true});
        }).find("slice") != std::string::npos);
  CHECK_THROWS_AS(xg::grad(xg::sum(parts), {in}, {.create_graph = true}), xg::AnomalyError);
}

TEST_CASE("gradients of solutions, determinants, inverses and products are the same bits on both sweeps") {
  for (const std::size_t n : {1U, 2U, 3U, 4U, 7U}) {
    INFO("extent " << n);
    const auto x = drawn<double>({3, n, n}, 10 + n), b = drawn<double>({3, n, 2}, 20 + n);
    const auto regular = x + 4 * xt::eye<double>(n);
    on_one_path(xg::solve(regular, b), {x, b});
    on_one_path(xg::solve(xg::reshape(xg::slice(regular, {1}), {n, n}), b), {x, b});
    on_one_path(xg::inverse(regular), {x});
    on_one_path(xg::logdet(xg::matmul(regular, regular, {.transpose_b = true})), {x});
    on_one_path(xg::determinant(x), {x});
    on_one_path(xg::cholesky(xg::matmul(regular, regular, {.transpose_b = true})), {x});
    const auto thin = drawn<double>({3, n, 1}, 30 + n);  // of rank 1
    on_one_path(xg::determinant(xg::matmul(thin, thin, {.transpose_b = true})), {thin});
    on_one_path(xg::prod(x, {.axes = {-1}}) + xg::prod(x * 0, {.axes = {1}}), {x});
  }
}
