// The public surface by example: values and gradients.
#include <doctest/doctest.h>

#include <iostream>
#include <sstream>
#include <string>
#include <xgrad/xgrad.hpp>
namespace xg = xgrad;

TEST_CASE("values and gradients") {
  xg::Array<double> a = xt::xarray<double>{{1, 2}, {3, 4}};
  auto x = xg::parameter(a);
  auto c = xg::constant(xt::xarray<double>{10, 20});
  auto y = xg::sum(xg::log(xg::exp(x) + 1.0) * c);
  static_assert(std::is_same_v<decltype(x), xg::Variable<double>>);
  static_assert(std::is_same_v<decltype(y), xg::Variable<double>>);
  CHECK((x.requires_grad() && x.is_leaf() && !c.requires_grad()));
  CHECK_THROWS_AS(x.grad(), xg::GraphError);
  y.backward();
  xg::Array<double> g = x.grad();
  CHECK(g.shape() == a.shape());
  CHECK(xt::allclose(g, c.value() / (1 + xt::exp(-a))));
  double v = y.item();
  CHECK(v == doctest::Approx(xt::sum(xt::log(xt::exp(a) + 1) * c.value())()));
  CHECK_THROWS_AS(x.item(), xg::ValueError);
  xt::xarray<double> twice = 2 * x.value();
  CHECK(twice == 2 * a);
  x.zero_grad();
  CHECK_FALSE(x.has_grad());
  bool leaf = x.is_leaf() && x.requires_grad() && x.dim() == 2 && x.size() == 4;
  CHECK(leaf);
  auto same = x.detach();
  CHECK((same.value() == a && !same.requires_grad()));
  CHECK(same.dense().data() == x.dense().data());
  std::string_view name = y.operation();
  CHECK(name == "sum");
  x.set_value(xt::zeros<double>({2, 2}));
  CHECK_THROWS_AS(x.set_value(xt::zeros<double>({3})), xg::ShapeError);
  CHECK_THROWS_AS(y.set_value(1.0), xg::GraphError);
  auto z = x * a + 2 * x;
  static_assert(std::is_same_v<decltype(z), xg::Variable<double>>);
  CHECK_THROWS_AS(z.backward(), xg::GraphError);
  z.backward({.retain_graph = true, .grad_output = xt::ones<double>({2, 2})});
  CHECK(x.grad() == a + 2);
  z.backward({.grad_output = xt::ones<double>({2, 2})});
  CHECK(x.grad() == 2 * (a + 2));
  try {
    z.backward({.grad_output = xt::ones<double>({2, 2})});
    FAIL("a third backward passed");
  } catch (const xg::GraphError& error) {
    CHECK(std::string(error.what()).find("retain_graph") != std::string::npos);
  }
  std::ostringstream captured;
  std::streambuf* const console = std::cout.rdbuf(captured.rdbuf());
  std::cout << x << '\n';
  std::cout.rdbuf(console);
  CHECK(captured.str() == "Variable([[0, 0], [0, 0]], shape [2, 2], double, parameter)\n");
}

namespace {

template <class A, class B>
concept Adds = requires(A a, B b) {
  a + b;
};

}  // namespace

TEST_CASE("the two element types do not mix, and cast converts") {
  static_assert(Adds<xg::Variable<float>, xg::Variable<float>>);
  static_assert(!Adds<xg::Variable<float>, xg::Variable<double>>);
  auto x = xg::parameter(xt::xarray<double>{1.5, -2});
  xg::Variable<float> single = xg::cast<float>(x);
  xg::sum(single * single).backward();
  CHECK(x.grad() == xt::xarray<double>{3, -4});
  static_assert(std::is_same_v<xg::Indices::value_type, std::int64_t>);
  static_assert(std::is_same_v<xg::Mask::value_type, bool>);
}
