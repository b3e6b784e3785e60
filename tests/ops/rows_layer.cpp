#include <cmath>
#include <xgrad/ops/layer.hpp>

#include "operation_row.hpp"

namespace xgrad::testing {
namespace {

using Arrays = std::vector<Array<double>>;

/// Each line of `count` neighbours less its mean, over the root of its variance and epsilon.
std::vector<double> normalized_lines(const Array<double>& x, std::size_t count, double epsilon) {
  std::vector<double> y(x.cbegin(), x.cend());
  const auto n = static_cast<double>(count);
  for (std::size_t first = 0; first < y.size(); first += count) {
    double mean = 0, variance = 0;
    for (std::size_t i = first; i < first + count; ++i) mean += y[i] / n;
    for (std::size_t i = first; i < first + count; ++i) variance += (y[i] - mean) * (y[i] - mean) / n;
    for (std::size_t i = first; i < first + count; ++i) y[i] = (y[i] - mean) / std::sqrt(variance + epsilon);
  }
  return y;
}

void add_layer_norm(std::vector<OperationRow>& rows, const char* variant, const Shape& shape,
                    double epsilon) {
  const std::size_t count = shape.back();
  rows.push_back(row(
      "layer_norm", variant, {{shape}, {{count}}, {{count}}},
      [=](const auto& in) { return layer_norm(in[0], in[1], in[2], {.epsilon = epsilon}); },
      [=](const Arrays& in) {
        std::vector<double> y = normalized_lines(in[0], count, epsilon);
        for (std::size_t i = 0; i < y.size(); ++i)
          y[i] = y[i] * in[1].storage()[i % count] + in[2].storage()[i % count];
        return y;
      }));
}

}  // namespace

std::vector<OperationRow> layer_rows() {
  std::vector<OperationRow> rows;
  add_layer_norm(rows, "", {5, 7}, 1e-5);
  add_layer_norm(rows, "three axes, large epsilon", {2, 3, 37}, 0.5);
  rows.push_back(row(
      "layer_norm", "without gamma and beta", {{{6, 19}}}, [](const auto& in) { return layer_norm(in[0]); },
      [](const Arrays& in) { return normalized_lines(in[0], 19, 1e-5); }));
  return rows;
}

}  // namespace xgrad::testing
