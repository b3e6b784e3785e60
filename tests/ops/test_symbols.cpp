// Symbols of a formula: which constants are one, and where a symbol is good.
#include <doctest/doctest.h>

#include <bit>
#include <cstdint>
#include <limits>
#include <optional>
#include <string>
#include <thread>
#include <xgrad/xgrad.hpp>

#include "../message_of.hpp"

namespace xg = xgrad;
using xg::testing::message_of;

TEST_CASE("constants of a formula are one where their bits are: 0 and -0 are two") {
  // atan2 of +0 and of -0 at -1 are pi and -pi, C99's F.9.1.4.
  const auto gap = xg::elementwise("gap", [](auto v) {
    using S = decltype(v);
    return atan2(S(0.0), v) - atan2(S(-0.0), v);
  });
  CHECK(gap(xg::parameter(-1.0)).item() == doctest::Approx(6.283185307179586));
  // 1 / 0 and 1 / -0: their difference is infinite, and of one constant alone it would be NaN.
  const auto poles = xg::elementwise("poles", [](auto v) {
    using S = decltype(v);
    return v / S(0.0) - v / S(-0.0);
  });
  CHECK(poles(xg::parameter(1.0)).item() == std::numeric_limits<double>::infinity());

  const auto steps_of = [](double a, double b) {
    return xg::detail::program_of(1, [=](std::span<const xg::Symbol> s) { return s[0] * a + s[0] * b; })
        .steps.size();
  };
  const double nan = std::numeric_limits<double>::quiet_NaN();
  const double other = std::bit_cast<double>(std::bit_cast<std::uint64_t>(nan) + 1);
  CHECK(steps_of(2, 2) == 3);  // the constant, a product, a sum
  CHECK(steps_of(2, 3) == 5);
  CHECK(steps_of(0.0, -0.0) == 5);
  CHECK(steps_of(nan, nan) == 3);
  CHECK(steps_of(nan, other) == 5);
  CHECK(steps_of(nan, -nan) == 5);
}

TEST_CASE("a symbol that was kept from another formula is an error that names both") {
  std::optional<xg::Symbol> kept;
  const auto keep = xg::elementwise("keep", [&](auto x) {
    kept = x;
    return x * x;
  });
  const auto refused = [](const auto& call) {
    const std::string text = message_of<xg::ValueError>(call);
    INFO(text);
    CHECK(text.find("elementwise: a symbol of formula ") == 0);
    CHECK(text.find("it is good in the call that it was given to, so use a formula's own arguments") !=
          std::string::npos);
    return text;
  };
  // As the whole result, beside the formula's own argument, before and after it, in a dead step, and as the
  // first thing in a formula that reuses the place of the earlier trace.
  refused([&] { xg::elementwise("alone", [&](auto) { return *kept; }); });
  refused([&] { xg::elementwise("first", [&](auto x) { return *kept + x; }); });
  refused([&] { xg::elementwise("second", [&](auto x) { return x + *kept; }); });
  refused([&] { xg::elementwise("dead", [&](auto x) { return (*kept * 2, x); }); });
  refused([&] { xg::elementwise("in a choice", [&](auto x) { return select(x > 0, *kept, x); }); });
  // Where nothing is traced at all.
  CHECK(refused([&] { *kept = *kept * 2; }).find("is used outside every formula") != std::string::npos);
  // Of a formula around this one.
  refused([&] {
    xg::elementwise("outer", [](auto x) {
      const auto inner = xg::elementwise("inner", [&](auto y) { return x * y; });
      return inner(x);
    });
  });
  // In another thread, while its own formula lasts.
  xg::elementwise("two threads", [&](auto x) {
    std::thread([&] { refused([&] { x * 2; }); }).join();
    return x;
  });
  // A formula inside another, by its own arguments, is fine; and so is what was kept as a formula.
  const auto cube = xg::elementwise("cube", [&](auto x) {
    const auto times = xg::elementwise("times", [](auto a, auto b) { return a * b; });
    return times(x, keep(x));
  });
  CHECK(cube(xg::parameter(3.0)).item() == 27);
}
