#include <cmath>
#include <xgrad/ops/activation.hpp>
#include <xgrad/ops/operators.hpp>

#include "operation_row.hpp"

namespace xgrad::testing {
namespace {

using Elements = std::vector<double>;

double log1p_exp(double x) { return larger(x, 0) + std::log1p(std::exp(-std::fabs(x))); }

std::vector<OperationRow> smooth_rows() {
  const Argument any = {{3, 4}, -6, 6};
  return {
      elementwise_row(
          "sigmoid", "", {any}, [](const auto& in) { return sigmoid(in[0]); },
          [](const Elements& x) { return 1 / (1 + std::exp(-x[0])); }),
      elementwise_row(
          "gelu", "", {any}, [](const auto& in) { return gelu(in[0]); },
          [](const Elements& x) { return x[0] * 0.5 * std::erfc(-x[0] / std::sqrt(2.0)); }),
      elementwise_row(
          "silu", "", {any}, [](const auto& in) { return silu(in[0]); },
          [](const Elements& x) { return x[0] / (1 + std::exp(-x[0])); }),
      elementwise_row(
          "mish", "", {any}, [](const auto& in) { return mish(in[0]); },
          [](const Elements& x) { return x[0] * std::tanh(log1p_exp(x[0])); }),
      elementwise_row(
          "mish", "beyond 20", {{{3, 4}, 15, 25}}, [](const auto& in) { return mish(in[0]); },
          [](const Elements& x) { return x[0] * std::tanh(log1p_exp(x[0])); }),
      elementwise_row(
          "softplus", "", {any}, [](const auto& in) { return softplus(in[0]); },
          [](const Elements& x) { return log1p_exp(x[0]); }),
      elementwise_row(
          "softsign", "", {{{3, 4}, -6, 6, {0}}}, [](const auto& in) { return softsign(in[0]); },
          [](const Elements& x) { return x[0] / (1 + std::fabs(x[0])); }),
  };
}

std::vector<OperationRow> kinked_rows() {
  const Argument nonzero = {{3, 4}, -3, 3, {0}};
  return {
      elementwise_row(
          "relu", "", {nonzero}, [](const auto& in) { return relu(in[0]); },
          [](const Elements& x) { return larger(x[0], 0); }),
      elementwise_row(
          "leaky_relu", "", {nonzero}, [](const auto& in) { return leaky_relu(in[0]); },
          [](const Elements& x) { return x[0] > 0 ? x[0] : 0.01 * x[0]; }),
      elementwise_row(
          "leaky_relu", "a slope to learn", {nonzero, {{3, 4}}},
          [](const auto& in) { return leaky_relu(in[0], in[1]); },
          [](const Elements& x) { return x[0] > 0 ? x[0] : x[1] * x[0]; }),
      elementwise_row(
          "elu", "", {nonzero}, [](const auto& in) { return elu(in[0]); },
          [](const Elements& x) { return x[0] > 0 ? x[0] : std::expm1(x[0]); }),
      elementwise_row(
          "elu", "an alpha to learn", {nonzero, {{3, 4}}}, [](const auto& in) { return elu(in[0], in[1]); },
          [](const Elements& x) { return x[0] > 0 ? x[0] : x[1] * std::expm1(x[0]); }),
      elementwise_row(
          "selu", "", {nonzero}, [](const auto& in) { return selu(in[0]); },
          [](const Elements& x) {
            const double scale = 1.0507009873554804934, alpha = 1.6732632423543772848;
            return x[0] > 0 ? scale * x[0] : scale * alpha * std::expm1(x[0]);
          }),
      elementwise_row(
          "hardtanh", "", {{{3, 4}, -3, 3, {-1, 1}}}, [](const auto& in) { return hardtanh(in[0]); },
          [](const Elements& x) { return smaller(larger(x[0], -1), 1); }),
      elementwise_row(
          "hardtanh", "bounds to learn", {nonzero, {{3, 4}, -2, -0.5}, {{3, 4}, 0.5, 2}},
          [](const auto& in) { return hardtanh(in[0], in[1], in[2]); },
          [](const Elements& x) { return smaller(larger(x[0], x[1]), x[2]); }),
  };
}

OperationRow step_row() {
  OperationRow made = elementwise_row(
      "step", "", {{{3, 4}, -3, 3, {0}}}, [](const auto& in) { return step(in[0]); },
      [](const Elements& x) { return x[0] > 0 ? 1.0 : 0.0; });
  made.differentiable = false;
  return made;
}

}  // namespace

std::vector<OperationRow> activation_rows() {
  std::vector<OperationRow> all = smooth_rows();
  for (OperationRow& row : kinked_rows()) all.push_back(std::move(row));
  all.push_back(step_row());
  return all;
}

}  // namespace xgrad::testing
