#include <cmath>
#include <xgrad/ops/rounding.hpp>

#include "operation_row.hpp"

namespace xgrad::testing {
namespace {

using Elements = std::vector<double>;

/// It has no gradient but zero. Elements are kept away from where the result jumps.
template <class F>
OperationRow rounding_row(const char* name, F formula, double (*one)(double), double jump) {
  OperationRow made = elementwise_row(
      name, "", {{{3, 4}, -3, 3, {jump - 3, jump - 2, jump - 1, jump, jump + 1, jump + 2, jump + 3}}},
      std::move(formula), [=](const Elements& x) { return one(x[0]); });
  made.differentiable = false;
  return made;
}

}  // namespace

std::vector<OperationRow> rounding_rows() {
  // std::nearbyint goes by the rounding mode, which is to the nearest, ties to even.
  return {
      rounding_row(
          "floor", [](const auto& in) { return floor(in[0]); }, [](double x) { return std::floor(x); }, 0),
      rounding_row(
          "ceil", [](const auto& in) { return ceil(in[0]); }, [](double x) { return std::ceil(x); }, 0),
      rounding_row(
          "round", [](const auto& in) { return round(in[0]); }, [](double x) { return std::nearbyint(x); },
          0.5),
      rounding_row(
          "trunc", [](const auto& in) { return trunc(in[0]); }, [](double x) { return std::trunc(x); }, 0)};
}

}  // namespace xgrad::testing
