#include "operation_row.hpp"

#include <algorithm>
#include <cmath>
#include <map>
#include <set>
#include <xgrad/core/formula/registry.hpp>

#include "row_shapes.hpp"

namespace xgrad::testing {

using namespace xgrad::detail;

std::vector<OperationRow> all_rows() {
  std::vector<OperationRow> rows;
  for (const auto family : {
           core_rows,      arithmetic_rows,  rounding_rows,       exponential_rows,   activation_rows,
           shape_rows,     indexing_rows,    linear_algebra_rows, decomposition_rows, layer_rows,
           attention_rows, convolution_rows, pooling_rows,        reduction_rows,     statistics_rows,
           scan_rows,      arrange_rows,     gather_rows,         loss_rows,          recurrent_rows,
       })
    for (OperationRow& made : family()) {
      made.large = large_shapes(made);
      rows.push_back(std::move(made));
    }
  return rows;
}

std::vector<const Elementwise*> registered_formulas() { return elementwise_operations(); }

const std::map<std::string, std::string>& checked_elsewhere() {
  static const std::map<std::string, std::string> why = {
      {"cast", "its result has another element type than a row's; ops/test_cast"},
      {"elementwise_gradient_sum", "a gradient of large values that broadcast; ops/test_one_rule"},
      {"slope_product", "a gradient of users' formulas; ops/test_one_rule"},
  };
  return why;
}

std::vector<std::string> registered_operations() {
  // A fused loss is called as its formula, and what passes a value on as the formula that does.
  std::set<std::string> names;
  for (const Elementwise* formula : registered_formulas()) names.emplace(formula->name());
  for (const std::string_view name : structural_operations())
    if (!checked_elsewhere().contains(std::string(name))) names.emplace(name);
  return {names.begin(), names.end()};
}

std::string name_of(const OperationRow& row) {
  return row.variant.empty() ? row.operation : row.operation + " (" + row.variant + ")";
}

namespace {

Shape broadcast_shape(const std::vector<Array<double>>& in) {
  Shape shape;
  for (const Array<double>& argument : in) shape = broadcast_shapes("reference", shape, argument.shape());
  return shape;
}

/// The element of `argument` that stands at position `flat` of the broadcast result.
double element_at(const Array<double>& argument, const Shape& shape, std::size_t flat) {
  const Shape own = argument.shape();
  std::size_t offset = 0, stride = 1;
  for (std::size_t axis = shape.size(), left = own.size(); left > 0;) {
    const std::size_t index = flat % shape[--axis];
    flat /= shape[axis];
    offset += (own[--left] == 1 ? 0 : index) * stride;
    stride *= own[left];
  }
  return argument.storage().data()[offset];
}

}  // namespace

double larger(double a, double b) { return std::isnan(a) || a > b ? a : b; }
double smaller(double a, double b) { return std::isnan(a) || a < b ? a : b; }
double sign_of(double x) { return std::isnan(x) ? x : static_cast<double>((x > 0) - (x < 0)); }

Reference broadcasting(ElementReference one) {
  return [one = std::move(one)](const std::vector<Array<double>>& in) {
    const Shape shape = broadcast_shape(in);
    std::vector<double> result(element_count(shape)), elements(in.size());
    for (std::size_t flat = 0; flat < result.size(); ++flat) {
      for (std::size_t k = 0; k < in.size(); ++k) elements[k] = element_at(in[k], shape, flat);
      result[flat] = one(elements);
    }
    return result;
  };
}

std::vector<Line> lines_of(const Array<double>& x, const Axes& axes) {
  const Shape shape = x.shape();
  const AxisList<bool> reduced = reduced_axes("reference", axes, shape);
  std::vector<Line> lines(element_count(reduced_shape(shape, reduced, true)));
  for (std::size_t flat = 0; flat < x.size(); ++flat) {
    std::size_t line = 0, step = 1, rest = flat;
    for (std::size_t axis = shape.size(); axis-- > 0; rest /= shape[axis])
      if (!reduced[axis]) {
        line += rest % shape[axis] * step;
        step *= shape[axis];
      }
    lines[line].push_back(x.storage()[flat]);
  }
  return lines;
}

Reference reducing(const Axes& axes, std::function<double(const Line&)> reduce) {
  return [=](const std::vector<Array<double>>& in) {
    std::vector<double> result;
    for (const Line& line : lines_of(in[0], axes)) result.push_back(reduce(line));
    return result;
  };
}

}  // namespace xgrad::testing
