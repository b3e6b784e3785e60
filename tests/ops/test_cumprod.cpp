// cumprod at zeros, where a quotient of products would be 0 / 0.
#include <limits>
#include <vector>

#include <doctest/doctest.h>
#include <xgrad/derivatives/grad.hpp>
#include <xgrad/derivatives/gradcheck.hpp>
#include <xgrad/ops/cumprod.hpp>
#include <xgrad/ops/operators.hpp>
#include <xgrad/ops/reduction.hpp>

#include "../message_of.hpp"
#include "../variables.hpp"

namespace xg = xgrad;
using Var = xg::Variable<double>;
using xgrad::testing::gradient_of;
using xgrad::testing::message_of;

TEST_CASE("cumprod is the running product, along an axis or over all") {
  const auto x = xg::parameter(xt::xarray<double>{{1, 2, 3}, {4, 0, -2}});
  CHECK(xg::cumprod(x, 1).value() == xt::xarray<double>{{1, 2, 6}, {4, 0, 0}});
  CHECK(xg::cumprod(x, 0).value() == xt::xarray<double>{{1, 2, 3}, {4, 0, -6}});
  CHECK(xg::cumprod(x).value() == xt::xarray<double>{1, 2, 6, 24, 0, 0});
  CHECK(xg::cumprod(x, 1).operation() == "cumprod");
}

TEST_CASE("cumprod's gradient at zeros is the sum of the products of the others") {
  // By hand: of x0 + x0 x1 + x0 x1 x2 at (2, 0, 5): 1 + x1 + x1 x2, x0 + x0 x2, x0 x1.
  const auto one = xg::parameter(xt::xarray<double>{2, 0, 5});
  CHECK(gradient_of(xg::sum(xg::cumprod(one, 0)), one) == xt::xarray<double>{1, 12, 0});
  // At (0, 0, 5): 1, 0, 0.
  const auto two = xg::parameter(xt::xarray<double>{0, 0, 5});
  CHECK(gradient_of(xg::sum(xg::cumprod(two, 0)), two) == xt::xarray<double>{1, 0, 0});
}

TEST_CASE("cumprod is right at zeros at the second order, and in its gradient's own gradient") {
  const xg::Array<double> places[] = {xt::xarray<double>{{2, 0, 5, -1}, {0, 0, 3, 2}},
                                      xt::xarray<double>{{0, 1, 0, 0.5}, {1, 2, 3, 0}}};
  for (const auto& x : places) {
    const auto weights = xg::constant(xt::xarray<double>{{1, -2, 3, 0.5}, {2, 1, -1, 4}});
    const auto report = xg::gradcheck([&](const Var& v) { return xg::sum(weights * xg::cumprod(v, 1)); },
                                      {xg::parameter(x)}, {.second_order = true, .forward_mode = true});
    INFO(report);
    CHECK(report.ok());
    // The third order: the gradient of the Hessian's sum, against differences of it.
    const auto third = xg::gradcheck(
        [&](const Var& v) {
          const Var g = xg::grad(xg::sum(weights * xg::cumprod(v, 1)), {v}, {.create_graph = true})[0];
          return xg::sum(g * g * weights);
        },
        {xg::parameter(x)}, {.second_order = true});
    INFO(third);
    CHECK(third.ok());
  }
}

TEST_CASE("cumprod keeps what the multiplication of doubles keeps, and refuses an axis that is not there") {
  // 1e-30 * 1e-30 is 0 in float, and the products go on in double.
  const auto x = xg::constant(xt::xarray<float>{1e-30f, 1e-30f, 1e30f, 1e30f});
  CHECK(xg::cumprod(x, 0).value()(3) == doctest::Approx(1).epsilon(1e-5));
  CHECK(message_of([&] { xg::cumprod(x, 1); }).starts_with("cumprod: axis 1"));
}
