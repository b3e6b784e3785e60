#include <doctest/doctest.h>

#include <string>
#include <thread>
#include <vector>
#include <xgrad/core/graph/gradients.hpp>
#include <xgrad/core/graph/record.hpp>
#include <xgrad/xgrad.hpp>
#include <xgrad/xtensor.hpp>

#include "../../message_of.hpp"
#include "../../threads.hpp"

namespace xg = xgrad;
using xgrad::testing::message_of;
using xgrad::testing::Threads;
using Var = xg::Variable<double>;

namespace {

xt::xarray<double> column_of(std::vector<double> values) {
  const auto rows = values.size();
  return xt::adapt(std::move(values), std::vector<std::size_t>{rows, 1});
}

xt::xarray<double> ones(std::vector<std::size_t> shape) { return xt::ones<double>(shape); }

/// Throws in its backward pass.
struct Faulty {
  static constexpr std::string_view name = "faulty";
  template <class T>
  xg::Dense<T> forward(const xg::Dense<T>& x) const {
    return x;
  }
  template <class V>
  void vjp(xg::detail::Backward<V>&) const {
    throw xg::ValueError("faulty: as asked");
  }
};

std::int64_t live_buffers() { return xg::memory_stats().live_buffers; }
std::int64_t live_nodes() { return xg::memory_stats().live_nodes; }

}  // namespace

TEST_CASE("an add node passes its gradient on, a multiply node swaps its inputs") {
  auto a = xg::parameter(2.0), b = xg::parameter(3.0), c = xg::parameter(5.0);
  ((a + b) * c).backward();
  CHECK(a.grad()() == 5);
  CHECK(b.grad()() == 5);
  CHECK(c.grad()() == 5);
  (a * b).backward();
  CHECK(a.grad()() == 8);
  CHECK(b.grad()() == 7);
}

TEST_CASE("a shared subexpression is differentiated once, with its complete gradient") {
  auto x = xg::parameter(1.1);
  Var y = x;
  for (int i = 0; i < 60; ++i) y = y + y;  // 2^60 paths
  y.backward();
  CHECK(x.grad()() == doctest::Approx(1152921504606846976.0));
}

TEST_CASE("gradients of broadcast operands are summed back to their shapes") {
  auto row = xg::parameter(xt::xarray<double>{1, 2, 3});
  auto column = xg::parameter(column_of({1, 2}));
  auto scalar = xg::parameter(2.0);
  auto y = row * column * scalar;
  CHECK(y.value() == xt::xarray<double>{{2, 4, 6}, {4, 8, 12}});
  y.backward({.grad_output = ones({2, 3})});
  CHECK(row.grad() == xt::xarray<double>{6, 6, 6});
  CHECK(column.grad() == column_of({12, 12}));
  CHECK(scalar.grad()() == 18);
}

TEST_CASE("backward adds to the gradients that are there") {
  auto x = xg::parameter(xt::xarray<double>{1, 2});
  auto y = x * 3;
  y.backward({.retain_graph = true, .grad_output = ones({2})});
  auto first = x.grad();
  y.backward({.grad_output = ones({2})});
  CHECK(x.grad() == xt::xarray<double>{6, 6});
  CHECK(first == xt::xarray<double>{3, 3});
  x.zero_grad();
  CHECK_FALSE(x.has_grad());
  CHECK(message_of([&] { x.grad(); }) ==
        "grad: 'parameter' of shape [2] has no gradient yet; call backward() on a result that depends on it");
}

TEST_CASE("leaves that share a gradient's buffer accumulate each their own") {
  auto a = xg::parameter(xt::xarray<double>{1, 2}), b = xg::parameter(xt::xarray<double>{3, 4});
  for (int i = 1; i <= 3; ++i) {
    (a + b).backward({.grad_output = ones({2})});
    CHECK(a.grad() == i * ones({2}));
    CHECK(b.grad() == i * ones({2}));
  }
}

TEST_CASE("a spent graph says that retain_graph was needed") {
  auto x = xg::parameter(2.0);
  auto y = x * x;
  y.backward({.retain_graph = true});
  y.backward();
  CHECK(message_of([&] { y.backward(); }) ==
        "backward: the graph through 'multiply' was spent by an earlier backward; pass {.retain_graph = "
        "true} to the "
        "earlier one");
  CHECK(x.grad()() == 8);
}

TEST_CASE("backward explains what it cannot do") {
  auto x = xg::parameter(xt::xarray<double>{1, 2});
  CHECK(message_of([&] { (x * 2).backward(); }) ==
        "backward: the output of shape [2] has more than one element or none; reduce it, or pass "
        ".grad_output of that "
        "shape");
  CHECK(message_of([&] { (x * 2).backward({.grad_output = ones({3})}); }) ==
        "backward: grad_output has shape [3], the output [2]; they must be equal");
  CHECK(message_of([&] { x.detach().backward(); }) ==
        "backward: 'constant' of shape [2] does not depend on a parameter, or only on frozen ones, "
        "or was computed under NoGrad");
  auto y = x * 2;
  CHECK(message_of([&] { y.grad(); }) ==
        "grad: 'multiply' of shape [2] keeps no gradient: only parameters do; call retain_grad() before "
        "backward(), or use grad(output, {variable}) for other nodes");
}

TEST_CASE("a backward that throws leaves every gradient as it was") {
  auto x = xg::parameter(2.0), w = xg::parameter(3.0);
  (x * w).backward();
  auto bad = xg::detail::record(Faulty{}, x * 1.0) + w;
  CHECK_THROWS_AS(bad.backward(), xg::ValueError);
  CHECK(x.grad()() == 3);
  CHECK(w.grad()() == 2);
}

TEST_CASE("nothing is recorded under NoGrad, and guards nest") {
  auto x = xg::parameter(2.0);
  {
    xg::NoGrad off;
    CHECK_FALSE((x * x).requires_grad());
    {
      xg::EnableGrad on;
      CHECK((x * x).requires_grad());
    }
    CHECK_FALSE((x * x).requires_grad());
  }
  CHECK((x * x).requires_grad());
}

TEST_CASE("y = x + 1 + 1 + ... holds two buffers however long it grows") {
  const auto before = live_buffers();
  auto x = xg::parameter(ones({100}));
  Var y = x;
  for (int i = 0; i < 1000; ++i) {
    y = y + 1;
    REQUIRE(live_buffers() - before == 2);
  }
}

TEST_CASE("an operation saves only what its gradient reads, and only for inputs that need one") {
  auto x = xg::parameter(ones({100}));
  const auto before = live_buffers();
  auto by_constant = (x + 1) * xt::xarray<double>(ones({100}));
  CHECK(live_buffers() - before == 2);  // the product and the constant; x + 1 is not needed
  auto output_only = xg::tanh(x * xt::xarray<double>(ones({100})));
  CHECK(live_buffers() - before == 4);  // the second constant and tanh's output
}

TEST_CASE("backward drops saved values as it passes them") {
  auto x = xg::parameter(ones({100}));
  Var y = x;
  for (int i = 0; i < 10; ++i) y = xg::tanh(y);
  const auto before = live_buffers();
  y.backward({.grad_output = ones({100})});
  CHECK(live_buffers() - before == 1 - 9);  // nine inner values are gone, one gradient has come
}

TEST_CASE("nodes and values go when the last handle goes") {
  const auto nodes = live_nodes();
  const auto buffers = live_buffers();
  {
    auto x = xg::parameter(ones({10}));
    auto y = x;
    for (int i = 0; i < 100; ++i) y = xg::tanh(y * x) + x;
  }
  CHECK(live_nodes() == nodes);
  CHECK(live_buffers() == buffers);
}

TEST_CASE("restricted gradients follow only the paths that lead to a target") {
  auto x = xg::parameter(2.0), w = xg::parameter(3.0);
  auto inner = x * w;
  auto y = inner * inner + xg::detail::record(Faulty{}, w * 1.0);  // must not be visited on the way to x
  xg::detail::Node* const targets[] = {&x.node(), &inner.node()};
  const auto gradients = xg::detail::plain_gradients(y.handle(), xg::Dense<double>::scalar(1), targets, true);
  CHECK(static_cast<const xg::Dense<double>&>(gradients[0]).data()[0] == 36);
  CHECK(static_cast<const xg::Dense<double>&>(gradients[1]).data()[0] == 12);
  CHECK_FALSE(x.has_grad());
  CHECK_FALSE(w.has_grad());
}

TEST_CASE("a gradient at an inner node leaves what is below it unspent") {
  auto x = xg::parameter(2.0), w = xg::parameter(3.0);
  auto inner = x * w;
  auto y = inner * inner;
  xg::detail::Node* const targets[] = {&inner.node()};
  xg::detail::plain_gradients(y.handle(), xg::Dense<double>::scalar(1), targets, false);
  inner.backward();
  CHECK(x.grad()() == 3);
  CHECK(w.grad()() == 2);
}

TEST_CASE("recorded gradients can be differentiated again, to any order") {
  auto x = xg::parameter(1.5);
  Var y = x * x * x * x;
  const double expected[] = {4 * 1.5 * 1.5 * 1.5, 12 * 1.5 * 1.5, 24 * 1.5, 24, 0};
  for (double value : expected) {
    xg::detail::Node* const targets[] = {&x.node()};
    if (!y.requires_grad()) {
      CHECK(value == 0);
      break;
    }
    const auto next =
        xg::detail::recorded_gradients(y.handle(), Var(xg::Dense<double>::scalar(1)).handle(), targets, true);
    y = next[0] ? Var(next[0]) : Var(xg::Dense<double>::scalar(0));
    CHECK(y.item() == doctest::Approx(value));
  }
}

TEST_CASE("a recorded gradient uses the values of the forward pass, not a parameter's later one") {
  auto x = xg::parameter(3.0);
  auto y = x * x * x;
  x.set_value(xt::xarray<double>(100.0));
  xg::detail::Node* const targets[] = {&x.node()};
  Var first(xg::detail::recorded_gradients(y.handle(), Var(xg::Dense<double>::scalar(1)).handle(), targets,
                                           true)[0]);
  CHECK(first.item() == doctest::Approx(27));
  Var second(xg::detail::recorded_gradients(first.handle(), Var(xg::Dense<double>::scalar(1)).handle(),
                                            targets, true)[0]);
  CHECK(second.item() == doctest::Approx(18));
}

TEST_CASE("threads that share parameters differentiate at the same time") {
  auto w = xg::parameter(xt::xarray<double>{1, 2, 3});
  std::vector<std::thread> threads;
  std::vector<double> sums(4);
  for (std::size_t t = 0; t < sums.size(); ++t)
    threads.emplace_back([&, t] {
      for (int i = 0; i < 200; ++i) {
        auto y = (w * w + w) * static_cast<double>(t);
        xg::detail::Node* const targets[] = {&w.node()};
        const xg::Dense<double> seed = xg::Dense<double>::filled(xg::Shape{3}, 1.0);
        const auto g = xg::detail::plain_gradients(y.handle(), seed, targets, false);
        sums[t] += static_cast<const double*>(g[0].buffer.data())[1];
      }
    });
  for (auto& thread : threads) thread.join();
  for (std::size_t t = 0; t < sums.size(); ++t) CHECK(sums[t] == 200 * 5.0 * static_cast<double>(t));
}

TEST_CASE("a graph made in two threads is visited in the order that its edges give") {
  // The second thread has counted no node so far, so that only the inputs' orders say what is later. The
  // derivative of 7 p^3 at 2 is 84, the second one 84, too.
  const auto p = xg::parameter(2.0);
  Var h = p;
  for (int i = 0; i < 10; ++i) h = h * 2 * 0.5;
  int calls = 0;
  h.register_hook([&](const Var&) { ++calls; });
  Var square, loss;
  std::thread([&] { square = h * h; }).join();
  loss = square * 7 * h;
  const auto tangent_is = [&](const Var& y) {
    return xg::detail::push_forward<double>(y, p, xg::constant(1.0), false).item();
  };
  CHECK(tangent_is(loss) == 84);
  const auto slope = xg::grad(loss, {p}, {.create_graph = true})[0];
  CHECK(slope.item() == 84);
  CHECK(calls == 1);
  std::thread([&] { CHECK(xg::grad(slope, {p}, {.retain_graph = true})[0].item() == 84); }).join();
  calls = 0;
  std::thread([&] { loss.backward(); }).join();
  CHECK(p.grad()() == 84);
  CHECK(calls == 1);
}

TEST_CASE("results do not depend on the number of threads") {
  const std::vector<std::size_t> shape{3, 200001};
  xt::xarray<double> values(shape);
  for (std::size_t i = 0; i < values.size(); ++i)
    values.flat(i) = 0.5 + 1e-6 * static_cast<double>(i % 1000003);
  std::vector<xg::Array<double>> gradients;
  for (std::size_t n : {std::size_t{1}, std::size_t{2}}) {
    Threads use(n);
    auto x = xg::parameter(values);
    auto b = xg::parameter(column_of({1, 2, 3}));
    const auto y = xg::tanh(x) * b;
    CHECK(use.shared_a_loop() == (n > 1));
    y.backward({.grad_output = xt::ones<double>(shape)});
    CHECK(use.shared_a_loop() == (n > 1));
    gradients.push_back(x.grad());
    gradients.push_back(b.grad());
  }
  CHECK(gradients[0] == gradients[2]);
  CHECK(gradients[1] == gradients[3]);
}

TEST_CASE("gradients of few leaves and of many, each used twice") {
  for (const std::size_t count : {1U, 15U, 16U, 17U, 40U}) {
    CAPTURE(count);
    std::vector<xgrad::Variable<double>> leaves, inner;
    xgrad::Variable<double> sum = xgrad::constant(0.0);
    for (std::size_t i = 0; i < count; ++i) {
      leaves.push_back(xgrad::parameter(static_cast<double>(i)));
      inner.push_back(leaves.back() * leaves.back());
      sum = sum + inner.back() * 3.0 + leaves.back();
    }
    std::vector<xgrad::Variable<double>> targets = leaves;
    targets.insert(targets.end(), inner.begin(), inner.end());
    const auto gradients = xgrad::grad(sum, targets, {.retain_graph = true});
    sum.backward();
    for (std::size_t i = 0; i < count; ++i) {
      const double expected = 6 * static_cast<double>(i) + 1;
      CHECK(gradients[i].item() == expected);
      CHECK(gradients[count + i].item() == 3);
      CHECK(leaves[i].grad()() == expected);
    }
  }
}
