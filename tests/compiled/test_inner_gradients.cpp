// Functions that take gradients themselves, as programs.
#include <string>
#include <xgrad/compile.hpp>
#include <xgrad/xgrad.hpp>

#include "beside_eager.hpp"
#include "groups.hpp"

namespace xg = xgrad;
using namespace xgrad::testing;
using Var = xg::Variable<double>;
using Array = xg::Array<double>;

namespace {

Array drawn(const xg::Shape& shape, std::uint64_t seed) {
  xg::Generator generator(seed);
  return xg::random_normal<double>(shape, 0, 1, generator);
}

/// What f(arguments ...) throws when it is captured.
template <class F, class... X>
std::string refusal(F f, const X&... arguments) {
  const auto compiled = xg::compile(std::move(f));
  try {
    compiled(arguments...);
  } catch (const xg::CaptureError& error) {
    return error.what();
  }
  return "nothing";
}

}  // namespace

TEST_CASE("a gradient penalty is a program, and follows its inputs and parameters") {
  xg::manual_seed(3);
  xg::nn::Sequential<double> net(xg::nn::Linear<double>(3, 8), xg::nn::Tanh<double>(),
                                 xg::nn::Linear<double>(8, 1));
  auto x = xg::parameter(drawn({5, 3}, 1));
  const auto penalised = [&](const Var& in) {
    const Var slope = xg::grad(xg::sum(net(in)), {in}, {.create_graph = true})[0];
    return xg::mean(xg::square(xg::sqrt(xg::sum(xg::square(slope), 1)) - 1.0)) + xg::mean(net(in));
  };
  const auto compiled = xg::compile(penalised);
  std::vector<Var> leaves = net.parameters();
  leaves.push_back(x);
  for (std::uint64_t turn = 0; turn < 3; ++turn) {
    CAPTURE(turn);
    for (Var& leaf : leaves) leaf.set_value(drawn(leaf.shape(), 10 * turn + leaf.size()));
    check_beside(
        leaves, [&] { return compiled(x); }, [&] { return penalised(x); });
  }
  CHECK(compiled.programs() == 1);
}

TEST_CASE("a gradient that is taken without a graph is a number, and comes anew") {
  auto w = xg::parameter({2.0, 3.0});
  // One step down the slope of sum(x^3 w), which is 3 x^2 w.
  const auto step = xg::compile(
      [&](const Var& x) { return x - 0.5 * xg::grad(xg::sum(x * x * x * w), {x})[0] + 0.0 * xg::sum(w); });
  for (const double by : {1.0, -2.0, 0.25}) {
    const auto x = xg::parameter({by, 2 * by});
    const Var down = step(x);
    CHECK(down.value()(0) == doctest::Approx(by - 3 * by * by));
    CHECK(down.value()(1) == doctest::Approx(2 * by - 0.5 * 9 * 4 * by * by));
    w.zero_grad();
    xg::sum(down).backward();
    CHECK(xt::all(xt::equal(x.grad(), 1.0)));
    CHECK(xt::all(xt::equal(w.grad(), 0.0)));
  }
  CHECK(step.programs() == 1);
}

TEST_CASE("functions of functions are programs where they give Variables") {
  const auto f = [](const Var& x) { return xg::sum(xg::exp(x) * xg::sin(x)); };
  const auto product = xg::compile([&](const Var& x, const Var& v) { return xg::hvp(f, x, v); });
  const auto slope = xg::compile([&](const Var& x) {
    const auto found = xg::value_and_grad(f, x);
    return std::vector<Var>{found.value, found.gradient};
  });
  const auto pulled = xg::compile([&](const Var& x, const Var& u) {
    return xg::vjp([](const Var& y) { return y * y; }, x, u).cotangent;
  });
  for (std::uint64_t turn = 0; turn < 6; ++turn) {
    const Array at = drawn({4}, turn), along = drawn({4}, turn + 9);
    const Var x = turn < 3 ? xg::parameter(at) : xg::constant(at), v = xg::constant(along);
    // (e^x sin x)' = e^x (sin x + cos x), (e^x sin x)'' = 2 e^x cos x
    const Array first = xt::exp(at) * (xt::sin(at) + xt::cos(at)), second = 2 * xt::exp(at) * xt::cos(at);
    CHECK(xt::allclose(product(x, v).value(), second * along, 1e-13));
    CHECK_FALSE(product(x, v).requires_grad());
    CHECK(slope(x)[0].item() == doctest::Approx(xt::sum(xt::exp(at) * xt::sin(at))()));
    CHECK(xt::allclose(slope(x)[1].value(), first, 1e-13));
    CHECK(xt::allclose(pulled(x, v).value(), 2 * at * along, 1e-13));
  }
  CHECK(product.programs() == 2);
}

TEST_CASE("a gradient taken inside can be differentiated outside, in the argument and in what is captured") {
  auto w = xg::parameter({0.5, -1.5, 2.0});
  const auto slope = xg::compile([&](const Var& x) {
    return xg::grad(xg::sum(w * x * x * x), {x, w}, {.create_graph = true})[0];
  });
  for (std::uint64_t turn = 0; turn < 3; ++turn) {
    auto x = xg::parameter(drawn({3}, turn));
    w.zero_grad();
    xg::sum(slope(x)).backward();
    CHECK(xt::allclose(x.grad(), 6 * w.value() * x.value(), 1e-14));
    CHECK(xt::allclose(w.grad(), 3 * xt::square(x.value()), 1e-14));
    // A third derivative runs the function again.
    const Var second = xg::grad(xg::sum(slope(x)), {x}, {.create_graph = true})[0];
    CHECK(xt::allclose(xg::grad(xg::sum(second), {x})[0].value(), 6 * w.value(), 1e-14));
  }
}

TEST_CASE("an inner step of learning is a program") {
  // One step of gradient descent on the first loss, and the second loss after it.
  auto w = xg::parameter(drawn({3}, 4));
  const auto adapted = [&](const Var& x, const Var& y) {
    const Var before = xg::mean(xg::square(xg::matmul(x, w) - y));
    const Var stepped = w - 0.1 * xg::grad(before, {w}, {.create_graph = true})[0];
    return xg::mean(xg::square(xg::matmul(x, stepped) - y));
  };
  const auto compiled = xg::compile(adapted);
  for (std::uint64_t turn = 0; turn < 3; ++turn) {
    const Var x = xg::constant(drawn({6, 3}, turn)), y = xg::constant(drawn({6}, turn + 20));
    check_beside(
        std::vector<Var>{w}, [&] { return compiled(x, y); }, [&] { return adapted(x, y); });
    w.set_value(w.value() - 0.05);
  }
}

TEST_CASE("ties, and random numbers that the gradient does not pass, are as without a program") {
  auto w = xg::parameter(drawn({4, 4}, 5));
  const auto penalised = [&](const Var& x) {
    const Var y = xg::max(xg::relu(xg::matmul(x, w)), 1);
    const Var slope = xg::grad(xg::sum(xg::softmax(y) * y), {x}, {.create_graph = true})[0];
    return xg::sum(xg::square(xg::dropout(slope, 0.5))) + xg::mean(xg::dropout(y, 0.25));
  };
  const auto compiled = xg::compile(penalised);
  xg::manual_seed(11);
  for (std::uint64_t turn = 0; turn < 4; ++turn) {
    auto x = xg::parameter(drawn({8, 4}, turn));
    check_beside(
        std::vector<Var>{x, w}, [&] { return compiled(x); }, [&] { return penalised(x); });
  }
}

TEST_CASE("a tangent is a part of a program, and passes gradients") {
  auto w = xg::parameter(drawn({3, 3}, 6));
  const auto moved = [&](const Var& x, const Var& v) {
    const auto h = [&](const Var& u) { return xg::softmax(xg::tanh(xg::matmul(u, w)) * u); };
    return xg::sum(xg::square(xg::jvp(h, x, v, {.create_graph = true}).tangent));
  };
  const auto compiled = xg::compile(moved);
  for (std::uint64_t turn = 0; turn < 3; ++turn) {
    auto x = xg::parameter(drawn({4, 3}, turn)), v = xg::parameter(drawn({4, 3}, turn + 30));
    check_beside(
        std::vector<Var>{x, v, w}, [&] { return compiled(x, v); }, [&] { return moved(x, v); });
  }
  CHECK(compiled.programs() == 1);
  // d/dx x^3 along v is 3 x^2 v.
  const auto cube = xg::compile([](const Var& x, const Var& v) {
    return xg::jvp([](const Var& u) { return u * u * u; }, x, v, {.create_graph = true}).tangent.detach();
  });
  for (const double at : {1.0, 2.0, -3.0})
    CHECK(cube(xg::constant({at}), xg::constant({0.5})).item() == doctest::Approx(1.5 * at * at));
}

TEST_CASE("a program leaves out what its results do not need") {
  auto w = xg::parameter({1.0, 2.0});
  const auto x = xg::parameter({3.0, 5.0});
  const auto names = [](const auto& compiled) {
    std::string all;
    for (const auto& instruction : compiled.program()) all += instruction.operation + " ";
    return all;
  };
  SUBCASE("a value that is not returned") {
    const auto f = xg::compile([&](const Var& v) {
      const Var unread = xg::exp(v) * w;
      return xg::sum(v * w);
    });
    f(x);
    CHECK(names(f) == "multiply sum ");
    CHECK(f(x).item() == 13);
  }
  SUBCASE("an operation that another has performed, unless gradients pass it") {
    const auto twice = [&](const Var& v) { return xg::sum(xg::sin(v) + xg::sin(v)); };
    const auto f = xg::compile(twice);
    f(x);
    CHECK(names(f) == "sin sin add sum ");
    const xg::NoGrad off;
    f(x);
    CHECK(names(f) == "sin add sum ");
    CHECK(f(x).item() == twice(x).item());
  }
  SUBCASE("what an update lies between is no equal one") {
    auto mean = xg::parameter({1.0, 1.0});
    mean.set_requires_grad(false);
    const auto f = xg::compile([&](const Var& v) {
      const Var before = v.detach() * mean;
      {
        const xg::NoGrad off;
        mean += v;
      }
      return xg::sum(before) + xg::sum(v.detach() * mean);
    });
    CHECK(f(x).item() == 8 + 4 * 3 + 6 * 5);
    CHECK(f(x).item() == 4 * 3 + 6 * 5 + 7 * 3 + 11 * 5);
  }
  SUBCASE("numbers that constants alone make") {
    const auto f = xg::compile([&](const Var& v) {
      return xg::sum(v * xg::exp(xg::constant({0.0, 0.0}))) + xg::sum(xg::constant({1.0, 2.0}));
    });
    f(x);
    CHECK(names(f) == "multiply sum add ");
    CHECK(f(x).item() == 11);
  }
  SUBCASE("labels are checked though nobody reads the loss") {
    const auto f = xg::compile([&](const Var& v, const xg::Indices& labels) {
      const Var unread = xg::nll_loss(xg::reshape(v, {1, 2}), labels);
      return xg::sum(v);
    });
    f(x, xg::Indices{1});
    CHECK(f(x, xg::Indices{0}).item() == 8);
    CHECK_THROWS(f(x, xg::Indices{2}));
  }
}

TEST_CASE("a program that takes gradients needs no more memory than its function") {
  std::vector<Var> p, along;
  for (const xg::Shape& shape : {xg::Shape{8, 64}, xg::Shape{64, 64}, xg::Shape{64, 4}}) {
    p.push_back(xg::parameter(drawn(shape, shape[0])));
    along.push_back(xg::constant(drawn(shape, shape[1])));
  }
  const Var x = xg::constant(drawn({128, 8}, 1));
  const auto slope = [&] {
    const Var y = xg::matmul(xg::tanh(xg::matmul(xg::tanh(xg::matmul(x, p[0])), p[1])), p[2]);
    const auto first = xg::grad(xg::mean(xg::square(y)), p, {.create_graph = true});
    Var sum = xg::sum(first[0] * along[0]);
    for (std::size_t i = 1; i < p.size(); ++i) sum = sum + xg::sum(first[i] * along[i]);
    return sum;
  };
  const auto product = [&] { return xg::grad(slope(), p)[1]; };
  const auto most_of = [](const auto& f) {
    xg::reset_peak_memory();
    const std::size_t before = xg::memory_stats().live_bytes;
    f();
    return xg::memory_stats().peak_bytes - before;
  };
  const auto compiled_slope = xg::compile(slope);
  const auto compiled_product = xg::compile(product);
  for (int turn = 0; turn < 3; ++turn) {
    compiled_slope().backward();
    compiled_product();
    for (Var& leaf : p) leaf.zero_grad();
  }
  const std::size_t slope_alone = peak_of(slope);
  for (Var& leaf : p) leaf.zero_grad();
  CHECK(peak_of(compiled_slope) <= slope_alone);
  CHECK(most_of(compiled_product) <= most_of(product));
}

TEST_CASE("a parameter that the function makes for its own gradient is a constant of the program") {
  auto w = xg::parameter({2.0, 3.0});
  const auto slope = xg::compile([&](const Var& x) {
    const Var shift = xg::parameter({0.0, 0.0});
    return xg::grad(xg::sum(w * xg::square(x + shift)), {shift}, {.create_graph = true})[0];
  });
  for (const double by : {1.0, -2.0, 5.0}) {
    auto x = xg::parameter({by, 3 * by});
    w.zero_grad();
    const Var found = slope(x);
    CHECK(xt::all(xt::equal(found.value(), 2 * w.value() * x.value())));
    xg::sum(found).backward();
    CHECK(xt::all(xt::equal(x.grad(), 2 * w.value())));
    CHECK(xt::all(xt::equal(w.grad(), 2 * x.value())));
  }
}

TEST_CASE("a program without gradients takes inner ones all the same") {
  const auto slope = xg::compile([](const Var& x) {
    return xg::value_and_grad([](const Var& u) { return xg::sum(u * u); }, x).gradient;
  });
  const xg::NoGrad off;
  for (const double by : {1.0, 3.0}) {
    const Var found = slope(xg::constant({by, -by}));
    CHECK(xt::all(xt::equal(found.value(), xg::Array<double>{2 * by, -2 * by})));
    CHECK_FALSE(found.requires_grad());
  }
}

TEST_CASE("what a program cannot differentiate is refused, and nothing has changed") {
  auto w = xg::parameter({1.0, 2.0});
  const auto x = xg::parameter({3.0, 4.0});
  const Var outside = xg::sum(w * w), made = w * 2.0;
  const auto contains = [](const std::string& text, const std::string& part) {
    CAPTURE(text);
    CHECK(text.find(part) != std::string::npos);
  };
  SUBCASE("an output of outside") {
    contains(refusal([&](const Var& v) { return v + xg::grad(outside, {w})[0]; }, x),
             "was not computed in the function");
  }
  SUBCASE("an argument that is captured as well") {
    contains(refusal([&](const Var& v) { return xg::grad(xg::sum(v * x), {v})[0]; }, x),
             "enters it more than once");
  }
  SUBCASE("two arguments that are one") {
    contains(refusal([&](const Var& u, const Var& v) { return xg::grad(xg::sum(u * v), {u})[0]; }, x, x),
             "enters it more than once");
  }
  SUBCASE("a way around the program") {
    contains(refusal([&](const Var& v) { return xg::grad(xg::sum(v * w), {w})[0]; }, made),
             "is also what a 'multiply' was computed from");
  }
  SUBCASE("a hook on what is differentiated by") {
    auto handle = w.register_hook([](const Var& dy) { return dy * 2.0; });
    contains(refusal([&](const Var& v) { return xg::grad(xg::sum(v * w), {w})[0]; }, x), "has a hook");
    handle.remove();
    CHECK(refusal([&](const Var& v) { return xg::grad(xg::sum(v * w), {w})[0]; }, x) == "nothing");
  }
  SUBCASE("random numbers that the gradient would draw again") {
    const xg::Generator before = xg::generator();
    contains(refusal([&](const Var& v) { return xg::grad(xg::sum(xg::dropout(v * v, 0.5)), {v})[0]; }, x),
             "a 'dropout' of shape [2] draws random numbers");
    CHECK(xg::generator().state() == before.state());
  }
  SUBCASE("a leaf that is updated between") {
    auto mean = xg::parameter({0.0, 0.0});
    mean.set_requires_grad(false);
    contains(refusal(
                 [&](const Var& v) {
                   const Var y = xg::sum(v * mean);
                   {
                     const xg::NoGrad off;
                     mean += v;
                   }
                   return xg::grad(y, {v})[0];
                 },
                 x),
             "that the function updates: not possible");
    CHECK(xt::all(xt::equal(mean.value(), 0.0)));
  }
}

TEST_CASE("later calls are held to what the program was captured for") {
  const auto a = xg::parameter({1.0, 2.0}), b = xg::parameter({3.0, 5.0});
  const auto slope =
      xg::compile([](const Var& u, const Var& v) { return xg::grad(xg::sum(u * u * v), {u})[0]; });
  CHECK(xt::all(xt::equal(slope(a, b).value(), xg::Array<double>{6, 20})));
  CHECK_THROWS_AS(slope(a, a), xg::CaptureError);
  CHECK_THROWS_AS(slope(a, a * 2.0), xg::CaptureError);
  CHECK(xt::all(xt::equal(slope(b, a).value(), xg::Array<double>{6, 20})));
}
