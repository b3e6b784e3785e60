// What a checker is for: each operation here is wrong in one way, and must be caught.
#include <doctest/doctest.h>

#include <cmath>
#include <sstream>
#include <xgrad/core/graph/broadcast.hpp>
#include <xgrad/core/graph/record.hpp>
#include <xgrad/derivatives/gradcheck.hpp>
#include <xgrad/ops/arithmetic.hpp>
#include <xgrad/ops/exponential.hpp>
#include <xgrad/ops/operators.hpp>

#include "../printed.hpp"

namespace xg = xgrad;
using xgrad::testing::printed;

namespace {

using Real = xg::Variable<double>;

xt::xarray<double> numbers(std::vector<std::size_t> shape, double low, double high) {
  xt::xarray<double> result(shape);
  double u = 0.5;
  for (double& element : result) {
    u = std::fmod(u + 0.6180339887498949, 1.0);
    element = low + (high - low) * u;
  }
  return result;
}

enum class Fault {
  none,
  factor,
  second_order,
  output_gradient,
  recorded_only,
  one_element,
  small_sign,
  not_linear,
  elsewhere_linear
};

/// x^3, right or wrong.
struct Cube {
  static constexpr std::string_view name = "cube";
  Fault fault = Fault::none;
  void fields(auto& visit) const { visit("fault", static_cast<int>(fault)); }
  template <class T>
  xg::Dense<T> forward(const xg::Dense<T>& x) const {
    return x * x * x;
  }
  bool saves(std::size_t, const xg::detail::Wanted&) const { return true; }
  template <class V>
  void vjp(xg::detail::Backward<V>& b) const {
    constexpr bool recorded = !std::is_same_v<V, xg::Dense<typename V::value_type>>;
    V x = b.input(0), dy = b.gradient();
    if constexpr (recorded) {
      if (fault == Fault::second_order) x = x.detach();
      if (fault == Fault::output_gradient) dy = dy.detach();
      // Right in value, but of the wrong slope in dy: everywhere, or at 0, where forward mode looks, alone.
      if (fault == Fault::not_linear) dy = 2 * dy - dy.detach();
      if (fault == Fault::elsewhere_linear) dy = dy * xg::select(dy == 0, 1.001, V(dy * 0 + 1));
    }
    V dx = dy * x * x * 3;
    if (fault == Fault::factor) dx = dx * 1.001;
    if (fault == Fault::recorded_only && recorded) dx = dx * 1.001;
    if (fault == Fault::small_sign) dx = xg::select(x < 0.01, -dx, dx);
    if (fault == Fault::one_element) dx = dx * xg::select(x == 1.25, 1.001, V(x * 0 + 1));
    b.give(0, std::move(dx));
  }
};

/// x + row for each row of x; its gradient in the row is right only where there is one.
struct AddRow {
  static constexpr std::string_view name = "add_row";
  template <class T>
  xg::Dense<T> forward(const xg::Dense<T>& x, const xg::Dense<T>& row) const {
    return x + row;
  }
  template <class V>
  void vjp(xg::detail::Backward<V>& b) const {
    const double rows = static_cast<double>(b.shape(0)[0]);
    b.give(1, xg::sum_to(b.gradient(), b.shape(1)) / rows);
    b.give(0, b.take_gradient());
  }
};

/// The transpose of a square matrix, with a gradient that is not transposed.
struct Transpose {
  static constexpr std::string_view name = "transpose";
  template <class T>
  xg::Dense<T> forward(const xg::Dense<T>& x) const {
    xg::Dense<T> result(x.shape);
    const std::size_t n = x.shape[0];
    for (std::size_t i = 0; i < n; ++i)
      for (std::size_t j = 0; j < n; ++j) result.mutable_data()[i * n + j] = x.data()[j * n + i];
    return result;
  }
  template <class V>
  void vjp(xg::detail::Backward<V>& b) const {
    b.give(0, b.take_gradient());
  }
};

xg::GradcheckReport check_cube(Fault fault, const xt::xarray<double>& at, bool second_order = true) {
  return xg::gradcheck([fault](const Real& x) { return xg::detail::record(Cube{fault}, x); },
                       {xg::constant(at)}, {.second_order = second_order});
}

}  // namespace

TEST_CASE("the cube without a fault passes") {
  const auto report = check_cube(Fault::none, numbers({3, 4}, -2, 2));
  INFO(printed(report));
  CHECK(report.ok());
}

TEST_CASE("a gradient wrong by a factor 1.001 is caught in every element") {
  const auto report = check_cube(Fault::factor, numbers({3, 4}, 0.1, 2), false);
  INFO(printed(report));
  CHECK_FALSE(report.ok());
  CHECK(report.parts()[0].failure_count == 12);
  CHECK(printed(report).find("gradcheck: failed, 12 of 12 elements differ") == 0);
  CHECK(printed(report).find("and 2 more") != std::string::npos);
}

TEST_CASE("a factor 1.001 is caught at sizes from 1e-3 to 1e6, and behind a large constant") {
  for (const double size : {1e-3, 1.0, 1e3, 1e6}) {
    for (const double constant : {0.0, 1e3}) {
      CAPTURE(size);
      CAPTURE(constant);
      const auto f = [&](double factor) {
        return [=](const Real& x) {
          const Real y = size * xg::exp(x);
          return y * factor + y.detach() * (1 - factor) + constant * size;
        };
      };
      const Real x = xg::constant(numbers({4}, -1, 1));
      const auto right = xg::gradcheck(f(1.0), {x});
      INFO(printed(right));
      CHECK(right.ok());
      const auto wrong = xg::gradcheck(f(1.001), {x});
      INFO(printed(wrong));
      CHECK(wrong.parts()[0].failure_count == 4);
    }
  }
}

TEST_CASE("a gradient wrong only where it was broadcast is caught") {
  const auto f = [](const Real& x, const Real& row) { return xg::detail::record(AddRow{}, x, row); };
  const Real row = xg::constant(numbers({1, 3}, -1, 1));
  CHECK(xg::gradcheck(f, {xg::constant(numbers({1, 3}, -1, 1)), row}).ok());
  const auto report = xg::gradcheck(f, {xg::constant(numbers({2, 3}, -1, 1)), row});
  INFO(printed(report));
  CHECK_FALSE(report.ok());
  CHECK(report.parts()[0].failure_count == 0);
  CHECK(report.parts()[1].failure_count == 3);
}

TEST_CASE("a gradient wrong only at second order is caught, and by the second order alone") {
  for (const Fault fault : {Fault::second_order, Fault::output_gradient, Fault::recorded_only}) {
    CAPTURE(static_cast<int>(fault));
    CHECK(check_cube(fault, numbers({3}, 0.5, 2), false).ok());
    const auto report = check_cube(fault, numbers({3}, 0.5, 2));
    INFO(printed(report));
    CHECK_FALSE(report.ok());
    CHECK(report.parts()[0].failure_count == 0);
  }
}

TEST_CASE("a gradient that is not linear in the output's is caught by forward mode, against both others") {
  const Real x = xg::constant(numbers({3, 2}, 0.5, 2));
  for (const Fault fault : {Fault::none, Fault::output_gradient, Fault::not_linear, Fault::recorded_only,
                            Fault::elsewhere_linear}) {
    CAPTURE(static_cast<int>(fault));
    const auto report = xg::gradcheck([&](const Real& a) { return xg::detail::record(Cube{fault}, a); }, {x},
                                      {.forward_mode = true});
    INFO(printed(report));
    CHECK(report.ok() == (fault == Fault::none));
    REQUIRE(report.parts().size() == 3);
    CHECK(report.parts()[0].failure_count == 0);
    CHECK(report.parts()[1].what == "forward mode, input 0");
    CHECK(report.parts()[2].what == "forward against reverse mode, input 0");
    for (const std::size_t part : {std::size_t{1}, std::size_t{2}}) {
      CHECK(report.parts()[part].checked == 2);
      CHECK(report.parts()[part].failure_count == (fault == Fault::none ? 0 : 2));
    }
  }
}

TEST_CASE("one wrong element among ten thousand is caught") {
  xt::xarray<double> at = numbers({100, 100}, 0.5, 1.2);
  at(37, 41) = 1.25;
  const auto report = check_cube(Fault::one_element, at, false);
  INFO(printed(report));
  CHECK_FALSE(report.ok());
  REQUIRE(report.parts()[0].failure_count == 1);
  CHECK(report.parts()[0].failures[0].index == xg::Shape{37, 41});
  CHECK(report.parts()[0].worst->index == xg::Shape{37, 41});
}

TEST_CASE("a wrong sign of small entries beside large ones is caught") {
  const auto report = check_cube(Fault::small_sign, xt::xarray<double>{100.0, 0.009, 0.005, 30.0}, false);
  INFO(printed(report));
  CHECK(report.parts()[0].failure_count == 2);
}

TEST_CASE("what a plain sum would hide is caught: a gradient that is not transposed") {
  const auto f = [](const Real& x) { return xg::detail::record(Transpose{}, x); };
  const Real x = xg::constant(numbers({3, 3}, -1, 1));
  CHECK_FALSE(xg::gradcheck(f, {x}).ok());
  CHECK(xg::gradcheck(f, {x}).parts()[0].failure_count == 6);
  CHECK(xg::gradcheck([&](const Real& a) { return xg::sum_to(f(a), xg::Shape{}); }, {x}).ok());
}

TEST_CASE("a sharp bend is no kink that a wrong gradient could hide behind") {
  const Real x = xg::constant(xt::xarray<double>{0.0, 1e-6, -3e-7, 2e-5});
  for (const double sharpness : {1e2, 1e4}) {
    for (const double factor : {1.0, 1.001}) {
      const auto f = [&](const Real& a) {  // a hyperbola with a corner-like bend at 0
        const Real y = xg::sqrt(xg::square(a * sharpness) + 1.0) / sharpness + a;
        return y * factor + y.detach() * (1 - factor);
      };
      const auto report = xg::gradcheck(f, {x});
      INFO(printed(report));
      CHECK(report.kinks() == 0);
      CHECK(report.parts()[0].failure_count == (factor == 1.0 ? 0 : 4));
    }
  }
}

TEST_CASE("values far from 0 and functions that cancel do not hide a wrong gradient") {
  const Real x = xg::constant(xt::xarray<double>{1234.5, -7e5, 3e-3});
  for (const double factor : {1.0, 1.001}) {
    const auto f = [&](const Real& a) {
      const Real y = xg::sin(a / 1e3) * 1e3;
      return (y * factor + y.detach() * (1 - factor) + 1e6) - 1e6;
    };
    const auto report = xg::gradcheck(f, {x});
    INFO(printed(report));
    CHECK(report.parts()[0].failure_count == (factor == 1.0 ? 0 : 3));
  }
}
