// Rows that follow from other rows: other shapes, and arguments that are results of another operation.
#include <algorithm>
#include <utility>
#include <xgrad/ops/shape.hpp>
#include <xgrad/ops/slice.hpp>

#include "operation_row.hpp"
#include "row_shapes.hpp"

namespace xgrad::testing {
namespace {

std::string joined(const std::string& variant, const std::string& what) {
  return variant.empty() ? what : variant + "; " + what;
}

OperationRow with_shapes(OperationRow made, const std::vector<Shape>& shapes) {
  std::string text;
  for (std::size_t k = 0; k < made.arguments.size(); ++k) {
    made.arguments[k].shape = shapes[k];
    text.append(" ").append(to_string(shapes[k]));
  }
  made.variant = joined(made.variant, "of" + text);
  made.elementwise = false;
  made.large.clear();
  return made;
}

template <class T, class Each>
std::vector<Variable<T>> each_of(const std::vector<Variable<T>>& in, const Each& each) {
  std::vector<Variable<T>> made;
  for (const Variable<T>& x : in) made.push_back(each(x));
  return made;
}

/// The row on arguments that `prepare` makes of larger or otherwise shaped ones, as `prepare_array` does
/// without the library's operations.
template <class Prepare>
OperationRow prepared(OperationRow made, const std::string& what, const Prepare& prepare,
                      Array<double> (*prepare_array)(const Array<double>&)) {
  made.variant = joined(made.variant, what);
  made.apply = [=, apply = made.apply](const auto& in) { return apply(each_of(in, prepare)); };
  made.apply_float = [=, apply = made.apply_float](const auto& in) { return apply(each_of(in, prepare)); };
  made.reference = [=, reference = made.reference](const std::vector<Array<double>>& in) {
    std::vector<Array<double>> ready;
    for (const Array<double>& x : in) ready.push_back(prepare_array(x));
    return reference(ready);
  };
  made.elementwise = false;
  made.large.clear();
  return made;
}

Array<double> transposed_array(const Array<double>& x) {
  const Shape from = x.shape();
  Dense<double> made(Shape(std::reverse_iterator(from.end()), std::reverse_iterator(from.begin())));
  for (std::size_t flat = 0; flat < x.size(); ++flat) {
    std::size_t rest = flat, to = 0;
    // The last index of x is the first of the result.
    for (std::size_t axis = from.size(); axis-- > 0; rest /= from[axis])
      to = to * from[axis] + rest % from[axis];
    made.mutable_data()[to] = x.storage()[flat];
  }
  return to_array(std::move(made));
}

OperationRow transposed(OperationRow row) {
  for (Argument& argument : row.arguments) std::reverse(argument.shape.begin(), argument.shape.end());
  return prepared(
      std::move(row), "transposed arguments", [](const auto& x) { return transpose(x); }, transposed_array);
}

/// Of [..., 2], what stands at 1 along the last axis.
Array<double> seconds_of(const Array<double>& x) {
  const Shape from = x.shape();
  Dense<double> made(Shape(from.begin(), from.end() - 1));
  for (std::size_t i = 0; i < made.size(); ++i) made.mutable_data()[i] = x.storage()[2 * i + 1];
  return to_array(std::move(made));
}

OperationRow strided(OperationRow row) {
  for (Argument& argument : row.arguments) argument.shape.push_back(2);
  return prepared(
      std::move(row), "every second element of arguments",
      [](const auto& x) {
        std::vector<SliceItem> items(x.shape().size(), all);
        items.back() = 1;
        return slice(x, std::span<const SliceItem>(items));
      },
      seconds_of);
}

}  // namespace

std::vector<OperationRow> all_rows_and_what_follows() {
  const std::vector<FurtherShapes> further = all_further_shapes();
  std::vector<OperationRow> made;
  for (const OperationRow& row : all_rows()) {
    made.push_back(row);
    made.push_back(transposed(row));
    made.push_back(strided(row));
    for (const FurtherShapes& each : further)
      if (each.row == name_of(row))
        for (const std::vector<Shape>& shapes : each.small) made.push_back(with_shapes(row, shapes));
  }
  return made;
}

}  // namespace xgrad::testing
