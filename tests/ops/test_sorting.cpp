// Sorting: against the standard library's, order of equal elements, NaN, gradients, errors.
#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>
#include <vector>
#include <xgrad/core/kernels/random.hpp>
#include <xgrad/derivatives/grad.hpp>
#include <xgrad/derivatives/gradcheck.hpp>
#include <xgrad/ops/exponential.hpp>
#include <xgrad/ops/indexing.hpp>
#include <xgrad/ops/operators.hpp>
#include <xgrad/ops/sorting.hpp>

#include "../message_of.hpp"
#include "../threads.hpp"

namespace xg = xgrad;
using xg::testing::message_of;
using xgrad::testing::Threads;

namespace {

using Var = xg::Variable<double>;

constexpr double infinity = std::numeric_limits<double>::infinity();
constexpr double not_a_number = std::numeric_limits<double>::quiet_NaN();

/// Few different numbers, so that many are equal; now and then a NaN or an infinity.
template <class T>
xg::Variable<T> random(const xg::Shape& shape, xg::Generator& from) {
  xg::Dense<T> drawn(shape);
  T* out = drawn.mutable_data();
  for (std::size_t i = 0; i < drawn.size(); ++i) {
    const std::size_t kind = from.below(20);
    out[i] = static_cast<T>(kind == 0   ? not_a_number
                            : kind == 1 ? -infinity
                                        : std::floor(9 * from.uniform()));
  }
  return xg::detail::parameter_from(std::move(drawn));
}

/// The order of a line by the standard library's stable sort.
std::vector<std::int64_t> order_of(const std::vector<double>& line, bool descending) {
  std::vector<std::int64_t> order(line.size());
  std::iota(order.begin(), order.end(), 0);
  std::stable_sort(order.begin(), order.end(), [&](std::int64_t a, std::int64_t b) {
    const double x = line[static_cast<std::size_t>(a)], y = line[static_cast<std::size_t>(b)];
    if (std::isnan(x) || std::isnan(y)) return !std::isnan(x) && std::isnan(y);
    return descending ? y < x : x < y;
  });
  return order;
}

/// Checks sort, argsort and topk of x [a, b, c] along its middle axis.
template <class T>
void check_middle_axis(const xg::Variable<T>& x, bool descending, std::size_t k) {
  const std::size_t a = x.shape()[0], b = x.shape()[1], c = x.shape()[2];
  const xg::Indices order = xg::argsort(x, 1, {.descending = descending});
  const auto sorted = xg::sort(x, -2, {.descending = descending});
  const auto top = xg::topk(x, k, 1, {.largest = descending});
  REQUIRE(sorted.shape() == x.shape());
  REQUIRE(top.values.shape() == xg::Shape{a, k, c});
  const T *in = x.dense().data(), *out = sorted.dense().data(), *best = top.values.dense().data();
  bool same = true;
  for (std::size_t i = 0; i < a; ++i)
    for (std::size_t j = 0; j < c; ++j) {
      std::vector<double> line;
      for (std::size_t r = 0; r < b; ++r) line.push_back(static_cast<double>(in[(i * b + r) * c + j]));
      const auto expected = order_of(line, descending);
      for (std::size_t r = 0; r < b; ++r) {
        const double element = line[static_cast<std::size_t>(expected[r])];
        const auto is_it = [&](T value) {
          return std::isnan(element) ? std::isnan(value) : static_cast<double>(value) == element;
        };
        same = same && order(i, r, j) == expected[r] && is_it(out[(i * b + r) * c + j]);
        if (r < k) same = same && top.indices(i, r, j) == expected[r] && is_it(best[(i * k + r) * c + j]);
      }
    }
  CHECK(same);
}

}  // namespace

TEST_CASE("sort, argsort and topk of random shapes are what the standard library's stable sort gives") {
  INFO("seed 81");
  xg::Generator from(81);
  for (int round = 0; round < 100; ++round) {
    const std::size_t a = from.below(4), b = from.below(40), c = from.below(4);
    INFO("round " << round << ": " << a << ", " << b << ", " << c);
    const std::size_t k = from.below(b + 1);
    check_middle_axis(random<double>({a, b, c}, from), round % 2 == 0, k);
    check_middle_axis(random<float>({a, b, c}, from), round % 2 == 0, k);
  }
  for (std::size_t threads : {1u, 2u}) {
    Threads use(threads);
    check_middle_axis(random<double>({40, 700, 3}, from), true, 11);
    CHECK(use.shared_a_loop() == (threads > 1));
  }
}

TEST_CASE("gradients of sort and topk go back to where the elements came from, at both orders") {
  INFO("seed 9");
  xg::Generator from(9);
  for (const std::ptrdiff_t axis : {0, 1}) {
    xg::Dense<double> spread(xg::Shape{4, 5});
    const auto places = xg::permutation(20, from);
    for (std::size_t i = 0; i < 20; ++i) spread.mutable_data()[i] = 0.1 * static_cast<double>(places[i]) - 1;
    const Var x = xg::detail::parameter_from(std::move(spread));
    const auto report = xg::gradcheck(
        [&](const Var& v) {
          return xg::square(xg::sort(v, axis)) + exp(xg::sort(v, axis, {.descending = true}));
        },
        {x}, {.second_order = true});
    INFO(report);
    CHECK(report.ok());
    const auto of_top = xg::gradcheck([&](const Var& v) { return xg::square(xg::topk(v, 2, axis).values); },
                                      {x}, {.second_order = true});
    INFO(of_top);
    CHECK(of_top.ok());
  }
  const auto x = xg::parameter(xt::xarray<double>{3, 1, 3, not_a_number});
  const auto g = xg::grad(xg::sort(x), {x}, {.grad_output = xt::xarray<double>{1, 2, 3, 4}})[0];
  CHECK(g.value() == xt::xarray<double>{2, 1, 3, 4});
}

TEST_CASE("NaN comes last, whichever way is sorted, and topk takes it only where numbers run out") {
  const auto x = xg::constant(xt::xarray<double>{not_a_number, 2, infinity, not_a_number, -infinity});
  CHECK(xg::argsort(x) == xg::Indices(xt::xarray<std::int64_t>{4, 1, 2, 0, 3}));
  CHECK(xg::argsort(x, 0, {.descending = true}) == xg::Indices(xt::xarray<std::int64_t>{2, 1, 4, 0, 3}));
  CHECK(xg::topk(x, 2).indices == xg::Indices(xt::xarray<std::int64_t>{2, 1}));
  CHECK(xg::topk(x, 4).indices == xg::Indices(xt::xarray<std::int64_t>{2, 1, 4, 0}));
}

TEST_CASE("the order of equal elements is their own, zeros of either sign being equal") {
  const auto x = xg::constant(xt::xarray<double>{1, 0.0, 1, -0.0, 1});
  CHECK(xg::argsort(x) == xg::Indices(xt::xarray<std::int64_t>{1, 3, 0, 2, 4}));
  CHECK(xg::argsort(x, -1, {.descending = true}) == xg::Indices(xt::xarray<std::int64_t>{0, 2, 4, 1, 3}));
  CHECK(xg::topk(x, 2).indices == xg::Indices(xt::xarray<std::int64_t>{0, 2}));
}

TEST_CASE("what cannot be sorted is refused in one sentence") {
  const Var x(xg::Dense<double>(xg::Shape{2, 3}));
  CHECK(message_of([&] { xg::topk(x, 4); }) ==
        "topk: 4 elements are wanted of axis 1 of shape [2, 3], which has 3; ask for fewer");
  CHECK(message_of([&] { xg::sort(x, 2); }) ==
        "sort: axis 2 is out of range for shape [2, 3]; give one from -2 to 1");
  CHECK(message_of([&] { xg::argsort(x, -3); }) ==
        "argsort: axis -3 is out of range for shape [2, 3]; give one from -2 to 1");
}
