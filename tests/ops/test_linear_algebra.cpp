#include <doctest/doctest.h>

#include <string>
#include <xgrad/core/array/memory.hpp>
#include <xgrad/core/kernels/random.hpp>
#include <xgrad/derivatives/grad.hpp>
#include <xgrad/derivatives/gradcheck.hpp>
#include <xgrad/ops/linear_algebra.hpp>
#include <xgrad/ops/operators.hpp>
#include <xgrad/ops/shape.hpp>

#include "../message_of.hpp"
#include "../variables.hpp"

namespace xg = xgrad;
using xgrad::testing::message_of;
using xgrad::testing::random_variable;

namespace {

using Var = xg::Variable<double>;

Var zeros(const xg::Shape& shape) { return Var(xg::Dense<double>::filled(shape, 0)); }
xg::Array<double> ones(const xg::Shape& shape) { return xg::to_array(xg::Dense<double>::filled(shape, 1)); }

std::string matmul_message(const xg::Shape& a, const xg::Shape& b, const xg::MatmulOptions& options = {}) {
  return message_of<xg::ShapeError>([&] { xg::matmul(zeros(a), zeros(b), options); });
}

}  // namespace

TEST_CASE("matmul multiplies matrices, transposed on request") {
  const auto a = xg::constant(xt::xarray<double>{{1, 2, 3}, {4, 5, 6}});
  const auto b = xg::constant(xt::xarray<double>{{1, 0, 2}, {0, 1, 1}});
  CHECK(xg::matmul(a, b, {.transpose_b = true}).value() == xt::xarray<double>{{7, 5}, {16, 11}});
  CHECK(xg::matmul(a, b, {.transpose_a = true}).value() ==
        xt::xarray<double>{{1, 4, 6}, {2, 5, 9}, {3, 6, 12}});
}

TEST_CASE("vectors multiply as NumPy's do") {
  const auto m = xg::constant(xt::xarray<double>{{1, 2, 3}, {4, 5, 6}});
  const auto two = xg::constant(xt::xarray<double>{1, 10});
  const auto three = xg::constant(xt::xarray<double>{1, 10, 100});
  CHECK(xg::matmul(three, three).item() == 10101);
  CHECK(xg::matmul(three, three).dim() == 0);
  CHECK(xg::matmul(m, three).value() == xt::xarray<double>{321, 654});
  CHECK(xg::matmul(two, m).value() == xt::xarray<double>{41, 52, 63});
  // A vector has no transpose.
  CHECK(xg::matmul(two, m, {.transpose_a = true}).value() == xt::xarray<double>{41, 52, 63});
  CHECK(xg::matmul(m, two, {.transpose_a = true, .transpose_b = true}).value() ==
        xt::xarray<double>{41, 52, 63});
}

TEST_CASE("products of empty matrices are empty, or zeros where there is nothing to sum") {
  CHECK(xg::matmul(zeros({0, 3}), zeros({3, 2})).shape() == xg::Shape{0, 2});
  CHECK(xg::matmul(zeros({2, 0}), zeros({0, 3})).value() == xt::zeros<double>({2, 3}));
  CHECK(xg::linear(zeros({2, 0}), zeros({0, 1}), xg::constant(xt::xarray<double>{7})).value() ==
        7 * xt::ones<double>({2, 1}));
  const Var x = random_variable({0, 3}, 1), w = random_variable({3, 2}, 2);
  const auto gradients = xg::grad(xg::matmul(x, w), {x, w}, {.grad_output = ones({0, 2})});
  CHECK(gradients[0].shape() == xg::Shape{0, 3});
  CHECK(gradients[1].value() == xt::zeros<double>({3, 2}));
}

TEST_CASE("matmul of random shapes has right gradients at both orders") {
  xg::Generator from(17);
  for (std::uint64_t seed = 0; seed < 12; ++seed) {
    const std::size_t m = 1 + from.below(4), k = 1 + from.below(4), n = 1 + from.below(4);
    const bool ta = from.below(2) == 1, tb = from.below(2) == 1;
    INFO("seed " << seed << ": m " << m << ", k " << k << ", n " << n << ", transposed " << ta << " " << tb);
    const Var a = random_variable(ta ? xg::Shape{k, m} : xg::Shape{m, k}, seed);
    const Var b = random_variable(tb ? xg::Shape{n, k} : xg::Shape{k, n}, seed + 100);
    const auto report = xg::gradcheck(
        [&](const Var& x, const Var& y) {
          return xg::square(xg::matmul(x, y, {.transpose_a = ta, .transpose_b = tb}));
        },
        {a, b}, {.second_order = true});
    INFO(report);
    CHECK(report.ok());
  }
}

TEST_CASE("a product that saves its factors for each other's sake keeps neither alone") {
  const Var x = random_variable({4, 4}, 1), fixed = zeros({4, 4});
  const auto buffers_of = [&](const auto& product) {
    const auto before = xg::memory_stats().live_buffers;
    const Var y = product();
    return xg::memory_stats().live_buffers - before;
  };
  // x * 2 has no handle of its own once the product is made; its other operand, the scalar, is not kept
  // either way.
  const auto alone = buffers_of([&] { return x * 2; });
  CHECK(buffers_of([&] { return xg::matmul(x * 2, fixed); }) == alone);
  CHECK(buffers_of([&] { return xg::matmul(fixed, x * 2); }) == alone);
  CHECK(buffers_of([&] { return xg::linear(fixed, fixed, xg::slice(x * 2, {0})); }) == alone);
  CHECK(buffers_of([&] { return xg::matmul(x * 2, x); }) == alone + 1);
}

TEST_CASE("linear is x weight + bias over the last axis, whatever stands before it") {
  const auto weight = xg::constant(xt::xarray<double>{{1, 2}, {3, 4}, {5, 6}});
  const auto bias = xg::constant(xt::xarray<double>{100, 200});
  const auto row = xg::constant(xt::xarray<double>{1, 0, 2});
  CHECK(xg::linear(row, weight, bias).value() == xt::xarray<double>{111, 214});
  CHECK(xg::linear(row, weight).value() == xt::xarray<double>{11, 14});
  const auto batch = xg::constant(xt::ones<double>({2, 2, 3}));
  const auto y = xg::linear(batch, weight, bias);
  CHECK(y.shape() == xg::Shape{2, 2, 2});
  CHECK(y.value()(1, 1, 1) == 212);
}

TEST_CASE("linear has the gradients of the Affine layer, at both orders") {
  const Var x = random_variable({5, 3}, 1), weight = random_variable({3, 2}, 2),
            bias = random_variable({2}, 3);
  const auto dy = xg::constant(xt::xarray<double>{{1, 2}, {-1, 0.5}, {3, 1}, {0, 2}, {1, 1}});
  const auto g = xg::grad(xg::linear(x, weight, bias), {x, weight, bias}, {.grad_output = dy});
  CHECK(xt::allclose(g[0].value(), xg::matmul(dy, weight, {.transpose_b = true}).value()));
  CHECK(xt::allclose(g[1].value(), xg::matmul(x, dy, {.transpose_a = true}).value()));
  CHECK(g[2].value() == xt::xarray<double>{4, 6.5});
  const auto report =
      xg::gradcheck([](const Var& a, const Var& w, const Var& b) { return xg::square(xg::linear(a, w, b)); },
                    {x, weight, bias}, {.second_order = true});
  INFO(report);
  CHECK(report.ok());
}

TEST_CASE("third derivatives of a product are right too") {
  const Var x = random_variable({2, 2}, 4), w = random_variable({2, 2}, 5);
  // trace-like scalar of degree three in w: d3/dw3 is a constant, found by differentiating thrice.
  const auto cube = [&](const Var& v) {
    return xg::matmul(xg::matmul(v, x), xg::matmul(v, v, {.transpose_a = true}));
  };
  const auto report = xg::gradcheck(
      [&](const Var& v) {
        const Var copy = v.requires_grad() ? v : xg::detail::parameter_from(v.dense());
        return xg::grad(cube(copy), {copy}, {.create_graph = true, .grad_output = ones({2, 2})})[0];
      },
      {w}, {.second_order = true});
  INFO(report);
  CHECK(report.ok());
}

TEST_CASE("matmul names both shapes and the way out when they do not fit") {
  CHECK(matmul_message({300, 2}, {3, 100}) ==
        "matmul: inner dimensions differ: [300, 2] x [3, 100] (2 vs 3); transpose one side or check the "
        "layer's input size");
  CHECK(matmul_message({2, 300}, {100, 3}, {.transpose_a = true, .transpose_b = true}) ==
        "matmul: inner dimensions differ: transposed [2, 300] x transposed [100, 3] (2 vs 3); transpose one "
        "side or check the layer's input size");
  CHECK(matmul_message({4}, {3}) ==
        "matmul: inner dimensions differ: [4] x [3] (4 vs 3); transpose one side or check the layer's input "
        "size");
  CHECK(matmul_message({5, 2, 3}, {4, 4}) ==
        "matmul: inner dimensions differ: [5, 2, 3] x [4, 4] (3 vs 4); transpose one side or check the "
        "layer's input size");
  CHECK(matmul_message({7, 5, 2, 3}, {4, 3, 2}) ==
        "matmul: batch axes do not broadcast: [7, 5, 2, 3] x [4, 3, 2] (axis 1 of the result: 5 vs 4); make "
        "the extents equal or 1");
  CHECK(matmul_message({}, {3, 4}) ==
        "matmul: a value without axes is no factor: [] x [3, 4]; use * for scalars");
}

TEST_CASE("linear names the shapes that do not fit") {
  const auto message = [](const xg::Shape& x, const xg::Shape& weight, const xg::Shape& bias) {
    return message_of<xg::ShapeError>([&] { xg::linear(zeros(x), zeros(weight), zeros(bias)); });
  };
  CHECK(message({5, 4}, {3, 2}, {2}) ==
        "linear: inner dimensions differ: [5, 4] x [3, 2] (4 vs 3); check the layer's input size");
  CHECK(message({5, 3}, {3}, {2}) == "linear: the weight is no matrix: [5, 3] x [3]; it must be [in, out]");
  CHECK(message({}, {3, 2}, {2}) ==
        "linear: a value without axes is no input: [] x [3, 2]; it must be [..., in]");
  CHECK(message({5, 3}, {3, 2}, {1, 2}) ==
        "linear: the bias does not fit the weight: [1, 2] and [3, 2]; it must be [2]");
}
