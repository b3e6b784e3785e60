// Empty values of huge extents, which NumPy allows as long as the extents without those of 0 make a possible
// shape: every operation gives the shape that its definition says, without a step for each place of the
// shape; and possible shapes that no memory holds.
#include <new>
#include <string>
#include <xgrad/ops/arrange.hpp>
#include <xgrad/ops/convolution.hpp>
#include <xgrad/ops/decomposition.hpp>
#include <xgrad/ops/einsum.hpp>
#include <xgrad/ops/embedding.hpp>
#include <xgrad/ops/exponential.hpp>
#include <xgrad/ops/gather.hpp>
#include <xgrad/ops/indexing.hpp>
#include <xgrad/ops/layer_norm.hpp>
#include <xgrad/ops/linear_algebra.hpp>
#include <xgrad/ops/operators.hpp>
#include <xgrad/ops/pooling.hpp>
#include <xgrad/ops/reduction.hpp>
#include <xgrad/ops/scan.hpp>
#include <xgrad/ops/shape.hpp>
#include <xgrad/ops/slice.hpp>
#include <xgrad/ops/softmax.hpp>
#include <xgrad/ops/sorting.hpp>
#include <xgrad/ops/statistics.hpp>
#include <xgrad/xtensor.hpp>

#include "../hostile.hpp"

namespace xg = xgrad;
using namespace xg::testing;
using xg::Shape;

namespace {
using Var = xg::Variable<double>;
}

TEST_CASE("huge shapes of empty values are legal, and cost nothing") {
  struct Made {
    const char* what;
    Shape shape;  ///< of the result
    std::function<Var()> call;
  };
  const Var flat = ones({0, K40, 1 << 10}), planes = ones({K40, 1 << 10, 0}), rows = ones({K40, 0, 3});
  const Var squares = ones({K40, 0, 0}), images = ones({K40, 0, 1, 1}), columns = ones({0, 1, K40, 1});
  const Made all[] = {
      {"sum of one axis", {0, 1 << 10}, [&] { return xg::sum(flat, {.axes = {1}}); }},
      {"sum of two axes",
       {1 << 10},
       [&] {
         return xg::sum(flat, {.axes = {0, 1}});
       }},
      {"prod of one axis", {0, K40}, [&] { return xg::prod(flat, {.axes = {2}}); }},
      {"prod of two axes",
       {1 << 10},
       [&] {
         return xg::prod(flat, {.axes = {0, 1}});
       }},
      {"max", {0, K40}, [&] { return xg::max(flat, {.axes = {2}}); }},
      {"logsumexp", {K40, 0}, [&] { return xg::logsumexp(planes, {.axes = {1}}); }},
      {"var", {K40, 0}, [&] { return xg::var(planes, {.axes = {1}}); }},
      {"cumsum", {K40, 1 << 10, 0}, [&] { return xg::cumsum(planes, 1); }},
      {"softmax", {K40, 1 << 10, 0}, [&] { return xg::softmax(planes, 1); }},
      {"softmax of nothing", {K40, 1 << 10, 0}, [&] { return xg::softmax(planes, -1); }},
      {"layer_norm", {K40, 0, 3}, [&] { return xg::layer_norm(rows); }},
      {"exp", {K40, 1 << 10, 0}, [&] { return xg::exp(planes); }},
      {"add",
       {K40, 1 << 10, 0},
       [&] {
         return planes + ones({1, 1 << 10, 1});
       }},
      {"tril", {K40, 1 << 10, 0}, [&] { return xg::tril(planes); }},
      {"flip", {K40, 1 << 10, 0}, [&] { return xg::flip(planes); }},
      {"roll", {K40, 1 << 10, 0}, [&] { return xg::roll(planes, 1, 1); }},
      {"pad",
       {0, K40 + 3, 1 << 10},
       [&] {
         return xg::pad(flat, {{0, 0}, {1, 2}, {0, 0}});
       }},
      {"repeat", {K40, 1 << 11, 0}, [&] { return xg::repeat(planes, 2, 1); }},
      {"tile",
       {0, 3 * K40},
       [&] {
         return xg::tile(ones({1000, 3}), Shape{0, K40});
       }},
      {"permute",
       {0, K40, 1 << 10},
       [&] {
         return xg::permute(planes, {2, 0, 1});
       }},
      {"slice", {2, 1 << 10, 0}, [&] { return xg::slice(planes, {xg::range(0, 2)}); }},
      {"concatenate",
       {K40, 1 << 11, 0},
       [&] {
         return xg::concatenate({planes, planes}, 1);
       }},
      {"take", {K40, 2, 0}, [&] { return xg::take(planes, zeros({2}), 1); }},
      {"take_along_axis",
       {K40, 0, 2},
       [&] {
         return xg::take_along_axis(rows, zeros({K40, 0, 2}), 2);
       }},
      {"take_along_axis beside nothing",
       {K40, 2, 0},
       [&] {
         return xg::take_along_axis(planes, zeros({K40, 2, 0}), 1);
       }},
      {"scatter_slices",
       {2, 1 << 10},
       [&] {
         return xg::scatter_slices(ones({0, 1 << 10}), zeros({0}), 0, Shape{2, 1 << 10});
       }},
      {"index_put", {K40, 1 << 10, 0}, [&] { return xg::index_put(planes, {zeros({2})}, ones({1})); }},
      {"matmul",
       {K40, 0, 5},
       [&] {
         return xg::matmul(rows, ones({3, 5}));
       }},
      {"matmul of stacks",
       {K40, 0, 0},
       [&] {
         return xg::matmul(rows, ones({K40, 3, 0}));
       }},
      {"matmul of vectors", {K40, 0}, [&] { return xg::matmul(rows, ones({3})); }},
      {"linear",
       {K40, 0, 5},
       [&] {
         return xg::linear(rows, ones({3, 5}), ones({5}));
       }},
      {"linear to nothing",
       {K40, 0},
       [&] {
         return xg::linear(ones({K40, 0}), ones({0, 0}), ones({0}));
       }},
      {"einsum",
       {K40, 0, 5},
       [&] {
         return xg::einsum("bij,jk->bik", {rows, ones({3, 5})});
       }},
      {"diagonal", {1 << 10, 0}, [&] { return xg::diagonal(planes, 0, 0, 2); }},
      {"inverse", {K40, 0, 0}, [&] { return xg::inverse(squares); }},
      {"solve", {K40, 0, 3}, [&] { return xg::solve(squares, rows); }},
      {"solve_triangular", {K40, 0, 3}, [&] { return xg::solve_triangular(squares, rows); }},
      {"cholesky", {K40, 0, 0}, [&] { return xg::cholesky(squares); }},
      {"conv2d",
       {K40, 0, 1, 1},
       [&] {
         return xg::conv2d(images, ones({0, 0, 1, 1}));
       }},
      {"conv_transpose2d",
       {K40, 0, 1, 1},
       [&] {
         return xg::conv_transpose2d(images, ones({0, 0, 1, 1}));
       }},
      {"conv2d in many groups",
       {1, 0, 1, 1},
       [&] {
         return xg::conv2d(ones({1, 0, 1, 1}), ones({0, 0, 1, 1}), {.groups = K61});
       }},
      {"max_pool2d",
       {0, 1, K40 - 1, 1},
       [&] {
         return xg::max_pool2d(columns, {.kernel = {2, 1}, .stride = {1, 1}});
       }},
      {"avg_pool2d",
       {0, 1, K40 - 1, 1},
       [&] {
         return xg::avg_pool2d(columns, {.kernel = {2, 1}, .stride = {1, 1}});
       }},
  };
  for (const Made& made : all) {
    CAPTURE(std::string(made.what));
    const Var y = made.call();
    CHECK(y.shape() == made.shape);
    if (y.size() == 0) xg::sum(y).backward();
  }
  // The sum and the product of no elements are 0 and 1.
  CHECK(xg::sum(flat).item() == 0);
  CHECK(xg::prod(flat).item() == 1);
  CHECK((xg::sum(flat, {.axes = {0, 1}}).value() == xt::zeros<double>({1 << 10})));
  CHECK((xg::prod(flat, {.axes = {0, 1}}).value() == xt::ones<double>({1 << 10})));
  CHECK(xg::argmax(planes, 1).shape() == Shape{K40, 0});
  CHECK(xg::argsort(planes, 1).shape() == Shape{K40, 1 << 10, 0});
}

TEST_CASE("a possible value that no memory holds is a std::bad_alloc") {
  const Var flat = ones({0, K40, 1 << 18}), one = ones({1});
  CHECK_THROWS_AS(xg::sum(flat, {.axes = {0}}), std::bad_alloc);
  CHECK_THROWS_AS(xg::prod(flat, {.axes = {0}}), std::bad_alloc);
  CHECK_THROWS_AS(xg::broadcast_to(one, Shape{K60 - 1}), std::bad_alloc);
  CHECK_THROWS_AS(xg::repeat(one, K60 - 1), std::bad_alloc);
  CHECK_THROWS_AS(xg::pad(one, {{0, K58}}), std::bad_alloc);
  CHECK_THROWS_AS(xg::Dense<bool>(Shape{K60 - 1}), std::bad_alloc);
  CHECK_THROWS_AS(xg::Array<double>(Shape{K58, 2}), std::bad_alloc);
  CHECK_THROWS_AS(xg::detail::Storage<double>(all_ones / 8 + 2), std::bad_alloc);
}

TEST_CASE("an Array that was moved from is no array of indices") {
  const Var x = ones({3}), table = ones({3, 2});
  xg::Mask mask = xt::ones<bool>({3});
  xg::Indices indices = xt::zeros<std::int64_t>({3});
  const xg::Mask kept = std::move(mask);
  const xg::Indices also_kept = std::move(indices);
  const std::string text = "array: shape [3] holds 0 elements; it was moved from, assign to it first";
  CHECK(message_of([&] { xg::masked_select(x, mask); }) == text);
  CHECK(message_of([&] { xg::gather(x, 0, indices); }) == text);
  CHECK(message_of([&] { xg::scatter_add(x, 0, indices, x); }) == text);
  CHECK(message_of([&] { xg::index_put(x, {indices}, x); }) == text);
  CHECK(message_of([&] { xg::embedding(table, indices); }) == text);
}
