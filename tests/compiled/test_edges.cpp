// Where a program and what is around it meet: arguments that are written to, guards, leaves made inside,
// threads.
#include <doctest/doctest.h>

#include <string>
#include <thread>
#include <utility>

#include "../message_of.hpp"
#include "beside_eager.hpp"

namespace xg = xgrad;
using namespace xgrad::testing;
using Var = xg::Variable<double>;

namespace {

const std::string written =
    "compile: argument 0 is written to by the function; return the new value, or capture the leaf and do not "
    "pass it";

}  // namespace

TEST_CASE("an argument that the function writes to is refused, and keeps its value") {
  auto p = xg::parameter({1.0, 2.0});
  auto halve = xg::compile([](const Var& q) {
    const xg::NoGrad off;
    Var written_to = q;
    written_to -= 0.5 * q;
    return written_to;
  });
  CHECK(message_of<xg::CaptureError>([&] { halve(p); }) == written);
  CHECK(p.value() == xt::xarray<double>{1, 2});
  auto add = xg::compile([](const Var& q) {
    Var y = q;
    y += 1.0;
    return y;
  });
  CHECK_THROWS_AS(add(p), xg::GraphError);  // as without compile
}

TEST_CASE("a leaf that the function writes to is no argument, at any call") {
  auto p = xg::parameter({1.0, 2.0});
  const auto other = xg::parameter({3.0, 4.0});
  auto f = xg::compile([&](const Var& x) {
    {
      const xg::NoGrad off;
      p += 1.0;
    }
    return x * 2.0;
  });
  CHECK(message_of<xg::CaptureError>([&] { f(p); }) == written);
  CHECK(p.value() == xt::xarray<double>{1, 2});
  f(other);
  CHECK(p.value() == xt::xarray<double>{2, 3});
  CHECK(message_of<xg::CaptureError>([&] { f(p); }) == written);
  CHECK(p.value() == xt::xarray<double>{2, 3});
}

TEST_CASE("second derivatives of several results are of one mask") {
  xg::manual_seed(3);
  auto f = xg::compile([](const Var& x) {
    const Var a = xg::dropout(x * x * x, 0.5);
    return std::pair{xg::sum(a), xg::sum(a * a)};
  });
  const auto x = xg::parameter(xg::ones<double>({32}));
  for (int call = 0; call < 3; ++call) {
    const auto [first, second] = f(x);
    const auto dx = xg::grad(first + second, {x}, {.create_graph = true})[0];
    // 2 x^3 and 4 x^6 where the mask keeps x: 6 and 24.
    for (const double each : dx.to_vector()) CHECK((each == 0 || each == 30));
  }
}

TEST_CASE("a guard inside counts, whatever is around the call") {
  auto f = xg::compile([](const Var& x) {
    const xg::EnableGrad on;
    return x * x;
  });
  const auto x = xg::parameter({3.0});
  const xg::NoGrad off;
  for (int call = 0; call < 3; ++call) {
    const Var y = f(x);
    CHECK(y.requires_grad());
    CHECK(xg::grad(y, {x})[0].item() == 6);
  }
}

TEST_CASE("what is drawn inside is read by no number, though it depends on no argument") {
  auto f = xg::compile([](const Var& x) { return x * xg::dropout(xg::constant(1.0), 0.5).item(); });
  CHECK(message_of<xg::CaptureError>([&] {
          f(xg::parameter({1.0}));
        }).starts_with("item: the elements of 'dropout' of shape []"));
}

TEST_CASE("a leaf that the function makes is not updated in it") {
  auto f = xg::compile([](const Var& x) {
    auto sum = xg::parameter({0.0, 0.0});
    {
      const xg::NoGrad off;
      sum += 1.0;
    }
    return x * sum;
  });
  CHECK(message_of<xg::CaptureError>([&] {
          f(xg::parameter({1.0, 2.0}));
        }) == "compile: a leaf of shape [2] that the function makes is updated in it; make the leaf outside");
}

TEST_CASE("modes of modules are set outside") {
  xg::nn::Dropout<double> dropout(0.5);
  auto f = xg::compile([&](const Var& x) {
    dropout.eval();
    return dropout(x);
  });
  CHECK(message_of<xg::CaptureError>([&] { f(xg::parameter({1.0})); }) ==
        "train or eval: not possible while compile() captures a function; set the modes of modules outside "
        "of the "
        "function");
  CHECK(dropout.is_training());
}

TEST_CASE("what another thread computes from an argument is no part of a program") {
  auto f = xg::compile([](const Var& x) {
    Var y;
    std::thread([&] { y = x * 3.0; }).join();
    return y * x;
  });
  CHECK(message_of<xg::CaptureError>([&] { f(xg::parameter({1.0})); }) ==
        "compile: a 'multiply' of shape [1] was computed from an argument by another thread, which is not "
        "captured; compute it in the function's own thread");
}

TEST_CASE("a compiled function inside a user's operation is captured by itself") {
  auto inner = xg::compile([](const Var& z) { return xg::exp(z); });
  const auto operation = xg::custom_operation<double>(
      "by_program",
      [&](const std::vector<xg::Array<double>>& in) { return inner(xg::constant(in[0])).value(); },
      [](const std::vector<Var>&, const Var& y, const Var& dy) { return std::vector<Var>{dy * y}; });
  const auto function = [&](const Var& x) { return xg::sum(operation({x}) * x); };
  auto compiled = xg::compile(function);
  const auto x = xg::parameter({0.5, 1.0});
  for (int call = 0; call < 3; ++call)
    check_beside<double>(
        {x}, [&] { return compiled(x); }, [&] { return function(x); });
}
