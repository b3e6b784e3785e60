// Indices, labels and masks in every form that says what they are, and none that does not.
#include <doctest/doctest.h>

#include <array>
#include <limits>
#include <span>
#include <string>
#include <vector>
#include <xgrad/derivatives/grad.hpp>
#include <xgrad/nn.hpp>
#include <xgrad/ops.hpp>

#include "../../message_of.hpp"
#include "../../variables.hpp"

namespace xg = xgrad;
using xgrad::testing::as_doubles;
using xgrad::testing::message_of;

namespace {

xg::Variable<double> column() { return xg::constant({10.0, 11.0, 12.0}); }

}  // namespace

TEST_CASE("indices are Indices, expressions, ranges and braces of integers of any type") {
  const auto x = column();
  const std::vector<double> taken{12, 10};
  const xg::Indices indices{2, 0};
  const xt::xarray<int> ints{-1, 0};
  const std::vector<unsigned short> range{2, 0};
  const std::array<long, 2> fixed{2, -3};
  CHECK(as_doubles(xg::take(x, indices)) == taken);
  CHECK(as_doubles(xg::take(x, ints)) == taken);
  CHECK(as_doubles(xg::take(x, ints + 1)) == std::vector<double>{10, 11});
  CHECK(as_doubles(xg::take(x, range)) == taken);
  CHECK(as_doubles(xg::take(x, std::span(range))) == taken);
  CHECK(as_doubles(xg::take(x, fixed)) == taken);
  CHECK(as_doubles(xg::take(x, {2, 0})) == taken);
  CHECK(xg::take(x, {{2, 0}, {1, 1}}).value() == xt::xarray<double>{{12, 10}, {11, 11}});
  CHECK(xg::take(x, {{2}, {0}}).shape() == xg::Shape{2, 1});
  CHECK(xg::take(x, 1).shape() == xg::Shape{});
  CHECK(xg::take(x, 1).item() == 11);
  CHECK(xg::take(x, {}).shape() == xg::Shape{0});
  CHECK(xg::one_hot<double>({1, 0}, 2) == xt::xarray<double>{{0, 1}, {1, 0}});
  CHECK(xg::gather(x, 0, {1, 1}).value() == xt::xarray<double>{11, 11});
}

TEST_CASE("the largest unsigned number is no last index") {
  const auto x = column();
  const auto most = std::numeric_limits<std::size_t>::max();
  CHECK_THROWS_AS(xg::take(x, xt::xarray<std::size_t>{most, 0}), xg::ValueError);
  CHECK_THROWS_AS(xg::take(x, std::vector<std::size_t>{most, 0}), xg::ValueError);
  CHECK(as_doubles(xg::take(x, xt::xarray<std::size_t>{2, 0})) == std::vector<double>{12, 10});
}

TEST_CASE("labels are taken alike") {
  const auto logits = xg::constant({{2.0, 0.0}, {0.0, 1.0}});
  const double right = xg::cross_entropy(logits, xg::Indices{0, 1}).item();
  CHECK(xg::cross_entropy(logits, {0, 1}).item() == right);
  CHECK(xg::cross_entropy(logits, std::vector<int>{0, 1}).item() == right);
  CHECK(xg::cross_entropy(logits, xt::xarray<short>{0, 1}).item() == right);
  CHECK(xg::cross_entropy(logits, xt::xarray<double>{{1, 0}, {0, 1}}).item() == right);
  CHECK(xg::cross_entropy(logits, std::vector<int>{0, 1}, {.weight = {1, 1}}).item() ==
        doctest::Approx(right));
  CHECK(xg::nll_loss(xg::log_softmax(logits, 1), std::vector<int>{0, 1}).item() == doctest::Approx(right));
}

TEST_CASE("masks are made of bool, or are comparisons") {
  const auto x = column();
  const std::vector<double> chosen{11, 12};
  const xg::Mask mask{false, true, true};
  CHECK(as_doubles(xg::masked_select(x, mask)) == chosen);
  CHECK(as_doubles(xg::masked_select(x, x > 10)) == chosen);
  CHECK(as_doubles(xg::masked_select(x, xg::greater(x, 10))) == chosen);
  CHECK(as_doubles(xg::masked_select(x, x.value() > 10.0)) == chosen);
  CHECK(as_doubles(xg::masked_select(x, std::vector<bool>{false, true, true})) == chosen);
  CHECK(as_doubles(xg::masked_select(x, {false, true, true})) == chosen);
  CHECK(as_doubles(xg::masked_fill(x, {false, true, true}, 0)) == std::vector<double>{10, 0, 0});
  CHECK(as_doubles(xg::where(mask, x, -x)) == std::vector<double>{-10, 11, 12});
  CHECK(message_of<xg::ValueError>([&] { xg::masked_select(x, x - 10.0); }) ==
        "mask: a 'constant' of shape [3] is a Variable that no comparison made, and chooses nothing; write "
        "x[y > "
        "0], x[greater(y, 0) && less(y, 1)], or give positions as Indices");
}

TEST_CASE("what is done to indices or a mask after the call changes nothing") {
  const auto x = xg::parameter({10.0, 11.0, 12.0});
  xg::Indices indices{2, 0};
  std::vector<bool> mask{true, false, false};
  const auto y = xg::take(x, indices) * xg::masked_select(x, mask);
  indices(0) = 1;
  mask[1] = true;
  xg::sum(y).backward();
  // y = x2 x0 + x0 x0
  CHECK(x.grad() == xt::xarray<double>{12 + 2 * 10, 0, 10});
}

TEST_CASE("indices that were moved from are an error of the call that takes them") {
  xg::Indices indices{2, 0};
  const xg::Indices other = std::move(indices);
  CHECK(message_of<xg::ValueError>([&] { xg::take(column(), indices); })  // NOLINT(bugprone-use-after-move)
        == "array: shape [2] holds 0 elements; it was moved from, assign to it first");
  CHECK(other.size() == 2);
}

TEST_CASE("attention takes a comparison for what it forbids") {
  xg::manual_seed(3);
  xg::nn::MultiheadAttention<double> attention(4, 2, {.batch_first = true});
  const auto x = xg::constant(xg::randn<double>({1, 3, 4}));
  const xg::Mask later{{false, true, true}, {false, false, true}, {false, false, false}};
  const auto by_mask = attention(x, {.forbidden = later}), by_flag = attention(x, {.causal = true});
  const auto rows = xg::constant({{0.0}, {1.0}, {2.0}}), columns = xg::constant({{0.0, 1.0, 2.0}});
  CHECK(by_mask.value() == by_flag.value());
  CHECK(attention(x, {.forbidden = columns > rows}).value() == by_flag.value());
}
