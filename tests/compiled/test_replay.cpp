// What a compiled function gives is what the function gives, and stands in the graph as it would.
#include <doctest/doctest.h>

#include <sstream>
#include <thread>

#include "../message_of.hpp"
#include "beside_eager.hpp"

namespace xg = xgrad;
using namespace xgrad::testing;
using Var = xg::Variable<double>;
using Float = xg::Variable<float>;

TEST_CASE("values and gradients of a replay are those of the new arguments") {
  const auto f = [](const Var& x, const Var& y) { return xg::sum(xg::exp(x) * y + x * 3.0); };
  auto compiled = xg::compile(f);
  for (int k = 0; k < 4; ++k) {
    auto x = xg::parameter({0.5 + k, -1.0 * k, 2.0}), y = xg::parameter({1.0, 0.25 * k, -3.0});
    check_beside<double>(
        {x, y}, [&] { return compiled(x, y); }, [&] { return f(x, y); });
  }
  CHECK(compiled.programs() == 1);
}

TEST_CASE("d/dx of x^2 y at a replay, by hand") {
  auto f = xg::compile([](const Var& x, const Var& y) { return x * x * y; });
  f(xg::parameter(1.0), xg::parameter(1.0));
  auto x = xg::parameter(3.0), y = xg::parameter(5.0);
  f(x, y).backward();
  CHECK(x.grad()() == 30);
  CHECK(y.grad()() == 9);
}

TEST_CASE("the same Variable twice, and then two") {
  const auto f = [](const Var& a, const Var& b) { return xg::sum(a * a * b); };
  auto compiled = xg::compile(f);
  auto a = xg::parameter({1.0, 2.0}), b = xg::parameter({5.0, 7.0});
  compiled(a, a).backward();  // a^3
  CHECK(a.grad() == xg::Array<double>{3, 12});
  a.zero_grad();
  compiled(a, b).backward();
  CHECK(a.grad() == xg::Array<double>{10, 28});
  CHECK(b.grad() == xg::Array<double>{1, 4});
  CHECK(compiled.programs() == 1);
}

TEST_CASE("values that a backward reads belong to the call") {
  auto w = xg::parameter({2.0, 3.0});
  auto f = xg::compile([&](const Var& x) { return xg::sum(xg::tanh(x * w) * x); });
  const auto one = xg::constant({0.5, -0.5}), two = xg::constant({1.5, 0.25});
  const auto expected = [&](const Var& x) {
    auto v = xg::parameter({2.0, 3.0});
    xg::sum(xg::tanh(x * v) * x).backward();
    return xg::Array<double>(v.grad());
  };
  f(one);  // captured
  for (const bool first_before : {true, false}) {
    const Var a = f(one), b = f(two);
    w.zero_grad();
    (first_before ? a : b).backward();
    CHECK(same_bits<double>(w.grad(), expected(first_before ? one : two)));
    w.zero_grad();
    (first_before ? b : a).backward();
    CHECK(same_bits<double>(w.grad(), expected(first_before ? two : one)));
  }
}

TEST_CASE("a call that passes no gradient keeps nothing of its arguments") {
  const auto f = xg::compile([](const Var& x) { return xg::sum(xg::exp(x)); });
  for (int turn = 0; turn < 3; ++turn) {
    const std::size_t before = xg::memory_stats().live_bytes;
    const Var y = f(xg::constant(xg::Array<double>(xt::ones<double>({5000}))));
    CHECK(xg::memory_stats().live_bytes < before + 5000 * sizeof(double));
  }
}

TEST_CASE("a parameter that is set between call and backward does not change the call") {
  auto w = xg::parameter(2.0);
  auto f = xg::compile([&](const Var& x) { return w * w * x; });
  f(xg::constant(1.0));
  const Var y = f(xg::constant(3.0));
  w.set_value(xg::Array<double>(10.0));
  y.backward();
  CHECK(w.grad()() == 12);
  w.zero_grad();
  const Var z = f(xg::constant(3.0));
  f(xg::constant(5.0));  // z is computed once more by its backward
  z.backward();
  CHECK(w.grad()() == 60);
}

TEST_CASE("a backward with retain_graph can be done again, one without cannot") {
  auto x = xg::parameter({1.0, 2.0});
  auto f = xg::compile([](const Var& v) { return xg::sum(xg::square(v)); });
  f(x);
  const Var y = f(x);
  y.backward({.retain_graph = true});
  y.backward();
  CHECK(x.grad() == xg::Array<double>{4, 8});
  CHECK(
      message_of<xg::GraphError>([&] { y.backward(); }) ==
      "backward: the graph through 'compiled' was spent by an earlier backward; pass {.retain_graph = true} "
      "to the earlier one");
}

TEST_CASE("a seed of one's own") {
  auto x = xg::parameter({1.0, 2.0});
  auto f = xg::compile([](const Var& v) { return v * v; });
  for (int k = 0; k < 3; ++k) {
    x.zero_grad();
    f(x).backward({.grad_output = xg::Array<double>{0.1, 10}});
    CHECK(x.grad()(0) == 0.1 * 2);
    CHECK(x.grad()(1) == 40);
  }
}

TEST_CASE("several results are parts of one node") {
  auto f = xg::compile([](const Var& x, const Var& y) {
    return std::tuple{xg::sum(x * y), x + y, xg::sum(y).detach()};
  });
  auto x = xg::parameter({1.0, 2.0}), y = xg::parameter({3.0, 4.0});
  for (int k = 0; k < 3; ++k) {
    const auto [product, sum, constant] = f(x, y);
    CHECK(product.item() == 11);
    CHECK(sum.value() == xg::Array<double>{4, 6});
    CHECK(constant.item() == 7);
    CHECK(!constant.requires_grad());
    x.zero_grad();
    y.zero_grad();
    (product + xg::sum(sum * sum)).backward();
    CHECK(x.grad() == xg::Array<double>{3 + 8, 4 + 12});
    CHECK(y.grad() == xg::Array<double>{1 + 8, 2 + 12});
    x.zero_grad();
    const auto again = f(x, y);
    xg::sum(std::get<1>(again)).backward();  // of one result alone
    CHECK(x.grad() == xg::Array<double>{1, 1});
  }
  auto pair = xg::compile([](const Float& v) { return std::pair{v * 2.0, xg::cast<double>(v)}; });
  auto list = xg::compile([](const Var& v) { return std::vector<Var>{v, v * v}; });
  for (int k = 0; k < 2; ++k) {
    CHECK(pair(xg::parameter(1.5f)).second.item() == 1.5);
    auto v = xg::parameter(3.0);
    const auto results = list(v);
    REQUIRE(results.size() == 2);
    (results[0] + results[1]).backward();
    CHECK(v.grad()() == 7);
  }
}

TEST_CASE("numbers: a real one is an input, integers and bools are part of the key") {
  auto f = xg::compile([](const Var& x, const Var& scale, int power, bool negates) {
    Var y = x * scale;
    for (int k = 1; k < power; ++k) y = y * x;
    return negates ? -y : y;
  });
  const auto x = xg::parameter(3.0);
  CHECK(f(x, 2.0, 1, false).item() == 6);
  CHECK(f(x, 0.5, 1, false).item() == 1.5);
  CHECK(f(x, 0.25, 1, false).item() == 0.75);
  CHECK(f.programs() == 1);
  CHECK(f(x, 2.0, 2, false).item() == 18);
  CHECK(f(x, 2.0, 2, true).item() == -18);
  CHECK(f.programs() == 3);
}

TEST_CASE("generic functions, overloads, default arguments, float and double") {
  auto square = xg::compile([](const auto& x) { return x * x; });
  CHECK(square(xg::constant(3.0)).item() == 9);
  CHECK(square(xg::constant(3.0f)).item() == 9);
  CHECK(square.programs() == 2);
  struct Function {
    Var operator()(const Var& x, double scale = 4) const { return x * scale; }
    Float operator()(const Float& x) const { return -x; }
  };
  auto overloaded = xg::compile(Function{});
  CHECK(overloaded(xg::constant(2.0)).item() == 8);
  CHECK(overloaded(xg::constant(2.0f)).item() == -2);
  auto nothing = xg::compile([w = xg::parameter(2.0)] { return w * w; });
  CHECK(nothing().item() == 4);
  CHECK(nothing().item() == 4);
}

TEST_CASE("a copy has programs of its own, clear() forgets them") {
  auto f = xg::compile([](const Var& x) { return x * x; });
  auto x = xg::parameter(3.0);
  const Var y = f(x);
  auto copy = f;
  CHECK(copy.programs() == 0);
  CHECK(copy(x).item() == 9);
  f.clear();
  CHECK(f.programs() == 0);
  y.backward();  // which keeps what it needs
  CHECK(x.grad()() == 6);
  CHECK(f(x).item() == 9);
}

TEST_CASE("second derivatives run the function again") {
  auto w = xg::parameter({0.5, -1.0});
  const auto function = [&](const Var& x) { return xg::sum(xg::sin(x * w) * xg::exp(x)); };
  auto f = xg::compile(function);
  const auto twice = [&](const auto& g, const Var& x) {
    const Var y = g(x);
    const Var dx = xg::grad(y, {x}, {.create_graph = true})[0];
    const auto second = xg::grad(xg::sum(dx * dx), {x, w});
    return std::pair{xg::Array<double>(second[0].value()), xg::Array<double>(second[1].value())};
  };
  for (int k = 0; k < 3; ++k) {
    const auto x = xg::parameter({0.25 + k, 1.5});
    const auto got = twice(f, x), expected = twice(function, x);
    CHECK(xt::allclose(got.first, expected.first, 1e-13));
    CHECK(xt::allclose(got.second, expected.second, 1e-13));
    const auto v = xg::Array<double>{1.0, -2.0};
    CHECK(xt::allclose(xg::hvp(f, x, v).value(), xg::hvp(function, x, v).value(), 1e-13));
    CHECK(xt::allclose(xg::jvp(f, x, v).tangent.value(), xg::jvp(function, x, v).tangent.value(), 1e-13));
  }
}

TEST_CASE("a second derivative draws and assigns as the call did, and leaves no trace") {
  auto count = xg::detail::buffer_from(xg::Dense<double>::scalar(0));
  const auto function = [&](const Var& x) {
    {
      const xg::NoGrad off;
      count += 1.0;
    }
    return xg::sum(xg::dropout(x * x * x, 0.5) * count);
  };
  auto f = xg::compile(function);
  auto x = xg::parameter(xg::Array<double>(xt::ones<double>({64})));
  f(x);
  const xg::GeneratorState before = xg::generator().state();
  const Var y = f(x);
  const xg::GeneratorState after = xg::generator().state();
  const Var g = xg::grad(y, {x}, {.create_graph = true})[0];
  CHECK(xg::generator().state() == after);
  CHECK(count.item() == 2);
  xg::generator().set_state(before);
  const auto mask = xg::dropout(xg::constant(xg::Array<double>(xt::ones<double>({64}))), 0.5);
  CHECK(xt::allclose(g.value(), 3 * 2 * mask.value()));
  xg::generator().set_state(after);
}

TEST_CASE("hooks, retain_grad, checkpoint and grad around a compiled function") {
  auto w = xg::parameter(2.0);
  auto f = xg::compile([&](const Var& x) { return x * w; });
  int called = 0;
  auto on_leaf = w.register_hook([&](const Var& gradient) {
    ++called;
    return gradient * 2.0;
  });
  for (int k = 0; k < 3; ++k) {
    auto x = xg::parameter(3.0);
    Var y = f(x);
    y.retain_grad();
    y.register_hook([&](const Var& gradient) { return gradient * 10.0; });
    (y * y).backward();  // 2 y = 12, ten times
    CHECK(y.grad()() == 120);
    CHECK(x.grad()() == 240);
    CHECK(w.grad()() == 2 * 360);
    w.zero_grad();
    CHECK(called == k + 1);
  }
  auto x = xg::parameter(3.0);
  const Var kept = xg::checkpoint([&](const Var& v) { return f(v) * f(v); }, {x});
  kept.backward();
  CHECK(x.grad()() == 24);
  CHECK(xg::grad(f(x), {x})[0].item() == 2);
}

TEST_CASE("a compiled function inside another one is part of that one's program") {
  auto inner = xg::compile([](const Var& x) { return x * x; });
  auto outer = xg::compile([&](const Var& x) { return inner(x) + inner(x * 2.0); });
  for (int k = 1; k < 4; ++k) {
    auto x = xg::parameter(1.0 * k);
    outer(x).backward();
    CHECK(x.grad()() == 10 * k);
  }
  CHECK(outer.program().size() == 4);
}

TEST_CASE("NoGrad, and freezing, are programs of their own") {
  auto w = xg::parameter(2.0);
  auto f = xg::compile([&](const Var& x) { return x * w; });
  auto x = xg::parameter(3.0);
  for (int k = 0; k < 3; ++k) {
    f(x).backward();
    CHECK(w.grad()() == 3 * (k + 1));
    const xg::NoGrad off;
    CHECK(!f(x).requires_grad());
  }
  CHECK(f.programs() == 2);
  w.set_requires_grad(false);
  x.zero_grad();
  for (int k = 0; k < 2; ++k) f(x).backward();
  CHECK(x.grad()() == 4);
  CHECK(f.programs() == 3);
  w.set_value(xg::Array<double>(5.0));
  CHECK(f(x).item() == 15);
  w.set_requires_grad(true);
  f(x).backward();
  CHECK(w.grad()() == 3);
  CHECK(f.programs() == 3);
}

TEST_CASE("while anomalies are looked for, the function itself is called") {
  int calls = 0;
  auto f = xg::compile([&](const Var& x) {
    ++calls;
    return xg::log(x);
  });
  auto x = xg::parameter(1.0);
  f(x);
  CHECK(calls == 1);
  const xg::DetectAnomaly guard;
  CHECK(message_of<xg::AnomalyError>([&] { f(xg::parameter(-1.0)); }).starts_with("log: its result is"));
  CHECK(calls == 2);
}

TEST_CASE("what a step refuses is refused in a replay, and the next one is right") {
  auto table = xg::parameter({{1.0, 2.0}, {3.0, 4.0}});
  auto f = xg::compile([&](const xg::Indices& rows) { return xg::sum(xg::take(table, rows)); });
  CHECK(f(xg::Indices{0, 1}).item() == 10);
  CHECK(f(xg::Indices{-1, 1}).item() == 14);
  CHECK(message_of<xg::ValueError>([&] { f(xg::Indices{0, 2}); }).starts_with("take: index 2"));
  const Var y = f(xg::Indices{0, 0});
  CHECK(y.item() == 6);
  y.backward();
  CHECK(table.grad() == xg::Array<double>{{2, 2}, {0, 0}});
}

TEST_CASE("two threads, each with an object of its own, on shared parameters") {
  auto w = xg::parameter(xg::Array<double>(xt::ones<double>({32})));
  const auto work = [&](double scale, double& result) {
    auto f = xg::compile([&](const Var& x) { return xg::sum(xg::tanh(x * w)); });
    for (int k = 0; k < 50; ++k)
      result +=
          xg::grad(f(xg::parameter(xg::Array<double>(scale * xt::ones<double>({32})))), {w})[0].value()(0);
  };
  double one = 0, two = 0;
  std::thread other([&] { work(0.5, two); });
  work(0.25, one);
  other.join();
  const auto slope = [](double x) { return x / (std::cosh(x) * std::cosh(x)); };
  CHECK(one == doctest::Approx(50 * slope(0.25)));
  CHECK(two == doctest::Approx(50 * slope(0.5)));
}

TEST_CASE("the memory of a replay is that of the function") {
  auto w = xg::parameter(xg::Array<double>(xt::ones<double>({1000})));
  auto f =
      xg::compile([&](const Var& x) { return xg::sum(xg::tanh(x * w) * xg::exp(x)); }, {.verify = false});
  const auto x = xg::constant(xg::Array<double>(xt::ones<double>({1000})));
  f(x).backward();
  f(x).backward();  // which makes a group of the operations
  w.zero_grad();
  const auto before = xg::memory_stats();
  for (int k = 0; k < 5; ++k) {
    f(x).backward();
    w.zero_grad();
    CHECK(xg::memory_stats().live_buffers == before.live_buffers);
    CHECK(xg::memory_stats().live_nodes == before.live_nodes);
    f(x);  // and nobody differentiates it
    CHECK(xg::memory_stats().live_buffers == before.live_buffers);
  }
  // The parameter's elements are its own again: it is written to in place.
  const double* const elements = w.dense().data();
  {
    const xg::NoGrad off;
    w -= 0.5;
  }
  CHECK(w.dense().data() == elements);
}

TEST_CASE("the program can be walked and printed") {
  auto w = xg::parameter(xg::Array<float>(xt::ones<float>({3, 2})));
  auto f = xg::compile([&](const Float& x) {
    const xg::Scope scope("head");
    return xg::sum(xg::relu(xg::matmul(x, w)));
  });
  CHECK(f.program().empty());
  f(xg::constant(xg::Array<float>(xt::ones<float>({4, 3}))));
  const xg::ProgramListing program = f.program();
  REQUIRE(program.size() == 3);
  CHECK(program[0].operation == "matmul");
  CHECK(program[0].inputs == std::vector<std::string>{"argument 0", "parameter"});
  CHECK(program[0].flops == 2 * 4 * 3 * 2);
  CHECK(program[1].inputs == std::vector<std::string>{"%0"});
  double bytes = 0;
  for (const auto& instruction : program) bytes += static_cast<double>(instruction.bytes);
  CHECK(bytes == 4 * (8 + 8 + 1));
  std::ostringstream text;
  text << program;
  CHECK(text.str() ==
        "    operation       inputs                 gives         bytes  FLOPs  scope\n"
        "%0  matmul          argument 0, parameter  float [4, 2]     32     48  head\n"
        "%1  relu            %0                     float [4, 2]     32      8  head\n"
        "%2  sum             %1                     float []          4      8  head\n"
        "    3 instructions                                          68     64\n");
  CHECK(message_of<xg::ValueError>([&] { program[3]; }) ==
        "ProgramListing: there is no instruction 3 among 3");
}
