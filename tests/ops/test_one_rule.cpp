// What every operation of the table promises beside its numbers: performed again on other inputs it is a
// fresh call, and its gradient has the same bits whether the sweep is recorded or not.
#include <doctest/doctest.h>
#include <xgrad/core/graph/watch.hpp>
#include <xgrad/ops.hpp>

#include "row_runs.hpp"

using namespace xgrad::testing;
using xgrad::Dense;
using xgrad::Variable;
using xgrad::detail::Handle;
using xgrad::detail::Node;

namespace {

/// The nodes that are recorded, in their order, and the values of their inputs.
class Kept final : public xgrad::detail::Observer {
 public:
  void see(Node& node) override {
    nodes.emplace_back(&node);
    for (Node* input : node.inputs()) inputs_.emplace_back(input);
  }
  std::vector<Handle> nodes;

 private:
  std::vector<Handle> inputs_;
};

template <class T>
std::vector<Dense<T>> performed_again(const OperationRow& row, const Arrays& at_first, const Arrays& then) {
  const Variables<T> in = parameters<T>(at_first);
  Kept kept;
  const Variable<T> y = [&] {
    const xgrad::detail::Watch watch(kept);
    return call(row, in);
  }();
  const Variables<T> changed = parameters<T>(then);
  for (std::size_t i = 0; i < in.size(); ++i) in[i].node().exchange_buffer(changed[i].dense().buffer);
  for (const Handle& handle : kept.nodes) handle.node()->renew();
  std::vector<Dense<T>> all{y.dense()};
  if (!y.requires_grad()) return all;
  for (const auto& gradient : xgrad::grad(y, in, {.grad_output = weights<T>(y.shape())}))
    all.push_back(gradient.dense());
  return all;
}

template <class T>
bool same_again(const OperationRow& row) {
  // What has no gradient leaves no node; the row of `where` takes its mask out of the graph.
  if (!row.differentiable || row.operation == "where") return true;
  const Shapes shapes = own_shapes(row);
  const Arrays then = sample(row, shapes, 2);
  return same_bits(performed_again<T>(row, sample(row, shapes, 1), then), run(row, parameters<T>(then)));
}

template <class T>
bool one_path(const OperationRow& row, const Arrays& values) {
  const Variables<T> in = parameters<T>(values);
  const Variable<T> y = call(row, in);
  if (!y.requires_grad()) return true;
  const auto weight = weights<T>(y.shape());
  const auto recorded = xgrad::grad(y, in, {.create_graph = true, .grad_output = weight});
  const auto plain = xgrad::grad(y, in, {.grad_output = weight});
  for (std::size_t i = 0; i < in.size(); ++i)
    if (!same_bits(plain[i].dense(), recorded[i].dense())) return false;
  return true;
}

}  // namespace

TEST_CASE("an operation performed again on other inputs is a fresh call, value and gradient") {
  for_each_row([](const OperationRow& row) {
    CHECK(same_again<double>(row));
    CHECK(same_again<float>(row));
  });
}

TEST_CASE("a recorded gradient has the bits of a plain one") {
  for_each_row([](const OperationRow& row) {
    for (const std::uint64_t seed : {1U, 2U, 3U}) {
      const Arrays values = sample(row, own_shapes(row), seed);
      CHECK(one_path<double>(row, values));
      CHECK(one_path<float>(row, values));
    }
  });
}

TEST_CASE("a user's formula has one path of gradients, with slopes and summed in blocks") {
  const auto mish = xgrad::elementwise("mish", [](auto x) { return x * tanh(log1p(exp(x))); });
  const auto scaled = xgrad::elementwise("scaled", [](auto x, auto s) { return exp(x * s) / (1 + s * s); });
  const auto draw = [](const xgrad::Shape& shape, std::uint64_t seed) {
    xgrad::Generator from(seed);
    return xgrad::parameter(xgrad::random_normal<double>(shape, 0, 1, from));
  };
  for (const xgrad::Shape& of_scale : {xgrad::Shape{701}, xgrad::Shape{401, 1}, xgrad::Shape{}}) {
    const auto x = draw({401, 701}, 1), s = draw(of_scale, 2);
    const auto y = scaled(mish(x), s);
    const auto weight = weights<double>(y.shape());
    const auto recorded = xgrad::grad(y, {x, s}, {.create_graph = true, .grad_output = weight});
    const auto plain = xgrad::grad(y, {x, s}, {.retain_graph = true, .grad_output = weight});
    for (std::size_t i = 0; i < 2; ++i) CHECK(same_bits(plain[i].dense(), recorded[i].dense()));
    // The second order of the recorded one is that of a program of the library's own steps.
    const auto by_steps = [&](const Variable<double>& v, const Variable<double>& scale) {
      return xgrad::exp(v * xgrad::tanh(xgrad::log1p(xgrad::exp(v))) * scale) / (1 + scale * scale);
    };
    const auto first = xgrad::grad(by_steps(x, s), {x, s}, {.create_graph = true, .grad_output = weight});
    for (std::size_t i = 0; i < 2; ++i) {
      const auto of = weights<double>(first[i].shape(), 5);
      const auto expected = xgrad::grad(first[i], {x, s}, {.retain_graph = true, .grad_output = of});
      const auto got = xgrad::grad(recorded[i], {x, s}, {.retain_graph = true, .grad_output = of});
      for (std::size_t k = 0; k < 2; ++k)
        CHECK(difference(got[k].dense(), expected[k].dense().data(), expected[k].size(), 1e-9) == "");
    }
  }
}

TEST_CASE("a recorded gradient has the bits of a plain one where threads share the work") {
  for (const OperationRow& row : all_rows()) {
    INFO("row: " << name_of(row));
    for (const Shapes& shapes : row.large) {
      const Arrays values = sample(row, shapes, 1);
      CHECK(one_path<double>(row, values));
      CHECK(one_path<float>(row, values));
    }
  }
}
