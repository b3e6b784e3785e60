#include <doctest/doctest.h>

#include <string>
#include <vector>
#include <xgrad/core/kernels/random.hpp>
#include <xgrad/derivatives/grad.hpp>
#include <xgrad/derivatives/gradcheck.hpp>
#include <xgrad/ops/indexing.hpp>
#include <xgrad/ops/operators.hpp>

#include "../message_of.hpp"
#include "../threads.hpp"
#include "../variables.hpp"

namespace xg = xgrad;
using xgrad::testing::as_doubles;
using xgrad::testing::message_of;
using xgrad::testing::random_indices;
using xgrad::testing::random_variable;
using xgrad::testing::Threads;

namespace {

using Var = xg::Variable<double>;

/// Along the middle axis of x [a, b, c], one for each of the indices [a, n, c].
std::vector<double> taken_along(const xg::Array<double>& x, const xg::Indices& indices) {
  std::vector<double> result;
  const auto extent = static_cast<std::int64_t>(x.shape(1));
  for (std::size_t i = 0; i < indices.shape(0); ++i)
    for (std::size_t j = 0; j < indices.shape(1); ++j)
      for (std::size_t k = 0; k < indices.shape(2); ++k)
        result.push_back(x(i, static_cast<std::size_t>((indices(i, j, k) + extent) % extent), k));
  return result;
}

}  // namespace

TEST_CASE("take_along_axis takes one element for each index") {
  const auto x = xg::constant(xt::xarray<double>{{1, 2, 3}, {4, 5, 6}});
  const xg::Indices labels = xt::xarray<std::int64_t>{{2, 1}, {0, 0}};
  CHECK(as_doubles(xg::take_along_axis(x, labels, 1)) == std::vector<double>{3, 2, 4, 4});
  CHECK(xg::take_along_axis(x, labels, -1).shape() == xg::Shape{2, 2});
  const xg::Indices rows = xt::xarray<std::int64_t>{{-1, 0, 1}, {0, 0, 0}, {1, 1, 1}};
  CHECK(xg::take_along_axis(x, rows, 0).value() == xt::xarray<double>{{4, 2, 6}, {1, 2, 3}, {4, 5, 6}});
}

TEST_CASE(
    "take_along_axis of random shapes is right, at both orders of its gradient, on one thread and on two") {
  xg::Generator from(41);
  for (std::uint64_t seed = 0; seed < 20; ++seed) {
    const std::size_t a = from.below(4), b = 1 + from.below(4), c = 1 + from.below(3), n = from.below(5);
    INFO("seed " << seed << ": " << a << ", " << b << ", " << c << ", " << n);
    const Var x = random_variable({a, b, c}, seed);
    const xg::Indices indices = random_indices({a, n, c}, b, from);
    CHECK(as_doubles(xg::take_along_axis(x, indices, 1)) == taken_along(x.value(), indices));
    const auto report =
        xg::gradcheck([&](const Var& v) { return xg::square(xg::take_along_axis(v, indices, 1)); }, {x},
                      {.second_order = true});
    INFO(report);
    CHECK(report.ok());
  }
  const Var large = random_variable({700, 9, 30}, 1);
  const xg::Indices indices = random_indices({700, 11, 30}, 9, from);
  const auto expected = taken_along(large.value(), indices);
  const xg::Shape shape{700, 11, 30};
  const Var ones = Var(xg::Dense<double>::filled(shape, 1));
  std::vector<std::vector<double>> scattered;
  for (std::size_t threads = 1; threads <= 2; ++threads) {
    Threads use(threads);
    CHECK(as_doubles(xg::take_along_axis(large, indices, 1)) == expected);
    CHECK(use.shared_a_loop() == (threads > 1));
    scattered.push_back(as_doubles(xg::scatter_along_axis(ones, indices, 1, {700, 9, 30})));
    CHECK(use.shared_a_loop() == (threads > 1));
  }
  CHECK(scattered[0] == scattered[1]);
}

TEST_CASE("an index that comes twice adds twice to the gradient") {
  const Var x = random_variable({2, 3}, 1);
  const xg::Indices indices = xt::xarray<std::int64_t>{{0, 0, -3, 2}, {1, 1, 2, 1}};
  const auto g =
      xg::grad(xg::take_along_axis(x, indices, 1), {x}, {.grad_output = xt::ones<double>({2, 4})})[0];
  CHECK(g.value() == xt::xarray<double>{{3, 0, 1}, {0, 3, 1}});
  const xg::Indices rows = xt::xarray<std::int64_t>{1, 1, -1};
  const auto of_rows = xg::grad(xg::take(x, rows), {x}, {.grad_output = xt::ones<double>({3, 3})})[0];
  CHECK(of_rows.value() == xt::xarray<double>{{0, 0, 0}, {3, 3, 3}});
}

TEST_CASE("take puts the indices' axes in place of the axis") {
  const auto x = xg::constant(xt::xarray<double>{{1, 2, 3}, {4, 5, 6}});
  const xg::Indices two = xt::xarray<std::int64_t>{2, 0};
  CHECK(xg::take(x, two, 1).value() == xt::xarray<double>{{3, 1}, {6, 4}});
  const xg::Indices grid = xt::xarray<std::int64_t>{{0, 1}, {1, -2}, {0, 0}};
  const Var y = xg::take(x, grid);
  CHECK(y.shape() == xg::Shape{3, 2, 3});
  CHECK(y.value()(1, 1, 2) == 3);
  const xg::Indices none = xt::zeros<std::int64_t>({0});
  CHECK(xg::take(x, none).shape() == xg::Shape{0, 3});
  const xg::Indices one = xt::xarray<std::int64_t>(1);
  CHECK(xg::take(x, one).value() == xt::xarray<double>{4, 5, 6});
}

TEST_CASE("what is done to an index array later does not change the graph") {
  const Var x = random_variable({3, 2}, 1);
  xg::Indices indices = xt::xarray<std::int64_t>{0, 0};
  const Var y = xg::take(x, indices);
  indices(0) = 2;
  const auto g = xg::grad(y, {x}, {.grad_output = xt::ones<double>({2, 2})})[0];
  CHECK(g.value() == xt::xarray<double>{{2, 2}, {0, 0}, {0, 0}});
}

TEST_CASE("one_hot writes a 1 at each index") {
  const xg::Indices labels = xt::xarray<std::int64_t>{2, 0};
  CHECK(xg::one_hot<double>(labels, 3) == xt::xarray<double>{{0, 0, 1}, {1, 0, 0}});
  const xg::Indices grid = xt::zeros<std::int64_t>({2, 1});
  CHECK(xg::one_hot<float>(grid, 2).shape() == xg::Shape{2, 1, 2});
  CHECK(message_of<xg::ValueError>([&] { xg::one_hot<float>(labels, 2); }) ==
        "one_hot: index 2 at [0] is not one of 2 classes; they are numbered from 0 on");
  const xg::Indices negative = xt::xarray<std::int64_t>{{0, 1}, {0, -1}};
  CHECK(message_of<xg::ValueError>([&] { xg::one_hot<float>(negative, 2); }) ==
        "one_hot: index -1 at [1, 1] is not one of 2 classes; they are numbered from 0 on");
}

TEST_CASE("an index out of range is named with its place") {
  const Var x = random_variable({2, 5}, 1);
  const xg::Indices high = xt::xarray<std::int64_t>{{0, 1, 4}, {0, 5, -6}};
  CHECK(message_of<xg::ValueError>([&] { xg::take_along_axis(x, high, 1); }) ==
        "take_along_axis: index 5 at [1, 1] is out of range for axis 1 of shape [2, 5]; give one from -5 to "
        "4");
  const xg::Indices low = xt::xarray<std::int64_t>{0, -3};
  CHECK(message_of<xg::ValueError>([&] { xg::take(x, low); }) ==
        "take: index -3 at [1] is out of range for axis 0 of shape [2, 5]; give one from -2 to 1");
  CHECK(message_of<xg::ValueError>([&] {
          xg::take(random_variable({0, 5}, 1), low);
        }) == "take: index 0 at [0] is out of range for axis 0 of shape [0, 5]; the axis is empty");
}

TEST_CASE("indices whose shape does not fit are named with it") {
  const Var x = random_variable({2, 5}, 1);
  const xg::Indices flat = xt::xarray<std::int64_t>{0, 1}, row = xt::xarray<std::int64_t>{{0, 1}};
  CHECK(message_of<xg::ShapeError>([&] { xg::take_along_axis(x, flat, 1); }) ==
        "take_along_axis: indices [2] for shape [2, 5]; they must have as many axes");
  CHECK(message_of<xg::ShapeError>([&] { xg::take_along_axis(x, row, 1); }) ==
        "take_along_axis: indices [1, 2] for shape [2, 5] (axis 0: 1 vs 2); extents beside axis 1 must be "
        "equal, they do not broadcast");
  CHECK(message_of<xg::ShapeError>([&] { xg::take_along_axis(x, row, 2); }) ==
        "take_along_axis: axis 2 is out of range for shape [2, 5]; give one from -2 to 1");
  CHECK(message_of<xg::ShapeError>([&] {
          xg::scatter_along_axis(x, row, 0, {5, 2});
        }) ==
        "scatter_along_axis: [2, 5] is not what the indices choose from [5, 2], [1, 2]; they must be equal");
  CHECK(message_of<xg::ShapeError>([&] {
          xg::scatter_slices(x, flat, 0, {4, 3});
        }) ==
        "scatter_slices: [2, 5] is not what the indices choose from [4, 3], [2, 3]; they must be equal");
}
