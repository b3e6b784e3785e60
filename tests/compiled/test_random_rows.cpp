// Functions drawn at random, of elementwise operations and reductions of rows, beside their replays.
#include <doctest/doctest.h>

#include <cstdlib>

#include "groups.hpp"

namespace xg = xgrad;
using namespace xgrad::testing;

namespace {

constexpr xg::AfterAxes kept{.keep_dims = true};

/// Steps drawn over a value of rows, some of them reductions, columns made of these, and readers of both.
template <class T>
struct DrawnRows {
  std::uint64_t seed;
  xg::Shape shape;

  xg::Variable<T> operator()(const xg::Variable<T>& x, const xg::Variable<T>& y,
                             const xg::Variable<T>& row) const {
    xg::Generator from(seed);
    std::vector<xg::Variable<T>> values{x, y}, columns;
    const auto any = [&](const auto& of) { return of[from.below(of.size())]; };
    const std::size_t steps = 4 + from.below(16);
    for (std::size_t step = 0; step < steps; ++step) {
      const auto a = any(values), b = any(values);
      const std::uint64_t kind = from.below(columns.empty() ? 8 : 14);
      if (kind < 4)
        columns.push_back(reduced(kind, a, from.below(2) == 0));
      else if (kind < 8)
        values.push_back(kind == 4   ? xg::tanh(a) * b
                         : kind == 5 ? a - b
                         : kind == 6 ? xg::relu(a + row)
                                     : a * row);
      else if (kind < 11)
        values.push_back(kind == 8   ? a - any(columns)
                         : kind == 9 ? a / (xg::square(any(columns)) + 1.0)
                                     : any(columns) * b);
      else
        columns.push_back(kind == 11   ? xg::exp(-xg::square(any(columns)))
                          : kind == 12 ? any(columns) * any(columns)
                                       : any(columns).detach() - any(columns) * 0.5);
    }
    auto total =
        xg::sum(xg::tanh(values.back()) * y) + xg::sum(xg::mean(values[from.below(values.size())], -1));
    if (!columns.empty()) total = total + xg::mean(xg::tanh(columns.back()));
    return total;
  }

  static xg::Variable<T> reduced(std::uint64_t kind, const xg::Variable<T>& a, bool twice) {
    const auto r = kind == 0   ? xg::sum(a, -1, kept)
                   : kind == 1 ? xg::mean(a, -1, kept)
                   : kind == 2 ? xg::max(a, -1, kept)
                               : xg::min(a, -1, kept);
    return twice ? r * 0.5 - 0.25 : r;
  }
};

/// How many groups it has.
template <class T>
std::size_t check_drawn_rows(std::uint64_t seed, const xg::Shape& shape) {
  CAPTURE(seed);
  CAPTURE(shape);
  return check_replays<T>(DrawnRows<T>{seed, shape}, {shape, shape, {shape.back()}});
}

}  // namespace

TEST_CASE("random programs with reductions of rows, beside the functions that they were captured from") {
  const xg::Shape shapes[] = {{5, 17}, {3, 4, 16}, {60, 20}, {16, 16}, {33, 9}};
  const auto check = [&](std::uint64_t seed) {
    const xg::Shape& shape = shapes[seed % 5];
    return seed % 2 == 0 ? check_drawn_rows<double>(seed, shape) : check_drawn_rows<float>(seed, shape);
  };
  // XGRAD_PROGRAM_SEED repeats one that failed.
  if (const char* only = std::getenv("XGRAD_PROGRAM_SEED"))
    return void(check(std::strtoull(only, nullptr, 10)));
  std::size_t groups = 0;
  for (std::uint64_t seed = 1; seed <= 400; ++seed) groups += check(seed);
  CHECK(groups > 300);
  for (std::uint64_t seed = 1; seed <= 12; ++seed) {
    const Threads used(1 + seed % 2);
    check_drawn_rows<float>(seed, {700, 768});
    check_drawn_rows<double>(seed + 100, {1024, 256});
  }
}
