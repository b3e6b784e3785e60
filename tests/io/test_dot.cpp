#include <cmath>
#include <string>
#include <vector>

#include <doctest/doctest.h>
#include <xgrad/io/dot.hpp>
#include <xgrad/ops/arithmetic.hpp>
#include <xgrad/ops/exponential.hpp>
#include <xgrad/ops/operators.hpp>

using xgrad::io::to_dot;

namespace {

std::size_t count(const std::string& text, const std::string& what) {
  std::size_t found = 0;
  for (std::size_t at = text.find(what); at != text.npos; at = text.find(what, at + what.size())) ++found;
  return found;
}

bool has(const std::string& text, const std::string& what) { return count(text, what) > 0; }

}  // namespace

TEST_CASE("a drawn graph has a node for each operation and leaf, and an edge for each operand") {
  const auto x = xgrad::parameter(xt::xarray<double>{1, 2, 3});
  const auto c = xgrad::constant(2.0);
  const std::string dot = to_dot(tanh(x) * c);
  CHECK(dot.find("digraph xgrad {\n") == 0);
  CHECK(dot.rfind("}\n") == dot.size() - 2);
  CHECK(count(dot, "[label=") == 4);
  CHECK(count(dot, " -> ") == 3);
  CHECK(has(dot, "n0 [label=\"parameter [3]\", shape=box, style=filled"));
  CHECK(has(dot, "n1 [label=\"constant []\", shape=box, style=filled"));
  CHECK(has(dot, "n2 [label=\"tanh [3]\"]"));
  CHECK(has(dot, "n3 [label=\"multiply [3]\", penwidth=2]"));
  CHECK(has(dot, "  n0 -> n2;\n  n2 -> n3;\n  n1 -> n3;\n"));
}

TEST_CASE("a node that is used often is drawn once, with all its edges") {
  const auto x = xgrad::parameter(3.0);
  const auto square = x * x;
  const std::string dot = to_dot(square + square * x);
  CHECK(count(dot, "[label=") == 4);
  CHECK(count(dot, " -> ") == 6);
  CHECK(count(dot, "n0 -> n1;") == 2);
}

TEST_CASE("the same program draws the same text") {
  const auto draw = [] {
    const auto x = xgrad::parameter(3.0), y = xgrad::parameter(4.0);
    return to_dot((x + y) * (x - y) + xgrad::constant(1.0) * y);
  };
  const std::string first = draw();
  CHECK(first == draw());
}

TEST_CASE("values and gradients stand at the nodes, shares on the edges") {
  const auto apples = xgrad::parameter(2.0), price = xgrad::parameter(100.0);
  const auto tax = xgrad::constant(1.1);
  const auto sum = apples * price;
  const auto total = sum * tax;
  const std::string dot = to_dot(
      total, {.names = {{apples, "apples"}, {price, "price"}}, .show_values = true, .show_gradients = true});
  CHECK(has(dot, "\"apples\\nparameter []\\nvalue 2\\ngradient 110\""));
  CHECK(has(dot, "\"price\\nparameter []\\nvalue 100\\ngradient 2.2\""));
  CHECK(has(dot, "\"constant []\\nvalue 1.1\""));
  CHECK(has(dot, "\"multiply []\\nvalue 200\\ngradient 1.1\""));
  CHECK(has(dot, "\"multiply []\\nvalue 220\\ngradient 1\""));
  CHECK(count(dot, " -> ") == 4);
  CHECK(has(dot, " [label=\"110\"];"));
  CHECK(has(dot, " [label=\"2.2\"];"));
  CHECK_FALSE(apples.has_grad());
}

TEST_CASE("where paths meet, each edge has its share and the node their sum") {
  const auto x = xgrad::parameter(xt::xarray<float>{{1, 2}, {3, 4}});
  const auto y = 2 * x + x * x;
  const std::string dot = to_dot(y, {.show_gradients = true});
  CHECK(has(dot, "parameter [2, 2]\\ngradient [[4, 6], [8, 10]]"));
  CHECK(has(dot, "[label=\"[[2, 2], [2, 2]]\"]"));
  CHECK(count(dot, "[label=\"[[2, 4], [6, 8]]\"]") == 1);  // of x * x, once for both edges
}

TEST_CASE("showing gradients changes no gradient and spends no graph") {
  const auto x = xgrad::parameter(3.0);
  const auto y = tanh(x) * x;
  const std::string first = to_dot(y, {.show_gradients = true});
  CHECK(to_dot(y, {.show_gradients = true}) == first);
  y.backward();
  CHECK(x.grad()() == doctest::Approx(std::tanh(3.0) + 3 * (1 - std::tanh(3.0) * std::tanh(3.0))));
  CHECK_NOTHROW(to_dot(y));
  CHECK_THROWS_WITH_AS(
      to_dot(y, {.show_gradients = true}),
      "to_dot: the graph through 'multiply' was spent by an earlier backward, so its gradients "
      "cannot be shown; pass {.retain_graph = true} to that backward",
      xgrad::GraphError);
}

TEST_CASE("large values are not written out, and the limit can be chosen") {
  const auto x = xgrad::parameter(xt::xarray<double>::from_shape({13}) * 0 + 1);
  CHECK_FALSE(has(to_dot(x * 2, {.show_values = true, .show_gradients = true}), "value"));
  CHECK(count(to_dot(x * 2, {.show_values = true, .max_elements = 13}), "value [") == 2);
}

TEST_CASE("a value that is gone is not shown") {
  const auto x = xgrad::parameter(3.0);
  const auto y = (x + 1) + 1;
  CHECK_FALSE(has(to_dot(y, {.show_values = true}), "value 4"));
  const auto kept = x + 1;
  CHECK(has(to_dot(kept + 1, {.show_values = true}), "value 4"));
}

TEST_CASE("names cannot break the language") {
  const auto x = xgrad::parameter(3.0);
  CHECK(
      has(to_dot(x, {.names = {{x, "a \"b\" \\ c\nd"}}}), "label=\"a \\\"b\\\" \\\\ c\\nd\\nparameter []\""));
}

TEST_CASE("a leaf alone and a value without a graph are graphs of one node") {
  CHECK(count(to_dot(xgrad::parameter(1.0), {.show_gradients = true}), "[label=") == 1);
  const auto c = xgrad::constant(1.0);
  CHECK(has(to_dot(c + c, {.show_values = true, .show_gradients = true}),
            "n0 [label=\"constant []\\nvalue 2\", penwidth=2]"));
  CHECK_THROWS_AS(to_dot(xgrad::Variable<double>()), xgrad::GraphError);
}

TEST_CASE("a deep graph is drawn without recursion") {
  auto y = xgrad::parameter(1.0);
  for (int i = 0; i < 100'000; ++i) y = y + 1;
  const std::string dot = to_dot(y, {.show_gradients = true});
  CHECK(count(dot, " -> ") == 200'000);
  CHECK(has(dot, "parameter []\\ngradient 1\""));
}
