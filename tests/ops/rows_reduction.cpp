#include <cmath>
#include <functional>
#include <limits>
#include <numeric>
#include <string>
#include <xgrad/ops/exponential.hpp>
#include <xgrad/ops/operators.hpp>
#include <xgrad/ops/reduction.hpp>
#include <xgrad/ops/softmax.hpp>

#include "gradient_of.hpp"
#include "row_refusals.hpp"
#include "row_shapes.hpp"

namespace xgrad::testing {
namespace {

using Arrays = std::vector<Array<double>>;
double largest(const Line& line) { return std::accumulate(line.begin(), line.end(), line[0], larger); }
double smallest(const Line& line) { return std::accumulate(line.begin(), line.end(), line[0], smaller); }
double total(const Line& line) {
  double sum = 0;
  for (double x : line) sum += x;
  return sum;
}
double average(const Line& line) { return total(line) / static_cast<double>(line.size()); }
double log_total(const Line& line) {
  const double most = line.empty() ? -std::numeric_limits<double>::infinity() : largest(line);
  if (std::isinf(most)) return most;
  double sum = 0;
  for (double x : line) sum += std::exp(x - most);
  return most + std::log(sum);
}

struct Choice {
  const char* variant;
  Shape shape;
  ReduceOptions options;
};

/// Rows of one reduction over every kind of axes.
template <class F>
void add_rows(std::vector<OperationRow>& rows, const char* operation, double (*reduce)(const Line&),
              F formula, bool distinct) {
  const Choice choices[] = {{"all", {3, 4}, {}},
                            {"last axis", {3, 19}, {.axes = {-1}}},
                            {"first axis, kept", {5, 18}, {.axes = {0}, .keep_dims = true}},
                            {"middle axis", {2, 3, 4}, {.axes = {1}}},
                            {"outer axes", {3, 2, 4}, {.axes = {0, 2}}},
                            {"one element", {}, {}}};
  for (const Choice& choice : choices) {
    const ReduceOptions options = choice.options;
    rows.push_back(row(
        operation, choice.variant, {{.shape = choice.shape, .distinct = distinct}},
        [=](const auto& in) { return formula(in[0], options); }, reducing(options.axes, reduce)));
  }
}

/// log(softmax) along the last axis, or along the first of two.
Reference log_shares(bool down, bool exponential) {
  return [=](const Arrays& in) {
    const std::size_t rows = in[0].shape()[0], columns = in[0].shape()[1];
    std::vector<double> totals, result;
    for (const Line& line : lines_of(in[0], {down ? 0 : 1})) totals.push_back(log_total(line));
    for (std::size_t r = 0; r < rows; ++r)
      for (std::size_t c = 0; c < columns; ++c) {
        const double log_share = in[0](r, c) - totals[down ? c : r];
        result.push_back(exponential ? std::exp(log_share) : log_share);
      }
    return result;
  };
}

void add_softmax_rows(std::vector<OperationRow>& rows) {
  for (const bool down : {false, true}) {
    const std::ptrdiff_t axis = down ? 0 : -1;
    const char* variant = down ? "first axis" : "last axis";
    rows.push_back(row(
        "softmax", variant, {{{4, 19}, -5, 5}}, [=](const auto& in) { return softmax(in[0], axis); },
        log_shares(down, true)));
    rows.push_back(row(
        "log_softmax", variant, {{{4, 19}, -5, 5}}, [=](const auto& in) { return log_softmax(in[0], axis); },
        log_shares(down, false)));
  }
}

/// What softmax, or its logarithm, passes back of the second argument: y (dy - sum(dy y)), or dy - exp(y)
/// sum(dy).
Reference passed_back(bool down, bool exponential) {
  return [=](const Arrays& in) {
    const std::size_t rows = in[0].shape()[0], columns = in[0].shape()[1];
    std::vector<double> y = log_shares(down, true)(in), sums(down ? columns : rows);
    const auto dy = [&](std::size_t r, std::size_t c) { return in[1](r, c); };
    for (std::size_t r = 0; r < rows; ++r)
      for (std::size_t c = 0; c < columns; ++c)
        sums[down ? c : r] += exponential ? dy(r, c) * y[r * columns + c] : dy(r, c);
    for (std::size_t r = 0; r < rows; ++r)
      for (std::size_t c = 0; c < columns; ++c) {
        double& element = y[r * columns + c];
        const double sum = sums[down ? c : r];
        element = exponential ? element * (dy(r, c) - sum) : dy(r, c) - element * sum;
      }
    return y;
  };
}

void add_softmax_gradient_rows(std::vector<OperationRow>& rows) {
  for (const bool down : {false, true}) {
    const std::ptrdiff_t axis = down ? 0 : -1;
    const char* variant = down ? "first axis" : "last axis";
    const std::vector<Argument> arguments{{{4, 19}, -5, 5}, {{4, 19}}};
    rows.push_back(row("softmax_gradient", variant, arguments,
                       gradient_of([=](const auto& in) { return softmax(in[0], axis); }),
                       passed_back(down, true)));
    rows.push_back(row("log_softmax_gradient", variant, arguments,
                       gradient_of([=](const auto& in) { return log_softmax(in[0], axis); }),
                       passed_back(down, false)));
  }
}

}  // namespace

std::vector<OperationRow> reduction_rows() {
  std::vector<OperationRow> rows;
  add_rows(
      rows, "sum", total, [](const auto& x, const ReduceOptions& o) { return sum(x, o); }, false);
  add_rows(
      rows, "mean", average, [](const auto& x, const ReduceOptions& o) { return mean(x, o); }, false);
  add_rows(
      rows, "max", largest, [](const auto& x, const ReduceOptions& o) { return max(x, o); }, true);
  add_rows(
      rows, "min", smallest, [](const auto& x, const ReduceOptions& o) { return min(x, o); }, true);
  add_rows(
      rows, "logsumexp", log_total, [](const auto& x, const ReduceOptions& o) { return logsumexp(x, o); },
      false);
  add_softmax_rows(rows);
  add_softmax_gradient_rows(rows);
  return rows;
}

namespace {

/// What all reductions take whose result over no elements is a number.
void add_reductions(std::vector<FurtherShapes>& all) {
  for (const char* name : {"sum", "mean", "logsumexp", "var", "std", "norm", "prod"}) {
    const std::string operation = name;
    const bool is_sum = operation == "sum";
    all.push_back({operation + " (last axis)", one_argument({{0, 3}, {3, 0}}), one_argument({{401, 701}})});
    all.push_back({operation + (operation == "prod" || !is_sum ? " (middle axis)" : " (outer axes)"),
                   one_argument({{2, 3, 0}, {2, 0, 4}}), one_argument({{31, 501, 21}})});
  }
}

}  // namespace

std::vector<FurtherShapes> reduction_shapes() {
  std::vector<FurtherShapes> all;
  add_reductions(all);
  for (const char* name : {"sum", "mean", "logsumexp", "norm", "prod"})
    all.push_back({std::string(name) + " (all)", one_argument({{0}, {2, 0}}), one_argument({{301001}})});
  for (const char* name : {"var", "std"})
    all.push_back({std::string(name) + " (all)", one_argument({{}, {0}}), one_argument({{301001}})});
  all.push_back(of_one("prod (all)", {{}}));
  all.push_back({"prod_gradient",
                 {{{0, 7}, {0, 1}}, {{3, 0}, {3, 1}}, {{3, 1}, {3, 1}}, {{2, 8}, {2, 1}}},
                 {{{401, 701}, {401, 1}}}});
  for (const char* name : {"max", "min"}) {
    all.push_back({std::string(name) + " (last axis)", one_argument({{0, 3}}), one_argument({{401, 701}})});
    all.push_back(
        {std::string(name) + " (first axis, kept)", one_argument({{3, 0}}), one_argument({{401, 701}})});
    all.push_back({std::string(name) + " (all)", {}, one_argument({{301001}})});
  }
  for (const char* name : {"softmax", "log_softmax"})
    for (const char* axis : {" (last axis)", " (first axis)"})
      all.push_back({std::string(name) + axis, one_argument({{0, 3}, {3, 0}}), one_argument({{401, 701}})});
  for (const char* name : {"softmax_gradient", "log_softmax_gradient"})
    for (const char* axis : {" (last axis)", " (first axis)"})
      all.push_back(
          {std::string(name) + axis, {{{0, 3}, {0, 3}}, {{3, 0}, {3, 0}}}, {{{401, 701}, {401, 701}}}});
  all.push_back(of_one("cumsum (last axis)", {{0, 3}, {3, 0}}, {{401, 701}}));
  all.push_back(of_one("cumsum (middle axis)", {{2, 0, 3}, {0, 4, 3}, {2, 4, 0}}, {{31, 501, 21}}));
  all.push_back(of_one("cumsum (all)", {{}, {0}, {3, 0}}, {{301001}}));
  all.push_back(of_one("cumprod (last axis)", {{0, 3}, {3, 0}, {3, 1}}, {{401, 701}}));
  all.push_back(of_one("cumprod (middle axis)", {{2, 0, 3}, {0, 4, 3}, {2, 4, 0}}, {{31, 501, 21}}));
  all.push_back(of_one("cumprod (all)", {{}, {0}, {3, 0}}, {{3001}}));
  for (const char* row : {"linear_recurrence (last axis)", "linear_recurrence (first axis, from the end)"})
    all.push_back({row, {{{0, 3}, {0, 3}}, {{3, 0}, {3, 0}}, {{1, 1}, {1, 1}}}, {{{401, 301}, {401, 301}}}});
  return all;
}

std::vector<Refusal> reduction_refusals() {
  return {
      {"sum (middle axis)", {{4}}, {"axis 1", "[4]", "-1 to 0"}},
      {"sum (last axis)", {{}}, {"axis -1", "[]"}},
      {"mean (middle axis)", {{4}}, {"axis 1", "[4]"}},
      {"max (middle axis)", {{4}}, {"axis 1", "[4]"}},
      {"max (last axis)", {{3, 0}}, {"axis 1", "[3, 0]", "empty"}, value_error},
      {"max (norm with p = infinity)", {{3, 0}}, {"[3, 0]"}, value_error},
      {"min (outer axes)", {{3, 2}}, {"axis 2", "[3, 2]"}},
      {"min (all)", {{0}}, {"axis 0", "[0]", "empty"}, value_error},
      {"logsumexp (middle axis)", {{4}}, {"axis 1", "[4]"}},
      {"softmax (last axis)", {{}}, {"axis -1", "[]"}},
      {"log_softmax (first axis)", {{}}, {"axis 0", "[]"}},
      {"softmax_gradient (last axis)", {{}, {}}, {"axis -1", "[]"}},
      {"softmax_gradient (last axis)", {{3, 4}, {4}}, {"[3, 4]", "[4]"}},
      {"log_softmax_gradient (first axis)", {{}, {}}, {"axis 0", "[]"}},
      {"log_softmax_gradient (first axis)", {{3, 4}, {4}}, {"[3, 4]", "[4]"}},
      {"var (middle axis)", {{4}}, {"axis 1", "[4]"}},
      {"std (middle axis)", {{4}}, {"axis 1", "[4]"}},
      {"norm (middle axis)", {{4}}, {"axis 1", "[4]"}},
      {"cumsum (middle axis)", {{4}}, {"axis 1", "[4]"}},
      {"cumprod (middle axis)", {{4}}, {"axis 1", "[4]"}},
      {"linear_recurrence (last axis)", {{3, 4}, {4}}, {"[3, 4]", "[4]"}},
      {"linear_recurrence (last axis)", {{}, {}}, {"axis -1", "[]"}},
      {"prod (middle axis)", {{4}}, {"axis 1", "[4]"}},
      {"prod_gradient", {{3, 7}, {7, 1}}, {"[7, 1]", "[3, 7]"}},
      {"prod_gradient", {{7}, {1}}, {"[1]", "[7]"}},
      {"prod_gradient", {{}, {}}, {"[]"}},
  };
}

}  // namespace xgrad::testing
