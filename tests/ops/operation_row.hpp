// The table of operations: what every operation of the library must have here, so that one set of tests
// (test_operations.cpp) can go through all of them. A family's rows are in rows_<family>.cpp.
#pragma once

#include <functional>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include <xgrad/core/formula/elementwise.hpp>
#include <xgrad/core/graph/variable.hpp>

namespace xgrad::testing {

/// How an argument is drawn at random.
struct Argument {
  Shape shape;
  double low = -2;
  double high = 2;
  std::vector<double> avoid = {};  ///< kinks: no element comes within 0.05 of these
  bool distinct = false;           ///< all elements well apart, as max and sort want them
};

/// The result, row-major, by plain loops over the C library's functions.
using Reference = std::function<std::vector<double>(const std::vector<Array<double>>&)>;
/// One element of the result from one element of each argument.
using ElementReference = std::function<double(const std::vector<double>&)>;

/// NumPy's maximum and minimum, which a NaN passes through; std::fmax and std::fmin drop it.
double larger(double a, double b);
double smaller(double a, double b);
/// -1, 0 or 1; a NaN of a NaN.
double sign_of(double x);

/// One operation with one choice of its options.
struct OperationRow {
  std::string operation;  ///< the name under which it is registered
  std::string variant;    ///< what tells this row from the operation's others; may be empty
  std::vector<Argument> arguments;
  std::function<Variable<double>(const std::vector<Variable<double>>&)> apply;
  std::function<Variable<float>(const std::vector<Variable<float>>&)> apply_float;
  Reference reference;
  // Errors are allowed up to tolerance * max(1, |expected|).
  double value_tolerance = 1e-13;
  double float_tolerance = 2e-6;
  double float_gradient_tolerance = 1e-4;
  double float_second_tolerance = 1e-4;
  double first_tolerance = 1e-6;
  double second_tolerance = 1e-4;
  bool differentiable = true;  ///< has a gradient that is not zero everywhere
  bool elementwise = false;    ///< takes any shapes that broadcast, and so does `reference`
  /// Shapes for the arguments with which threads share the work: all_rows() sets them, see row_shapes.hpp.
  std::vector<std::vector<Shape>> large = {};
};

/// A row from one generic formula, `[](const auto& in) { return sum(in[0], {.axes = {0}}); }`: `in` is a
/// std::vector of Variable<double> or Variable<float>. Set what differs from the defaults on the result.
template <class F>
OperationRow row(std::string operation, std::string variant, std::vector<Argument> arguments, F formula,
                 Reference reference) {
  OperationRow made;
  made.operation = std::move(operation);
  made.variant = std::move(variant);
  made.arguments = std::move(arguments);
  made.apply = formula;
  made.apply_float = formula;
  made.reference = std::move(reference);
  return made;
}

/// The reference of an elementwise operation: `one` for every element of the broadcast arguments.
Reference broadcasting(ElementReference one);

/// The same for an elementwise operation, from what it does to one element.
template <class F>
OperationRow elementwise_row(std::string operation, std::string variant, std::vector<Argument> arguments,
                             F formula, ElementReference one) {
  OperationRow made = row(std::move(operation), std::move(variant), std::move(arguments), std::move(formula),
                          broadcasting(std::move(one)));
  made.elementwise = true;
  return made;
}

using Line = std::vector<double>;
/// The lines that a reduction of `axes` makes of x: in the order of the result, each in row-major order.
std::vector<Line> lines_of(const Array<double>& x, const Axes& axes);
/// The reference of a reduction of `axes`, from what it makes of one line.
Reference reducing(const Axes& axes, std::function<double(const Line&)> reduce);

/// "sum (axis 0)": for messages.
std::string name_of(const OperationRow& row);

/// Every row, every registered formula, and every registered name: the one place where the families are
/// joined.
std::vector<OperationRow> all_rows();
/// Every row, and what follows from each: the row on the further small shapes that row_shapes.hpp has for it,
/// and on arguments that another operation has transposed, or picked out of larger ones.
std::vector<OperationRow> all_rows_and_what_follows();
std::vector<const xgrad::detail::Elementwise*> registered_formulas();
/// Each once, but for those that no row can state.
std::vector<std::string> registered_operations();
/// These, each with its reason and the test that has it.
const std::map<std::string, std::string>& checked_elsewhere();

std::vector<OperationRow> core_rows();
std::vector<OperationRow> arithmetic_rows();
std::vector<OperationRow> rounding_rows();
std::vector<OperationRow> exponential_rows();
std::vector<OperationRow> activation_rows();
std::vector<OperationRow> reduction_rows();
std::vector<OperationRow> statistics_rows();
std::vector<OperationRow> scan_rows();
std::vector<OperationRow> arrange_rows();
std::vector<OperationRow> gather_rows();
std::vector<OperationRow> shape_rows();
std::vector<OperationRow> indexing_rows();
std::vector<OperationRow> linear_algebra_rows();
std::vector<OperationRow> decomposition_rows();
std::vector<OperationRow> layer_rows();
std::vector<OperationRow> attention_rows();
std::vector<OperationRow> convolution_rows();
std::vector<OperationRow> pooling_rows();
std::vector<OperationRow> loss_rows();
std::vector<OperationRow> recurrent_rows();

}  // namespace xgrad::testing
