// Elements chosen and replaced: values against plain loops, indices that come twice, edges, errors.
#include <doctest/doctest.h>

#include <cmath>
#include <string>
#include <vector>
#include <xgrad/core/kernels/random.hpp>
#include <xgrad/derivatives/grad.hpp>
#include <xgrad/derivatives/gradcheck.hpp>
#include <xgrad/ops/gather.hpp>
#include <xgrad/ops/operators.hpp>

#include "../message_of.hpp"
#include "../variables.hpp"

namespace xg = xgrad;
using xg::testing::as_doubles;
using xg::testing::message_of;
using xg::testing::random_indices;
using xg::testing::random_variable;

namespace {

using Var = xg::Variable<double>;
using Values = std::vector<double>;
using List = xt::xarray<std::int64_t>;

std::size_t from_front(std::int64_t index, std::size_t extent) {
  return static_cast<std::size_t>(index < 0 ? index + static_cast<std::int64_t>(extent) : index);
}

template <class F>
void check_gradients(const F& f, const std::vector<Var>& in) {
  const auto report =
      xg::gradcheck([&](const std::vector<Var>& v) { return xg::square(f(v)); }, in, {.second_order = true});
  INFO(report);
  CHECK(report.ok());
}

}  // namespace

TEST_CASE("gather and scatter_add of random shapes, indices shorter than x too, are those of plain loops") {
  xg::Generator from(91);
  for (int round = 0; round < 30; ++round) {
    const std::size_t a = 1 + from.below(4), b = 1 + from.below(4), c = 1 + from.below(4);
    const std::size_t p = from.below(a + 1), n = from.below(6), q = 1 + from.below(c);
    INFO("round " << round << ": " << a << ", " << b << ", " << c << "; " << p << ", " << n << ", " << q);
    const Var x = random_variable({a, b, c}, from), source = random_variable({p + 1, n, q + 1}, from);
    const xg::Indices indices = random_indices({p, n, q}, b, from);
    Values gathered, added = as_doubles(x);
    for (std::size_t i = 0; i < p; ++i)
      for (std::size_t j = 0; j < n; ++j)
        for (std::size_t k = 0; k < q; ++k) {
          const std::size_t place = (i * b + from_front(indices(i, j, k), b)) * c + k;
          gathered.push_back(x.dense().data()[place]);
          added[place] += source.value()(i, j, k);
        }
    const Var y = xg::gather(x, 1, indices);
    CHECK(y.shape() == xg::Shape{p, n, q});
    CHECK(as_doubles(y) == gathered);
    const Values sums = as_doubles(xg::scatter_add(x, -2, indices, source));
    REQUIRE(sums.size() == added.size());
    for (std::size_t k = 0; k < sums.size(); ++k) CHECK(sums[k] == doctest::Approx(added[k]).epsilon(1e-14));
    check_gradients([&](const std::vector<Var>& v) { return xg::gather(v[0], 1, indices); }, {x});
    check_gradients([&](const std::vector<Var>& v) { return xg::scatter_add(v[0], 1, indices, v[1]); },
                    {x, source});
  }
}

TEST_CASE("masked_select takes elements row by row, where both sides broadcast too") {
  const auto x = xg::parameter(xt::xarray<double>{{1, 2, 3}, {4, 5, 6}});
  const xg::Mask all = xt::xarray<bool>{{true, false, true}, {false, true, false}};
  const xg::Mask by_column = xt::xarray<bool>{true, false, true},
                 by_row = xt::transpose(xt::xarray<bool>{{false, true}});
  const xg::Mask none = xt::xarray<bool>(false);
  CHECK(as_doubles(xg::masked_select(x, all)) == Values{1, 3, 5});
  CHECK(as_doubles(xg::masked_select(x, by_column)) == Values{1, 3, 4, 6});
  CHECK(as_doubles(xg::masked_select(x, by_row)) == Values{4, 5, 6});
  CHECK(xg::masked_select(x, none).shape() == xg::Shape{0});
  CHECK(as_doubles(xg::masked_select(x, xg::greater(x, 3))) == Values{4, 5, 6});
  const auto row = xg::parameter(xt::xarray<double>{1, 2, 3});
  const Var repeated = xg::masked_select(row, all);
  CHECK(as_doubles(repeated) == Values{1, 3, 2});
  check_gradients([&](const std::vector<Var>& v) { return xg::masked_select(v[0], all); }, {x});
  const xg::Mask twice = xt::xarray<bool>{{true, true, false}, {false, true, false}};
  const auto g = xg::grad(xg::masked_select(row, twice), {row}, {.grad_output = xt::ones<double>({3})})[0];
  CHECK(g.value() == xt::xarray<double>{1, 2, 0});
}

TEST_CASE("index_put replaces or adds at broadcast index arrays, for random shapes") {
  xg::Generator from(92);
  for (int round = 0; round < 30; ++round) {
    const std::size_t a = 1 + from.below(4), b = 1 + from.below(4), c = from.below(4);
    const std::size_t p = from.below(4), n = 1 + from.below(3);
    const bool accumulate = round % 2 == 0;
    INFO("round " << round << ": " << a << ", " << b << ", " << c << "; " << p << ", " << n);
    const Var x = random_variable({a, b, c}, from), values = random_variable({n, c}, from);
    const xg::Indices first = random_indices({p, 1}, a, from), second = random_indices({n}, b, from);
    Values expected = as_doubles(x);
    for (std::size_t i = 0; i < p; ++i)
      for (std::size_t j = 0; j < n; ++j)
        for (std::size_t k = 0; k < c; ++k) {
          double& e = expected[(from_front(first(i, 0), a) * b + from_front(second(j), b)) * c + k];
          e = (accumulate ? e : 0) + values.value()(j, k);
        }
    const Var y = xg::index_put(x, {first, second}, values, accumulate);
    REQUIRE(y.shape() == x.shape());
    const Values got = as_doubles(y);
    for (std::size_t k = 0; k < got.size(); ++k) CHECK(got[k] == doctest::Approx(expected[k]).epsilon(1e-14));
    check_gradients(
        [&](const std::vector<Var>& v) {
          return xg::index_put(v[0], {first, second}, v[1], accumulate);
        },
        {x, values});
  }
}

TEST_CASE("of values put in one place the last one counts, and the gradient is its alone") {
  const auto x = xg::parameter(xt::xarray<double>{1, std::nan(""), 3});
  const auto values = xg::parameter(xt::xarray<double>{10, 20, 30});
  const Var y = xg::index_put(x, {List{1, 0, -2}}, values);
  CHECK(y.value() == xt::xarray<double>{20, 30, 3});
  const auto g = xg::grad(y, {x, values}, {.grad_output = xt::xarray<double>{5, 6, 7}});
  CHECK(g[0].value() == xt::xarray<double>{0, 0, 7});
  CHECK(g[1].value() == xt::xarray<double>{0, 5, 6});
  const Var one = xg::index_put(x, {List{1, 1}}, xg::constant(1.0));
  CHECK(one.value() == xt::xarray<double>{1, 1, 3});
  CHECK(xg::index_put(x, {List{0, 0}}, xg::constant(1.0), true).value()(0) == 3);
}

TEST_CASE("indices, masks and values that do not fit are refused in one sentence") {
  INFO("seed 1");
  xg::Generator from(1);
  const Var x = random_variable({2, 5}, from), y = random_variable({2, 2}, from);
  const xg::Indices high = List{{0, 1}, {5, 2}}, longer = xt::zeros<std::int64_t>({3, 1}), flat = List{0, 2};
  CHECK(message_of([&] { xg::gather(x, 1, high); }) ==
        "gather: index 5 at [1, 0] is out of range for axis 1 of shape [2, 5]; give one from -5 to 4");
  CHECK(message_of([&] { xg::gather(x, 1, longer); }) ==
        "gather: indices [3, 1] for shape [2, 5] (axis 0: 3 vs 2); only along axis 1 may they be longer");
  CHECK(message_of([&] { xg::scatter_add(x, 1, flat, y); }) ==
        "scatter_add: indices [2] for shape [2, 5]; they must have as many axes");
  CHECK(message_of([&] { xg::scatter_add(x, 0, longer, y); }) ==
        "scatter_add: source [2, 2] for indices [3, 1]; it must reach as far along every axis");
  CHECK(message_of([&] { xg::index_put(x, {flat}, y); }) ==
        "index_put: index 2 at [1] is out of range for axis 0 of shape [2, 5]; give one from -2 to 1");
  CHECK(message_of([&] { xg::index_put(x, {}, y); }) ==
        "index_put: 0 index arrays for shape [2, 5]; give one for each of the first axes");
  const xg::Indices good = List{0, 1, 1};
  CHECK(message_of([&] {
          xg::index_put(x, {good, good}, random_variable({4, 3}, from));
        }) ==
        "index_put: values [4, 3] do not broadcast to [3], what the indices choose from [2, 5]; give them "
        "that shape");
  CHECK_THROWS_AS(xg::index_put(x, {good}, random_variable({4}, from)), xg::ShapeError);
  const xg::Mask mask = xt::xarray<bool>{true, false};
  CHECK_THROWS_AS(xg::masked_select(x, mask), xg::ShapeError);
}
