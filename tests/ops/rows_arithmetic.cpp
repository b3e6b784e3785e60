#include <cmath>
#include <xgrad/ops/operators.hpp>

#include "operation_row.hpp"

namespace xgrad::testing {
namespace {

using Elements = std::vector<double>;

std::vector<OperationRow> operator_rows() {
  const std::vector<Argument> two = {{{3, 4}}, {{3, 4}}};
  return {
      elementwise_row(
          "subtract", "", two, [](const auto& in) { return in[0] - in[1]; },
          [](const Elements& x) { return x[0] - x[1]; }),
      elementwise_row(
          "subtract", "from a scalar", {{{3, 4}}}, [](const auto& in) { return 1 - in[0]; },
          [](const Elements& x) { return 1 - x[0]; }),
      elementwise_row(
          "multiply", "", two, [](const auto& in) { return in[0] * in[1]; },
          [](const Elements& x) { return x[0] * x[1]; }),
      elementwise_row(
          "multiply", "by itself", {{{3, 4}}}, [](const auto& in) { return in[0] * in[0]; },
          [](const Elements& x) { return x[0] * x[0]; }),
      elementwise_row(
          "divide", "", {{{3, 4}}, {{3, 4}, 0.5, 2}}, [](const auto& in) { return in[0] / in[1]; },
          [](const Elements& x) { return x[0] / x[1]; }),
      elementwise_row(
          "divide", "a scalar by a negative", {{{3, 4}, -2, -0.5}},
          [](const auto& in) { return 3.5 / in[0]; }, [](const Elements& x) { return 3.5 / x[0]; }),
      elementwise_row(
          "negative", "", {{{3, 4}}}, [](const auto& in) { return -in[0]; },
          [](const Elements& x) { return -x[0]; }),
  };
}

std::vector<OperationRow> power_rows() {
  const Argument positive = {{3, 4}, 0.3, 3};
  return {
      elementwise_row(
          "pow", "", {positive, {{3, 4}}}, [](const auto& in) { return pow(in[0], in[1]); },
          [](const Elements& x) { return std::pow(x[0], x[1]); }),
      elementwise_row(
          "pow", "cube of any sign", {{{3, 4}}}, [](const auto& in) { return pow(in[0], 3); },
          [](const Elements& x) { return std::pow(x[0], 3); }),
      elementwise_row(
          "pow", "2 to the power", {{{3, 4}}}, [](const auto& in) { return pow(2, in[0]); },
          [](const Elements& x) { return std::pow(2, x[0]); }),
      elementwise_row(
          "pow", "exponent 0", {{{3, 4}}}, [](const auto& in) { return pow(in[0], 0.0); },
          [](const Elements&) { return 1.0; }),
      elementwise_row(
          "square", "", {{{3, 4}}}, [](const auto& in) { return square(in[0]); },
          [](const Elements& x) { return x[0] * x[0]; }),
      elementwise_row(
          "sqrt", "", {positive}, [](const auto& in) { return sqrt(in[0]); },
          [](const Elements& x) { return std::sqrt(x[0]); }),
      elementwise_row(
          "rsqrt", "", {positive}, [](const auto& in) { return rsqrt(in[0]); },
          [](const Elements& x) { return 1 / std::sqrt(x[0]); }),
      elementwise_row(
          "reciprocal", "", {{{3, 4}, -3, -0.3}}, [](const auto& in) { return reciprocal(in[0]); },
          [](const Elements& x) { return 1 / x[0]; }),
  };
}

std::vector<OperationRow> choice_rows() {
  const Argument any = {{3, 4}}, nonzero = {{3, 4}, -2, 2, {0}};
  return {
      elementwise_row(
          "abs", "", {nonzero}, [](const auto& in) { return abs(in[0]); },
          [](const Elements& x) { return std::fabs(x[0]); }),
      elementwise_row(
          "maximum", "", {any, any}, [](const auto& in) { return maximum(in[0], in[1]); },
          [](const Elements& x) { return larger(x[0], x[1]); }),
      elementwise_row(
          "maximum", "with a scalar", {{{3, 4}, -2, 2, {0.5}}},
          [](const auto& in) { return maximum(0.5, in[0]); },
          [](const Elements& x) { return larger(0.5, x[0]); }),
      elementwise_row(
          "minimum", "", {any, any}, [](const auto& in) { return minimum(in[0], in[1]); },
          [](const Elements& x) { return smaller(x[0], x[1]); }),
      elementwise_row(
          "minimum", "with a scalar", {{{3, 4}, -2, 2, {0.5}}},
          [](const auto& in) { return minimum(in[0], 0.5); },
          [](const Elements& x) { return smaller(x[0], 0.5); }),
      elementwise_row(
          "clamp", "", {any, {{3, 4}, -2, -0.5}, {{3, 4}, 0.5, 2}},
          [](const auto& in) { return clamp(in[0], in[1], in[2]); },
          [](const Elements& x) { return smaller(larger(x[0], x[1]), x[2]); }),
      elementwise_row(
          "clamp", "between scalars", {{{3, 4}, -2, 2, {-0.5, 1}}},
          [](const auto& in) { return clamp(in[0], -0.5, 1); },
          [](const Elements& x) { return smaller(larger(x[0], -0.5), 1); }),
      elementwise_row(
          "where", "", {nonzero, any, any}, [](const auto& in) { return select(in[0] > 0, in[1], in[2]); },
          [](const Elements& x) { return x[0] > 0 ? x[1] : x[2]; }),
  };
}

/// sign() makes ties: of random numbers no two are equal.
std::vector<OperationRow> comparison_rows() {
  const Argument nonzero = {{3, 4}, -2, 2, {0}};
  std::vector<OperationRow> rows = {
      elementwise_row(
          "sign", "", {nonzero}, [](const auto& in) { return sign(in[0]); },
          [](const Elements& x) { return sign_of(x[0]); }),
      elementwise_row(
          "less", "", {nonzero, nonzero}, [](const auto& in) { return sign(in[0]) < sign(in[1]); },
          [](const Elements& x) { return sign_of(x[0]) < sign_of(x[1]) ? 1.0 : 0.0; }),
      elementwise_row(
          "less_equal", "", {nonzero, nonzero}, [](const auto& in) { return sign(in[0]) <= sign(in[1]); },
          [](const Elements& x) { return sign_of(x[0]) <= sign_of(x[1]) ? 1.0 : 0.0; }),
      elementwise_row(
          "equal", "", {nonzero, nonzero}, [](const auto& in) { return sign(in[0]) == sign(in[1]); },
          [](const Elements& x) { return sign_of(x[0]) == sign_of(x[1]) ? 1.0 : 0.0; }),
      elementwise_row(
          "not_equal", "", {nonzero, nonzero}, [](const auto& in) { return sign(in[0]) != sign(in[1]); },
          [](const Elements& x) { return sign_of(x[0]) != sign_of(x[1]) ? 1.0 : 0.0; }),
      elementwise_row(
          "isfinite", "", {nonzero},
          [](const auto& in) {
            const auto half_infinite = select(in[0] > 0, in[0] / 0, in[0]);
            return detail::apply<formulas::IsFinite, formulas::Arithmetic>(half_infinite);
          },
          [](const Elements& x) { return x[0] <= 0 && std::isfinite(x[0]) ? 1.0 : 0.0; }),
  };
  for (OperationRow& row : rows) row.differentiable = false;
  return rows;
}

}  // namespace

std::vector<OperationRow> arithmetic_rows() {
  std::vector<OperationRow> all;
  for (const auto& part : {operator_rows(), power_rows(), choice_rows(), comparison_rows()})
    all.insert(all.end(), part.begin(), part.end());
  return all;
}

}  // namespace xgrad::testing
