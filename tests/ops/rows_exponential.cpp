#include <cmath>
#include <xgrad/ops/exponential.hpp>
#include <xgrad/ops/operators.hpp>

#include "operation_row.hpp"

namespace xgrad::testing {
namespace {

using Elements = std::vector<double>;

double log_add_exp(double a, double b) {
  return larger(a, b) + (a == b ? std::log(2.0) : std::log1p(std::exp(-std::fabs(a - b))));
}

std::vector<OperationRow> logarithm_rows() {
  const Argument any = {{3, 4}}, positive = {{3, 4}, 0.3, 5}, above_minus_one = {{3, 4}, -0.7, 5};
  return {
      elementwise_row(
          "exp", "", {any}, [](const auto& in) { return exp(in[0]); },
          [](const Elements& x) { return std::exp(x[0]); }),
      elementwise_row(
          "exp", "of a result", {any}, [](const auto& in) { return exp(in[0] * 1); },
          [](const Elements& x) { return std::exp(x[0]); }),
      elementwise_row(
          "expm1", "", {any}, [](const auto& in) { return expm1(in[0]); },
          [](const Elements& x) { return std::expm1(x[0]); }),
      elementwise_row(
          "log", "", {positive}, [](const auto& in) { return log(in[0]); },
          [](const Elements& x) { return std::log(x[0]); }),
      elementwise_row(
          "log1p", "", {above_minus_one}, [](const auto& in) { return log1p(in[0]); },
          [](const Elements& x) { return std::log1p(x[0]); }),
      elementwise_row(
          "log2", "", {positive}, [](const auto& in) { return log2(in[0]); },
          [](const Elements& x) { return std::log2(x[0]); }),
      elementwise_row(
          "logaddexp", "", {any, any}, [](const auto& in) { return logaddexp(in[0], in[1]); },
          [](const Elements& x) { return log_add_exp(x[0], x[1]); }),
      elementwise_row(
          "logaddexp", "far from 0", {{{3, 4}, 9998, 10002}, {{3, 4}, 9998, 10002}},
          [](const auto& in) { return logaddexp(in[0], in[1]); },
          [](const Elements& x) { return log_add_exp(x[0], x[1]); }),
      elementwise_row(
          "logaddexp", "with a scalar", {any}, [](const auto& in) { return logaddexp(0.5, in[0]); },
          [](const Elements& x) { return log_add_exp(0.5, x[0]); }),
  };
}

std::vector<OperationRow> trigonometric_rows() {
  const Argument any = {{3, 4}, -4, 4}, inside = {{3, 4}, -0.9, 0.9}, quarter = {{3, 4}, -1.2, 1.2};
  return {
      elementwise_row(
          "sin", "", {any}, [](const auto& in) { return sin(in[0]); },
          [](const Elements& x) { return std::sin(x[0]); }),
      elementwise_row(
          "cos", "", {any}, [](const auto& in) { return cos(in[0]); },
          [](const Elements& x) { return std::cos(x[0]); }),
      elementwise_row(
          "tan", "", {quarter}, [](const auto& in) { return tan(in[0]); },
          [](const Elements& x) { return std::tan(x[0]); }),
      elementwise_row(
          "asin", "", {inside}, [](const auto& in) { return asin(in[0]); },
          [](const Elements& x) { return std::asin(x[0]); }),
      elementwise_row(
          "acos", "", {inside}, [](const auto& in) { return acos(in[0]); },
          [](const Elements& x) { return std::acos(x[0]); }),
      elementwise_row(
          "atan", "", {any}, [](const auto& in) { return atan(in[0]); },
          [](const Elements& x) { return std::atan(x[0]); }),
      elementwise_row(
          "atan2", "", {{{3, 4}, -3, 3, {0}}, {{3, 4}, -3, 3, {0}}},
          [](const auto& in) { return atan2(in[0], in[1]); },
          [](const Elements& x) { return std::atan2(x[0], x[1]); }),
      elementwise_row(
          "atan2", "above a scalar", {any}, [](const auto& in) { return atan2(in[0], 0.5); },
          [](const Elements& x) { return std::atan2(x[0], 0.5); }),
  };
}

std::vector<OperationRow> hyperbolic_rows() {
  const Argument any = {{3, 4}}, wide = {{3, 4}, -4, 4};
  return {
      elementwise_row(
          "sinh", "", {any}, [](const auto& in) { return sinh(in[0]); },
          [](const Elements& x) { return std::sinh(x[0]); }),
      elementwise_row(
          "cosh", "", {any}, [](const auto& in) { return cosh(in[0]); },
          [](const Elements& x) { return std::cosh(x[0]); }),
      elementwise_row(
          "tanh", "", {wide}, [](const auto& in) { return tanh(in[0]); },
          [](const Elements& x) { return std::tanh(x[0]); }),
      elementwise_row(
          "erf", "", {any}, [](const auto& in) { return erf(in[0]); },
          [](const Elements& x) { return std::erf(x[0]); }),
      elementwise_row(
          "erfc", "", {wide}, [](const auto& in) { return erfc(in[0]); },
          [](const Elements& x) { return std::erfc(x[0]); }),
  };
}

}  // namespace

std::vector<OperationRow> exponential_rows() {
  std::vector<OperationRow> all;
  for (const auto& part : {logarithm_rows(), trigonometric_rows(), hyperbolic_rows()})
    all.insert(all.end(), part.begin(), part.end());
  return all;
}

}  // namespace xgrad::testing
