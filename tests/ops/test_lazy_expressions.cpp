// Lazy xtensor expressions that enter as values: each against a plain loop over the numbers that it is made
// of.
#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <initializer_list>
#include <vector>
#include <xgrad/xgrad.hpp>
#include <xgrad/xtensor.hpp>

#include "lazy_expressions.hpp"

namespace xg = xgrad;
using namespace xgrad::testing::lazy;
using A = xg::Array<double>;
using X = xt::xarray<double>;

namespace {

X column(std::initializer_list<double> numbers) {
  X made = X::from_shape({numbers.size(), 1});
  std::copy(numbers.begin(), numbers.end(), made.begin());
  return made;
}

}  // namespace

TEST_CASE("a reduction that keeps its axes is repeated along them") {
  const auto kept = xt::keep_dims;
  CHECK_3x2(p / xt::sum(p, {1}, kept), p(i, j) / row_sums[i]);
  CHECK_3x2(p / xt::sum(p, {0}, kept), p(i, j) / column_sums[j]);
  CHECK_3x2(p / xt::sum(p, kept), p(i, j) / 21);
  CHECK_3x2(p + xt::amax(p, {1}, kept), p(i, j) + p(i, 1));
  CHECK_3x2(p - xt::mean(p, {1}, kept), p(i, j) - row_sums[i] / 2);
  CHECK_3x2(p + xt::sqrt(xt::sum(p, {1}, kept)), p(i, j) + std::sqrt(row_sums[i]));
  CHECK_3x2(xt::sum(p, {1}, kept) + xt::sum(p, {0}, kept), row_sums[i] + column_sums[j]);
  CHECK_3x2(xt::broadcast(xt::sum(p, {1}, kept), {3, 2}), row_sums[i]);
  CHECK_3x2(xt::where(p > xt::mean(p, {1}, kept), p, 0.), (j == 1 ? p(i, j) : 0));
  CHECK_3x2(xt::cast<double>(xt::cast<float>(p) * xt::sum(p, {1}, kept)), p(i, j) * row_sums[i]);
  CHECK_3x2(p * xt::norm_l1(p, {1}, kept), p(i, j) * row_sums[i]);
  CHECK_3x2(xt::pow(p, 1 + 0 * xt::sum(p, {1}, kept)), p(i, j));
}

TEST_CASE("such a reduction is repeated inside of another, of a view and of a transposition") {
  const auto share = p / xt::sum(p, {1}, xt::keep_dims);
  CHECK_3x2(p + xt::sum(share, {1}, xt::keep_dims), p(i, j) + 1);
  CHECK_3x2(xt::view(share, xt::all(), xt::range(0, 2)), p(i, j) / row_sums[i]);
  CHECK(is(xt::transpose(share), 2, 3, [](auto i, auto j) { return p(j, i) / row_sums[j]; }));
  const A sums = xt::sum(share, {0});
  CHECK(sums(0) == doctest::Approx(1 / 3. + 3 / 7. + 5 / 11.));
  CHECK(sums(1) == doctest::Approx(2 / 3. + 4 / 7. + 6 / 11.));
  CHECK_3x2(xt::exp(p - xt::amax(p, {1}, xt::keep_dims)) /
                xt::sum(xt::exp(p - xt::amax(p, {1}, xt::keep_dims)), {1}, xt::keep_dims),
            (j == 1 ? 1 : std::exp(-1.)) / (1 + std::exp(-1.)));
  CHECK_3x2(p + xt::view(xt::sum(p, {1}, xt::keep_dims), xt::all(), xt::all()), p(i, j) + row_sums[i]);
  CHECK_3x2(p + xt::view(xt::sum(p, {1}), xt::all(), xt::newaxis()), p(i, j) + row_sums[i]);
  CHECK_3x2(p + xt::expand_dims(xt::sum(p, {1}), 1), p(i, j) + row_sums[i]);
}

TEST_CASE("a view of one row or column is repeated, of whatever it is a view") {
  CHECK_3x2(p + xt::view(p, xt::all(), xt::range(1, 2)), p(i, j) + p(i, 1));
  CHECK_3x2(p + xt::view(p + 0., xt::all(), xt::range(1, 2)), p(i, j) + p(i, 1));
  CHECK_3x2(p + xt::view(p + 0., xt::range(1, 2)), p(i, j) + p(1, j));
  CHECK_3x2(p + xt::view(p, xt::all(), xt::keep(1)), p(i, j) + p(i, 1));
  CHECK_3x2(p + xt::view(p + 0., xt::all(), xt::keep(1)), p(i, j) + p(i, 1));
  CHECK_3x2(p + xt::view(p, xt::drop(0, 1), xt::all()), p(i, j) + p(2, j));
  CHECK_3x2(p + xt::view(p, xt::all(), 1, xt::newaxis()), p(i, j) + p(i, 1));
  CHECK_3x2(p + xt::strided_view(p, {xt::all(), xt::range(1, 2)}), p(i, j) + p(i, 1));
  CHECK_3x2(p + xt::strided_view(p + 0., {xt::all(), xt::range(1, 2)}), p(i, j) + p(i, 1));
  CHECK_3x2(p + xt::strided_view(X(p), {xt::all(), xt::range(1, 2)}), p(i, j) + p(i, 1));
  CHECK_3x2(p + xt::dynamic_view(p, {xt::all(), xt::keep(1)}), p(i, j) + p(i, 1));
  const std::vector<std::vector<std::size_t>> one{{2, 1}}, two{{2, 1}, {0, 0}};
  CHECK_3x2(p + xt::index_view(p, one), p(i, j) + 6);
  CHECK_3x2(p + xt::index_view(p, two), p(i, j) + (j == 1 ? 1 : 6));
  CHECK_3x2(p + xt::filter(p, p > 5), p(i, j) + 6);
  CHECK_3x2(p + xt::filter(p + 0., p > 4), p(i, j) + (j == 1 ? 6 : 5));
  const X c = column({10, 20, 30});
  CHECK(is(xt::transpose(p) + xt::transpose(c), 2, 3, [&](auto i, auto j) { return p(j, i) + c(j, 0); }));
  CHECK(
      is(xt::transpose(p) + xt::transpose(c + 0.), 2, 3, [&](auto i, auto j) { return p(j, i) + c(j, 0); }));
}

TEST_CASE("a generator of extent 1 is repeated, and a random number is drawn once") {
  CHECK_3x2(p + xt::arange<double>(5, 6), p(i, j) + 5);
  CHECK_3x2(p + xt::linspace<double>(5, 6, 1), p(i, j) + 5);
  CHECK_3x2(p + xt::eye<double>(1), p(i, j) + 1);
  CHECK_3x2(p + xt::ones<double>({3, 1}), p(i, j) + 1);
  CHECK_3x2(p + xt::diag(xt::ones<double>({1})), p(i, j) + 1);
  CHECK_3x2(p + xt::stack(xt::xtuple(xt::view(p, xt::all(), 0)), 1), p(i, j) + p(i, 0));
  xt::random::seed(1);
  const A noise = 0 * p + xt::random::rand<double>({3, 1});
  xt::random::seed(1);
  const X drawn = xt::random::rand<double>({3, 1});
  CHECK(is(noise, 3, 2, [&](auto i, auto) { return drawn(i, 0); }));
  CHECK(drawn(0, 0) != drawn(1, 0));
}
