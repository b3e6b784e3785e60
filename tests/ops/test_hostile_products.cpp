// Shapes that no value can have, asked for through every operation that chooses, multiplies or makes
// elements.
#include <xgrad/core/kernels/random.hpp>
#include <xgrad/derivatives/functions.hpp>
#include <xgrad/ops/convolution.hpp>
#include <xgrad/ops/decomposition.hpp>
#include <xgrad/ops/einsum.hpp>
#include <xgrad/ops/embedding.hpp>
#include <xgrad/ops/gather.hpp>
#include <xgrad/ops/indexing.hpp>
#include <xgrad/ops/linear_algebra.hpp>
#include <xgrad/ops/operators.hpp>
#include <xgrad/ops/pooling.hpp>
#include <xgrad/xtensor.hpp>

#include "../hostile.hpp"

namespace xg = xgrad;
using namespace xg::testing;
using xg::Shape;

namespace {
using Var = xg::Variable<double>;
}

TEST_CASE("no choice, product or window gives a shape that no value can have") {
  SUBCASE("chosen by indices") {
    const Var slices = ones({3, K58, 0}), wide = ones({1, K40, 0});
    check_refused({
        {"take: [3, 288230376151711744, 0] and [8] would become [8, 288230376151711744, 0], and a value has "
         "less than 2^60 elements, extents of 0 left out; make it smaller",
         [&] { xg::take(slices, zeros({8}), 0); }},
        {"embedding: [0, 576460752303423488] and [2, 0] would become [2, 0, 576460752303423488], and a value "
         "has less than 2^60 elements, extents of 0 left out; make it smaller",
         [&] {
           xg::embedding(ones({0, K59}), zeros({2, 0}));
         }},
        {"index_put: [3, 288230376151711744, 0] and [8] would become [8, 288230376151711744, 0], and a value "
         "has less than 2^60 elements, extents of 0 left out; make it smaller",
         [&] { xg::index_put(slices, {zeros({8})}, ones({})); }},
        {"masked_select: [1, 1099511627776, 0] and [1099511627776, 1, 0] would become [1099511627776, "
         "1099511627776, 0], and a value has less than 2^60 elements, extents of 0 left out; make it smaller",
         [&] {
           xg::masked_select(wide, xg::to_array(xg::Dense<bool>(Shape{K40, 1, 0})));
         }},
        {"one_hot: [3] would become [3, 2^63 - 1 or more], and a value has less than 2^60 elements; make "
         "it smaller",
         [&] { xg::one_hot<double>(zeros({3}), all_ones - 1); }},
        {"one_hot: [3] would become [3, 4611686018427387904], and a value has less than 2^60 elements; make "
         "it smaller",
         [&] { xg::one_hot<float>(zeros({3}), 2 * K61); }},
        {"one_hot: [0] would become [0, 2^63 - 1 or more], and a value has less than 2^60 elements, extents "
         "of 0 left out; make it smaller",
         [&] { xg::one_hot<double>(zeros({0}), all_ones); }},
    });
  }
  SUBCASE("multiplied") {
    const Var tall = ones({K30, 0}), wide = ones({0, K30});
    check_refused({
        {"matmul: [1073741824, 0] and [0, 1073741824] would become [1073741824, 1073741824], and a value has "
         "less than 2^60 elements; make it smaller",
         [&] { xg::matmul(tall, wide); }},
        {"matmul: [0, 1073741824] and [0, 1073741824] would become [1073741824, 1073741824], and a value has "
         "less than 2^60 elements; make it smaller",
         [&] { xg::matmul(wide, wide, {.transpose_a = true}); }},
        {"matmul: [1073741824, 0] and [1073741824, 0] would become [1073741824, 1073741824], and a value has "
         "less than 2^60 elements; make it smaller",
         [&] { xg::matmul(tall, tall, {.transpose_b = true}); }},
        {"matmul: [2147483648, 1, 2, 0] and [1, 1073741824, 0, 2] would become [2147483648, 1073741824, 2, "
         "2], and a value has less than 2^60 elements; make it smaller",
         [&] {
           xg::matmul(ones({K31, 1, 2, 0}), ones({1, K30, 0, 2}));
         }},
        {"dot: [1073741824, 0] and [2, 0, 1073741824] would become [1073741824, 2, 1073741824], and a value "
         "has less than 2^60 elements; make it smaller",
         [&] {
           xg::dot(tall, ones({2, 0, K30}));
         }},
        {"linear: [1073741824, 0] and [0, 1073741824] would become [1073741824, 1073741824], and a value has "
         "less than 2^60 elements; make it smaller",
         [&] { xg::linear(tall, wide); }},
        {"einsum: [1073741824, 0] and [0, 1073741824] would become [1073741824, 1073741824], and a value has "
         "less than 2^60 elements; make it smaller",
         [&] {
           xg::einsum("ij,jk->ik", {tall, wide});
         }},
        {"einsum: [1073741824, 0] and [1073741824, 0] would become [1073741824, 1073741824], and a value has "
         "less than 2^60 elements; make it smaller",
         [&] {
           xg::einsum("ia,ja->ij", {tall, tall});
         }},
        {"solve: batch axes: [1099511627776, 1] and [1, 1099511627776] would become [1099511627776, "
         "1099511627776], and a value has less than 2^60 elements; make it smaller",
         [&] {
           xg::solve(ones({K40, 1, 0, 0}), ones({1, K40, 0, 3}));
         }},
        {"solve_triangular: [1099511627776, 0, 0] and [0, 1048576] would become [1099511627776, 0, 1048576], "
         "and a value has less than 2^60 elements, extents of 0 left out; make it smaller",
         [&] {
           xg::solve_triangular(ones({K40, 0, 0}), ones({0, 1 << 20}));
         }},
    });
  }
  SUBCASE("under windows") {
    constexpr std::size_t far = K31 - 1;
    const Var point = ones({1, 1, 1, 1}), field = ones({0, 1, K30, K30 / 2});
    check_refused({
        {"conv2d: the result would have 2^60 elements or more: images [0, 1, 1073741824, 536870912], kernel "
         "[4, 1, 1, 1], and no value has so many; make it smaller",
         [&] {
           xg::conv2d(field, ones({4, 1, 1, 1}));
         }},
        {"conv2d: the result would have 2^60 elements or more: images [1, 1, 1, 1], kernel [1, 1, 1, 1], and "
         "no value has so many; make it smaller",
         [&] {
           xg::conv2d(point, point, {.padding = {far, far}});
         }},
        {"conv1d: the result would have 2^60 elements or more: images [0, 1, 288230376151711744], kernel [8, "
         "1, 1], and no value has so many; make it smaller",
         [&] {
           xg::conv1d(ones({0, 1, K58}), ones({8, 1, 1}));
         }},
        {"conv2d_kernel_gradient: the result would have 2^60 elements or more: images [1, 1, 1, 1], gradient "
         "[1, 1, 1, 1], and no value has so many; make it smaller",
         [&] {
           xg::conv2d_kernel_gradient(point, point, {far, far}, {.padding = {K30 - 1, K30 - 1}});
         }},
        {"conv_transpose2d: the result would have 2^60 elements or more: images [0, 1, 1073741824, 2], "
         "kernel [1, 1, 1, 1], and no value has so many; make it smaller",
         [&] {
           xg::conv_transpose2d(ones({0, 1, K30, 2}), point, {.stride = {far, 1}});
         }},
        {"conv_transpose2d: the result would have 2^60 elements or more: images [0, 1, 288230376151711744, "
         "1], kernel [1, 1, 1, 1], and no value has so many; make it smaller",
         [&] {
           xg::conv_transpose2d(ones({0, 1, K58, 1}), point, {.stride = {far, 1}});
         }},
        {"conv_transpose2d: the result would have 2^60 elements or more: images [1, 0, 1, 1], kernel [0, 8, "
         "1, 1], and no value has so many; make it smaller",
         [&] {
           xg::conv_transpose2d(ones({1, 0, 1, 1}), ones({0, 8, 1, 1}), {.groups = K61});
         }},
        {"max_pool2d: the result would have 2^60 elements or more: images [0, 1, 1073741823, 1073741824], "
         "window [2, 2], and no value has so many; make it smaller",
         [&] {
           xg::max_pool2d(ones({0, 1, K30 - 1, K30}), {.stride = {1, 1}, .padding = {1, 1}});
         }},
        {"avg_pool2d: the result would have 2^60 elements or more: images [0, 1, 1073741823, 1073741824], "
         "window [2, 2], and no value has so many; make it smaller",
         [&] {
           xg::avg_pool2d(ones({0, 1, K30 - 1, K30}), {.stride = {1, 1}, .padding = {1, 1}});
         }},
    });
  }
  SUBCASE("of derivatives") {
    const Var tall = ones({K30, 0});
    check_refused({
        {"jacobian: [1073741824, 0] and [1073741824, 0] would become [1073741824, 0, 1073741824, 0], and a "
         "value has less than 2^60 elements, extents of 0 left out; make it smaller",
         [&] { xg::jacobian([](const Var& v) { return v * 2; }, tall); }},
    });
  }
  SUBCASE("made from nothing") {
    check_refused({
        {"random_uniform: shape [4294967296, 4294967296] is too large, and a value has less than 2^60 "
         "elements; make it smaller",
         [] {
           xg::random_uniform<float>(Shape{K32, K32}, 0, 1);
         }},
        {"random_normal: shape [0, 1099511627776, 1099511627776] is too large, and a value has less than "
         "2^60 elements, extents of 0 left out; make it smaller",
         [] {
           xg::random_normal<double>(Shape{0, K40, K40}, 0, 1);
         }},
        {"value: shape [2305843009213693953, 8] is too large, and a value has less than 2^60 elements; make "
         "it smaller",
         [] {
           xg::Dense<float>(Shape{K61 + 1, 8});
         }},
        {"value: shape [2^64 - 1 or more] is too large, and a value has less than 2^60 elements; make it "
         "smaller",
         [] { xg::Dense<bool>::filled(Shape{all_ones}, true); }},
        {"value: shape [1152921504606846976] is too large, and a value has less than 2^60 elements; make it "
         "smaller",
         [] { xg::Dense<bool>(Shape{K60}); }},
    });
  }
}

TEST_CASE("an expression of a shape that no value can have does not become an Array") {
  const xg::Array<double> eight = xt::ones<double>({8});
  const Var x = ones({8});
  static constexpr const char* wraps_to_eight =
      "array: shape [2305843009213693953, 8] is too large, and a value has less than 2^60 elements; make it "
      "smaller";
  check_refused({
      {wraps_to_eight,
       [&] {
         const xg::Array<double> made = xt::zeros<double>({K61 + 1, std::size_t{8}});
       }},
      {wraps_to_eight,
       [&] {
         const xg::Array<double> made = xt::broadcast(eight, {K61 + 1, std::size_t{8}});
       }},
      {wraps_to_eight,
       [&] {
         xg::Array<float> made;
         made = xt::zeros<float>({K61 + 1, std::size_t{8}});
       }},
      {wraps_to_eight,
       [&] {
         const xg::Array<float> made(Shape{K61 + 1, 8});
       }},
      {wraps_to_eight,
       [&] {
         xg::parameter(xt::broadcast(eight, {K61 + 1, std::size_t{8}}));
       }},
      {wraps_to_eight,
       [&] {
         xg::constant(xt::zeros<float>({K61 + 1, std::size_t{8}}));
       }},
      {wraps_to_eight,
       [&] {
         x + xt::zeros<double>({K61 + 1, std::size_t{8}});
       }},
      {wraps_to_eight,
       [&] {
         xg::Array<double> made = eight;
         made.resize(Shape{K61 + 1, 8});
       }},
      {"array: shape [0, 1099511627776, 1099511627776] is too large, and a value has less than 2^60 "
       "elements, extents of 0 left out; make it smaller",
       [&] {
         xg::constant(xt::zeros<float>({std::size_t{0}, K40, K40}));
       }},
  });
}
