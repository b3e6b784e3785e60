// NumPy's answers at the edges of shapes: no elements, no axes, negative axes, counts of 0 and beyond the
// end. The numbers are what NumPy 1.24 gives for the same calls.
#include <doctest/doctest.h>

#include <cmath>
#include <functional>
#include <limits>
#include <string>
#include <vector>
#include <xgrad/derivatives/grad.hpp>
#include <xgrad/ops/arrange.hpp>
#include <xgrad/ops/comparison.hpp>
#include <xgrad/ops/decomposition.hpp>
#include <xgrad/ops/einsum.hpp>
#include <xgrad/ops/exponential.hpp>
#include <xgrad/ops/indexing.hpp>
#include <xgrad/ops/linear_algebra.hpp>
#include <xgrad/ops/operators.hpp>
#include <xgrad/ops/reduction.hpp>
#include <xgrad/ops/scan.hpp>
#include <xgrad/ops/shape.hpp>
#include <xgrad/ops/sorting.hpp>
#include <xgrad/ops/statistics.hpp>

#include "library_cases.hpp"

namespace xg = xgrad;
using xgrad::testing::check;
using xgrad::testing::numbers;

namespace {

using Var = xg::Variable<double>;

constexpr double infinity = std::numeric_limits<double>::infinity();
constexpr double not_a_number = std::numeric_limits<double>::quiet_NaN();

}  // namespace

TEST_CASE("reductions of empty, negative and no axes give what NumPy gives") {
  const Var x = numbers({2, 3, 4}), v = numbers({4}), empty = numbers({2, 0});
  const Var scalar = xg::parameter(xt::xarray<double>(3.0));
  const Var rows = xg::constant(xt::xarray<double>{{-infinity, -infinity}, {0, 0}, {infinity, -infinity}});
  check({
      {[&] {
         return xg::sum(x, {.axes = {-1, 0}});
       },
       {3},
       {6, -1, -8}},
      {[&] { return xg::sum(x, {.axes = {-2}, .keep_dims = true}); }, {2, 1, 4}, {-8, 2, 1, 0, 2, 1, 0, -1}},
      {[&] { return xg::sum(x, {.axes = {}, .keep_dims = true}); }, {1, 1, 1}, {-3}},
      {[&] { return xg::sum(empty, {.axes = {1}}); }, {2}, {0, 0}},
      {[&] { return xg::sum(empty, {.axes = {0}, .keep_dims = true}); }, {1, 0}, {}},
      {[&] { return xg::prod(empty, {.axes = {1}}); }, {2}, {1, 1}},
      {[&] { return xg::prod(empty); }, {}, {1}},
      {[&] { return xg::mean(empty, {.axes = {1}}); }, {2}, {not_a_number, not_a_number}},
      {[&] { return xg::var(empty); }, {}, {not_a_number}},
      {[&] { return xg::norm(empty, {.axes = {-1}}); }, {2}, {0, 0}},
      {[&] { return xg::max(empty, {.axes = {0}}); }, {0}, {}},
      {[&] { return xg::sum(scalar); }, {}, {3}},
      {[&] { return xg::max(scalar); }, {}, {3}},
      {[&] { return xg::std(scalar); }, {}, {0}},
      {[&] { return xg::prod(scalar, {.keep_dims = true}); }, {}, {3}},
      {[&] {
         return xg::var(x, {.axes = {0, 2}, .ddof = 1});
       },
       {3},
       {12.5, 9.553571428571429, 11.714285714285714}},
      {[&] { return xg::std(x, {.axes = {-1}, .keep_dims = true, .ddof = 2}); },
       {2, 3, 1},
       {5.385164807134504, 3.5355339059327378, 4.401704215414752, 3.5355339059327378, 4.401704215414752,
        4.401704215414752}},
      {[&] { return xg::var(v, {.ddof = 4}); }, {}, {infinity}},
      {[&] { return xg::var(v, {.ddof = 5}); }, {}, {infinity}},
      {[&] { return xg::norm(x, {.axes = {1}, .p = 1}); }, {2, 4}, {10, 8, 7, 10, 8, 7, 10, 7}},
      {[&] { return xg::norm(v, {.p = infinity}); }, {}, {5}},
      {[&] { return xg::cumsum(x, -2); }, {2, 3, 4}, {-5, 2,  -2, 5, -4, -1, 2, 5,  -8, 2, 1, 0,
                                                      2,  -2, 5,  1, -1, 2,  5, -3, 2,  1, 0, -1}},
      {[&] { return xg::cumsum(empty); }, {0}, {}},
      {[&] { return xg::cumsum(scalar); }, {1}, {3}},
      {[&] { return xg::logsumexp(rows, {.axes = {1}}); }, {3}, {-infinity, 0.6931471805599453, infinity}},
      {[&] { return xg::logsumexp(empty, {.axes = {1}}); }, {2}, {-infinity, -infinity}},
  });
}

TEST_CASE("values are cut, moved, repeated and joined at their edges as NumPy does") {
  const Var x = numbers({2, 3, 4}), v = numbers({4}), empty = numbers({2, 0});
  const Var scalar = xg::parameter(xt::xarray<double>(3.0));
  check({
      {[&] {
         return xg::slice(x, {1, xg::range(std::nullopt, std::nullopt, -1), xg::range(-1, -4, -2)});
       },
       {3, 2},
       {2, -1, -4, 4, 1, -2}},
      {[&] { return xg::slice(v, {xg::range(10, -10, -3)}); }, {2}, {5, -5}},
      {[&] { return xg::slice(v, {xg::range(3, 1)}); }, {0}, {}},
      {[&] { return xg::slice(v, {xg::range(-10, 2)}); }, {2}, {-5, 2}},
      {[&] {
         return xg::pad(v, std::vector<xg::PadWidth>{{0, 0}}, 7);
       },
       {4},
       {-5, 2, -2, 5}},
      {[&] {
         return xg::pad(empty, {{1, 0}, {1, 2}}, 7);
       },
       {3, 3},
       {7, 7, 7, 7, 7, 7, 7, 7, 7}},
      {[&] {
         return xg::tile(v, xg::Shape{2, 1});
       },
       {2, 4},
       {-5, 2, -2, 5, -5, 2, -2, 5}},
      {[&] { return xg::tile(v, xg::Shape{0}); }, {0}, {}},
      {[&] {
         return xg::tile(scalar, xg::Shape{2, 2});
       },
       {2, 2},
       {3, 3, 3, 3}},
      {[&] { return xg::tile(v, xg::Shape{}); }, {4}, {-5, 2, -2, 5}},
      {[&] { return xg::repeat(x, 2, -1); },
       {2, 3, 8},
       {-5, -5, 2,  2,  -2, -2, 5, 5, 1,  1,  -3, -3, 4, 4, 0,  0,  -4, -4, 3,  3,  -1, -1, -5, -5,
        2,  2,  -2, -2, 5,  5,  1, 1, -3, -3, 4,  4,  0, 0, -4, -4, 3,  3,  -1, -1, -5, -5, 2,  2}},
      {[&] { return xg::repeat(v, 0, 0); }, {0}, {}},
      {[&] { return xg::repeat(scalar, 3); }, {3}, {3, 3, 3}},
      {[&] { return xg::roll(v, 9, 0); }, {4}, {5, -5, 2, -2}},
      {[&] { return xg::roll(x, -1); }, {2, 3, 4}, {2,  -2, 5, 1,  -3, 4, 0,  -4, 3,  -1, -5, 2,
                                                    -2, 5,  1, -3, 4,  0, -4, 3,  -1, -5, 2,  -5}},
      {[&] {
         return xg::roll(x, {1, 2}, {-1, -1});
       },
       {2, 3, 4},
       {2, -2, 5, -5, -3, 4, 0, 1, 3, -1, -5, -4, -2, 5, 1, 2, 4, 0, -4, -3, -1, -5, 2, 3}},
      {[&] { return xg::roll(empty, 3, 1); }, {2, 0}, {}},
      {[&] {
         return xg::flip(x, xg::Axes{0, -1});
       },
       {2, 3, 4},
       {1, 5, -2, 2, -4, 0, 4, -3, 2, -5, -1, 3, 5, -2, 2, -5, 0, 4, -3, 1, -5, -1, 3, -4}},
      {[&] { return xg::flip(scalar); }, {}, {3}},
      {[&] { return xg::flip(empty); }, {2, 0}, {}},
      {[&] { return xg::diagonal(x, 1, -1, 0); }, {3, 1}, {2, -3, 3}},
      {[&] { return xg::diagonal(x, 9); }, {4, 0}, {}},
      {[&] { return xg::diagonal(x, -9); }, {4, 0}, {}},
      {[&] { return xg::tril(x, -1); }, {2, 3, 4}, {0, 0, 0, 0, 1,  0, 0, 0, -4, 3,  0, 0,
                                                    0, 0, 0, 0, -3, 0, 0, 0, 3,  -1, 0, 0}},
      {[&] { return xg::triu(x, 9); }, {2, 3, 4}, {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,
                                                   0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0}},
      {[&] { return xg::flatten(scalar); }, {1}, {3}},
      {[&] { return xg::expand_dims(v, -2); }, {1, 4}, {-5, 2, -2, 5}},
      {[&] {
         return xg::permute(x, {-1, 0, -2});
       },
       {4, 2, 3},
       {-5, 1, -4, 2, -3, 3, 2, -3, 3, -2, 4, -1, -2, 4, -1, 5, 0, -5, 5, 0, -5, 1, -4, 2}},
      {[&] { return xg::transpose(x); }, {4, 3, 2}, {-5, 2, 1, -3, -4, 3,  2, -2, -3, 4,  3,  -1,
                                                     -2, 5, 4, 0,  -1, -5, 5, 1,  0,  -4, -5, 2}},
      {[&] {
         return xg::concatenate({empty, empty}, -1);
       },
       {2, 0},
       {}},
      {[&] {
         return xg::stack({scalar, scalar});
       },
       {2},
       {3, 3}},
      {[&] {
         return xg::broadcast_to(empty, {3, 2, 0});
       },
       {3, 2, 0},
       {}},
  });
}

TEST_CASE("choosing, sorting, products and operators at edges give what NumPy gives") {
  const Var x = numbers({2, 3, 4}), v = numbers({4}), empty = numbers({2, 0});
  const Var scalar = xg::parameter(xt::xarray<double>(3.0));
  const xg::Indices none = xt::zeros<std::int64_t>({0});
  const Var empty_row = numbers({0, 1});
  check({
      {[&] {
         return xg::take(v, xt::xarray<std::int64_t>{{-1, 0}, {-4, 3}});
       },
       {2, 2},
       {5, -5, -5, 5}},
      {[&] { return xg::take(x, none, -1); }, {2, 3, 0}, {}},
      {[&] { return xg::topk(v, 0).values; }, {0}, {}},
      {[&] { return xg::topk(v, 4).values; }, {4}, {5, 2, -2, -5}},
      {[&] { return xg::sort(x, 0); }, {2, 3, 4}, {-5, -2, -2, 1, -3, -3, 0, -4, -4, -1, -5, -5,
                                                   2,  2,  5,  5, 1,  4,  4, 0,  3,  3,  -1, 2}},
      {[&] { return xg::sort(empty, 1); }, {2, 0}, {}},
      {[&] { return xg::matmul(v, v); }, {}, {58}},
      {[&] {
         return xg::matmul(v, xg::reshape(x, {2, 4, 3}));
       },
       {2, 3},
       {42, -13, -13, -13, -13, -13}},
      {[&] { return xg::matmul(x, v); }, {2, 3}, {58, -19, 3, -19, 3, 3}},
      {[&] {
         return xg::matmul(xg::expand_dims(x, 1), xg::reshape(x, {2, 4, 3}));
       },
       {2, 2, 3, 3},
       {42, -13, -13, -4, -1, -9, 16,  0, 28, -13, -13, -13, -1, -9, 5,  0, 28, -21,
        3,  1,   -23, 23, 2,  14, -34, 3, 7,  1,   -23, 19,  2,  14, -7, 3, 7,  0}},
      {[&] { return xg::matmul(empty, xg::transpose(empty)); }, {2, 2}, {0, 0, 0, 0}},
      {[&] { return xg::dot(scalar, v); }, {4}, {-15, 6, -6, 15}},
      {[&] { return xg::outer(x, empty); }, {24, 0}, {}},
      {[&] { return xg::trace(x, 1, 0, -1); }, {3}, {7, -3, -2}},
      {[&] { return xg::trace(empty); }, {}, {0}},
      {[&] { return xg::einsum("kji", {x}); }, {4, 3, 2}, {-5, 2, 1, -3, -4, 3,  2, -2, -3, 4,  3,  -1,
                                                           -2, 5, 4, 0,  -1, -5, 5, 1,  0,  -4, -5, 2}},
      {[&] { return xg::einsum("ba", {empty}); }, {0, 2}, {}},
      {[&] {
         return xg::einsum("i,i", {v, v});
       },
       {},
       {58}},
      {[&] {
         return xg::einsum("ii->i", {xg::reshape(v, {2, 2})});
       },
       {2},
       {-5, 5}},
      {[&] {
         return xg::einsum(",i->i", {scalar, v});
       },
       {4},
       {-15, 6, -6, 15}},
      {[&] {
         return xg::determinant(xg::reshape(empty, {0, 0}));
       },
       {},
       {1}},
      {[&] { return xg::clamp(v, 2, -1); }, {4}, {-1, -1, -1, -1}},
      {[&] { return v + empty_row; }, {0, 4}, {}},
      {[&] { return scalar * empty; }, {2, 0}, {}},
  });
}

TEST_CASE("a NaN in the branch that where does not take reaches neither the value nor a gradient") {
  const xg::Mask mask = xt::xarray<bool>{true, false};
  const Var a = xg::parameter(xt::xarray<double>{2, not_a_number}),
            b = xg::parameter(xt::xarray<double>{not_a_number, 3});
  const Var y = xg::where(mask, a, b);
  CHECK(y.value() == xt::xarray<double>{2, 3});
  const auto gradients = xg::grad(xg::sum(xg::square(y)), {a, b}, {.create_graph = true});
  CHECK(gradients[0].value() == xt::xarray<double>{4, 0});
  CHECK(gradients[1].value() == xt::xarray<double>{0, 6});
  const auto second = xg::grad(xg::sum(gradients[0] + gradients[1]), {a, b});
  CHECK(second[0].value() == xt::xarray<double>{2, 0});
  CHECK(second[1].value() == xt::xarray<double>{0, 2});
}

TEST_CASE(
    "an infinite slope behind the branch that where does not take needs a where of its own, as in PyTorch") {
  const Var at_zero = xg::parameter(xt::xarray<double>{0, 4});
  const Var positive = at_zero > 0;
  const auto gradient_of = [&](const Var& y) { return xg::grad(xg::sum(y), {at_zero})[0].value(); };
  const xg::Array<double> bare = gradient_of(xg::where(positive, xg::log(at_zero), 0));
  CHECK(std::isnan(bare(0)));  // 0 times infinity, in log's own gradient
  CHECK(bare(1) == 0.25);
  const xg::Array<double> guarded =
      gradient_of(xg::where(positive, xg::log(xg::where(positive, at_zero, 1)), 0));
  CHECK(guarded == xt::xarray<double>{0, 0.25});
}
