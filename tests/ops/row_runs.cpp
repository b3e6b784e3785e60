#include "row_runs.hpp"

#include <algorithm>

namespace xgrad::testing {

namespace {

bool is_clear(double x, const std::vector<double>& avoid) {
  return std::all_of(avoid.begin(), avoid.end(), [&](double kink) { return std::fabs(x - kink) > 0.05; });
}

/// Points of an even grid, as many as are wanted, in random order.
std::vector<double> spread(const Argument& argument, std::size_t count, Generator& from) {
  std::vector<double> grid;
  for (std::size_t points = count; grid.size() < count; ++points) {
    grid.clear();
    for (std::size_t i = 0; i < points; ++i) {
      const double place = (static_cast<double>(i) + 0.5) / static_cast<double>(points);
      const double x = argument.low + (argument.high - argument.low) * place;
      if (is_clear(x, argument.avoid)) grid.push_back(x);
    }
  }
  std::vector<double> chosen;
  for (std::size_t i : permutation(grid.size(), from))
    if (chosen.size() < count) chosen.push_back(grid[i]);
  return chosen;
}

Array<double> sample(const Argument& argument, const Shape& shape, Generator& from) {
  Dense<double> drawn(shape);
  double* out = drawn.mutable_data();
  if (argument.distinct) {
    const auto points = spread(argument, drawn.size(), from);
    std::copy(points.begin(), points.end(), out);
    return to_array(std::move(drawn));
  }
  for (std::size_t i = 0; i < drawn.size(); ++i) {
    do {
      out[i] = argument.low + (argument.high - argument.low) * from.uniform();
    } while (!is_clear(out[i], argument.avoid));
  }
  return to_array(std::move(drawn));
}

}  // namespace

Shapes own_shapes(const OperationRow& row) {
  Shapes shapes;
  for (const Argument& argument : row.arguments) shapes.push_back(argument.shape);
  return shapes;
}

Arrays sample(const OperationRow& row, const Shapes& shapes, std::uint64_t seed) {
  Generator from(seed);
  Arrays drawn;
  for (std::size_t k = 0; k < row.arguments.size(); ++k)
    drawn.push_back(sample(row.arguments[k], shapes[k], from));
  return drawn;
}

Arrays as_floats(const Arrays& values) {
  Arrays rounded;
  for (const Array<double>& value : values)
    rounded.push_back(xt::cast<double>(xt::eval(xt::cast<float>(value))));
  return rounded;
}

Shapes broadcastable_shapes(std::size_t count, Generator& from) {
  Shape full;
  for (std::size_t axes = from.below(5); full.size() < axes;)
    full.push_back(from.below(12) == 0 ? 0 : 1 + from.below(4));
  Shapes shapes;
  for (std::size_t k = 0; k < count; ++k) {
    Shape shape;
    for (std::size_t axis = from.below(3) == 0 ? from.below(full.size() + 1) : 0; axis < full.size(); ++axis)
      shape.push_back(from.below(4) == 0 ? 1 : full[axis]);
    shapes.push_back(shape);
  }
  return shapes;
}

std::string text_of(const Shapes& shapes) {
  std::string text;
  for (const Shape& shape : shapes) text.append(text.empty() ? "" : " ").append(to_string(shape));
  return text;
}

}  // namespace xgrad::testing
