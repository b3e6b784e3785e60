// embedding: rows of a table, and what its gradient adds up.
#include <doctest/doctest.h>

#include <xgrad/ops/embedding.hpp>
#include <xgrad/ops/operators.hpp>

#include "../message_of.hpp"

namespace xg = xgrad;
using xgrad::testing::message_of;

TEST_CASE("embedding gives a row for each index, and adds up gradients where one comes twice") {
  const auto table = xg::parameter(xt::xarray<double>{{1, 2}, {3, 4}, {5, 6}});
  const auto y = xg::embedding(table, xt::xarray<std::int64_t>{{2, 0}, {2, 2}});
  CHECK(y.value() == xt::xarray<double>{{{5, 6}, {1, 2}}, {{5, 6}, {5, 6}}});
  y.backward({.grad_output = xt::xarray<double>{{{1, 10}, {2, 20}}, {{3, 30}, {4, 40}}}});
  CHECK(table.grad() == xt::xarray<double>{{2, 20}, {0, 0}, {8, 80}});
  CHECK(xg::embedding(table, xg::Indices(xt::zeros<std::int64_t>({0, 4}))).shape() == xg::Shape{0, 4, 2});
}

TEST_CASE("embedding refuses a table that is no matrix, and indices that are none of its rows") {
  const auto table = xg::constant(xt::ones<double>({3, 2}));
  CHECK(
      message_of<xg::ValueError>([&] {
        xg::embedding(table, xt::xarray<std::int64_t>{1, 3});
      }) ==
      "embedding: index 3 among indices [2] is none of the table [3, 2]; its rows are numbered from 0 to 2");
  CHECK_THROWS_AS(xg::embedding(table, xt::xarray<std::int64_t>{-1}), xg::ValueError);
  CHECK(message_of<xg::ShapeError>([&] {
          xg::embedding(xg::constant(xt::ones<double>({3})), xt::xarray<std::int64_t>{0});
        }) == "embedding: the table [3] is no matrix; it must be [count, dimension]");
}
