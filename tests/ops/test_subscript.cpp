// x[...] against NumPy on the random index expressions of index_cases.txt, its gradients of higher order and
// in forward mode, what its words mean one by one, and what it refuses.
#include <doctest/doctest.h>

#include <cstdint>
#include <filesystem>
#include <fstream>
#include <optional>
#include <sstream>
#include <string>
#include <type_traits>
#include <vector>
#include <xgrad/core/kernels/random.hpp>
#include <xgrad/derivatives/grad.hpp>
#include <xgrad/derivatives/gradcheck.hpp>
#include <xgrad/ops/cast.hpp>
#include <xgrad/ops/comparison.hpp>
#include <xgrad/ops/creation.hpp>
#include <xgrad/ops/gather.hpp>
#include <xgrad/ops/indexing.hpp>
#include <xgrad/ops/operators.hpp>
#include <xgrad/ops/reduction.hpp>
#include <xgrad/ops/subscript.hpp>

#include "../message_of.hpp"
#include "../variables.hpp"

namespace xg = xgrad;
using xg::testing::as_doubles;
using xg::testing::counted;
using xg::testing::message_of;
using xg::testing::random_variable;

namespace {

using Var = xg::Variable<double>;
using Values = std::vector<double>;
using List = xt::xarray<std::int64_t>;

std::vector<std::string> split(const std::string& text, char at) {
  std::vector<std::string> parts;
  std::istringstream in(text);
  for (std::string part; std::getline(in, part, at);) parts.push_back(part);
  return parts;
}

std::string trimmed(const std::string& text) {
  const std::size_t first = text.find_first_not_of(' ');
  return first == std::string::npos ? "" : text.substr(first, text.find_last_not_of(' ') - first + 1);
}

/// "2x3" as a Shape.
xg::Shape shape_in(const std::string& text) {
  xg::Shape shape;
  for (const std::string& extent : split(trimmed(text), 'x')) shape.push_back(std::stoul(extent));
  return shape;
}

std::optional<xg::Integer> end_in(const std::string& text) {
  if (text == "_") return std::nullopt;
  return xg::Integer(std::stol(text));
}

xg::SubscriptItem item_in(const std::string& word) {
  const std::string rest = word.substr(1);
  if (word[0] == 'e') return xg::ellipsis;
  if (word[0] == 'n') return xg::newaxis;
  if (word[0] == 'i') return std::stol(rest);
  const std::size_t colon = rest.find(':');
  const std::string after = rest.substr(colon + 1);
  if (word[0] == 's') {
    const auto ends = split(rest, ':');
    return xg::range(end_in(ends[0]), end_in(ends[1]), end_in(ends[2]).value_or(1));
  }
  const xg::Shape shape = shape_in(rest.substr(0, colon));
  if (word[0] == 'a') {
    std::vector<std::int64_t> positions;
    for (const std::string& position : split(after, ',')) positions.push_back(std::stol(position));
    return xg::array<std::int64_t>(positions, shape);
  }
  std::vector<bool> mask;
  for (char holds : after) mask.push_back(holds == '1');
  return xg::array<bool>(mask, shape);
}

std::vector<xg::SubscriptItem> items_in(const std::string& text) {
  std::vector<xg::SubscriptItem> items;
  for (const std::string& word : split(trimmed(text), ' ')) items.push_back(item_in(word));
  return items;
}

std::int64_t fingerprint(const Values& numbers) {
  std::int64_t value = 0;
  for (double number : numbers) value = (value * 31 + static_cast<std::int64_t>(number) + 1) % 2147483647;
  return value;
}

/// 1, 2, ... 9, 1, 2 and so on.
Var weights(const xg::Shape& shape) {
  Values numbers(element_count(shape));
  for (std::size_t k = 0; k < numbers.size(); ++k) numbers[k] = static_cast<double>(k % 9 + 1);
  return xg::constant(numbers, shape);
}

std::vector<std::string> cases() {
  std::ifstream in(std::filesystem::path(__FILE__).parent_path() / "index_cases.txt");
  std::vector<std::string> lines;
  for (std::string line; std::getline(in, line);) lines.push_back(line);
  return lines;
}

template <class F>
void check_gradients(const F& f, const std::vector<Var>& in) {
  const auto report = xg::gradcheck([&](const std::vector<Var>& v) { return xg::square(f(v)); }, in,
                                    {.second_order = true, .forward_mode = true});
  INFO(report);
  CHECK(report.ok());
}

Var planes() { return counted({2, 3, 4}); }

}  // namespace

TEST_CASE("x[...] is what NumPy makes of 1000 random index expressions, and so is its gradient") {
  const auto lines = cases();
  REQUIRE(lines.size() == 1000);
  int refused = 0;
  for (const std::string& line : lines) {
    INFO(line);
    const auto parts = split(line, '|');
    const Var x = counted(shape_in(parts[0]));
    const auto items = items_in(parts[1]);
    if (trimmed(parts[2]) == "refused") {
      ++refused;
      CHECK(message_of([&] { static_cast<void>(x[items]); }).substr(0, 7) == "index: ");
      CHECK(message_of([&] { xg::index_put(x, items, 0, true); }).substr(0, 11) == "index_put: ");
      continue;
    }
    const Var y = x[items];
    REQUIRE(y.shape() == shape_in(parts[2]));
    CHECK(fingerprint(as_doubles(y)) == std::stol(parts[3]));
    xg::sum(y * weights(y.shape())).backward();
    const Values gradient = as_doubles(Var(x.dense_grad()));
    CHECK(fingerprint(gradient) == std::stol(parts[4]));
    if (items.empty()) continue;
    // index_put puts where x[...] reads: what is added to zeros is that gradient.
    const Var zeros = xg::constant(xg::zeros(x.shape()));
    CHECK(as_doubles(xg::index_put(zeros, items, weights(y.shape()), true)) == gradient);
    CHECK(as_doubles(xg::index_put(x, items, y)) == as_doubles(x));
  }
  CHECK(refused == 69);
}

TEST_CASE("one item, several in braces, and lists of positions in braces of their own") {
  const Var x = planes();
  const std::size_t size = 1;
  const short small = -1;
  static_assert(std::is_same_v<decltype(x[0]), const Var>);
  const auto row = x[0];
  static_assert(std::is_same_v<decltype(row), const Var>);
  CHECK(x[size].shape() == xg::Shape{3, 4});
  CHECK(x[{1, 2, 3}].item() == 23);
  CHECK(x[{size, small, 0}].item() == 20);
  CHECK(x[xg::Integer(1)][2][3].item() == 23);
  CHECK(as_doubles(x[{xg::range(0, 2), xg::all, 3}]) == Values{3, 7, 11, 15, 19, 23});
  CHECK(as_doubles(x[{{1, 0}}]) == as_doubles(xg::take(x, List{1, 0})));
  CHECK(as_doubles(x[{{0, 1}, {2, 0}, 1}]) == Values{9, 13});
  CHECK(as_doubles(x[std::vector<int>{1, 0}]) == as_doubles(x[{{1, 0}}]));
  CHECK(as_doubles(x[std::vector<xg::Indices>{List{0, 1}, List{2, 0}}]) == as_doubles(x[{{0, 1}, {2, 0}}]));
  CHECK(x[{}].shape() == x.shape());
  CHECK(x[xg::all].shape() == x.shape());
  CHECK(x[xg::ellipsis].shape() == x.shape());
  CHECK(as_doubles(x[{xg::ellipsis, 0}]) == Values{0, 4, 8, 12, 16, 20});
  CHECK(x[{xg::newaxis, 0, xg::newaxis, xg::ellipsis, xg::newaxis}].shape() == xg::Shape{1, 1, 3, 4, 1});
  CHECK(as_doubles(xg::cast<float>(x)[{1, 0, 0}]) == Values{12});
}

TEST_CASE("axes of index arrays stand where the arrays do, or first where something stands between") {
  const Var x = counted({2, 3, 4, 5});
  const xg::Indices i = List{0, 1, 1}, j = xg::array<std::int64_t>({{0}, {1}});
  CHECK(x[{xg::all, i}].shape() == xg::Shape{2, 3, 4, 5});
  CHECK(x[{xg::all, i, j}].shape() == xg::Shape{2, 2, 3, 5});
  CHECK(x[{i, xg::all, j}].shape() == xg::Shape{2, 3, 3, 5});
  CHECK(x[{0, xg::all, i}].shape() == xg::Shape{3, 3, 5});
  CHECK(x[{0, i}].shape() == xg::Shape{3, 4, 5});
  CHECK(x[{xg::all, i, xg::newaxis, j}].shape() == xg::Shape{2, 3, 2, 1, 5});
  CHECK(x[{xg::range(0, 1), xg::range(1, 3), xg::all, List{4, 0}}].shape() == xg::Shape{1, 2, 4, 2});
}

TEST_CASE("masks choose: a Mask, a lazy comparison, a comparison of Variables, bools in a vector") {
  const Var x = planes();
  const Values above{21, 22, 23};
  CHECK(as_doubles(x[x > 20]) == above);
  CHECK(as_doubles(x[20 < x]) == above);
  CHECK(as_doubles(x[xg::greater(x, 20)]) == above);
  CHECK(as_doubles(x[x.value() > 20]) == above);
  CHECK(as_doubles(x[xg::greater(x, 3) && xg::less(x, 6)]) == Values{4, 5});
  CHECK(as_doubles(x[(x == 3)]) == Values{3});
  CHECK(as_doubles(x[{xg::all, std::vector<bool>{false, true, false}, 0}]) == Values{4, 16});
  const Var rows = xg::constant({1, -1});
  CHECK(x[rows > 0].shape() == xg::Shape{1, 3, 4});
  CHECK(x[rows > 1].shape() == xg::Shape{0, 3, 4});
  CHECK(xg::constant(2.0)[xg::constant(2.0) > 1].shape() == xg::Shape{1});
  xg::NoGrad off;
  CHECK(as_doubles(x[x > 20]) == above);
}

TEST_CASE("gradients of every order and in forward mode pass through") {
  INFO("seed 5");
  xg::Generator from(5);
  const Var x = random_variable({3, 2, 4}, from), values = random_variable({3, 2}, from);
  const xg::Indices twice = List{1, 1, -1}, column = xg::array<std::int64_t>({{0}, {1}});
  const xg::Mask mask = xt::xarray<bool>{{true, false}, {true, true}, {false, false}};
  check_gradients([&](const std::vector<Var>& v) { return v[0][{1, xg::range(0, 2)}]; }, {x});
  check_gradients([&](const std::vector<Var>& v) { return v[0][twice]; }, {x});
  check_gradients([&](const std::vector<Var>& v) { return v[0][{twice, xg::all, column}]; }, {x});
  check_gradients([&](const std::vector<Var>& v) { return v[0][{mask, 0, xg::newaxis}]; }, {x});
  check_gradients([&](const std::vector<Var>& v) { return v[0][v[0] > 0]; }, {x});
  check_gradients(
      [&](const std::vector<Var>& v) {
        return xg::index_put(v[0], {xg::all, xg::all, 1}, v[1]);
      },
      {x, values});
}

TEST_CASE("a graph has one node for a slice, and one for rows that are taken") {
  const Var x = planes();
  CHECK(x[0].operation() == "slice");
  CHECK(x[{0, xg::range(1, 3)}].node().inputs()[0] == &x.node());
  CHECK(x[List{0, 1}].operation() == "take");
  CHECK(x[List{0, 1}].node().inputs()[0] == &x.node());
  CHECK(x[x > 3].operation() == "masked_select");
}

TEST_CASE("index_put writes what NumPy's assignment does") {
  const Var x = planes();
  CHECK(as_doubles(xg::index_put(x, 0, 1)[0]) == Values(12, 1));
  CHECK(as_doubles(xg::index_put(x, {1, 2}, -1)[{1, 2}]) == Values(4, -1));
  CHECK(as_doubles(xg::index_put(x, {xg::ellipsis, 0}, 7)[{0, xg::all, xg::range(0, 2)}]) ==
        Values{7, 1, 7, 5, 7, 9});
  CHECK(as_doubles(xg::index_put(x, x > 1, 0)[0]) == Values{0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0});
  CHECK(as_doubles(xg::index_put(x, {0, {1, 1}, 0}, 1, true)[{0, xg::all, 0}]) == Values{0, 6, 8});
  CHECK(as_doubles(xg::index_put(x, {0, {1, 1}, xg::range(0, 1)}, 1, true)[{0, xg::all, 0}]) ==
        Values{0, 6, 8});
  CHECK(xg::index_put(x, {0, xg::range(0, 0)}, 1).value() == x.value());
  CHECK(message_of([&] {
          xg::index_put(x, {0, xg::range(0, 2)}, xg::constant(xg::zeros({3, 2, 4})));
        }) ==
        "index_put: values [3, 2, 4] do not broadcast to [2, 4], what the indices choose from [2, 3, 4]; "
        "give them "
        "that shape");
}

TEST_CASE("indices that choose nothing are refused in one sentence") {
  const Var x = planes(), one = xg::constant({0, 1});
  const auto says = [&](const xg::Subscript& where) {
    return message_of([&] { static_cast<void>(x[where]); });
  };
  CHECK(says(2) == "index: position 2 is out of range for axis 0 of shape [2, 3, 4]; give one from -2 to 1");
  CHECK(says({0, -4}) ==
        "index: position -4 is out of range for axis 1 of shape [2, 3, 4]; give one from -3 to 2");
  CHECK(says({0, 1, 2, 3}) == "index: 4 items for shape [2, 3, 4]; give at most one for each axis");
  CHECK(
      says({0, 1, 2, List{0}}) ==
      "index: items for 4 axes of shape [2, 3, 4]; give at most one for each axis, and a mask for as many as "
      "it has");
  CHECK(says({xg::all, List{0, 3}}) ==
        "index: index 3 at [1] is out of range for axis 1 of shape [2, 3, 4]; give one from -3 to 2");
  CHECK(says({List{0, 1}, List{0, 1, 2}}).substr(0, 12) == "index: shape");
  CHECK(says({xg::ellipsis, 0, xg::ellipsis}) ==
        "index: 2 ellipses for shape [2, 3, 4]; one stands for all axes that are left, the others are `all`");
  CHECK(
      says(xt::xarray<bool>{{true, false}, {true, false}}) ==
      "index: a mask [2, 2] for shape [2, 3, 4] from axis 0 on (axis 1: 2 vs 3); give it the extents of the "
      "axes it stands for");
  CHECK(says(xg::range(0, 2, 0)) ==
        "index: the step along axis 0 of shape [2, 3, 4] is 0; give one that leads somewhere");
  CHECK(message_of<xg::ValueError>([&] { static_cast<void>(x[one]); }) ==
        "index: a 'constant' of shape [2] is a Variable that no comparison made, and chooses nothing; write "
        "x[y > 0], x[greater(y, 0) && less(y, 1)], or give positions as Indices");
  CHECK_THROWS_AS(static_cast<void>(x[x * 2]), xg::ValueError);
  CHECK_THROWS_AS(
      static_cast<void>(x[{xg::newaxis, xg::newaxis, xg::newaxis, xg::newaxis, xg::newaxis, xg::newaxis}]),
      xg::ShapeError);
  CHECK_THROWS_AS(static_cast<void>(Var()[0]), xg::GraphError);
}

TEST_CASE("a comparison whose value is set anew is a comparison no more") {
  const auto x = xg::constant({1, 2, 3});
  auto m = x > 2;
  m.set_value(xt::xarray<double>{0.25, 0.25, 0.25});
  CHECK_THROWS_AS(static_cast<void>(x[m]), xg::ValueError);
}
