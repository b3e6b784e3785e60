// Elements moved, repeated or replaced by place: values by counting through every index, gradients, errors.
#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <functional>
#include <string>
#include <vector>
#include <xgrad/core/array/threads.hpp>
#include <xgrad/core/kernels/random.hpp>
#include <xgrad/derivatives/grad.hpp>
#include <xgrad/derivatives/gradcheck.hpp>
#include <xgrad/ops/arrange.hpp>
#include <xgrad/ops/operators.hpp>
#include <xgrad/ops/shape.hpp>

#include "../message_of.hpp"
#include "../variables.hpp"

namespace xg = xgrad;
using xg::testing::message_of;
using xg::testing::random_variable;

namespace {

using Var = xg::Variable<double>;
using Index = std::vector<std::ptrdiff_t>;

xg::Shape random_shape(std::size_t dim, xg::Generator& from) {
  xg::Shape shape;
  while (shape.size() < dim) shape.push_back(from.below(10) == 0 ? 0 : 1 + from.below(5));
  return shape;
}

std::ptrdiff_t between(std::ptrdiff_t low, std::ptrdiff_t high, xg::Generator& from) {
  return low + static_cast<std::ptrdiff_t>(from.below(static_cast<std::size_t>(high - low + 1)));
}

std::ptrdiff_t extent(const xg::Shape& shape, std::size_t axis) {
  return static_cast<std::ptrdiff_t>(shape[axis]);
}

Index index_of(std::size_t flat, const xg::Shape& shape) {
  Index index(shape.size());
  for (std::size_t axis = shape.size(); axis-- > 0; flat /= shape[axis])
    index[axis] = static_cast<std::ptrdiff_t>(flat % shape[axis]);
  return index;
}

double at(const Var& x, const Index& index) {
  std::ptrdiff_t flat = 0;
  for (std::size_t axis = 0; axis < index.size(); ++axis) flat = flat * extent(x.shape(), axis) + index[axis];
  return x.dense().data()[flat];
}

/// Whether y has this shape, and element(index) everywhere.
void check(const Var& y, const xg::Shape& shape, const std::function<double(const Index&)>& element) {
  REQUIRE(y.shape() == shape);
  bool same = true;
  for (std::size_t flat = 0; flat < y.size(); ++flat)
    same = same && y.dense().data()[flat] == element(index_of(flat, shape));
  CHECK(same);
}

void check_gradients(const std::function<Var(const Var&)>& f, const Var& x) {
  const auto report =
      xg::gradcheck([&](const Var& v) { return xg::square(f(v)); }, {x}, {.second_order = true});
  INFO(report);
  CHECK(report.ok());
}

template <class F>
void for_random_shapes(std::size_t least_axes, const F& f) {
  xg::Generator from(51);
  for (std::uint64_t seed = 0; seed < 40; ++seed) {
    const xg::Shape shape = random_shape(least_axes + from.below(5 - least_axes), from);
    INFO("seed " << seed << ", shape " << xg::to_string(shape));
    f(random_variable(shape, seed), shape, from);
  }
}

}  // namespace

TEST_CASE("flip turns the given axes round, all where none are given") {
  for_random_shapes(0, [](const Var& x, const xg::Shape& shape, xg::Generator& from) {
    xg::Axes axes;
    for (std::size_t k = 0; k < shape.size(); ++k)
      if (from.below(2) == 0) axes.push_back(static_cast<std::ptrdiff_t>(k));
    const auto flipped = xg::detail::reduced_axes("test", axes, shape);
    check(xg::flip(x, axes), shape, [&](Index i) {
      for (std::size_t k = 0; k < i.size(); ++k)
        if (flipped[k]) i[k] = extent(shape, k) - 1 - i[k];
      return at(x, i);
    });
    check_gradients([&](const Var& v) { return xg::flip(v, axes); }, x);
  });
  const auto x = xg::constant(xt::xarray<double>{{1, 2}, {3, 4}});
  CHECK(xg::flip(x, -1).value() == xt::xarray<double>{{2, 1}, {4, 3}});
  CHECK(xg::flip(x).value() == xt::xarray<double>{{4, 3}, {2, 1}});
}

TEST_CASE("roll moves elements round an axis, by any shift of either sign") {
  for_random_shapes(1, [](const Var& x, const xg::Shape& shape, xg::Generator& from) {
    const std::size_t axis = from.below(shape.size());
    const std::ptrdiff_t shift = between(-12, 12, from), n = extent(shape, axis);
    const auto along = static_cast<std::ptrdiff_t>(axis);
    check(xg::roll(x, shift, along), shape, [&](Index i) {
      i[axis] = ((i[axis] - shift) % n + n) % n;
      return at(x, i);
    });
    check_gradients([&](const Var& v) { return xg::roll(v, shift, along); }, x);
  });
}

TEST_CASE("roll without an axis goes on in the next row, and with several goes along each") {
  const auto x = xg::constant(xt::xarray<double>{{1, 2, 3}, {4, 5, 6}});
  CHECK(xg::roll(x, 1).value() == xt::xarray<double>{{6, 1, 2}, {3, 4, 5}});
  CHECK(xg::roll(x, -7).value() == xt::xarray<double>{{2, 3, 4}, {5, 6, 1}});
  CHECK(xg::roll(x, {1, -1}, {0, 1}).value() == xt::xarray<double>{{5, 6, 4}, {2, 3, 1}});
  CHECK(xg::roll(x, {1, 1}, {1, -1}).value() == xt::xarray<double>{{2, 3, 1}, {5, 6, 4}});
  CHECK(xg::roll(xg::constant(3.0), 2).item() == 3);
  const Var large = random_variable({900, 500}, 1);
  check(xg::roll(large, 123, 0), {900, 500}, [&](Index i) {
    return at(large, {(i[0] + 900 - 123) % 900, i[1]});
  });
}

TEST_CASE("pad puts the value around x") {
  for_random_shapes(1, [](const Var& x, const xg::Shape& shape, xg::Generator& from) {
    std::vector<xg::PadWidth> widths;
    xg::Shape padded;
    for (std::size_t k = 0; k < shape.size(); ++k) {
      widths.push_back({from.below(3), from.below(3)});
      padded.push_back(shape[k] + static_cast<std::size_t>(widths[k].before + widths[k].after));
    }
    check(xg::pad(x, widths, 2.5), padded, [&](Index i) {
      for (std::size_t k = 0; k < i.size(); ++k) {
        i[k] -= static_cast<std::ptrdiff_t>(widths[k].before);
        if (i[k] < 0 || i[k] >= extent(shape, k)) return 2.5;
      }
      return at(x, i);
    });
    check_gradients([&](const Var& v) { return xg::pad(v, widths, 2.5); }, x);
  });
  const auto x = xg::constant(xt::xarray<double>{{1, -0.0}});
  CHECK(xg::pad(x, {{1, 0}}).value() == xt::xarray<double>{{0, 0, 0}, {0, 1, 0}});
  CHECK(xg::pad(x, {{0, 0}, {2, 1}}, -1).value() == xt::xarray<double>{{-1, -1, 1, 0, -1}});
}

TEST_CASE("tile repeats the whole along each axis, and takes new axes in front") {
  for_random_shapes(0, [](const Var& x, const xg::Shape& shape, xg::Generator& from) {
    xg::Shape counts, tiled, own = shape;
    for (std::size_t k = 0, n = from.below(6); k < n; ++k) counts.push_back(from.below(4));
    while (own.size() < counts.size()) own.insert(0, 1);
    const std::size_t missing = own.size() - counts.size();
    for (std::size_t k = 0; k < own.size(); ++k)
      tiled.push_back(k < missing ? own[k] : own[k] * counts[k - missing]);
    check(xg::tile(x, counts), tiled, [&](Index i) {
      for (std::size_t k = 0; k < i.size(); ++k) i[k] %= extent(own, k);
      return at(xg::reshape(x, own), i);
    });
    check_gradients([&](const Var& v) { return xg::tile(v, counts); }, x);
  });
}

TEST_CASE("repeat repeats each element in its place") {
  for_random_shapes(1, [](const Var& x, const xg::Shape& shape, xg::Generator& from) {
    const std::size_t axis = from.below(shape.size()), count = from.below(4);
    xg::Shape longer = shape;
    longer[axis] *= count;
    const auto along = static_cast<std::ptrdiff_t>(axis) - static_cast<std::ptrdiff_t>(shape.size());
    check(xg::repeat(x, count, along), longer, [&](Index i) {
      i[axis] /= static_cast<std::ptrdiff_t>(count);
      return at(x, i);
    });
    check_gradients([&](const Var& v) { return xg::repeat(v, count, along); }, x);
  });
  const auto x = xg::constant(xt::xarray<double>{{1, 2}, {3, 4}});
  CHECK(xg::repeat(x, 2).value() == xt::xarray<double>{1, 1, 2, 2, 3, 3, 4, 4});
  CHECK(xg::repeat(xg::constant(7.0), 3).value() == xt::xarray<double>{7, 7, 7});
}

TEST_CASE("diagonal and its dual read and write the same places, at any offset of any two axes") {
  for_random_shapes(2, [](const Var& x, const xg::Shape& shape, xg::Generator& from) {
    const std::size_t axis1 = from.below(shape.size());
    const std::size_t axis2 = (axis1 + 1 + from.below(shape.size() - 1)) % shape.size();
    const auto first = static_cast<std::ptrdiff_t>(axis1), second = static_cast<std::ptrdiff_t>(axis2);
    const std::ptrdiff_t offset = between(-6, 6, from);
    xg::Shape result;
    for (std::size_t k = 0; k < shape.size(); ++k)
      if (k != axis1 && k != axis2) result.push_back(shape[k]);
    std::size_t length = 0;
    for (std::ptrdiff_t row = 0; row < extent(shape, axis1); ++row)
      if (row + offset >= 0 && row + offset < extent(shape, axis2)) ++length;
    result.push_back(length);
    const Var y = xg::diagonal(x, offset, first, second);
    check(y, result, [&](const Index& i) {
      Index place;
      for (std::size_t k = 0, next = 0; k < shape.size(); ++k)
        place.push_back(k == axis1   ? i.back() + std::max<std::ptrdiff_t>(-offset, 0)
                        : k == axis2 ? i.back() + std::max<std::ptrdiff_t>(offset, 0)
                                     : i[next++]);
      return at(x, place);
    });
    const Var back = xg::diagonal_scatter(y, shape, offset, first, second);
    check(back, shape, [&](const Index& i) { return i[axis2] - i[axis1] == offset ? at(x, i) : 0.0; });
    check_gradients([&](const Var& v) { return xg::diagonal(v, offset, first, second); }, x);
    const Var on_it = xg::detail::parameter_from(y.dense());
    check_gradients([&](const Var& v) { return xg::diagonal_scatter(v, shape, offset, first, second); },
                    on_it);
  });
}

TEST_CASE("tril and triu keep one side of a diagonal, and part the rest from what stood there") {
  for_random_shapes(2, [](const Var& x, const xg::Shape& shape, xg::Generator& from) {
    const std::ptrdiff_t k = between(-7, 7, from);
    const std::size_t row = shape.size() - 2, column = shape.size() - 1;
    check(xg::tril(x, k), shape, [&](const Index& i) { return i[column] - i[row] <= k ? at(x, i) : 0.0; });
    check(xg::triu(x, k), shape, [&](const Index& i) { return i[column] - i[row] >= k ? at(x, i) : 0.0; });
    check_gradients([&](const Var& v) { return xg::tril(v, k); }, x);
    check_gradients([&](const Var& v) { return xg::triu(v, k); }, x);
  });
  const auto x = xg::constant(xt::xarray<double>{{1, std::nan("")}, {std::nan(""), 4}});
  CHECK(xg::tril(xg::triu(x)).value() == xt::xarray<double>{{1, 0}, {0, 4}});
}

TEST_CASE("what cannot be arranged is refused in one sentence") {
  const Var x = random_variable({2, 3}, 1), line = random_variable({3}, 1);
  CHECK(message_of([&] { xg::flip(x, 2); }) ==
        "flip: axis 2 is out of range for shape [2, 3]; give one from -2 to 1");
  CHECK(message_of([&] { xg::roll(x, 1, -3); }) ==
        "roll: axis -3 is out of range for shape [2, 3]; give one from -2 to 1");
  CHECK(message_of([&] {
          xg::roll(x, {1, 2, 3}, {0, 1});
        }) == "roll: 3 shifts for 2 axes of shape [2, 3]; give one for each");
  CHECK(message_of([&] {
          xg::pad(x, {{1, 1}, {1, 1}, {1, 1}});
        }) == "pad: 3 pairs of widths for shape [2, 3]; give one for each axis, or one for all");
  CHECK(message_of([&] { xg::repeat(x, 2, 2); }) ==
        "repeat: axis 2 is out of range for shape [2, 3]; give one from -2 to 1");
  CHECK(message_of([&] { xg::diagonal(x, 0, 1, -1); }) ==
        "diagonal: axis 1 of shape [2, 3] is given for both axes; name two");
  CHECK(message_of([&] { xg::diagonal(line); }) ==
        "diagonal: axis 1 is out of range for shape [3]; give one from -1 to 0");
  CHECK(message_of([&] {
          xg::diagonal_scatter(line, {2, 3});
        }) == "diagonal_scatter: [3] does not fit the diagonal [2] of [2, 3]; they must be equal");
  CHECK(message_of([&] { xg::tril(line); }) ==
        "tril: shape [3] has no rows and columns; give at least two axes");
}
