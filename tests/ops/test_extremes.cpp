// Extremes with their indices, parts of an axis, and elements that a mask replaces.
#include <cmath>
#include <limits>
#include <vector>

#include <doctest/doctest.h>
#include <xgrad/derivatives/gradcheck.hpp>
#include <xgrad/ops/comparison.hpp>
#include <xgrad/ops/extremes.hpp>
#include <xgrad/ops/operators.hpp>
#include <xgrad/ops/reduction.hpp>
#include <xgrad/ops/slice.hpp>
#include <xgrad/ops/softmax.hpp>

#include "../message_of.hpp"
#include "../variables.hpp"

namespace xg = xgrad;
using xg::Shape;
using xgrad::testing::gradient_of;
using xgrad::testing::message_of;
using Var = xg::Variable<double>;

TEST_CASE("max_with_indices gives values and places along an axis, the first of equal ones") {
  const auto x = xg::parameter(xt::xarray<double>{{1, 3, 3}, {5, 4, -1}});
  const auto [values, indices] = xg::max_with_indices(x, 1);
  CHECK(values.value() == xt::xarray<double>{3, 5});
  CHECK(indices == xg::Indices(xt::xarray<std::int64_t>{1, 0}));
  // All of the gradient goes there; max would share it.
  CHECK(gradient_of(xg::sum(values), x) == xt::xarray<double>{{0, 1, 0}, {1, 0, 0}});
  const auto least = xg::min_with_indices(x, 0, {.keep_dims = true});
  CHECK(least.values.value() == xt::xarray<double>{{1, 3, -1}});
  CHECK(least.indices == xg::Indices(xt::xarray<std::int64_t>{{0, 0, 1}}));
}

TEST_CASE("max_with_indices finds the first NaN, as argmax does, and its values are max's") {
  const auto x = xg::parameter(xt::xarray<double>{{1, NAN, 7, NAN}, {2, 1, 2, 0}});
  for (const std::ptrdiff_t axis : {0, 1}) {
    CAPTURE(axis);
    CHECK(xg::max_with_indices(x, axis).indices == xg::argmax(x, axis));
    CHECK(xg::min_with_indices(x, axis).indices == xg::argmin(x, axis));
  }
  CHECK(std::isnan(xg::max_with_indices(x, 1).values.value()(0)));
  CHECK(xg::max_with_indices(x, 1).values.value()(1) == 2);
}

TEST_CASE("chunk cuts an axis into parts of one length and a shorter last one, as PyTorch") {
  const auto x = xg::parameter(xt::arange<double>(0, 10).reshape({5, 2}));
  // PyTorch 1.13.1: the lengths of torch.zeros(5, 2).chunk(n).
  const std::vector<std::vector<std::size_t>> lengths = {{5},       {3, 2},          {2, 2, 1},
                                                         {2, 2, 1}, {1, 1, 1, 1, 1}, {1, 1, 1, 1, 1}};
  for (std::size_t n = 1; n <= 6; ++n) {
    CAPTURE(n);
    const std::vector<Var> parts = xg::chunk(x, n);
    REQUIRE(parts.size() == lengths[n - 1].size());
    for (std::size_t k = 0; k < parts.size(); ++k) CHECK(parts[k].shape() == Shape{lengths[n - 1][k], 2});
    CHECK(xg::concatenate(parts).value() == x.value());
  }
  CHECK(xg::chunk(x, 2, -1)[1].value() == xt::arange<double>(1, 10, 2).reshape({5, 1}));
  const auto none = xg::chunk(xg::constant(xt::zeros<double>({0, 2})), 3);
  CHECK(none.size() == 3);
  CHECK(none[2].shape() == Shape{0, 2});
  CHECK(gradient_of(xg::sum(xg::chunk(x, 2)[1] * 3.0), x)(3, 0) == 3);
  CHECK(message_of([&] { xg::chunk(x, 0); }) == "chunk: the number of parts is 0; it must be at least 1");
  CHECK(message_of([&] { xg::chunk(x, 2, 2); }).starts_with("chunk: axis 2"));
}

TEST_CASE("masked_fill replaces elements, which have no gradient then") {
  const double infinity = std::numeric_limits<double>::infinity();
  const auto x = xg::parameter(xt::xarray<double>{{1, 2, 3}, {4, 5, 6}});
  const xg::Mask mask = xt::xarray<bool>{false, true, false};  // broadcasts
  const auto y = xg::masked_fill(x, mask, -infinity);
  CHECK(y.value() == xt::xarray<double>{{1, -infinity, 3}, {4, -infinity, 6}});
  CHECK(gradient_of(xg::sum(xg::softmax(y) * x), x)(0, 1) == 0);
  CHECK(xg::masked_fill(x, x > 4.0, 0).value() == xt::xarray<double>{{1, 2, 3}, {4, 0, 0}});
  CHECK(message_of([&] {
          xg::masked_fill(x, xg::Mask({2, 2, 3}, true), 0);
        }) == "masked_fill: the mask [2, 2, 3] is larger than x, [2, 3]; broadcast x first, or use where");
  CHECK(message_of([&] { xg::masked_fill(x, xg::Mask({2}, true), 0); }).starts_with("masked_fill: "));
}
