// Axes as a reduction takes them: one, several, or by name among the options.
#include <doctest/doctest.h>

#include <array>
#include <limits>
#include <vector>
#include <xgrad/ops/cast.hpp>
#include <xgrad/ops/reduction.hpp>
#include <xgrad/ops/scan.hpp>
#include <xgrad/ops/statistics.hpp>

#include "../message_of.hpp"

namespace xg = xgrad;

namespace {

using V = xg::Variable<double>;

const xt::xarray<double> numbers{{{1, 5, 2}, {4, 3, 6}}, {{8, 7, 9}, {2, 2, 1}}};

void check_same(const V& a, const V& b) {
  REQUIRE(a.shape() == b.shape());
  CHECK(a.value() == b.value());
}

/// Every spelling means what the options say.
template <class F>
void check_spellings(F reduce) {
  check_same(reduce(1), reduce(xg::ReduceOptions{.axes = {1}}));
  check_same(reduce(-1), reduce(xg::ReduceOptions{.axes = {2}}));
  check_same(reduce(std::vector<int>{0, -1}), reduce(xg::ReduceOptions{.axes = {0, 2}}));
}

}  // namespace

TEST_CASE("each reduction takes one axis, or several") {
  const V x = xg::constant(numbers);
  check_spellings([&](const auto& axes) { return xg::sum(x, axes); });
  check_spellings([&](const auto& axes) { return xg::mean(x, axes); });
  check_spellings([&](const auto& axes) { return xg::max(x, axes); });
  check_spellings([&](const auto& axes) { return xg::min(x, axes); });
  check_spellings([&](const auto& axes) { return xg::prod(x, axes); });
  check_spellings([&](const auto& axes) { return xg::logsumexp(x, axes); });
}

// The numbers are NumPy's: numbers.sum((0, 2)) and so on.
TEST_CASE("axes in braces are NumPy's axis=(0, 1)") {
  const V x = xg::constant(numbers);
  CHECK(xg::sum(x, {0, 2}).value() == xt::xarray<double>{32, 18});
  CHECK(xg::mean(x, {0, 1}).value() == xt::xarray<double>{3.75, 4.25, 4.5});
  CHECK(xg::max(x, -1).value() == xt::xarray<double>{{5, 6}, {9, 2}});
  CHECK(xg::min(x, {0, 1}).value() == xt::xarray<double>{1, 2, 1});
  CHECK(xg::prod(x, {0, 1}).value() == xt::xarray<double>{64, 210, 108});
}

TEST_CASE("axes in braces may be integers of several types") {
  const V x = xg::constant(numbers);
  const std::size_t last = 2;
  const short first = 0;
  check_same(xg::sum(x, {0, last}), xg::sum(x, {0, 2}));
  check_same(xg::mean(x, {first, last}, {.keep_dims = true}), xg::mean(x, {0, 2}, {.keep_dims = true}));
  check_same(xg::max(x, {last, -2}), xg::max(x, {2, 1}));
  check_same(xg::min(x, {0, last}), xg::min(x, {0, 2}));
  check_same(xg::prod(x, {0, last}), xg::prod(x, {0, 2}));
  check_same(xg::logsumexp(x, {first, last}), xg::logsumexp(x, {0, 2}));
  check_same(xg::var(x, {0, last}, {.ddof = 1}), xg::var(x, {0, 2}, {.ddof = 1}));
  check_same(xg::std(x, {0, last}), xg::std(x, {0, 2}));
  // What the compiler could take for such lists, too.
  check_same(xg::sum(x, {.axes = {last}, .keep_dims = true}), xg::sum(x, 2, {.keep_dims = true}));
  check_same(xg::var(x, {.axes = {0}, .ddof = 1}), xg::var(x, 0, {.ddof = 1}));
  CHECK_THROWS_AS(xg::sum(x, {0, last + 1}), xg::ShapeError);
}

// The numbers are NumPy's: numbers.var(0, ddof=1) and so on.
TEST_CASE("var and std take ddof behind the axes, or beside them by name") {
  const V x = xg::constant(numbers);
  const xt::xarray<double> along_first{{24.5, 2, 24.5}, {2, 0.5, 12.5}};
  CHECK(xg::var(x, 0, {.ddof = 1}).value() == along_first);
  CHECK(xg::var(x, {.axes = {0}, .ddof = 1}).value() == along_first);
  CHECK(xg::var(x, {0}, {.keep_dims = true, .ddof = 1}).shape() == xg::Shape{1, 2, 3});
  const V deviation = xg::std(x, {0, 2}, {.ddof = 1});
  CHECK(deviation.value()(0) == doctest::Approx(3.265986323710904).epsilon(1e-14));
  CHECK(deviation.value()(1) == doctest::Approx(1.7888543819998317).epsilon(1e-14));
  const xg::Variable<float> single = xg::cast<float>(x);
  check_same(xg::cast<double>(xg::std(single, 0, {.ddof = 1})),
             xg::cast<double>(xg::std(single, {.axes = {0}, .ddof = 1})));
}

TEST_CASE("no axes are all axes, however that is said") {
  const V x = xg::constant(numbers);
  CHECK(xg::sum(x).item() == 50);
  CHECK(xg::sum(x, {}).item() == 50);
  CHECK(xg::sum(x, xg::Axes{}).item() == 50);
  CHECK(xg::sum(x, {.axes = {}}).item() == 50);
  CHECK(xg::var(x, {}).item() == xg::var(x).item());
}

TEST_CASE("a list of axes is any sequence of integers") {
  const V x = xg::constant(numbers);
  const xt::xarray<double> expected{32, 18};
  const std::size_t last = 2;
  CHECK(xg::sum(x, {std::size_t{0}, last}).value() == expected);
  CHECK(xg::sum(x, xg::Axes{0, last}).value() == expected);
  CHECK(xg::sum(x, xg::Shape{0, 2}).value() == expected);
  CHECK(xg::sum(x, std::array<short, 2>{0, -1}).value() == expected);
  CHECK(xg::sum(x, xg::Indices{0, 2}).value() == expected);
  const int axes[] = {0, 2};
  CHECK(xg::sum(x, axes).value() == expected);
}

TEST_CASE("both readings take axes, and the gradient is that of the options") {
  const xg::Dense<double> plain = xg::to_dense(xg::Array<double>(numbers));
  CHECK(xg::to_array(xg::sum(plain, {0, 2})) == xt::xarray<double>{32, 18});
  CHECK(xg::to_array(xg::var(plain, 0)) == xg::var(xg::constant(numbers), 0).value());
  auto x = xg::parameter(numbers);
  xg::sum(xg::max(x, {0, 2})).backward();
  CHECK(x.grad() == xt::xarray<double>{{{0, 0, 0}, {0, 0, 1}}, {{0, 0, 1}, {0, 0, 0}}});
}

TEST_CASE("wrong axes are refused in one sentence") {
  const V x = xg::constant(numbers);
  using xg::testing::message_of;
  CHECK(message_of([&] { xg::sum(x, 3); }) == message_of([&] { xg::sum(x, {.axes = {3}}); }));
  CHECK(message_of([&] { xg::mean(x, {0, -3}); }) == message_of([&] { xg::mean(x, {.axes = {0, -3}}); }));
  CHECK_THROWS_AS(xg::sum(x, 3), xg::ShapeError);
  CHECK_THROWS_AS(xg::sum(x, {0, 0}), xg::ShapeError);
  CHECK_THROWS_AS(xg::sum(x, std::numeric_limits<std::size_t>::max()), xg::ShapeError);
  CHECK(message_of<xg::ShapeError>([&] {
          xg::sum(x, xg::Indices{{0, 1}, {1, 2}});
        }) ==
        "axes: an array of shape [2, 2] is no list of axes; give one of a single axis, or the integers "
        "themselves, {0, 1}");
}

TEST_CASE("keep_dims stands behind the axes, as it does among the options") {
  const V x = xg::constant(numbers);
  check_same(xg::sum(x, 1, {.keep_dims = true}), xg::sum(x, {.axes = {1}, .keep_dims = true}));
  check_same(xg::max(x, {0, 1}, {.keep_dims = true}), xg::max(x, {.axes = {0, 1}, .keep_dims = true}));
  check_same(xg::min(x, {-1}, {.keep_dims = true}), xg::min(x, {.axes = {2}, .keep_dims = true}));
  CHECK(xg::prod(x, {0, 2}, {.keep_dims = true}).shape() == xg::Shape{1, 2, 1});
  CHECK(xg::logsumexp(x, 0, {.keep_dims = true}).shape() == xg::Shape{1, 2, 3});
  CHECK(xg::mean(x, {0, 1, 2}, {.keep_dims = false}).shape() == xg::Shape{});
}
