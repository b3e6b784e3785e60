#include <doctest/doctest.h>

#include <string>
#include <vector>
#include <xgrad/core/array/memory.hpp>
#include <xgrad/core/array/threads.hpp>
#include <xgrad/core/kernels/random.hpp>
#include <xgrad/derivatives/grad.hpp>
#include <xgrad/derivatives/gradcheck.hpp>
#include <xgrad/ops/operators.hpp>
#include <xgrad/ops/reduction.hpp>
#include <xgrad/ops/shape.hpp>

#include "../message_of.hpp"
#include "../variables.hpp"

namespace xg = xgrad;
using xgrad::testing::as_doubles;
using xgrad::testing::counted;
using xgrad::testing::message_of;

namespace {

using Var = xg::Variable<double>;
using Ends = std::optional<std::ptrdiff_t>;
constexpr auto open = std::nullopt;

/// A random item, and the positions that it means by Python's rules, found by walking.
struct Item {
  xg::SliceItem item = xg::all;
  std::vector<std::size_t> positions;
};

Item random_item(std::size_t extent, xg::Generator& from) {
  Item made;
  const auto n = static_cast<std::ptrdiff_t>(extent);
  if (from.below(4) == 0 && n > 0) {
    const auto position = static_cast<std::ptrdiff_t>(from.below(2 * extent)) - n;
    made.item = position;
    made.positions = {static_cast<std::size_t>((position + n) % n)};
    return made;
  }
  const auto end = [&]() -> Ends {
    if (from.below(4) == 0) return open;
    return static_cast<std::ptrdiff_t>(from.below(2 * extent + 5)) - n - 2;
  };
  const Ends start = end(), stop = end();
  const std::ptrdiff_t step = (from.below(2) == 0 ? 1 : -1) * static_cast<std::ptrdiff_t>(1 + from.below(3));
  made.item = xg::range(start, stop, step);
  // Walk from far outside, where start counts: the walk's phase is that of the clipped start.
  const auto from_front = [&](std::ptrdiff_t position) { return position < 0 ? position + n : position; };
  std::ptrdiff_t at = start ? from_front(*start) : (step > 0 ? 0 : n - 1);
  if (step > 0 && at < 0) at = 0;
  if (step < 0 && at > n - 1) at = n - 1;
  for (; at >= 0 && at < n; at += step) {
    if (stop && step > 0 && at >= from_front(*stop)) break;
    if (stop && step < 0 && at <= from_front(*stop)) break;
    made.positions.push_back(static_cast<std::size_t>(at));
  }
  return made;
}

}  // namespace

TEST_CASE("ranges mean what Python's slices mean") {
  const Var x = counted({10});
  const auto sliced = [&](Ends start, Ends stop, std::ptrdiff_t step) {
    return as_doubles(xg::slice(x, {xg::range(start, stop, step)}));
  };
  using List = std::vector<double>;
  CHECK(sliced(2, 8, 3) == List{2, 5});
  CHECK(sliced(-3, open, 1) == List{7, 8, 9});
  CHECK(sliced(open, 3, 1) == List{0, 1, 2});
  CHECK(sliced(open, open, -4) == List{9, 5, 1});
  CHECK(sliced(8, 2, -2) == List{8, 6, 4});
  CHECK(sliced(20, 3, -4) == List{9, 5});
  CHECK(sliced(-20, 20, 4) == List{0, 4, 8});
  CHECK(sliced(5, 5, 1) == List{});
  CHECK(sliced(3, 1, 1) == List{});
  CHECK(sliced(1, 3, -1) == List{});
  CHECK(sliced(-1, -11, -3) == List{9, 6, 3, 0});
  CHECK(sliced(2, open, PTRDIFF_MAX) == List{2});
  CHECK(sliced(2, open, PTRDIFF_MIN) == List{2});
}

TEST_CASE("slice keeps axes of ranges and drops axes of integers") {
  const Var x = counted({4, 3, 5});
  const Var y = xg::slice(x, {xg::range(0, 2), xg::all, 3});
  CHECK(y.shape() == xg::Shape{2, 3});
  CHECK(y.value()(1, 2) == x.value()(1, 2, 3));
  CHECK(xg::slice(x, {1}).shape() == xg::Shape{3, 5});
  CHECK(xg::slice(x, {-1, 2, -5}).item() == x.value()(3, 2, 0));
  CHECK(xg::slice(x, {xg::range(2, 2)}).shape() == xg::Shape{0, 3, 5});
  const std::vector<xg::SliceItem> items{xg::all, 0};
  CHECK(xg::slice(x, items).shape() == xg::Shape{4, 5});
}

TEST_CASE("slices of random shapes hold the elements that Python's would, and scatter them back") {
  INFO("seed 31");
  xg::Generator from(31);
  for (int round = 0; round < 300; ++round) {
    xg::Shape shape, kept;
    std::vector<xg::SliceItem> items;
    std::vector<Item> chosen;
    for (std::size_t axes = from.below(5); shape.size() < axes;) {
      shape.push_back(from.below(10) == 0 ? 0 : 1 + from.below(6));
      chosen.push_back(random_item(shape.back(), from));
      items.push_back(chosen.back().item);
      if (!items.back().drops_axis()) kept.push_back(chosen.back().positions.size());
    }
    INFO("seed 31, round " << round << ", shape " << to_string(shape));
    const Var x = counted(shape);
    const Var y = xg::slice(x, items);
    REQUIRE(y.shape() == kept);
    std::vector<double> expected, scattered(x.size(), 0);
    for (std::size_t flat = 0; flat < y.size(); ++flat) {
      std::size_t left = flat, offset = 0, stride = 1;
      for (std::size_t axis = shape.size(); axis-- > 0; stride *= shape[axis]) {
        const auto& positions = chosen[axis].positions;
        offset += positions[left % positions.size()] * stride;
        left /= positions.size();
      }
      expected.push_back(static_cast<double>(offset));
      scattered[offset] += static_cast<double>(flat + 1);
    }
    CHECK(as_doubles(y) == expected);
    const Var gradient = xg::grad(y, {x}, {.grad_output = counted(kept).detach() + 1})[0];
    CHECK(as_doubles(gradient) == scattered);
  }
}

TEST_CASE("the gradient of a slice can be differentiated again") {
  const auto report = xg::gradcheck(
      [](const Var& x) {
        const Var part = xg::slice(x, {xg::range(open, open, -2), 1});
        return xg::slice_scatter(part * part, {2, 5}, {-1, xg::range(1, 4)});
      },
      {counted({5, 3}) * 0.1 + 0.3}, {.second_order = true});
  INFO(report);
  CHECK(report.ok());
}

TEST_CASE("values are joined along an axis, and stacked along a new one") {
  const Var a = counted({2, 2}), b = counted({2, 1});
  CHECK(xg::concatenate({a, b}, 1).value() == xt::xarray<double>{{0, 1, 0}, {2, 3, 1}});
  CHECK(xg::concatenate({a, a}).shape() == xg::Shape{4, 2});
  CHECK(xg::concatenate({a, b}, -1).shape() == xg::Shape{2, 3});
  CHECK(&xg::concatenate({a}).node() != &a.node());
  CHECK(xg::stack({a, a}).shape() == xg::Shape{2, 2, 2});
  CHECK(xg::stack({a, a + 4}, -1).value() == xt::xarray<double>{{{0, 4}, {1, 5}}, {{2, 6}, {3, 7}}});
  CHECK(xg::stack({counted({}), counted({})}).shape() == xg::Shape{2});
  const std::vector<Var> many(100, b);
  CHECK(xg::concatenate(many).shape() == xg::Shape{200, 1});
}

TEST_CASE("each value that was joined gets its part of the gradient, one given twice the sum") {
  const Var a = counted({2, 2}), b = counted({2, 1});
  const Var fixed = b.detach();
  const auto dy = xt::xarray<double>{{1, 2, 3, 4, 5, 6}, {7, 8, 9, 10, 11, 12}};
  const auto g = xg::grad(xg::concatenate({a, fixed, b, a}, 1), {a, b}, {.grad_output = dy});
  CHECK(g[0].value() == xt::xarray<double>{{6, 8}, {18, 20}});
  CHECK(as_doubles(g[1]) == std::vector<double>{4, 10});
}

TEST_CASE("split gives equal parts") {
  const Var x = counted({2, 6});
  const auto parts = xg::split(x, 3, 1);
  REQUIRE(parts.size() == 3);
  CHECK(parts[1].value() == xt::xarray<double>{{2, 3}, {8, 9}});
  CHECK(xg::concatenate(parts, 1).value() == x.value());
  CHECK(xg::split(x, 1)[0].shape() == x.shape());
}

TEST_CASE("slice and its dual name what does not fit") {
  const Var x = counted({2, 3});
  CHECK(message_of<xg::ShapeError>([&] {
          xg::slice(x, {0, 0, 0});
        }) == "slice: 3 items for shape [2, 3]; give at most one for each axis");
  CHECK(message_of<xg::ValueError>([&] {
          xg::slice(x, {xg::all, 3});
        }) == "slice: position 3 is out of range for axis 1 of shape [2, 3]; give one from -3 to 2");
  CHECK(message_of<xg::ValueError>([&] {
          xg::slice(counted({2, 0}), {xg::all, 0});
        }) == "slice: position 0 is out of range for axis 1 of shape [2, 0]; the axis is empty");
  CHECK(message_of<xg::ValueError>([&] { xg::slice(x, {xg::range(0, 2, 0)}); }) ==
        "slice: the step along axis 0 of shape [2, 3] is 0; give one that leads somewhere");
  CHECK(message_of<xg::ShapeError>([&] {
          xg::slice_scatter(x, {4, 4}, {xg::range(0, 2)});
        }) == "slice_scatter: [2, 3] does not fit the slice [2, 4] of [4, 4]; they must be equal");
}

TEST_CASE("concatenate, stack and split name what does not fit") {
  const Var a = counted({2, 3}), b = counted({3, 3});
  CHECK(message_of<xg::ShapeError>([&] {
          xg::concatenate({a, b}, 1);
        }) ==
        "concatenate: extents differ beside axis 1: [2, 3] and [3, 3] (value 1, axis 0: 2 vs 3); make them "
        "equal, or join along that axis");
  CHECK(message_of<xg::ShapeError>([&] {
          xg::concatenate({a, counted({3})});
        }) ==
        "concatenate: numbers of axes differ: [2, 3] and [3] (value 1); reshape one, or use stack for a new "
        "axis");
  CHECK(message_of<xg::ShapeError>([&] {
          xg::concatenate({a, a}, 2);
        }) == "concatenate: axis 2 is out of range for shape [2, 3]; give one from -2 to 1");
  CHECK(message_of<xg::ValueError>([&] { xg::concatenate(std::vector<Var>{}); }) ==
        "concatenate: no values to join; give at least one");
  CHECK(message_of<xg::ShapeError>([&] {
          xg::stack({a, a, b});
        }) == "stack: shapes differ: [2, 3] and [3, 3] (value 2); make them equal");
  CHECK(message_of<xg::ValueError>([&] { xg::stack(std::vector<Var>{}); }) ==
        "stack: no values to join; give at least one");
  CHECK(message_of<xg::ShapeError>([&] { xg::split(a, 2, 1); }) ==
        "split: 2 parts do not divide axis 1 of shape [2, 3] (extent 3); give a divisor, or use slice");
  CHECK(message_of<xg::ValueError>([&] { xg::split(a, 0); }) ==
        "split: no parts of shape [2, 3]; give at least 1");
}

TEST_CASE("slices of one value add their gradients up where they overlap, whoever else has a share") {
  xg::Generator from(31);
  INFO("seed 31");
  for (int round = 0; round < 200; ++round) {
    xg::Shape shape;
    for (std::size_t axes = from.below(4); axes > 0; --axes) shape.push_back(1 + from.below(5));
    const Var x = counted(shape);
    std::vector<double> expected(x.size(), round % 2);
    Var y = round % 2 ? sum(x) : Var(xg::Dense<double>::scalar(0));
    for (int part = 0; part < 4; ++part) {
      std::vector<xg::SliceItem> items;
      std::vector<std::size_t> at{0};
      for (const std::size_t extent : shape) {
        const Item item = random_item(extent, from);
        items.push_back(item.item);
        std::vector<std::size_t> next;
        for (const std::size_t before : at)
          for (const std::size_t position : item.positions) next.push_back(before * extent + position);
        at = next;
      }
      const Var taken = xg::slice(x, items);
      xg::Dense<double> weights = xg::to_dense(xg::random_uniform<double>(taken.shape(), 1, 2, from));
      REQUIRE(at.size() == weights.size());
      for (std::size_t i = 0; i < at.size(); ++i) expected[at[i]] += weights.data()[i];
      y = y + sum(taken * Var(weights));
    }
    const auto g = xg::grad(y, {x})[0];
    REQUIRE(g.size() == expected.size());
    for (std::size_t i = 0; i < expected.size(); ++i)
      CHECK(g.dense().data()[i] == doctest::Approx(expected[i]).epsilon(1e-14));
  }
}

TEST_CASE("a gradient that another value holds too is not added to in place") {
  const Var x = counted({3}), other = counted({3});
  const Var once = x * 1;
  const Var part = xg::slice(once, {xg::range(0, 2)});
  const Var both = once + other;  // hands its own gradient on to either side
  const auto g = xg::grad(sum(both * 3) + sum(part), {once, x, other});
  CHECK(g[0].value() == xt::xarray<double>{4, 4, 3});
  CHECK(g[1].value() == xt::xarray<double>{4, 4, 3});
  CHECK(g[2].value() == xt::xarray<double>{3, 3, 3});
}

TEST_CASE("what is taken out of a value gives its share of the gradient where it was, without zeros around") {
  const Var x = counted({3000, 16});
  Var y(xg::Dense<double>::scalar(0));
  for (std::size_t row = 0; row < 3000; ++row) y = y + sum(xg::slice(x, {row}));
  const std::size_t before = xg::memory_stats().live_bytes;
  xg::reset_peak_memory();
  y.backward();
  CHECK(x.grad() == xt::ones<double>({3000, 16}));
  // One gradient of its size, and not a second one for every share.
  CHECK(xg::memory_stats().peak_bytes - before < 3 * x.size() * sizeof(double) / 2);
}
