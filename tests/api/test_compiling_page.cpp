// The programs of docs/compiling.md, letter for letter but for the indentation, as tests/api/check_page.cmake
// compares; and what they print.
#include <doctest/doctest.h>

#include <cmath>
#include <iostream>
#include <xgrad/xgrad.hpp>

#include "printed.hpp"
namespace xg = xgrad;

using xgrad::testing::Printed;

TEST_CASE("a training step") {
  const Printed printed;
  xg::manual_seed(1);
  xg::nn::Linear<float> net(4, 3);
  xg::optim::SGD<float> sgd(net.parameters(), {.learning_rate = 0.1});
  const std::vector<std::pair<xg::Variable<float>, xg::Indices>> loader{
      {xg::constant(xg::randn<float>({2, 4})), xg::Indices{0, 2}},
      {xg::constant(xg::randn<float>({2, 4})), xg::Indices{1, 1}}};
  auto loss = xg::compile([&](const xg::Variable<float>& x, const xg::Indices& labels) {
    return xg::nn::cross_entropy(net(x), labels);
  });
  for (const auto& [x, labels] : loader) {
    sgd.zero_grad();
    loss(x, labels).backward();
    sgd.step();
  }
  std::cout << loss.program();
  CHECK(printed.text().find("cross_entropy") != std::string::npos);
}

TEST_CASE("what is frozen, and how verify finds it") {
  const auto x = xg::parameter({1.0, 2.0});
  const auto frozen = [&] {
    double weight = 0.1;
    auto penalty =
        xg::compile([&](const xg::Variable<double>& x) { return weight * xg::sum(xg::square(x)); });
    penalty(x);
    weight = 0.2;
    penalty(x);  // throws
  };
  CHECK_THROWS_WITH_AS(
      frozen(),
      "compile: verified, a constant that the function computes with is not what it was: element 0 is "
      "0.10000000000000001 and should be 0.20000000000000001; the function reads what is no argument and "
      "changes "
      "between calls, such as a number captured by reference; pass it as an argument",
      xg::CaptureError);
  auto penalty = xg::compile([](const xg::Variable<double>& x, const xg::Variable<double>& weight) {
    return weight * xg::sum(xg::square(x));
  });
  penalty(x, 0.1);
  penalty(x, 0.2);
  CHECK(penalty(x, 0.5).item() == 2.5);
}

TEST_CASE("gradients inside of a function") {
  xg::manual_seed(1);
  xg::nn::Linear<float> net(3, 1);
  auto penalty = xg::compile([&](const xg::Variable<float>& x) {
    const auto slope = xg::grad(xg::sum(net(x)), {x}, {.create_graph = true})[0];
    return xg::mean(xg::square(xg::norm(slope, {.axes = {1}}) - 1.0));
  });
  for (int turn = 0; turn < 3; ++turn) {
    const auto x = xg::parameter(xg::randn<float>({4, 3}));
    const xg::Array<float> w = net.parameters()[0].value();
    const float length = std::sqrt(xt::sum(xt::square(w))());
    CHECK(penalty(x).item() == doctest::Approx((length - 1) * (length - 1)).epsilon(1e-4));
  }
}

TEST_CASE("the table of a program") {
  const Printed printed;
  auto w = xg::parameter(xg::ones<double>({3, 2}));
  auto f = xg::compile([&](const xg::Variable<double>& x) { return xg::sum(xg::relu(xg::matmul(x, w))); });
  f(xg::constant(xg::ones<double>({4, 3})));
  std::cout << f.program();
  CHECK(printed.text() ==
        "    operation       inputs                 gives          bytes  FLOPs  scope\n"
        "%0  matmul          argument 0, parameter  double [4, 2]     64     48\n"
        "%1  relu            %0                     double [4, 2]     64      8\n"
        "%2  sum             %1                     double []          8      8\n"
        "    3 instructions                                          136     64\n");
}
