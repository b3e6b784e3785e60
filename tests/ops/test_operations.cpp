// What every operation promises, checked on every row of the table in operation_row.hpp.
#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <set>
#include <sstream>
#include <xgrad/core/random.hpp>
#include <xgrad/core/threads.hpp>
#include <xgrad/derivatives/grad.hpp>
#include <xgrad/derivatives/gradcheck.hpp>

#include "operation_row.hpp"

namespace xg = xgrad;
using xg::testing::Argument;
using xg::testing::OperationRow;

namespace {

template <class T>
using Variables = std::vector<xg::Variable<T>>;
using Arrays = std::vector<xg::Array<double>>;
using Shapes = std::vector<xg::Shape>;

bool is_clear(double x, const std::vector<double>& avoid) {
  return std::all_of(avoid.begin(), avoid.end(), [&](double kink) { return std::fabs(x - kink) > 0.05; });
}

/// Points of an even grid, as many as are wanted, in random order.
std::vector<double> spread(const Argument& argument, std::size_t count, xg::Generator& from) {
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
  for (std::size_t i : xg::permutation(grid.size(), from))
    if (chosen.size() < count) chosen.push_back(grid[i]);
  return chosen;
}

xg::Array<double> sample(const Argument& argument, const xg::Shape& shape, xg::Generator& from) {
  xg::Dense<double> drawn(shape);
  double* out = drawn.mutable_data();
  if (argument.distinct) {
    const auto points = spread(argument, drawn.size(), from);
    std::copy(points.begin(), points.end(), out);
    return xg::to_array(std::move(drawn));
  }
  for (std::size_t i = 0; i < drawn.size(); ++i) {
    do {
      out[i] = argument.low + (argument.high - argument.low) * from.uniform();
    } while (!is_clear(out[i], argument.avoid));
  }
  return xg::to_array(std::move(drawn));
}

Shapes own_shapes(const OperationRow& row) {
  Shapes shapes;
  for (const Argument& argument : row.arguments) shapes.push_back(argument.shape);
  return shapes;
}

Arrays sample(const OperationRow& row, const Shapes& shapes, std::uint64_t seed) {
  xg::Generator from(seed);
  Arrays drawn;
  for (std::size_t k = 0; k < row.arguments.size(); ++k)
    drawn.push_back(sample(row.arguments[k], shapes[k], from));
  return drawn;
}

template <class T>
Variables<T> parameters(const Arrays& values) {
  Variables<T> made;
  for (const xg::Array<double>& value : values) made.push_back(xg::parameter(xt::cast<T>(value)));
  return made;
}

/// The numbers that parameters<float>() holds, so that its rounding is no error of the operation.
Arrays as_floats(const Arrays& values) {
  Arrays rounded;
  for (const xg::Array<double>& value : values)
    rounded.push_back(xt::cast<double>(xt::eval(xt::cast<float>(value))));
  return rounded;
}

template <class T>
xg::Variable<T> call(const OperationRow& row, const Variables<T>& in) {
  if constexpr (std::is_same_v<T, double>) {
    return row.apply(in);
  } else {
    return row.apply_float(in);
  }
}

/// Weights of either sign, so that no error of a gradient hides in a sum.
template <class T>
xg::Array<T> weights(const xg::Shape& shape) {
  xg::Generator from(99);
  xg::Dense<T> drawn(shape);
  T* out = drawn.mutable_data();
  for (std::size_t i = 0; i < drawn.size(); ++i)
    out[i] = static_cast<T>((from.uniform() < 0.5 ? -1 : 1) * (0.5 + from.uniform()));
  return xg::to_array(std::move(drawn));
}

/// The value, and the gradient in each input.
template <class T>
std::vector<xg::Dense<T>> run(const OperationRow& row, const Variables<T>& in) {
  const xg::Variable<T> y = call(row, in);
  std::vector<xg::Dense<T>> all{y.dense()};
  if (!y.requires_grad()) return all;
  for (const auto& gradient : xg::grad(y, in, {.grad_output = weights<T>(y.shape())}))
    all.push_back(gradient.dense());
  return all;
}

template <class T>
bool same_bits(const xg::Dense<T>& a, const xg::Dense<T>& b) {
  return a.shape == b.shape && (a.size() == 0 || std::memcmp(a.data(), b.data(), a.size() * sizeof(T)) == 0);
}

template <class T>
bool same_bits(const std::vector<xg::Dense<T>>& a, const std::vector<xg::Dense<T>>& b) {
  bool same = a.size() == b.size();
  for (std::size_t i = 0; same && i < a.size(); ++i) same = same_bits(a[i], b[i]);
  return same;
}

/// Empty if all is within tolerance * max(1, |expected|); otherwise the first element that is not.
template <class T, class U>
std::string difference(const xg::Dense<T>& got, const U* expected, std::size_t count, double tolerance) {
  std::ostringstream text;
  text.precision(17);
  if (got.size() != count) {
    text << got.size() << " elements instead of " << count;
    return text.str();
  }
  for (std::size_t i = 0; i < count; ++i) {
    const double g = static_cast<double>(got.data()[i]), e = static_cast<double>(expected[i]);
    if (g == e || std::fabs(g - e) <= tolerance * std::fmax(1, std::fabs(e))) continue;
    text << "element " << i << " is " << g << " instead of " << e;
    return text.str();
  }
  return "";
}

template <class T>
void check_value(const OperationRow& row, const Arrays& in) {
  constexpr bool is_double = std::is_same_v<T, double>;
  const std::vector<double> expected = row.reference(is_double ? in : as_floats(in));
  const xg::Variable<T> y = call(row, parameters<T>(in));
  CHECK(difference(y.dense(), expected.data(), expected.size(),
                   is_double ? row.value_tolerance : row.float_tolerance) == "");
}

void check_gradients(const OperationRow& row, const Arrays& in, bool second_order) {
  const double tolerance = second_order ? row.second_tolerance : row.first_tolerance;
  const auto report = xg::gradcheck(row.apply, parameters<double>(in),
                                    {.relative_tolerance = tolerance,
                                     .absolute_tolerance = tolerance / 10,
                                     .second_order = second_order,
                                     .forward_mode = true});
  std::ostringstream text;
  text << report;
  INFO(text.str());
  CHECK(report.ok());
}

/// A shape of up to four axes for each argument; they broadcast with each other. Axes may be empty.
Shapes broadcastable_shapes(std::size_t count, xg::Generator& from) {
  xg::Shape full;
  for (std::size_t axes = from.below(5); full.size() < axes;)
    full.push_back(from.below(12) == 0 ? 0 : 1 + from.below(4));
  Shapes shapes;
  for (std::size_t k = 0; k < count; ++k) {
    xg::Shape shape;
    for (std::size_t axis = from.below(3) == 0 ? from.below(full.size() + 1) : 0; axis < full.size(); ++axis)
      shape.push_back(from.below(4) == 0 ? 1 : full[axis]);
    shapes.push_back(shape);
  }
  return shapes;
}

/// More elements than one thread's share: a row against a column for two arguments.
Shapes large_shapes(std::size_t count) {
  const xg::Shape shapes[] = {{301, 701}, {301, 1}, {1, 701}};
  if (count == 1) return {shapes[0]};
  Shapes chosen;
  for (std::size_t k = 0; k < count; ++k) chosen.push_back(shapes[count == 2 ? k + 1 : k % 3]);
  return chosen;
}

/// Whether the graph behind `node` holds an operation of this name.
bool is_made_by(const xg::Node& node, std::string_view name) {
  if (node.operation() == name) return true;
  const auto inputs = node.inputs();
  return std::any_of(inputs.begin(), inputs.end(),
                     [&](const xg::Node* input) { return is_made_by(*input, name); });
}

template <class Check>
void for_each_row(const Check& check) {
  for (const OperationRow& row : xg::testing::all_rows()) {
    INFO("row: " << xg::testing::name_of(row));
    check(row);
  }
}

/// Gives back the number of threads that it found.
struct ThreadCount {
  const std::size_t before = xg::num_threads();
  ~ThreadCount() { xg::set_num_threads(before); }
};

}  // namespace

TEST_CASE("every registered operation has a row, and every row a registered operation") {
  const auto names = xg::testing::registered_operations();
  const std::set<std::string> registered(names.begin(), names.end());
  CHECK(registered.size() == names.size());
  std::set<std::string> tested;
  for_each_row([&](const OperationRow& row) {
    tested.insert(row.operation);
    CHECK(registered.count(row.operation) == 1);
    CHECK(row.arguments.size() > 0);
  });
  for (const std::string& name : names) {
    INFO("operation: " << name);
    CHECK(tested.count(name) == 1);
  }
}

TEST_CASE("a row's graph holds the operation that the row is named after, if it has a gradient") {
  for_each_row([](const OperationRow& row) {
    const auto y = row.apply(parameters<double>(sample(row, own_shapes(row), 1)));
    CHECK(y.requires_grad() == row.differentiable);
    if (y.requires_grad()) CHECK(is_made_by(y.node(), row.operation));
  });
}

TEST_CASE("values are those of plain loops, in double and, to its rounding, in float") {
  for_each_row([](const OperationRow& row) {
    for (std::uint64_t seed = 0; seed < 5; ++seed) {
      CAPTURE(seed);
      const Arrays in = sample(row, own_shapes(row), seed);
      check_value<double>(row, in);
      check_value<float>(row, in);
    }
  });
}

TEST_CASE("first-order gradients agree with differences") {
  for_each_row([](const OperationRow& row) {
    for (std::uint64_t seed = 0; row.differentiable && seed < 3; ++seed) {
      CAPTURE(seed);
      check_gradients(row, sample(row, own_shapes(row), seed), false);
    }
  });
}

TEST_CASE("second-order gradients agree with differences") {
  for_each_row([](const OperationRow& row) {
    for (std::uint64_t seed = 0; row.differentiable && seed < 2; ++seed) {
      CAPTURE(seed);
      check_gradients(row, sample(row, own_shapes(row), seed), true);
    }
  });
}

TEST_CASE("gradients in float agree with those in double") {
  for_each_row([](const OperationRow& row) {
    const Arrays in = as_floats(sample(row, own_shapes(row), 3));
    const auto in_float = run(row, parameters<float>(in));
    const auto in_double = run(row, parameters<double>(in));
    REQUIRE(in_float.size() == in_double.size());
    for (std::size_t k = 1; k < in_float.size(); ++k) {
      INFO("input " << k - 1);
      CHECK(difference(in_float[k], in_double[k].data(), in_double[k].size(), row.float_gradient_tolerance) ==
            "");
    }
  });
}

TEST_CASE("elementwise operations broadcast shapes of any kind, and gradients have their inputs' shapes") {
  for_each_row([](const OperationRow& row) {
    xg::Generator from(7);
    for (std::uint64_t seed = 0; row.elementwise && seed < 12; ++seed) {
      const Shapes shapes = broadcastable_shapes(row.arguments.size(), from);
      std::string text;
      for (const xg::Shape& shape : shapes) text += to_string(shape) + " ";
      INFO("seed " << seed << ", shapes " << text);
      const Arrays in = sample(row, shapes, seed);
      check_value<double>(row, in);
      check_value<float>(row, in);
      if (row.differentiable) check_gradients(row, in, seed % 4 == 3);
    }
  });
}

TEST_CASE("elementwise operations are right where several threads share the work") {
  for_each_row([](const OperationRow& row) {
    if (!row.elementwise) return;
    const Arrays in = sample(row, large_shapes(row.arguments.size()), 11);
    check_value<double>(row, in);
    check_value<float>(row, in);
  });
}

TEST_CASE("operations leave their inputs as they are, and a gradient that is written to touches nothing") {
  for_each_row([](const OperationRow& row) {
    const Arrays before = sample(row, own_shapes(row), 5);
    const auto in = parameters<double>(before);
    const auto y = row.apply(in);
    const auto value = y.value();
    if (!y.requires_grad()) return;
    y.backward({.grad_output = weights<double>(y.shape())});
    Arrays gradients;
    for (const auto& x : in) gradients.push_back(x.has_grad() ? x.grad() : xg::Array<double>());
    const auto again = run(row, parameters<double>(before));
    for (std::size_t written = 0; written < in.size(); ++written) {
      std::fill(gradients[written].begin(), gradients[written].end(), 12345.0);
      CHECK(same_bits(y.dense(), again[0]));
      for (std::size_t k = 0; k < in.size(); ++k) {
        INFO("gradient " << written << " written, input " << k);
        CHECK(in[k].value() == before[k]);
        if (in[k].has_grad()) CHECK(same_bits(in[k].dense_grad(), again[k + 1]));
        if (k > written && in[k].has_grad()) CHECK(gradients[k] == in[k].grad());
      }
    }
  });
}

TEST_CASE("two runs, on one thread or on two, give the same bits") {
  const ThreadCount restored;
  for_each_row([](const OperationRow& row) {
    for (const Shapes& shapes :
         {own_shapes(row), row.elementwise ? large_shapes(row.arguments.size()) : Shapes()}) {
      if (shapes.empty()) continue;
      const Arrays in = sample(row, shapes, 13);
      xg::set_num_threads(1);
      const auto alone = run(row, parameters<double>(in));
      const auto alone_float = run(row, parameters<float>(in));
      CHECK(same_bits(run(row, parameters<double>(in)), alone));
      xg::set_num_threads(2);
      CHECK(same_bits(run(row, parameters<double>(in)), alone));
      CHECK(same_bits(run(row, parameters<float>(in)), alone_float));
    }
  });
}
