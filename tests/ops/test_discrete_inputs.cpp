// Indices and masks as inputs of an operation, and places as its outputs: they are nodes of their own kind,
// an operation is performed again with others, and what it differentiates by them is the same whether it is
// recorded or not, ties and NaN included.
#include <doctest/doctest.h>

#include <functional>
#include <limits>
#include <string>
#include <vector>
#include <xgrad/core/graph/attribute.hpp>
#include <xgrad/derivatives/grad.hpp>
#include <xgrad/ops/adaptive_pooling.hpp>
#include <xgrad/ops/comparison.hpp>
#include <xgrad/ops/cumprod.hpp>
#include <xgrad/ops/embedding.hpp>
#include <xgrad/ops/extremes.hpp>
#include <xgrad/ops/gather.hpp>
#include <xgrad/ops/indexing.hpp>
#include <xgrad/ops/operators.hpp>
#include <xgrad/ops/pooling.hpp>
#include <xgrad/ops/reduction.hpp>
#include <xgrad/ops/scan.hpp>
#include <xgrad/ops/shape.hpp>
#include <xgrad/ops/sorting.hpp>

#include "../message_of.hpp"
#include "../variables.hpp"
#include "row_runs.hpp"

namespace xg = xgrad;
using xg::detail::ElementKind;
using xg::detail::Value;
using xgrad::testing::as_doubles;
using xgrad::testing::message_of;
using xgrad::testing::random_indices;
using xgrad::testing::random_variable;
using xgrad::testing::same_bits;
using xgrad::testing::weights;

namespace {

using Var = xg::Variable<double>;

constexpr double infinity = std::numeric_limits<double>::infinity();
constexpr double not_a_number = std::numeric_limits<double>::quiet_NaN();

/// Few different numbers, so that many tie; now and then a NaN, an infinity or a zero of either sign.
template <class T>
xg::Variable<T> tying(const xg::Shape& shape, xg::Generator& from) {
  const double special[] = {not_a_number, infinity, -infinity, 0.0, -0.0};
  xg::Dense<T> drawn(shape);
  T* out = drawn.mutable_data();
  for (std::size_t i = 0; i < drawn.size(); ++i) {
    const std::size_t kind = from.below(40);
    out[i] = static_cast<T>(kind < 5 ? special[kind] : static_cast<double>(from.below(4)) - 1.5);
  }
  return xg::detail::parameter_from(std::move(drawn));
}

xg::detail::Node& node_of(const Var& x) { return x.node(); }

/// An operation that reads x by an index array: what it is called, and how.
struct ByIndices {
  std::string name;
  xg::Shape shape;  ///< of x
  std::function<Var(const Var&, const xg::Indices&)> apply;
  xg::Indices indices, others, wrong;
  std::string message;  ///< of the wrong ones
};

std::vector<ByIndices> by_indices() {
  const xg::Indices grid = xt::xarray<std::int64_t>{{0, -1, 2, 2}, {3, 1, 1, -4}, {-2, 0, 0, 0}};
  const xg::Indices grid2 = xt::xarray<std::int64_t>{{1, 1, -3, 0}, {0, 3, 2, 1}, {2, 2, -1, 3}};
  const xg::Indices wrong = xt::xarray<std::int64_t>{{1, 1, -3, 0}, {0, 4, -5, 1}, {2, 2, -1, 3}};
  const xg::Indices row = xt::xarray<std::int64_t>{2, 0, -1}, row2 = xt::xarray<std::int64_t>{-3, 1, 1};
  const xg::Indices below = xt::xarray<std::int64_t>{0, 2, -4};
  const std::string range = " is out of range for axis 1 of shape [3, 4]; give one from -4 to 3";
  const std::string rows = " is out of range for axis 0 of shape [3, 4]; give one from -3 to 2";
  return {
      {"take_along_axis",
       {3, 4},
       [](const Var& x, const xg::Indices& at) { return xg::take_along_axis(x, at, 1); },
       grid,
       grid2,
       wrong,
       "take_along_axis: index 4 at [1, 1]" + range},
      {"scatter_along_axis",
       {3, 4},
       [](const Var& x, const xg::Indices& at) {
         return xg::scatter_along_axis(x, at, 1, {3, 4});
       },
       grid,
       grid2,
       wrong,
       "scatter_along_axis: index 4 at [1, 1]" + range},
      {"take",
       {3, 4},
       [](const Var& x, const xg::Indices& at) { return xg::take(x, at); },
       row,
       row2,
       below,
       "take: index -4 at [2]" + rows},
      {"scatter_slices",
       {3, 4},
       [](const Var& x, const xg::Indices& at) {
         return xg::scatter_slices(x, at, 0, {3, 4});
       },
       row,
       row2,
       below,
       "scatter_slices: index -4 at [2]" + rows},
  };
}

template <class T>
using Function = std::function<xg::Variable<T>(const xg::Variable<T>&)>;

struct Case {
  std::string name;
  xg::Shape shape;
  Function<float> on_float;
  Function<double> on_double;
};

template <class F>
Case of(const char* name, const xg::Shape& shape, F f) {
  return {name, shape, f, f};
}

/// What is differentiated by indices, places, masks or ties.
std::vector<Case> cases() {
  const xg::Indices columns = xt::xarray<std::int64_t>{{0, 3, -1}, {2, 2, 2}, {-4, 1, 0}};
  const xg::Indices rows = xt::xarray<std::int64_t>{{0, 2}, {2, -1}}, labels = xt::xarray<std::int64_t>{1, 1};
  const xg::Mask chess =
      xt::xarray<bool>{{true, false, true, false}, {false, true, false, true}, {true, true, false, true}};
  return {
      of("take_along_axis", {3, 4}, [=](const auto& x) { return take_along_axis(x, columns, 1); }),
      of("scatter_along_axis", {3, 3},
         [=](const auto& x) {
           return scatter_along_axis(x, columns, 1, xg::Shape{3, 4});
         }),
      of("take", {3, 4}, [=](const auto& x) { return take(x, rows); }),
      of("scatter_slices", {2, 2, 4},
         [=](const auto& x) {
           return scatter_slices(x, rows, 0, {3, 4});
         }),
      of("embedding", {3, 4}, [=](const auto& x) { return embedding(x, labels); }),
      of("gather", {4, 4}, [=](const auto& x) { return gather(x, 1, columns); }),
      of("scatter_add", {3, 4}, [=](const auto& x) { return scatter_add(x, 1, columns, x * x); }),
      of("masked_select", {3, 4}, [=](const auto& x) { return masked_select(x, chess); }),
      of("index_put", {3, 4}, [=](const auto& x) { return index_put(x, {labels}, take(2 * x, labels)); }),
      of("index_put, accumulated", {3, 4},
         [=](const auto& x) { return index_put(x, {labels}, take(x, labels), true); }),
      of("where", {3, 4}, [=](const auto& x) { return xg::where(chess, x, x * x); }),
      of("where(less)", {3, 4}, [=](const auto& x) { return xg::where(less(x, 0.0), x * x, x); }),
      of("sort", {3, 6, 2}, [](const auto& x) { return sort(x, 1, {.descending = true}); }),
      of("topk", {3, 6, 2}, [](const auto& x) { return topk(x, 2, 1).values; }),
      of("max_with_indices", {3, 6, 2},
         [](const auto& x) { return max_with_indices(x, 1, {.keep_dims = true}).values; }),
      of("cumprod", {4, 9}, [](const auto& x) { return cumprod(x, 1); }),
      of("adaptive_avg_pool2d", {2, 3, 7, 8}, [](const auto& x) { return adaptive_avg_pool2d(x, 3); }),
      of("max", {40, 9}, [](const auto& x) { return max(x, {.axes = {1}}); }),
      of("max of all", {3, 4}, [](const auto& x) { return max(x); }),
      of("min", {6, 4, 5},
         [](const auto& x) {
           return min(x, {.axes = {0, 2}, .keep_dims = true});
         }),
      of("logsumexp", {40, 9}, [](const auto& x) { return logsumexp(x, {.axes = {1}}); }),
      of("prod", {40, 9}, [](const auto& x) { return prod(x, {.axes = {0}}); }),
      of("cumsum", {4, 9}, [](const auto& x) { return cumsum(x, 1); }),
      of("max_pool2d", {2, 3, 7, 8}, [](const auto& x) { return max_pool2d(x, 2); }),
      of("max_pool2d, overlapping", {2, 3, 7, 8},
         [](const auto& x) { return max_pool2d(x, {.kernel = 3, .stride = 2, .padding = 1}); }),
      of("avg_pool2d", {2, 3, 7, 8}, [](const auto& x) { return avg_pool2d(x, 2); }),
  };
}

template <class T>
void check_one_path(const Function<T>& f, const xg::Variable<T>& x) {
  const xg::Variable<T> y = f(x);
  const xg::Array<T> dy = weights<T>(y.shape());
  const auto plain = xg::grad(y, {x}, {.retain_graph = true, .grad_output = dy})[0];
  const auto recorded = xg::grad(y, {x}, {.create_graph = true, .grad_output = dy})[0];
  CHECK(same_bits(plain.dense(), recorded.dense()));
}

}  // namespace

TEST_CASE("indices are inputs of an operation: nodes of integers without a gradient") {
  for (const ByIndices& each : by_indices()) {
    INFO(each.name);
    const Var x = random_variable(each.shape, 1);
    const Var y = each.apply(x, each.indices);
    const auto inputs = node_of(y).inputs();
    REQUIRE(inputs.size() == 2);
    CHECK(node_of(y).operation() == each.name);
    CHECK(inputs[1]->kind() == ElementKind::int64);
    CHECK(!inputs[1]->requires_grad());
    CHECK(inputs[1]->is_leaf());
    CHECK(inputs[1]->value().shape == each.indices.shape());
  }
}

TEST_CASE("an operation is performed again with other indices, and checks them anew") {
  for (const ByIndices& each : by_indices()) {
    INFO(each.name);
    const Var x = random_variable(each.shape, 1), other = random_variable(each.shape, 2);
    const Var y = each.apply(x, each.indices);
    const auto again = [&](const xg::Indices& indices) {
      return node_of(y).perform_again(std::vector<Value>{other.dense(), xg::to_dense(indices)});
    };
    for (const xg::Indices& indices : {each.indices, each.others}) {
      const auto outputs = again(indices);
      REQUIRE(outputs.size() == 1);
      CHECK(same_bits(xg::Dense<double>(outputs[0]), each.apply(other, indices).dense()));
    }
    CHECK(message_of<xg::ValueError>([&] { again(each.wrong); }) == each.message);
    CHECK(message_of<xg::ValueError>([&] { each.apply(x, each.wrong); }) == each.message);
  }
}

TEST_CASE("rows of a table are never counted from the end, whenever they are looked up") {
  const Var table = random_variable({3, 2}, 1);
  const xg::Indices rows = xt::xarray<std::int64_t>{2, 0}, negative = xt::xarray<std::int64_t>{1, -1};
  const Var y = xg::embedding(table, rows);
  const std::string message =
      "embedding: index -1 among indices [2] is none of the table [3, 2]; its rows are numbered from 0 to 2";
  CHECK(message_of<xg::ValueError>([&] { xg::embedding(table, negative); }) == message);
  CHECK(message_of<xg::ValueError>([&] {
          node_of(y).perform_again(std::vector<Value>{table.dense(), xg::to_dense(negative)});
        }) == message);
}

TEST_CASE("a mask is an input of masked_select, which may select more when it is performed again") {
  const xg::Mask mask = xt::xarray<bool>{{true, false, true}, {false, true, false}};
  const xg::Mask wider = xt::xarray<bool>{{true, true, true}, {false, true, true}};
  const Var x = random_variable({2, 3}, 1), other = random_variable({2, 3}, 2);
  const Var y = xg::masked_select(x, mask);
  REQUIRE(node_of(y).inputs().size() == 2);
  const xg::detail::Node& second = *node_of(y).inputs()[1];
  CHECK(second.kind() == ElementKind::boolean);
  CHECK(!second.requires_grad());
  for (const xg::Mask& chosen : {mask, wider}) {
    const auto outputs = node_of(y).perform_again(std::vector<Value>{other.dense(), xg::to_dense(chosen)});
    CHECK(same_bits(xg::Dense<double>(outputs[0]), xg::masked_select(other, chosen).dense()));
  }
  const Var back = xg::detail::masked_scatter(y, mask);
  CHECK(message_of<xg::ShapeError>([&] {
          node_of(back).perform_again(std::vector<Value>{y.dense(), xg::to_dense(wider)});
        }) == "masked_scatter: [3] is not what a mask [2, 3] selects, [5]; they must be equal");
}

TEST_CASE("an operation says its axis and the shape that it makes") {
  const xg::Indices rows = xt::xarray<std::int64_t>{2, 0};
  const Var x = random_variable({2, 4}, 1);
  const auto said = [](const Var& y) { return to_string(node_of(y).attributes()); };
  CHECK(said(xg::take(random_variable({3, 4}, 1), rows, 1)) == "axis = 1, negative_from_end = true");
  CHECK(said(xg::scatter_slices(x, rows, 0, {3, 4})) == "axis = 0, shape = [3, 4]");
  CHECK(said(xg::topk(x, 3).values) == "axis = 1, count = 3, descending = true");
  CHECK(said(xg::max(x, {.axes = {-1}, .keep_dims = true})) == "axes = [1], keep_dims = true");
  CHECK(said(xg::prod(x)) == "axes = [0, 1], keep_dims = false");
  CHECK(said(xg::cumsum(x, 1)) == "axis = 1, from_the_end = false");
  CHECK(said(xg::max_pool2d(random_variable({1, 1, 5, 4}, 1), 2)) ==
        "in = [5, 4], kernel = [2, 2], stride = [2, 2], padding = [0, 0], dilation = [1, 1], out = [2, 2]");
}

TEST_CASE("gradients are the same, to the bit, whether they are recorded or not") {
  INFO("seed 13");
  xg::Generator from(13);
  for (const Case& each : cases())
    for (int round = 0; round < 8; ++round) {
      INFO(each.name << ", round " << round);
      check_one_path<float>(each.on_float, tying<float>(each.shape, from));
      check_one_path<double>(each.on_double, tying<double>(each.shape, from));
      check_one_path<float>(each.on_float, random_variable<float>(each.shape, from));
      check_one_path<double>(each.on_double, random_variable<double>(each.shape, from));
    }
}

TEST_CASE("an operation whose places depend on its input finds others when it is performed again") {
  INFO("seed 14");
  xg::Generator from(14);
  for (const Case& each : cases()) {
    if (each.name.find("max") == std::string::npos && each.name != "sort" && each.name != "topk" &&
        each.name != "min" && each.name != "logsumexp" && each.name != "prod")
      continue;
    INFO(each.name);
    const Var x = tying<double>(each.shape, from), other = tying<double>(each.shape, from);
    const Var y = each.on_double(x), fresh = each.on_double(other);
    const auto outputs = node_of(y).perform_again(std::vector<Value>{other.dense()});
    CHECK(same_bits(xg::Dense<double>(outputs[0]), fresh.dense()));
  }
}

TEST_CASE("max_pool2d finds other places in other images") {
  const Var x = xg::parameter(xt::xarray<double>{{{{1, 2, 5, 5}, {3, 4, 5, 5}}}});
  const xg::Dense<double> other =
      xg::to_dense(xg::Array<double>(xt::xarray<double>{{{{1, 9, 0, 1}, {3, 4, not_a_number, 7}}}}));
  const Var y = xg::max_pool2d(x, 2);
  const auto places = [&](const xg::Dense<double>& images) {
    const auto outputs = node_of(y).perform_again(std::vector<Value>{images});
    REQUIRE(outputs.size() == 2);
    const xg::Dense<std::int64_t> found(outputs[1]);
    return std::vector<std::int64_t>(found.data(), found.data() + found.size());
  };
  CHECK(places(x.dense()) == std::vector<std::int64_t>{5, 2});
  CHECK(places(other) == std::vector<std::int64_t>{1, 6});
  // What was found at first stays what the node's own gradient goes to.
  const auto g = xg::grad(y, {x}, {.grad_output = xt::xarray<double>{{{{1, 2}}}}})[0];
  CHECK(g.value() == xt::xarray<double>{{{{0, 0, 2, 0}, {0, 1, 0, 0}}}});
}

TEST_CASE("sort and topk find other places in other lines") {
  const Var x = xg::parameter(xt::xarray<double>{3, 1, not_a_number, 3});
  const xg::Dense<double> other = xg::to_dense(xg::Array<double>(xt::xarray<double>{0.5, 2, 1, 2}));
  const auto places = [&](const Var& y) {
    const xg::Dense<std::int64_t> found(node_of(y).perform_again(std::vector<Value>{other})[1]);
    return std::vector<std::int64_t>(found.data(), found.data() + found.size());
  };
  const auto sorted = xg::sort(x);
  const auto top = xg::topk(x, 2);
  CHECK(top.indices == xg::Indices(xt::xarray<std::int64_t>{0, 3}));
  CHECK(places(sorted) == std::vector<std::int64_t>{0, 2, 1, 3});
  CHECK(places(top.values) == std::vector<std::int64_t>{1, 3});
}

TEST_CASE("the places of topk are the caller's own: what is done to them does not reach the graph") {
  const Var x = xg::parameter(xt::xarray<double>{3, 1, 2});
  auto top = xg::topk(x, 2);
  top.indices(0) = 1;
  const auto g = xg::grad(top.values, {x}, {.grad_output = xt::xarray<double>{1, 2}})[0];
  CHECK(g.value() == xt::xarray<double>{1, 0, 2});
}

TEST_CASE("second-order gradients go through the places that the first pass found") {
  const xg::Indices rows = xt::xarray<std::int64_t>{0, 0, -1};
  const Var x = xg::parameter(xt::xarray<double>{{1, 2}, {3, 4}});
  const auto second = [&](const std::function<Var(const Var&)>& f) {
    const Var first = xg::grad(xg::sum(f(x * x * x)), {x}, {.create_graph = true})[0];
    return as_doubles(xg::grad(xg::sum(first), {x})[0]);
  };
  CHECK(second([&](const Var& v) { return xg::take(v, rows); }) == std::vector<double>{12, 24, 18, 24});
  CHECK(second([](const Var& v) { return xg::topk(v, 1, 0).values; }) == std::vector<double>{0, 0, 18, 24});
  CHECK(second([](const Var& v) { return xg::max(v); }) == std::vector<double>{0, 0, 0, 24});
  CHECK(second([](const Var& v) {
          return xg::max_pool2d(xg::reshape(v, {1, 1, 2, 2}), 2);
        }) == std::vector<double>{0, 0, 0, 24});
}
