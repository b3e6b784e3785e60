#include <doctest/doctest.h>

#include <limits>
#include <string>
#include <thread>
#include <xgrad/xgrad.hpp>

#include "../../message_of.hpp"

namespace xg = xgrad;
using xgrad::testing::message_of;
using Var = xg::Variable<double>;

namespace {

constexpr double infinity = std::numeric_limits<double>::infinity();

std::string at_line(int line) {
  std::string place = __FILE__ ":";
  return place += std::to_string(line);
}

template <class F>
std::string anomaly_of(F&& f) {
  return message_of<xg::AnomalyError>(std::forward<F>(f));
}

bool starts_with(const std::string& text, const std::string& start) { return text.rfind(start, 0) == 0; }

}  // namespace

TEST_CASE("an anomaly in forward names operation, index, scope, line and the inputs' ranges") {
  const auto x = xg::parameter(xt::xarray<double>{{1, 4, 2}, {3, 0, 0}});
  const auto plain = xg::log(x);  // nobody looks
  CHECK(plain.value()(1, 1) == -infinity);
  const xg::DetectAnomaly on;
  const int on_line = __LINE__ - 1;
  CHECK(anomaly_of([&] { xg::log(x); }) ==
        "log: its result is -inf at [1, 1] (2 of 6 elements of shape [2, 3] are NaN or Inf); recorded under "
        "the "
        "guard of " +
            at_line(on_line) + "; input 0 of shape [2, 3]: 0 to 4; keep its inputs in its domain");
  const xg::Scope encoder("encoder");
  const int line = __LINE__ + 1;
  const xg::Scope scope("layer1");
  const auto c = xg::constant(xt::xarray<double>{1, infinity, 0});
  CHECK(
      anomaly_of([&] { x / c; }) ==
      "divide: its result is inf at [0, 2] (2 of 6 elements of shape [2, 3] are NaN or Inf); recorded in "
      "scope "
      "'encoder/layer1' of " +
          at_line(line) +
          "; input 0 of shape [2, 3]: 0 to 4; input 1 of shape [3]: 0 to 1 and 1 NaN or Inf; keep its inputs "
          "in its domain");
}

TEST_CASE("float and scalars are searched, too") {
  const auto x = xg::parameter(0.f);
  const xg::DetectAnomaly on;
  CHECK(starts_with(anomaly_of([&] { x / x; }),
                    "divide: its result is nan at [] (1 of 1 elements of shape [] are NaN or Inf)"));
  CHECK(starts_with(anomaly_of([&] { xg::exp(x + 100); }), "exp: its result is inf at []"));
}

TEST_CASE("an anomaly in backward names the operation that gives it, and changes no gradient") {
  auto x = xg::parameter(xt::xarray<double>{4, 0}), w = xg::parameter(xt::xarray<double>{1, 2});
  xg::sum(x * w).backward();
  const xg::DetectAnomaly on;
  const xg::Scope scope("root");
  const int line = __LINE__ - 1;
  const std::string expected =
      "sqrt: the gradient of input 0 in backward is inf at [1] (1 of 2 elements of shape [2] are NaN or "
      "Inf); "
      "recorded in scope 'root' of " +
      at_line(line) +
      "; input 0 of shape [2]: 0 to 4; keep its inputs away from where its derivative is infinite or "
      "undefined";
  CHECK(anomaly_of([&] { xg::sum(xg::sqrt(x) * w).backward(); }) == expected);
  CHECK(x.grad() == xt::xarray<double>{1, 2});
  CHECK(w.grad() == xt::xarray<double>{4, 0});
  CHECK(anomaly_of([&] { xg::grad(xg::sum(xg::sqrt(x)), {x}); }) == expected);
  CHECK(anomaly_of([&] { xg::grad(xg::sum(xg::sqrt(x)), {x}, {.create_graph = true}); }) == expected);
  CHECK(starts_with(anomaly_of([&] { xg::jvp([](const Var& z) { return xg::sqrt(z); }, x, w.value()); }),
                    "sqrt: its tangent in forward mode is inf at [1] (1 of 2"));
}

TEST_CASE("the range of an input whose value has gone is still known") {
  const auto x = xg::parameter(xt::xarray<double>{0, 3});
  const xg::DetectAnomaly on;
  const auto y = xg::sum(xg::sqrt(x * 2 - 0));
  CHECK(anomaly_of([&] { y.backward(); }).find("input 0 of shape [2]: 0 to 6;") != std::string::npos);
}

TEST_CASE("a graph recorded before the guard is searched; gradients to start with are, too") {
  const auto x = xg::parameter(xt::xarray<double>{0, 3});
  const auto y = xg::sqrt(x);
  const xg::DetectAnomaly on;
  CHECK(anomaly_of([&] {
          y.backward({.retain_graph = true, .grad_output = xt::ones<double>({2})});
        }).find("; recorded outside of DetectAnomaly and Scope; ") != std::string::npos);
  CHECK(anomaly_of([&] {
          y.backward({.grad_output = xt::xarray<double>{1, infinity}});
        }) ==
        "backward: the gradient to start with (grad_output) is inf at [1] (1 of 2 elements of shape [2] are "
        "NaN "
        "or Inf); pass finite numbers");
  CHECK_FALSE(x.has_grad());
}

TEST_CASE("finite shares that add up to infinity are found") {
  const auto x = xg::parameter(1.0);
  const auto y = x * 1e308 + x * 1e308;  // 2e308 has no double
  const xg::DetectAnomaly on;
  CHECK(starts_with(anomaly_of([&] { y.backward(); }),
                    "multiply: the gradient of input 0 in backward is inf at []"));
  CHECK_FALSE(x.has_grad());
}

TEST_CASE("every kind of operation is searched") {
  const auto x = xg::parameter(xt::xarray<double>{0.0, 1.0});
  const auto reciprocal = xg::elementwise("my_reciprocal", [](auto v) { return 1 / v; });
  const auto own = xg::custom_operation<double>(
      "own", [](const std::vector<xg::Array<double>>& in) -> xg::Array<double> { return in[0]; },
      [](const std::vector<Var>& in, const Var&, const Var& dy) { return std::vector<Var>{dy / in[0]}; });
  const auto block = [](const Var& z) {
    const xg::Scope scope("block");
    return xg::sqrt(z) * 2;
  };
  const auto bad_block = [](const Var& z) { return xg::log(z); };
  const xg::DetectAnomaly on;
  const xg::Scope scope("model");
  CHECK(starts_with(anomaly_of([&] { reciprocal(x); }), "my_reciprocal: its result is inf at [0]"));
  CHECK(starts_with(anomaly_of([&] { xg::sum(own({x})).backward(); }),
                    "own: the gradient of input 0 in backward is inf at [0]"));
  CHECK(starts_with(anomaly_of([&] { xg::cast<float>(x * 1e300); }), "cast: its result is inf at [1]"));
  CHECK(starts_with(anomaly_of([&] {
                      xg::concatenate({x, xg::constant(xt::xarray<double>{infinity})});
                    }),
                    "concatenate (axis = 0): its result is inf at [2]"));
  CHECK(starts_with(anomaly_of([&] { xg::checkpoint(bad_block, {x}); }), "log: its result is -inf at [0]"));
  const std::string inside = anomaly_of([&] { xg::sum(xg::checkpoint(block, {x})).backward(); });
  CHECK(starts_with(inside, "sqrt: the gradient of input 0 in backward is inf at [0]"));
  CHECK(inside.find("recorded in scope 'model/block'") != std::string::npos);
  CHECK_FALSE(x.has_grad());
}

TEST_CASE("the search ends with its guard, nests, and is the thread's own") {
  const auto x = xg::parameter(0.0);
  {
    const xg::DetectAnomaly outer;
    { const xg::DetectAnomaly inner; }
    CHECK_THROWS_AS(xg::log(x), xg::AnomalyError);
    bool threw = false;
    std::thread([&] {
      try {
        xg::log(x);
      } catch (const xg::AnomalyError&) {
        threw = true;
      }
    }).join();
    CHECK_FALSE(threw);
    const xg::NoGrad off;
    CHECK(xg::log(x).item() == -infinity);
  }
  CHECK(xg::log(x).item() == -infinity);
}
