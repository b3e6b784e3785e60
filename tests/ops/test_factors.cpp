// The LU factors are outputs of the operations that find them: a node performed again finds those of what it
// is given, and so do the nodes of its gradient.
#include <doctest/doctest.h>

#include <string>
#include <vector>
#include <xgrad/core/graph/attribute.hpp>
#include <xgrad/xgrad.hpp>

#include "../message_of.hpp"
#include "row_runs.hpp"

namespace xg = xgrad;
using namespace xgrad::testing;
using xg::detail::Value;

namespace {

using Var = xg::Variable<double>;

xg::Array<double> matrices(std::uint64_t seed) {
  return weights<double>({2, 4, 4}, seed) + 6 * xt::eye<double>(4);
}

bool is_value_of(const Var& b, const Value& a) {
  return xgrad::testing::same_bits(xg::Dense<double>(a), b.dense());
}

/// What `node` gives for other inputs.
std::vector<Value> again(const xg::detail::Node& node, const std::vector<Value>& inputs) {
  REQUIRE(node.inputs().size() == inputs.size());
  return node.perform_again(inputs);
}

/// That a node made from `from`, performed on `other`, gives what a fresh call gives, and then on `from` what
/// it gave.
template <class F>
void check_performed_again(const F& f, std::size_t outputs, const Var& from, const Var& other,
                           const std::vector<Var>& rest = {}) {
  const Var y = f(from), fresh = f(other);
  const auto inputs = [&](const Var& first) {
    std::vector<Value> all{first.dense()};
    for (const Var& each : rest) all.push_back(each.dense());
    return all;
  };
  const auto found = again(y.node(), inputs(other));
  CHECK(found.size() == outputs);
  CHECK(is_value_of(fresh, found[0]));
  CHECK(is_value_of(y, again(y.node(), inputs(from))[0]));
}

}  // namespace

TEST_CASE("solve, determinant, logdet and inverse, performed again on another matrix, factorise that one") {
  const Var a = xg::parameter(matrices(1)), other = xg::parameter(matrices(2));
  const Var b = xg::parameter(weights<double>({2, 4, 3}, 3));
  check_performed_again([&](const Var& x) { return xg::solve(x, b); }, 3, a, other, {b});
  check_performed_again([](const Var& x) { return xg::determinant(x); }, 3, a, other);
  check_performed_again([](const Var& x) { return xg::logdet(x); }, 3, a, other);
  check_performed_again([](const Var& x) { return xg::inverse(x); }, 1, a, other);
}

TEST_CASE(
    "a matrix that is refused at first is refused when the node is performed again, in the same words") {
  const Var a = xg::parameter(matrices(1)), b = xg::parameter(weights<double>({2, 4, 3}, 3));
  const Var zero(xg::Dense<double>::filled({2, 4, 4}, 0));
  const auto check = [&](const auto& f, const std::vector<Value>& inputs) {
    const Var y = f(a);
    CHECK(message_of<xg::ValueError>([&] { y.node().perform_again(inputs); }) ==
          message_of<xg::ValueError>([&] { f(zero); }));
  };
  check([&](const Var& x) { return xg::solve(x, b); }, {zero.dense(), b.dense()});
  check([](const Var& x) { return xg::logdet(x); }, {zero.dense()});
  check([](const Var& x) { return xg::inverse(x); }, {zero.dense()});
}

TEST_CASE("the gradients of solve and determinant, performed again, are those of the other matrix") {
  const Var a = xg::parameter(matrices(1)), other = xg::parameter(matrices(2));
  const Var b = xg::parameter(weights<double>({2, 4, 3}, 3));
  const auto gradient = [](const Var& y, const Var& x) {
    return xg::grad(y, {x}, {.create_graph = true, .grad_output = weights<double>(y.shape())})[0];
  };
  const Var solution = xg::solve(a, b), in_b = gradient(solution, b);
  REQUIRE(in_b.operation() == "solve_factored");
  const auto solved = again(solution.node(), {other.dense(), b.dense()});
  const Value dx = xg::to_dense(weights<double>(solution.shape()));
  CHECK(is_value_of(gradient(xg::solve(other, b), b),
                    again(in_b.node(), {other.dense(), solved[1], solved[2], dx})[0]));
  // A singular matrix is as good: then the gradient goes another way.
  const Var singular(xg::Dense<double>::filled({2, 4, 4}, 1));
  const Var y = xg::determinant(a), in_a = gradient(y, a);
  REQUIRE(in_a.operation() == "determinant_gradient");
  const Value dy = xg::to_dense(weights<double>(y.shape()));
  for (const Var& matrix : {other, xg::parameter(singular.value())}) {
    const auto found = again(y.node(), {matrix.dense()});
    CHECK(is_value_of(gradient(xg::determinant(matrix), matrix),
                      again(in_a.node(), {matrix.dense(), found[0], found[1], found[2], dy})[0]));
  }
}

TEST_CASE("the operations say which inputs their results may share, and what they were told") {
  const Var x = xg::parameter(weights<double>({3, 4}, 1));
  CHECK(xg::reshape(x, {12}).node().shares() == 1);
  CHECK(xg::transpose(x).node().shares() == 0);
  const auto text_of = [](const Var& y) { return xg::detail::to_string(y.node().attributes()); };
  CHECK(text_of(xg::reshape(x, {4, 3})) == "shape = [4, 3]");
  CHECK(text_of(xg::transpose(x)) == "order = [1, 0]");
  CHECK(text_of(xg::cumsum(x, 1)) == "axis = 1, from_the_end = false");
  CHECK(text_of(xg::matmul(x, x, {.transpose_b = true})) ==
        "transpose_a = false, transpose_b = true, batch = []");
  CHECK(text_of(xg::slice(x, {1, xg::range(3, 0, -2)})) ==
        "start = [1, 3], step = [1, -2], counts = [1, 2], result = [2]");
  CHECK(text_of(xg::concatenate({x, x}, 1)) == "axis = 1");
  CHECK(text_of(xg::roll(x, 1, 0)) == "axis = 0, shift = 1");
  CHECK(text_of(xg::tril(x, -1)) == "k = -1");
  CHECK(text_of(xg::solve_triangular(xg::parameter(matrices(1)), xg::parameter(weights<double>({2, 4, 1})),
                                     {.upper = true})) == "upper = true, transpose = false");
  const Var images = xg::parameter(weights<double>({1, 2, 5, 4}, 1)),
            kernel = xg::parameter(weights<double>({2, 1, 3, 2}, 2));
  CHECK(text_of(xg::conv2d(images, kernel, {.stride = {2, 1}, .padding = 1, .groups = 2})) ==
        "in = [5, 4], kernel = [3, 2], stride = [2, 1], padding = [1, 1], dilation = [1, 1], out = [3, 5], "
        "groups = 2");
}
