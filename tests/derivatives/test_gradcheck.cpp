#include <doctest/doctest.h>

#include <cmath>
#include <limits>
#include <sstream>
#include <stdexcept>
#include <xgrad/core/graph/record.hpp>
#include <xgrad/core/kernels/random.hpp>
#include <xgrad/derivatives/gradcheck.hpp>
#include <xgrad/ops/arithmetic.hpp>
#include <xgrad/ops/exponential.hpp>
#include <xgrad/ops/operators.hpp>

#include "../message_of.hpp"
#include "../printed.hpp"

namespace xg = xgrad;
using xgrad::testing::message_of;
using xgrad::testing::printed;

namespace {

using Real = xg::Variable<double>;
using List = std::vector<Real>;

Real matrix() { return xg::constant(xt::xarray<double>{{0.5, -1.2, 2.0}, {3.1, 0.01, -0.7}}); }
Real row() { return xg::constant(xt::xarray<double>{1.5, 0.25, 2.5}); }

/// max(x, 0), with a gradient at 0 of the test's choice.
struct Ramp {
  static constexpr std::string_view name = "ramp";
  double at_zero = 0;
  void fields(auto& visit) const { visit("at_zero", at_zero); }
  template <class T>
  xg::Dense<T> forward(const xg::Dense<T>& x) const {
    return xg::maximum(x, 0.0);
  }
  bool saves(std::size_t, const xg::detail::Wanted&) const { return true; }
  template <class V>
  void vjp(xg::detail::Backward<V>& b) const {
    const V x = b.input(0);
    b.give(0, b.gradient() * xg::select(x > 0, 1.0, xg::select(x < 0, 0.0, V(x * 0 + at_zero))));
  }
};

}  // namespace

TEST_CASE("gradcheck passes smooth functions at both orders, and says what it looked at") {
  const auto f = [](const Real& x, const Real& w) { return xg::exp(x * 0.3) * w / (xg::square(x) + 1.0); };
  const auto report = xg::gradcheck(f, {matrix(), row()}, {.second_order = true});
  INFO(printed(report));
  CHECK(report.ok());
  CHECK(report.kinks() == 0);
  CHECK(printed(report).find("gradcheck: passed, 33 elements agree") == 0);
  CHECK(printed(report).find("  input 0 [2, 3]: 6 of 6 elements, worst [") != std::string::npos);
  CHECK(printed(report).find("  second order, output gradient [2, 3]: 6 of 6") != std::string::npos);
  REQUIRE(report.parts().size() == 7);
  for (const auto& part : report.parts()) {
    REQUIRE(part.worst.has_value());
    CHECK(part.worst->error <= 1e-8);
  }
}

TEST_CASE("gradcheck calls a function with the list, with its elements, or with nothing") {
  const Real x = matrix(), w = row();
  CHECK(xg::gradcheck([](const List& in) { return in[0] * in[1]; }, {x, w}).ok());
  CHECK(xg::gradcheck([](const Real& a) { return a * a; }, {x}).ok());
  CHECK(xg::gradcheck([](auto a) { return a * a; }, {x}).ok());
  CHECK(xg::gradcheck([](Real a, Real b, const Real& c) { return a * b * c; }, {x, w, w}).ok());
  CHECK(xg::gradcheck([](auto a, auto b, auto c, auto d) { return a * b + c * d; }, {x, w, w, x}).ok());
  CHECK(xg::gradcheck([](const List& in) { return in[0] * in[1]; }, List{x, w}).ok());
  const Real p = xg::parameter(2.0);
  CHECK(xg::gradcheck([&] { return p * p * p; }, {p}, {.second_order = true}).ok());
  CHECK(xg::gradcheck([&] { return p * p * p; }, List{p}).ok());
}

TEST_CASE("gradcheck varies arguments, and leaves the caller's Variables and graph as they were") {
  Real w = xg::parameter(xt::xarray<double>{1, 2, 3});
  const Real interior = w * 2.0;
  // w stands for a constant inside, though it is also the argument's value.
  CHECK(xg::gradcheck([&](const Real& a) { return a * w * interior; }, {w}, {.second_order = true}).ok());
  CHECK(xg::gradcheck([](const Real& a) { return a * a; }, {interior}).ok());
  CHECK_FALSE(w.has_grad());
  CHECK(w.value() == xt::xarray<double>{1, 2, 3});
  interior.backward({.grad_output = xt::ones<double>({3})});  // not spent
  CHECK(w.grad() == xt::xarray<double>{2, 2, 2});
  CHECK(xg::gradcheck([&] { return w * w; }, {w}).ok());
  CHECK(w.value() == xt::xarray<double>{1, 2, 3});
  CHECK(w.grad() == xt::xarray<double>{2, 2, 2});
  CHECK_THROWS_AS(xg::gradcheck([&]() -> Real { throw std::runtime_error("no"); }, {w}), std::runtime_error);
  CHECK(w.value() == xt::xarray<double>{1, 2, 3});
  const xg::NoGrad off;
  CHECK(xg::gradcheck([&](const Real& a) { return a * w; }, {w}).ok());
}

TEST_CASE("gradcheck steps over kinks, and says where they are") {
  const Real x = xg::constant(xt::xarray<double>{-1.0, 0.0, 2.0});
  for (const double at_zero : {0.0, 0.25, 1.0}) {
    const auto report = xg::gradcheck([&](const Real& a) { return xg::detail::record(Ramp{at_zero}, a); },
                                      {x}, {.second_order = true});
    INFO(printed(report));
    CHECK(report.ok());
    REQUIRE(report.parts()[0].kink_count == 1);
    CHECK(report.parts()[0].kinks[0].index == xg::Shape{1});
    CHECK(printed(report).find("1 kink stepped over:\n      [1]: analytic ") != std::string::npos);
  }
  const auto absolute = xg::gradcheck([](const Real& a) { return xg::abs(a); }, {x});
  INFO(printed(absolute));
  CHECK(absolute.ok());
  CHECK(absolute.kinks() == 1);
  const Real tie = xg::constant(xt::xarray<double>{3.0, 0.5, 2.0});
  const auto largest = xg::gradcheck([](const Real& a, const Real& b) { return xg::maximum(a, b); },
                                     {tie, xg::constant(xt::xarray<double>{3.0, 1.0, 2.0})});
  INFO(printed(largest));
  CHECK(largest.ok());
  CHECK(largest.kinks() == 4);
  const auto steps = xg::gradcheck([](const Real& a) { return xg::sign(a); }, {x});
  INFO(printed(steps));
  CHECK(steps.ok());
  CHECK(steps.kinks() == 1);
}

TEST_CASE("a kink within the step but off the element is no excuse: shorter steps settle it") {
  for (const double offset : {9e-7, 3e-7, -4e-7, 3e-8, -5e-8, 1e-8, -2e-9}) {
    CAPTURE(offset);
    const Real x = xg::constant(xt::xarray<double>{offset, 1.0});
    const auto ramp = [](const Real& a) { return xg::detail::record(Ramp{}, a) + 1.0; };
    const auto report = xg::gradcheck(ramp, {x});
    INFO(printed(report));
    CHECK(report.ok());
    if (std::fabs(offset) > 1e-7) CHECK(report.kinks() == 0);
    const auto wrong = [&](const Real& a) { return ramp(a) - 0.01 * a + 0.01 * a.detach(); };
    CHECK_FALSE(xg::gradcheck(wrong, {x}).ok());
    CHECK(xg::gradcheck(wrong, {x}).parts()[0].failure_count == 2);
  }
}

TEST_CASE("at a kink, a gradient outside of what lies between the two sides fails") {
  const Real x = xg::constant(xt::xarray<double>{0.0, 1.0});
  for (const double at_zero : {-0.01, 1.001, 5.0}) {
    const auto report =
        xg::gradcheck([&](const Real& a) { return xg::detail::record(Ramp{at_zero}, a); }, {x});
    INFO(printed(report));
    CHECK_FALSE(report.ok());
    CHECK(report.parts()[0].failure_count == 1);
  }
}

TEST_CASE("NaN and infinite values fail, with their place") {
  const Real x = xg::constant(xt::xarray<double>{{1.0, 4.0}, {-1.0, 2.0}});
  const auto nan = xg::gradcheck([](const Real& a) { return xg::sqrt(a); }, {x});
  CHECK_FALSE(nan.ok());
  CHECK(printed(nan).find("output [1, 0] is nan") != std::string::npos);
  const Real zero = xg::constant(xt::xarray<double>{1.0, 0.0});
  const auto infinite = xg::gradcheck([](const Real& a) { return xg::sqrt(a); }, {zero});
  INFO(printed(infinite));
  CHECK_FALSE(infinite.ok());
  CHECK(infinite.parts()[0].failure_count == 1);
  CHECK(infinite.parts()[0].failures[0].index == xg::Shape{1});
  CHECK(printed(infinite).find("output [1] is nan within") != std::string::npos);
  const auto unbounded = xg::gradcheck([](const Real& a) { return 1.0 / a; }, {zero});
  CHECK(printed(unbounded).find("output [1] is inf") != std::string::npos);
  CHECK_FALSE(unbounded.ok());
}

TEST_CASE("an edge of the domain just beyond an element is settled by shorter steps") {
  const Real x = xg::constant(xt::xarray<double>{1e-3, 1e-5, 5e-7, 1e-8});
  for (const auto& report : {xg::gradcheck([](const Real& a) { return xg::log(a); }, {x}),
                             xg::gradcheck([](const Real& a) { return xg::sqrt(a); }, {x}),
                             xg::gradcheck([](const Real& a) { return 1.0 / a; }, {x})}) {
    INFO(printed(report));
    CHECK(report.ok());
    CHECK(report.kinks() == 0);
  }
}

TEST_CASE("zero gradients beside large ones do not fail for rounding") {
  const Real x = xg::constant(xt::xarray<double>{300.0, 0.001, -2.0, 1e6});
  const auto cancels = [](const Real& a) { return (a + 1e7) - a * 1.0 + xg::square(a) * 1e-3; };
  const auto report = xg::gradcheck(cancels, {x});
  INFO(printed(report));
  CHECK(report.ok());
  const Real big = xg::constant(xt::xarray<double>{12345.678, -9876.5, 4e4});
  const auto large =
      xg::gradcheck([](const Real& a) { return a * 1e6 + xg::square(a); }, {big}, {.second_order = true});
  INFO(printed(large));
  CHECK(large.ok());
}

TEST_CASE("a function that depends on no input has zero gradients, and they are compared") {
  const Real x = row();
  CHECK(xg::gradcheck([](const Real&) { return xg::constant(1.0); }, {x}, {.second_order = true}).ok());
  CHECK_FALSE(xg::gradcheck([](const Real& a) { return a.detach() * 2.0; }, {x}).ok());
}

TEST_CASE("what a function throws passes through, and one that is not deterministic is a ValueError") {
  const Real x = row();
  CHECK_THROWS_WITH_AS(xg::gradcheck([](const Real&) -> Real { throw std::logic_error("mine"); }, {x}),
                       "mine", std::logic_error);
  double calls = 0;
  CHECK(message_of([&] { xg::gradcheck([&](const Real& a) { return a * ++calls; }, {x}); }) ==
        "gradcheck: the function is not deterministic, two calls with the same inputs differ; draw random "
        "numbers outside of it, or seed the generator inside");
  xg::Generator noise(7);
  CHECK_THROWS_AS(xg::gradcheck([&](const Real& a) { return a + noise.uniform(); }, {x}), xg::ValueError);
}

TEST_CASE("gradcheck names a bad argument") {
  const Real x = row();
  const auto f = [](const List& in) { return in[0]; };
  CHECK(message_of([&] { xg::gradcheck(f, List{}); }) ==
        "gradcheck: no inputs; list the Variables to differentiate in");
  CHECK_THROWS_AS(xg::gradcheck(f, {x}, {.step = 0}), xg::ValueError);
  CHECK_THROWS_AS(xg::gradcheck(f, {x}, {.step = -1e-6}), xg::ValueError);
  CHECK_THROWS_AS(xg::gradcheck(f, {x}, {.relative_tolerance = -1}), xg::ValueError);
  CHECK_THROWS_AS(xg::gradcheck(f, {x}, {.absolute_tolerance = std::nan("")}), xg::ValueError);
  CHECK_THROWS_AS(xg::gradcheck(f, {x}, {.max_elements = 0}), xg::ValueError);
  CHECK(
      message_of([&] { xg::gradcheck([&] { return x * 2.0; }, {x}); }) ==
      "gradcheck: input 0 ('constant' of shape [3]) is no parameter, and a function without arguments takes "
      "its inputs in place; make it a parameter, or take it as an argument");
}

TEST_CASE("of a large input as many elements are checked as asked for, by the seed") {
  const Real x = xg::constant(xt::xarray<double>(xt::linspace<double>(0.5, 2, 400)));
  const auto f = [](const Real& a) { return xg::exp(a); };
  const auto some = xg::gradcheck(f, {x}, {.max_elements = 17});
  CHECK(some.ok());
  CHECK(some.parts()[0].checked == 17);
  CHECK(xg::gradcheck(f, {x}).parts()[0].checked == 400);
  CHECK(printed(xg::gradcheck(f, {x}, {.max_elements = 17})) == printed(some));
  CHECK(printed(xg::gradcheck(f, {x}, {.max_elements = 17, .seed = 1})) != printed(some));
}

TEST_CASE("gradients too small to tell from zero are said to be unchecked") {
  const Real x = xg::constant(2e-9);
  const auto report = xg::gradcheck([](const Real& a) { return 1e-9 * xg::exp(a); }, {x});
  CHECK(report.parts()[0].too_small);
  CHECK(printed(report).find("none is above 1e-09, which is less than absolute_tolerance") !=
        std::string::npos);
  CHECK_FALSE(xg::gradcheck([](const Real& a) { return 1e-6 * xg::exp(a); }, {x}).parts()[0].too_small);
  CHECK_FALSE(xg::gradcheck([](const Real&) { return xg::constant(1.0); }, {x}).parts()[0].too_small);
}

TEST_CASE("empty inputs and outputs have nothing to differ in") {
  const Real none = xg::constant(xt::xarray<double>(xt::zeros<double>({0, 3})));
  const auto report = xg::gradcheck([](const Real& a, const Real& b) { return a * b; }, {none, row()},
                                    {.second_order = true});
  INFO(printed(report));
  CHECK(report.ok());
}

// Only double is checked: a float gradient would be checked against nothing but its own rounding.
template <class F, class V>
concept Checks = requires(F f, const V (&inputs)[1]) {
  xg::gradcheck(f, inputs);
};
template <class V>
using Function = V (*)(const V&);
static_assert(Checks<Function<Real>, Real>);
static_assert(!Checks<Function<xg::Variable<float>>, xg::Variable<float>>);
static_assert(!Checks<xg::Variable<float> (*)(const Real&), Real>);

TEST_CASE("forward mode is checked on request, input by input, at any size of element") {
  const auto f = [](const Real& x, const Real& w) { return xg::exp(x * 1e-6) * w / (xg::square(w) + 1.0); };
  const Real large = xg::constant(xt::xarray<double>{{5e5, -1.2e6, 2.0}, {3.1, 0.01, -7e5}});
  const auto report = xg::gradcheck(f, {large, row()}, {.forward_mode = true});
  INFO(printed(report));
  CHECK(report.ok());
  REQUIRE(report.parts().size() == 6);
  for (const auto& part : report.parts()) CHECK_FALSE(part.too_small);
  CHECK(printed(report).find("  forward mode, input 1 [2]: 2 of 2 elements, worst [") != std::string::npos);
  CHECK(printed(report).find("  forward against reverse mode, input 1 [2]: 2 of 2") != std::string::npos);
  CHECK(xg::gradcheck(f, {large, row()}).parts().size() == 2);
  const Real p = xg::parameter(xt::xarray<double>{2.0, -1.0});
  CHECK(xg::gradcheck([&] { return p * p * p; }, {p}, {.forward_mode = true}).ok());
  CHECK(p.value() == xt::xarray<double>{2.0, -1.0});
  CHECK(xg::gradcheck([](const Real& a) { return a; }, {p}, {.forward_mode = true}).ok());
  CHECK(xg::gradcheck([](const Real& a, const Real&) { return a; }, {p, p}, {.forward_mode = true}).ok());
}

TEST_CASE("forward mode steps along no kink, and has nothing to say where all is one") {
  const Real x = xg::constant(xt::xarray<double>{0.0, 0.0, 2.0, 0.0, -3.0});
  const auto ramp = [](const Real& a) { return xg::detail::record(Ramp{}, a); };
  for (std::uint64_t seed = 0; seed < 10; ++seed) {
    CAPTURE(seed);
    const auto report = xg::gradcheck(ramp, {x}, {.forward_mode = true, .seed = seed});
    INFO(printed(report));
    CHECK(report.ok());
    CHECK(report.kinks() == 3);
    CHECK(report.parts()[1].checked == 2);
  }
  const auto zeros =
      xg::gradcheck(ramp, {xg::constant(xt::xarray<double>{0.0, 0.0})}, {.forward_mode = true});
  CHECK(zeros.ok());
  CHECK(zeros.parts()[1].checked == 0);
  CHECK(zeros.parts()[2].checked == 2);
  CHECK(xg::gradcheck(ramp, {xg::constant(xt::xarray<double>::from_shape({0, 2}))}, {.forward_mode = true})
            .ok());
}
