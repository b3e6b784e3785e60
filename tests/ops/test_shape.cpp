#include <doctest/doctest.h>

#include <string>
#include <vector>
#include <xgrad/core/array/memory.hpp>
#include <xgrad/core/kernels/random.hpp>
#include <xgrad/derivatives/grad.hpp>
#include <xgrad/ops/operators.hpp>
#include <xgrad/ops/shape.hpp>

#include "../message_of.hpp"
#include "../threads.hpp"
#include "../variables.hpp"

namespace xg = xgrad;
using xgrad::testing::as_doubles;
using xgrad::testing::counted;
using xgrad::testing::message_of;
using xgrad::testing::Threads;

namespace {

using Var = xg::Variable<double>;

xg::Shape random_shape(xg::Generator& from) {
  xg::Shape shape;
  for (std::size_t axes = from.below(6); shape.size() < axes;)
    shape.push_back(from.below(15) == 0 ? 0 : 1 + from.below(6));
  return shape;
}
/// permute by the definition: element i of the result is x at the index with index[axes[k]] = i[k].
std::vector<double> permuted(const Var& x, const std::vector<std::size_t>& axes) {
  const xg::Shape& shape = x.shape();
  const auto strides = xg::detail::row_major_strides(shape);
  std::vector<double> result;
  for (std::size_t flat = 0; flat < x.size(); ++flat) {
    std::size_t left = flat;
    std::ptrdiff_t offset = 0;
    for (std::size_t k = axes.size(); k-- > 0; left /= shape[axes[k]])
      offset += static_cast<std::ptrdiff_t>(left % shape[axes[k]]) * strides[axes[k]];
    result.push_back(x.dense().data()[offset]);
  }
  return result;
}

}  // namespace

TEST_CASE("reshape keeps the elements, and finds the extent that is left open") {
  const Var x = counted({2, 6});
  CHECK(xg::reshape(x, {3, 4}).shape() == xg::Shape{3, 4});
  CHECK(xg::reshape(x, {-1, 4}).shape() == xg::Shape{3, 4});
  CHECK(xg::reshape(x, {-1}).shape() == xg::Shape{12});
  CHECK(xg::reshape(x, {2, -1, 2, 1}).shape() == xg::Shape{2, 3, 2, 1});
  CHECK(as_doubles(xg::reshape(x, {4, 3})) == as_doubles(x));
  const std::size_t batch = x.shape()[0];
  CHECK(xg::reshape(x, {batch, -1}).shape() == xg::Shape{2, 6});
  CHECK(xg::reshape(x, xg::Shape{12}).shape() == xg::Shape{12});
  CHECK(xg::reshape(counted({1, 1}), {}).dim() == 0);
  CHECK(xg::reshape(counted({0, 3}), {7, 0}).shape() == xg::Shape{7, 0});
}

TEST_CASE("reshape shares the buffer, and to the same shape it is the variable itself") {
  const Var x = counted({2, 6});
  const auto before = xg::memory_stats().live_buffers;
  const Var y = xg::flatten(x);
  CHECK(xg::memory_stats().live_buffers == before);
  CHECK(y.dense().data() == x.dense().data());
  CHECK(y.operation() == "reshape");
  CHECK(&xg::reshape(x, {2, 6}).node() == &x.node());
  CHECK(&xg::squeeze(x).node() == &x.node());
}

TEST_CASE("what shares a buffer in the graph is nobody's to change: gradients and values stay apart") {
  const Var x = counted({2, 3});
  const Var y = xg::reshape(x, {3, 2});
  auto weights = xg::Array<double>(xt::ones<double>({3, 2}));
  y.backward({.grad_output = weights});
  const auto of_y = xg::grad(xg::reshape(x, {6}), {x}, {.grad_output = xt::ones<double>({6})})[0];
  auto gradient = x.grad();
  gradient(0, 0) = 99;
  weights(0, 1) = 77;
  CHECK(x.grad() == xt::ones<double>({2, 3}));
  CHECK(of_y.value() == xt::ones<double>({2, 3}));
  auto value = y.value();
  value(0, 0) = 55;
  CHECK(x.value()(0, 0) == 0);
  Var leaf = x;
  leaf.mutable_data()[1] = 44;
  CHECK(y.value()(0, 1) == 1);
}

TEST_CASE("flatten joins the axes from the first to the last") {
  const Var x = counted({2, 3, 4, 5});
  CHECK(xg::flatten(x).shape() == xg::Shape{120});
  CHECK(xg::flatten(x, 1).shape() == xg::Shape{2, 60});
  CHECK(xg::flatten(x, 1, 2).shape() == xg::Shape{2, 12, 5});
  CHECK(xg::flatten(x, -2, -1).shape() == xg::Shape{2, 3, 20});
  CHECK(xg::flatten(x, 2, 2).shape() == x.shape());
  CHECK(xg::flatten(counted({})).shape() == xg::Shape{1});
  CHECK(xg::flatten(counted({3, 0, 2}), 1).shape() == xg::Shape{3, 0});
}

TEST_CASE("expand_dims counts its axis in the result, squeeze in the value") {
  const Var x = counted({2, 3});
  CHECK(xg::expand_dims(x, 0).shape() == xg::Shape{1, 2, 3});
  CHECK(xg::expand_dims(x, 2).shape() == xg::Shape{2, 3, 1});
  CHECK(xg::expand_dims(x, -1).shape() == xg::Shape{2, 3, 1});
  CHECK(xg::expand_dims(x, -3).shape() == xg::Shape{1, 2, 3});
  CHECK(xg::expand_dims(counted({}), 0).shape() == xg::Shape{1});
  const Var y = counted({1, 2, 1, 3});
  CHECK(xg::squeeze(y).shape() == xg::Shape{2, 3});
  CHECK(xg::squeeze(y, 0).shape() == xg::Shape{2, 1, 3});
  CHECK(xg::squeeze(y, {0, -2}).shape() == xg::Shape{2, 3});
}

TEST_CASE("transpose reverses the axes, swap_axes exchanges two, permute takes any order") {
  const Var x = counted({2, 3, 4});
  CHECK(xg::transpose(x).shape() == xg::Shape{4, 3, 2});
  CHECK(xg::transpose(x).value()(3, 1, 0) == x.value()(0, 1, 3));
  CHECK(xg::transpose(x, 0, 1).shape() == xg::Shape{3, 2, 4});
  CHECK(xg::swap_axes(x, -1, 0).shape() == xg::Shape{4, 3, 2});
  CHECK(xg::permute(x, {2, 0, 1}).shape() == xg::Shape{4, 2, 3});
  CHECK(xg::permute(x, {2, 0, 1}).value()(3, 1, 2) == x.value()(1, 2, 3));
  CHECK(xg::transpose(counted({5})).shape() == xg::Shape{5});
  CHECK(xg::permute(counted({}), {}).shape() == xg::Shape{});
}

TEST_CASE("permute of random shapes moves every element to its place, and its gradient back") {
  xg::Generator from(23);
  for (std::uint64_t seed = 0; seed < 200; ++seed) {
    const Var x = counted(random_shape(from));
    const auto axes = xg::permutation(x.dim(), from);
    INFO("seed 23, round " << seed << ", shape " << to_string(x.shape()));
    const Var y = xg::permute(x, xg::Axes(axes.begin(), axes.end()));
    CHECK(as_doubles(y) == permuted(x, axes));
    const auto back = xg::grad(y, {x}, {.grad_output = y.detach()})[0];
    CHECK(back.value() == x.value());
  }
}

TEST_CASE("large transpositions are right on one thread and on two") {
  for (const xg::Shape& shape : {xg::Shape{300, 700}, xg::Shape{33, 5000}, xg::Shape{70000, 3},
                                 xg::Shape{3, 70000}, xg::Shape{1 << 18, 1}}) {
    const Var x = counted(shape);
    const std::vector<double> expected = permuted(x, {1, 0});
    for (std::size_t threads = 1; threads <= 2; ++threads) {
      Threads use(threads);
      CHECK(as_doubles(xg::transpose(x)) == expected);
      CHECK(use.shared_a_loop() == (threads > 1));
    }
  }
  const Var x = counted({40, 50, 70});
  for (const std::vector<std::size_t>& axes :
       {std::vector<std::size_t>{0, 2, 1}, {2, 0, 1}, {1, 0, 2}, {2, 1, 0}})
    CHECK(as_doubles(xg::permute(x, xg::Axes(axes.begin(), axes.end()))) == permuted(x, axes));
}

TEST_CASE("broadcast_to repeats, sum_to adds up, and each is the other's gradient") {
  const Var x = counted({3, 1});
  const auto y = xg::broadcast_to(x, {2, 3, 4});
  CHECK(y.value()(1, 2, 3) == 2);
  CHECK(xg::grad(y, {x}, {.grad_output = xt::ones<double>({2, 3, 4})})[0].value() ==
        8 * xt::ones<double>({3, 1}));
  CHECK(xg::sum_to(y, {3, 1}).value()(2, 0) == 16);
}

TEST_CASE("reshape says what does not fit") {
  const auto message = [](const xg::Shape& from, const xg::Extents& to) {
    return message_of<xg::ShapeError>([&] { xg::reshape(counted(from), to); });
  };
  CHECK(message({2, 3}, {4, 2}) ==
        "reshape: [2, 3] to [4, 2]: 6 elements do not become 8; give extents whose product is 6");
  CHECK(message({2, 3}, {4, -1}) ==
        "reshape: [2, 3] to [4, -1]: no extent of axis 1 alone gives 6 elements; give extents whose product "
        "divides 6");
  CHECK(message({0, 3}, {0, -1}) ==
        "reshape: [0, 3] to [0, -1]: no extent of axis 1 alone gives 0 elements; give all extents");
  CHECK(message({2, 3}, {-1, -1}) ==
        "reshape: [2, 3] to [-1, -1]: two extents are left open; give all but one");
  CHECK(message({2, 3}, {-2, 3}) ==
        "reshape: [2, 3] to [-2, 3]: extent -2 of axis 0 is negative; only -1 has a meaning, what is left");
  CHECK(message({2, 3}, {std::size_t{1} << 33, std::size_t{1} << 33}) ==
        "reshape: [2, 3] to [8589934592, 8589934592]: 6 elements do not become so many; give extents whose "
        "product is 6");
}

TEST_CASE("the other shape operations name the shape and the axis") {
  const Var x = counted({2, 3});
  CHECK(message_of<xg::ShapeError>([&] { xg::flatten(x, 1, 0); }) ==
        "flatten: axis 0 comes before axis 1 in shape [2, 3]; give the first one first");
  CHECK(message_of<xg::ShapeError>([&] { xg::flatten(x, 2); }) ==
        "flatten: axis 2 is out of range for shape [2, 3]; give one from -2 to 1");
  CHECK(message_of<xg::ShapeError>([&] { xg::expand_dims(x, 3); }) ==
        "expand_dims: axis 3 is out of range for shape [2, 3, 1]; give one from -3 to 2");
  CHECK(message_of<xg::ShapeError>([&] { xg::squeeze(x, 0); }) ==
        "squeeze: axis 0 of shape [2, 3] has extent 2; only axes of extent 1 can be dropped");
  CHECK(message_of<xg::ShapeError>([&] { xg::permute(x, {0}); }) ==
        "permute: 1 axes [0] for shape [2, 3]; name each of its axes once");
  CHECK(message_of<xg::ShapeError>([&] {
          xg::permute(x, {1, -1});
        }) == "permute: axis 1 of shape [2, 3] is named twice; name each axis once");
  CHECK(message_of<xg::ShapeError>([&] { xg::swap_axes(x, 0, 2); }) ==
        "swap_axes: axis 2 is out of range for shape [2, 3]; give one from -2 to 1");
  CHECK(message_of<xg::ShapeError>([&] { xg::transpose(x, -3, 0); }) ==
        "transpose: axis -3 is out of range for shape [2, 3]; give one from -2 to 1");
  CHECK(message_of<xg::ShapeError>([&] { xg::broadcast_to(x, {2, 2}); }).find("[2, 3]") != std::string::npos);
}
