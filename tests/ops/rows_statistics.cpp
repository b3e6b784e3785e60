#include <cmath>
#include <limits>
#include <string>
#include <xgrad/ops/operators.hpp>
#include <xgrad/ops/statistics.hpp>

#include "operation_row.hpp"

namespace xgrad::testing {
namespace {

using Arrays = std::vector<Array<double>>;
double variance(const Line& line, double ddof) {
  double mean = 0, squares = 0;
  for (double x : line) mean += x / static_cast<double>(line.size());
  for (double x : line) squares += (x - mean) * (x - mean);
  return squares / (static_cast<double>(line.size()) - ddof);
}

/// NumPy's: a NaN beside an infinity stays a NaN, which std::hypot drops.
double hypotenuse(double a, double b) { return std::isnan(a) || std::isnan(b) ? a + b : std::hypot(a, b); }

double length(const Line& line, double p) {
  double total = 0;
  for (double x : line)
    total = p == 2 ? hypotenuse(total, x) : p == 1 ? total + std::fabs(x) : larger(total, std::fabs(x));
  return total;
}

struct Choice {
  const char* variant;
  Shape shape;
  Axes axes;
  bool keep_dims;
};
const Choice choices[] = {{"all", {3, 4}, {}, false},
                          {"last axis", {3, 19}, {-1}, false},
                          {"first axis, kept", {5, 18}, {0}, true},
                          {"middle axis", {2, 3, 4}, {1}, false}};

void add_spreads(std::vector<OperationRow>& rows, const Choice& choice, double ddof) {
  const VarianceOptions options{choice.axes, choice.keep_dims, ddof};
  const std::string variant = std::string(choice.variant) + (ddof == 0 ? "" : ", ddof 1");
  rows.push_back(row(
      "var", variant, {{choice.shape}}, [=](const auto& in) { return var(in[0], options); },
      reducing(choice.axes, [=](const Line& line) { return variance(line, ddof); })));
  rows.push_back(row(
      "std", variant, {{choice.shape}}, [=](const auto& in) { return std(in[0], options); },
      reducing(choice.axes, [=](const Line& line) { return std::sqrt(variance(line, ddof)); })));
}

}  // namespace

std::vector<OperationRow> statistics_rows() {
  std::vector<OperationRow> rows;
  for (const Choice& choice : choices) {
    for (const double ddof : {0.0, 1.0}) add_spreads(rows, choice, ddof);
    const NormOptions options{choice.axes, choice.keep_dims};
    rows.push_back(row(
        "norm", choice.variant, {{choice.shape}}, [=](const auto& in) { return norm(in[0], options); },
        reducing(choice.axes, [](const Line& line) { return length(line, 2); })));
  }
  rows.push_back(row(
      "norm", "of one element", {{.shape = {}, .avoid = {0}}}, [](const auto& in) { return norm(in[0]); },
      reducing({}, [](const Line& line) { return length(line, 2); })));
  const NormOptions one{{-1}, false, 1}, most{{-1}, false, std::numeric_limits<double>::infinity()};
  rows.push_back(row(
      "sum", "norm with p = 1", {{.shape = {4, 7}, .avoid = {0}}},
      [=](const auto& in) { return norm(in[0], one); },
      reducing({-1}, [](const Line& line) { return length(line, 1); })));
  rows.push_back(row(
      "max", "norm with p = infinity", {{.shape = {3, 5}, .low = 0.5, .high = 3, .distinct = true}},
      [=](const auto& in) { return norm(-in[0], most); },
      reducing({-1}, [](const Line& line) { return length(line, 0); })));
  return rows;
}

}  // namespace xgrad::testing
